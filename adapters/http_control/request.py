"""Requests, each signed for one use, and the proof that an answer belongs to its request and to nobody else's.

Two signatures go with a request. `X-Agent-Kill-Signature` is the contract's, all that a plain receiver knows.
`X-Agent-Kill-Request: n=<nonce>,g=<generation>,v2=<hex>` is for receivers that let no request count twice and no late
one undo a newer: HMAC-SHA-256 over `v2.t.n.g.METHOD.body`. A receiver that knows it answers with
`X-Agent-Kill-Answer: v2=<hex>`, over `answer.n.STATUS.body`. The three texts never begin alike.
"""

import hmac
from os import urandom
from time import time

from adapters.errors import AdapterError
from adapters.http_control.answer import Answer

SIGNATURE, REQUEST = "X-Agent-Kill-Signature", "X-Agent-Kill-Request"
_NONCE = 12  # bytes, random
_SUCCESS = range(200, 300)
_digest = hmac.digest


class Request:
    """One call, signed anew at each try: a nonce is good once.

    Args:
        secret: shared with the receiver.
        method: GET or POST.
        body: as it is sent.
        generation: that the receiver last told, where the call may loosen; empty for a stop, which needs none.
    """

    __slots__ = ("_secret", "body", "generation", "method", "nonce")

    def __init__(self, secret: bytes, method: str, body: bytes = b"", *, generation: str = "") -> None:
        self._secret = secret
        self.method, self.body, self.generation = method, body, generation
        self.nonce = ""  # of the try that was answered

    def head(self) -> str:
        """The header lines of one try, each with its end."""
        at, nonce, body = int(time()), urandom(_NONCE).hex(), self.body
        self.nonce = nonce
        plain = _digest(self._secret, b"%d.%b" % (at, body), "sha256").hex()
        once = f"v2.{at}.{nonce}.{self.generation}.{self.method}."
        bound = _digest(self._secret, once.encode() + body, "sha256").hex()
        lines = f"{SIGNATURE}: t={at},v1={plain}\r\n{REQUEST}: n={nonce},g={self.generation},v2={bound}\r\n"
        return f"{lines}Content-Type: application/json\r\n" if body else lines

    def headers(self) -> dict[str, str]:
        """As `head`."""
        pairs = (line.partition(": ")[::2] for line in self.head().splitlines())
        return dict(pairs)

    def check(self, answer: Answer, *, name: str) -> None:
        """Whether the answer is the receiver's own, to this very request; only a success must be signed.

        Args:
            answer: what came back.
            name: what errors call the endpoint.

        Raises:
            AdapterError: it is signed with another secret or for another request, or it is a success and not signed.
        """
        if answer.signature:
            if not self._signed(answer):
                raise AdapterError(
                    f"{name} gave an answer that is signed with another secret or for another request: a cache or a "
                    "proxy answers for it; let control calls through to the receiver itself"
                )
        elif answer.status in _SUCCESS:
            raise AdapterError(
                f"{name} gave an answer that is not signed, and settings.signed_answers is required: look who answers "
                "there, or use the receiver that `agent-kill adapters show http_control --setup` prints"
            )

    def _signed(self, answer: Answer) -> bool:
        told = f"answer.{self.nonce}.{answer.status}.".encode()
        right = "v2=" + _digest(self._secret, told + answer.body, "sha256").hex()
        return hmac.compare_digest(right.encode(), answer.signature.encode())
