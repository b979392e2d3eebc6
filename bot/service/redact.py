"""Secrets out of every text that leaves: an adapter's error may quote a URL with a password."""

import re
from functools import lru_cache

_URL_USER = re.compile(r"(?<=://)[^\s/@]*@")
_NAMES = "password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie"
_PAIRS = re.compile(rf"(?i)\b((?:[\w-]*[_-])?(?:{_NAMES}))([\"']?\s*(?:=>|[=:])\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&}}\]]+)")
_KEYS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_KNOWN = re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|sk-[\w-]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")
_SLACK = re.compile(r"\bx(?:ox[a-z]|app)-[\w-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")  # halves of characters too
LONGEST = 500  # characters


@lru_cache(maxsize=512)  # ten thousand surfaces say the same few things
def redact(text: str) -> str:
    """Returns one line of at most 500 characters, without control or direction marks, with secrets replaced."""
    text = _hidden(_CONTROL.sub(" ", text).strip())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def redact_lines(text: str) -> str:
    """As `redact`, of a text of several lines, each as long as it is: for arguments that people have to read.

    Where a text is cut is left to whoever shows it: what follows must not become readable by it.
    """
    lines = _KEYS.sub("***", text).splitlines()
    return "\n".join(_hidden(_CONTROL.sub(" ", line)).rstrip() for line in lines).strip("\n")


def _hidden(text: str) -> str:
    text = _URL_USER.sub("***@", text)
    text = _BEARER.sub(r"\1 ***", text)
    text = _PAIRS.sub(r"\1\2***", text)
    return _KNOWN.sub("***", _SLACK.sub("***", text))
