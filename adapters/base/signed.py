"""Calls between the bot and a program of its own, each signed for one use, and answers that belong to one call.

HMAC-SHA-256, as Slack and Stripe sign requests, over the time, a nonce, the path and the bytes of the body. The answer
is signed over the nonce of its call, so that no old answer can be played in the place of a new one.
"""

import hmac
import re
from dataclasses import dataclass
from os import urandom

REQUEST, ANSWER = "X-Agent-Kill-Request", "X-Agent-Kill-Answer"
PAST, FUTURE = 300.0, 30.0  # seconds around now in which a signature is good
_NONCE = 12  # bytes, random
_FORM = re.compile(r"t=(\d{1,12}),n=([0-9a-f]{24}),v3=([0-9a-f]{64})", re.ASCII)


class Unsigned(ValueError):
    """A call or an answer is not what the other side signed, or not now, or not for the first time."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature header, read."""

    at: int
    nonce: str
    digest: str

    def __str__(self) -> str:
        return f"t={self.at},n={self.nonce},v3={self.digest}"


def sign(secret: str, path: str, body: bytes, at: float) -> Signed:
    """Signs one call at Unix time `at`; `str()` of it is the header's value."""
    nonce = urandom(_NONCE).hex()
    return Signed(int(at), nonce, _call(secret, int(at), nonce, path, body))


def read(header: str) -> Signed:
    """The parts of a header. Raises `Unsigned`."""
    found = _FORM.fullmatch(header)
    if found is None:
        raise Unsigned(f"send {REQUEST}: t=<unix>,n=<24 hex>,v3=<64 hex>")
    return Signed(int(found[1]), found[2], found[3])


def verify(secret: str, path: str, body: bytes, signed: Signed, now: float) -> None:
    """Checks a call in constant time; that it is used once is `Once`'s business. Raises `Unsigned`."""
    if not hmac.compare_digest(_call(secret, signed.at, signed.nonce, path, body), signed.digest):
        raise Unsigned("the signature is not right: give both sides the same secret")
    if not -FUTURE <= now - signed.at <= PAST:
        raise Unsigned(f"the signature is {now - signed.at:.0f} s old: set both clocks, then sign anew")


def answered(secret: str, nonce: str, status: int, body: bytes) -> str:
    """The value of the header `ANSWER`."""
    return "v3=" + hmac.digest(secret.encode(), f"answer.{nonce}.{status}.".encode() + body, "sha256").hex()


def check(secret: str, nonce: str, status: int, body: bytes, header: str) -> None:
    """Whether an answer belongs to the call with that nonce. Raises `Unsigned`."""
    if not hmac.compare_digest(answered(secret, nonce, status, body).encode(), header.encode()):
        raise Unsigned("the answer is not signed, or with another secret, or for another call")


def _call(secret: str, at: int, nonce: str, path: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), f"call.{at}.{nonce}.{path}.".encode() + body, "sha256").hex()


class Once:
    """The nonces that were used, for as long as their signatures are good."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}

    def take(self, signed: Signed, now: float) -> None:
        """Uses a nonce up. Raises `Unsigned` where it was used before."""
        while self._used and next(iter(self._used.values())) < now:
            del self._used[next(iter(self._used))]
        if signed.nonce in self._used:
            raise Unsigned("this call was received already: sign every call anew")
        self._used[signed.nonce] = now + PAST + FUTURE
