"""Request targets: which are refused for how they are written, and which the configuration calls safe.

A gate and its upstream must read a path alike, or a write hides in what the gate takes for a read. What could be read
in two ways is refused rather than normalised (RFC 3986 section 6.2.2 leaves servers free to do either).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes

LONGEST = 4096  # characters of a target
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/%-]*\Z")
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]{}|^`\"<>-]*\Z")
_UNRESERVED = re.compile(rb"[A-Za-z0-9._~-]")
_HEX = re.compile(r"%([0-9A-Fa-f]{2})")
_OVERRIDES = re.compile(
    r"_method|_http_?method|x-http-method-override|x-method-override|x-http-method|\$?http_?method|\$method",
    re.IGNORECASE,
)


def broken(path: str) -> str:
    """Why no gate may forward such a path, whatever the mode; empty where it may."""
    if not path.startswith("/") or not _PLAIN.match(path) or _ESCAPE.search(path):
        return "a path that is not written as RFC 3986 says"
    if len(path) > LONGEST:
        return f"a path of more than {LONGEST} characters"
    plain = path
    for _ in range(3):  # an upstream may decode more than once
        if any(part in {".", ".."} for part in re.split(r"[/\\]", plain.partition(";")[0] + "/" + plain)):
            return "a path with dot segments"
        if "\x00" in plain:
            return "a path with a NUL"
        try:
            plain = unquote_to_bytes(plain).decode()
        except UnicodeDecodeError:
            return "a path that is no UTF-8"
    return ""


def ambiguous(path: str) -> str:
    """Why a path is refused where calls are judged: two servers may read it differently. Empty where they cannot."""
    if "//" in path:
        return "a path with an empty part"
    if ";" in path:
        return "a path with a parameter (;)"
    for found in _HEX.finditer(path):
        one = bytes([int(found[1], 16)])
        if one in b"/\\%;?#\x00" or one < b" " or _UNRESERVED.match(one):
            return f"a path with {found[0]}, which servers read differently"
    return ""


def bad_query(query: str) -> str:
    """Why a query is refused, whatever the mode; empty where it is not."""
    if not _QUERY.match(query):
        return "a query with control or non-ASCII characters"
    return f"a query of more than {LONGEST} characters" if len(query) > 4 * LONGEST else ""


def overriding(query: str) -> str:
    """A query parameter that frameworks take for the method; empty without one."""
    for part in re.split(r"[&;?]", query):
        name = part.partition("=")[0].replace("+", " ")
        for _ in range(2):
            name = unquote_to_bytes(name).decode("latin-1")
        if _OVERRIDES.fullmatch(re.split(r"[\[.]", name.strip().strip("\x00"))[0]):
            return name
    return ""


def fits(path: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns covers a path, letter by letter."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> "re.Pattern[str]":
    head, deep = (pattern.removesuffix("/**"), True) if pattern.endswith("/**") else (pattern, False)
    text = "/".join("[^/]+" if part == "*" else re.escape(part) for part in head.split("/"))
    return re.compile(text + ("(?:/.*)?" if deep else ""))
