"""Is a signature good for what was signed, when it was signed, and for nothing else?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.signed import BadSignatureError, sign, verify

NOW = 1_800_000_000.0


def test_the_scheme_is_the_documented_one() -> None:
    """Anyone can sign with a line of shell: HMAC-SHA-256 over `t.body`, in hexadecimal."""
    # printf '1800000000.{}' | openssl dgst -sha256 -hmac secret
    expected = "t=1800000000,v1=bb7079132825ac793cea8c013c1dd24d926b9b02132245b10588d9e5c0df70d7"
    assert sign("secret", b"{}", NOW) == expected


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_what_was_signed_verifies(body: bytes, secret: str) -> None:
    """Any body and any secret."""
    assert verify(secret, sign(secret, body, NOW), body, NOW).at == int(NOW)


@pytest.mark.parametrize(("late", "good"), [(0, True), (300, True), (301, False), (-30, True), (-31, False)])
def test_a_signature_lives_five_minutes_and_may_be_half_a_minute_ahead(late: float, good: bool) -> None:  # noqa: FBT001  # a table
    """The bounds themselves are inside."""
    header = sign("secret", b"{}", NOW)
    if good:
        assert str(verify("secret", header, b"{}", NOW + late)) == header
    else:
        with pytest.raises(BadSignatureError, match=r"sign the call anew|then sign anew"):
            verify("secret", header, b"{}", NOW + late)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "t=1800000000",
        "v1=" + "0" * 64,
        "t=1800000000,v1=" + "0" * 64,
        "t=٣,v1=" + "0" * 64,
        "t=" + "9" * 400 + ",v1=" + "0" * 64,
        sign("secret", b"{}", NOW).upper(),
        sign("secret", b"{}", NOW) + ",v1=" + "0" * 64,
        " " + sign("secret", b"{}", NOW),
        sign("secret", b"{}", NOW) + "\n",
        sign("other", b"{}", NOW),
        sign("secret", b"{ }", NOW),
        sign("secret", b"{}", NOW).replace("t=1800000000", "t=1800000001"),
    ],
)
def test_anything_else_is_refused_with_one_sentence(header: str | None) -> None:
    """The same words for every reason, and for a caller that nobody knows."""
    with pytest.raises(BadSignatureError) as wrong:
        verify("secret", header, b"{}", NOW)
    with pytest.raises(BadSignatureError) as unknown:
        verify(None, header, b"{}", NOW)
    assert str(wrong.value) == str(unknown.value)
    assert "not signed by a caller known here" in str(wrong.value)


@given(st.text(max_size=120), st.binary(max_size=50))
def test_no_made_up_header_is_accepted_or_breaks_anything(header: str, body: bytes) -> None:
    """Only a refusal comes out."""
    with pytest.raises(BadSignatureError):
        verify("secret", header, body, NOW)
