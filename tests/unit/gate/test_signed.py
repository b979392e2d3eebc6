"""Is a call between the bot and a gate good once, for a while, and for what it says alone?"""

import pytest

from adapters.base import signed
from adapters.base.signed import Once, Unsigned

NOW = 1_700_000_000.0


def test_a_signed_call_is_taken_once() -> None:
    """The second time it is refused, for as long as its time would be good."""
    one, once = signed.sign("s", "/p", b"body", NOW), Once()
    signed.verify("s", "/p", b"body", signed.read(str(one)), NOW)
    once.take(one, NOW)
    with pytest.raises(Unsigned, match="already"):
        once.take(one, NOW + signed.PAST)


@pytest.mark.parametrize(
    ("secret", "path", "body", "now"),
    [
        ("t", "/p", b"body", NOW),
        ("s", "/q", b"body", NOW),
        ("s", "/p", b"bodz", NOW),
        ("s", "/p", b"body", NOW + signed.PAST + 1),
        ("s", "/p", b"body", NOW - signed.FUTURE - 1),
    ],
)
def test_another_call_is_not(secret: str, path: str, body: bytes, now: float) -> None:
    """Another secret, path, body or time."""
    one = signed.sign("s", "/p", b"body", NOW)
    with pytest.raises(Unsigned):
        signed.verify(secret, path, body, one, now)


@pytest.mark.parametrize("header", ["", "t=1", "t=1,n=zz,v3=0", "t=1,n=" + "0" * 24 + ",v3=" + "g" * 64])
def test_a_header_of_another_form_is_refused(header: str) -> None:
    """With the form that is wanted."""
    with pytest.raises(Unsigned, match="send"):
        signed.read(header)


def test_an_answer_belongs_to_one_call() -> None:
    """Another nonce, status or body is another answer."""
    proof = signed.answered("s", "n1", 200, b"{}")
    signed.check("s", "n1", 200, b"{}", proof)
    for nonce, status, body in (("n2", 200, b"{}"), ("n1", 201, b"{}"), ("n1", 200, b"[]")):
        with pytest.raises(Unsigned):
            signed.check("s", nonce, status, body, proof)
