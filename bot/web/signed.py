"""Signs and verifies a call: HMAC-SHA-256 over `t.body`, the raw bytes as they travel.

The scheme is the one of Slack's and Stripe's signed requests: the time is inside the signature, so that it cannot be
moved, and a signature is good for a few minutes only. Single use is the receiver's business (`used.py`).
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

CALLER = "X-Agent-Kill-Caller"
SIGNATURE = "X-Agent-Kill-Signature"
PAST = 300  # seconds
FUTURE = 30  # seconds
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)


class BadSignatureError(ValueError):
    """The call is not what its caller signed, or not now; the text may be shown to anybody."""


class UsedSignatureError(BadSignatureError):
    """A right signature came a second time; `digest` is its own."""

    def __init__(self, digest: str) -> None:
        super().__init__("the signature was used already, and its call was received: sign every call anew")
        self.digest = digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature header, read. `at` is Unix time in whole seconds, `digest` hexadecimal."""

    at: int
    digest: str

    def __str__(self) -> str:
        return f"t={self.at},v1={self.digest}"


def sign(secret: str, body: bytes, at: float) -> str:
    """The value of the `X-Agent-Kill-Signature` header for a body sent at Unix time `at`."""
    return str(Signature(at=int(at), digest=_digest(secret, body, int(at))))


def verify(secret: str | None, header: str | None, body: bytes, now: float) -> Signature:
    """Checks a signature in constant time.

    Args:
        secret: the caller's; None for a caller that nobody knows, who is answered like a wrong signature.
        header: the header's value as it came.
        body: the raw bytes as they came.
        now: Unix time in seconds.

    Raises:
        BadSignatureError: missing, malformed, wrong, or out of its time.
    """
    found = _FORM.fullmatch(header or "")
    at, claimed = (int(found[1]), found[2]) if found else (0, "0" * 64)
    right = hmac.compare_digest(_digest(secret or "nobody", body, at), claimed)
    if not (found and right and secret):
        raise BadSignatureError(
            f"the call is not signed by a caller known here: send {CALLER} and {SIGNATURE}: t=<unix>,v1=<hex>"
        )
    _check_time(at, now)
    return Signature(at=at, digest=claimed)


def _check_time(at: int, now: float) -> None:
    """A right signature at a wrong time is told so: it is nearly always a clock."""
    age = now - at
    if age > PAST:
        raise BadSignatureError(
            f"the signature is {age:.0f} s old and good for {PAST} s: sign the call anew (the time here is {now:.0f})"
        )
    if age < -FUTURE:
        raise BadSignatureError(
            f"the signature is {-age:.0f} s ahead of the time here ({now:.0f}): set the caller's clock, then sign anew"
        )


def _digest(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
