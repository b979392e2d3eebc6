"""Is every secret out of what people are shown, and the rest as it was?"""

import pytest

from bot.service.redact import LONGEST, redact, redact_lines

TEXTS = [
    ("connect postgres://bot:s3cret@db/app", "connect postgres://***@db/app"),
    ("password=s3cret rest", "password=*** rest"),
    ("db_password: 's3 cret' rest", "db_password: *** rest"),
    ('{"amount": 5, "api_key": "s3cret", "to": "x"}', '{"amount": 5, "api_key": ***, "to": "x"}'),
    ('{"token":"s3cret"}', '{"token":***}'),
    ("{'client-secret': 's3cret'}", "{'client-secret': ***}"),
    ("secret=>s3cret", "secret=>***"),
    ("a=1&token=s3cret&b=2", "a=1&token=***&b=2"),
    ("Authorization: Bearer s3cret", "Authorization: *** ***"),
    ("sent with bearer s3cret", "sent with bearer ***"),
    ("xoxb-1-2-s3cret", "***"),
    ("AKIAABCDEFGHIJKLMNOP", "***"),
    ("ghp_0123456789abcdefghij0", "***"),
    ("sk-0123456789abcdef", "***"),
    ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "***"),
    ("max_tokens: 5, tokens=7", "max_tokens: 5, tokens=7"),
    ("UPDATE users SET name = 'x'", "UPDATE users SET name = 'x'"),
]


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_secrets_are_hidden(text: str, shown: str) -> None:
    """In URLs, in pairs of every notation, behind their schemes, and where their form is known."""
    assert redact(text) == shown
    assert redact_lines(text) == shown


def test_one_line_has_an_end_and_several_keep_theirs() -> None:
    """A sentence is one line of bounded length; arguments keep their lines, without control or direction marks."""
    assert redact("a\nb\x00c\u202ed\x9be\udc80f") == "a b c d e f"
    assert redact("x" * 900) == "x" * (LONGEST - 1) + "…"
    assert redact_lines("a\x1b[2J \u202eb\n\n" + "x" * 900) == "a [2J  b\n\n" + "x" * 900
    assert redact_lines("k:\n-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\nz") == "k:\n***\nz"
    assert redact_lines("-----BEGIN PRIVATE KEY-----\nAAAA") == "***"
