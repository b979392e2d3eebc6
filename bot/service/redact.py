"""Secrets out of every text that leaves: an adapter's error may quote a URL with a password."""

import re
from functools import lru_cache

_URL_USER = re.compile(r"(?<=://)[^\s/@]*@")
_PAIRS = re.compile(
    r"(?i)\b(password|passwd|secret|token|api[_-]?key|authorization)(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")
_SLACK = re.compile(r"\bx(?:ox[a-z]|app)-[\w-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+")
LONGEST = 500  # characters


@lru_cache(maxsize=512)  # ten thousand surfaces say the same few things
def redact(text: str) -> str:
    """Returns one line of at most 500 characters, without control or direction marks, with secrets replaced."""
    text = _CONTROL.sub(" ", text).strip()
    text = _URL_USER.sub("***@", text)
    text = _PAIRS.sub(r"\1\2***", text)
    text = _BEARER.sub(r"\1 ***", text)
    text = _SLACK.sub("***", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
