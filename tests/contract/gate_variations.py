"""Requests that try to be a write in a read's clothes, made up at random; and what a gate may have made of them."""

import random
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

SEARCH = "/v1/search"  # the one write by its method that the configuration calls safe

_METHODS = (
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "PURGE", "LINK",
    "get", "Post", "dElete", "GET\t", " GET", "G\x00ET", "GET\x0b", "POST GET", "XGET", "",
)  # fmt: skip
_PATHS = (
    "/", "/v1/users", SEARCH, "/V1/SEARCH", "/v1/search/", "/v1/./search", "/v1//search", "/v1/x/../search",
    "/v1/%2e%2e/search", "/v1/..%2fsearch", "/v1/%252e%252e/x", "/v1/search;x=1", "/v1/search%3bx", "/v1/search%00",
    "/v1/sea%72ch", "/v1/%73earch", "/v1/..;/admin", "/v1\\..\\x", "/v1/%5c..%5cx", "/%c0%ae%c0%ae/x", "/v1/é",
    "/v1/search#x", "/v1/ search", "/v1/search\t", "/../../support/other/x", "/%2e%2e/%2e%2e/x", "//evil.example/x",
    "/v1/users/" + "a" * 5000, "/" + "%2f" * 50,
)  # fmt: skip
_QUERIES = (
    "", "?a=1", "?_method=DELETE", "?_METHOD=PUT", "?%5fmethod=DELETE", "?a=1;_method=PUT", "?a=1&_method=PUT",
    "?X-HTTP-Method-Override=PUT", "?%255fmethod=x", "?$httpMethod=DELETE", "?a=\x01", "?a=b c", "?_method[]=PUT",
)  # fmt: skip
_VERSIONS = ("HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.1 ", "http/1.1", "")
_HEADERS = (
    "Content-Length: 0", "Content-Length: 5", "Content-Length: 5, 5", "Content-Length: +5", "Content-Length: 0x5",
    "Content-Length:5", "Content-Length : 5", "Content-Length: 5\r\nContent-Length: 0", "content-length: 44",
    "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding : chunked",
    "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity",
    "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "TE: trailers",
    "Transfer-Encoding: gzip, chunked", "X: y\r\n Transfer-Encoding: chunked", "Transfer_Encoding: chunked",
    "Upgrade: websocket\r\nConnection: Upgrade", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    "Connection: X-HTTP-Method-Override", "Connection: close, content-length", "Connection: keep-alive",
    "X-HTTP-Method-Override: DELETE", "x-http-method-override: PUT", "X-HTTP-Method: PUT", "X-Method-Override: PUT",
    "X_HTTP_METHOD_OVERRIDE: PUT", "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-Original-Method: DELETE",
    "X-Forwarded-Method: PUT", "X-HTTP-Method-Override:\tDELETE", "X-HTTP-Method-Override : DELETE",
    "Expect: 100-continue", "Expect: something", "Host: evil.example", "Host:", "X-Agent-Kill-Mode: normal",
    "Content-Type: application/json",
    "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=b",
    "Content-Encoding: gzip", "Trailer: X-HTTP-Method-Override", "X: \x00", "X\x00: y", "é: y", ": y", "X",
    "X: " + "a" * 9000, "Proxy-Connection: keep-alive", "Range: bytes=0-1", "Via: 1.1 x",
)  # fmt: skip
_SMUGGLED = "DELETE /v1/users HTTP/1.1\r\nHost: x\r\n\r\n"
_BODIES = (
    "", "hello", "_method=DELETE", "a=1&_method=DELETE", "%5Fmethod=DELETE", "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n", "5;ext=1\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-HTTP-Method-Override: DELETE\r\n\r\n",
    "05\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "-1\r\n\r\n", "ffffffffffffffff1\r\nx",
    "5\r\nhelloXX0\r\n\r\n", _SMUGGLED, "0\r\n\r\n" + _SMUGGLED, "5\r\nhello\r\n0\r\n\r\n" + _SMUGGLED,
    "hello" + _SMUGGLED, "\r\n" + _SMUGGLED,
    '--b\r\nContent-Disposition: form-data; name="_method"\r\n\r\nPUT\r\n--b--', "\x1f\x8b\x08",
)  # fmt: skip
_ENDS = ("\n", "\r", "\n\r")


def variations(base: str, number: int, seed: int) -> Iterator[bytes]:
    """Bytes of one connection each, ended by an honest read that asks for the end of the connection.

    Args:
        base: the path of the surface.
        number: how many.
        seed: the same for the same ones.
    """
    dice = random.Random(seed)  # noqa: S311  # the same requests in every run
    last = f"GET {base}/v1/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for _ in range(number):
        parts = [_one(dice, base) for _ in range(dice.choice((1, 1, 1, 2)))]
        yield ("".join(parts) + last).encode("latin-1", "replace")


def _one(dice: random.Random, base: str) -> str:
    """An honest request with one to three of its parts replaced: with more, it is only ever malformed."""
    honest = {"method": "GET", "place": "", "base": base, "path": "/v1/users", "query": "", "version": "HTTP/1.1"}
    honest |= {"end": "\r\n", "body": "", "headers": ""}
    if dice.random() < 0.4:  # the one call with a body that passes, told by its length or by chunks
        honest |= {"method": "POST", "path": SEARCH, "headers": "Content-Length: 5", "body": "hello"}
        if dice.random() < 0.5:  # as above
            honest |= {"headers": "Transfer-Encoding: chunked", "body": "5\r\nhello\r\n0\r\n\r\n"}
    for part in dice.sample(sorted(_ODD), dice.choice((1, 1, 2, 3))):
        odd = dice.choice(_ODD[part]).replace("{base}", base).replace("{BASE}", base.upper())
        keeps = part == "headers" and honest["headers"] and dice.random() < 0.7  # beside the honest length, or instead
        if part == "more headers":
            honest["headers"] += f"{honest['headers'] and chr(13) + chr(10)}{odd}"
            continue
        honest[part] = f"{honest['headers']}\r\n{odd}" if keeps else odd
    if dice.random() < 0.6:  # the length is the body's own, so that an odd body is a whole one
        size = len(honest["body"].encode("latin-1", "replace"))
        honest["headers"] = honest["headers"].replace("Content-Length: 5", f"Content-Length: {size}")
    end, headers = honest["end"], [honest["headers"]] if honest["headers"] else []
    line = f"{honest['method']} {honest['place']}{honest['base']}{honest['path']}{honest['query']} {honest['version']}"
    return end.join([line, "Host: a", *headers, "", ""]) + honest["body"]


_ODD = {
    "method": _METHODS,
    "place": ("http://evil.example", "http://gate", "*"),
    "base": ("{BASE}", "", "{base}/..{base}", "/.{base}", "/{base}", "{base}%2f", "%2fbilling/one"),
    "path": _PATHS,
    "query": _QUERIES,
    "version": _VERSIONS,
    "end": _ENDS,
    "body": _BODIES,
    "headers": _HEADERS,
    "more headers": _HEADERS,
}


_LINE = re.compile(r"(GET|HEAD|OPTIONS|POST) (/[!-~]*) HTTP/1\.1")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^`|~-]+): ?([\t -~\x80-\xff]*)")
_FORBIDDEN = frozenset({
    "transfer-encoding", "upgrade", "x-http-method-override", "x-http-method", "x-method-override", "x-original-url",
    "x-rewrite-url", "x-original-method", "x-forwarded-method", "trailer", "expect", "te",
})  # fmt: skip


def wrong(stream: bytes) -> str:
    """What is not a read, or could be taken for something else, in the bytes of one connection; empty where nothing.

    A strict reader: every byte must belong to a request that each server reads alike and the configuration calls safe.
    """
    while stream:
        head, found, stream = stream.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        if not found:
            return f"a request that does not end: {head[:200]!r}"
        if fault := _first(lines[0]) or _rest(lines[1:]):
            return f"{fault} in {head[:300]!r}"
        length = next((int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length")), 0)
        body, stream = stream[:length], stream[length:]
        if length and not lines[0].startswith("POST"):
            return f"a read with a body: {head[:300]!r}"
        form = not any(line.lower().startswith("content-type: application/json") for line in lines)
        if len(body) < length or (form and "_method" in unquote(body.decode("latin-1")).lower()):
            return f"a form that overrides, or half a body: {head[:300]!r} {body!r}"
    return ""


def _first(line: str) -> str:
    match = _LINE.fullmatch(line)
    if match is None:
        return "another request line"
    path, _, query = match[2].partition("?")
    if match[1] == "POST" and path != SEARCH:
        return "a write"
    if any(mark in path.lower() for mark in ("..", "//", ";", "\\", "%2f", "%5c", "%2e", "%00", "%25", "%72", "%73")):
        return "a path that can be read otherwise"
    plain = unquote(unquote(query)).lower()
    return "an override" if "_method" in plain or "method-override" in plain or "$httpmethod" in plain else ""


def _rest(lines: Sequence[str]) -> str:
    names = []
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            return f"the header {line[:80]!r}"
        names.append(match[1].lower())
    twice = {name for name in names if names.count(name) > 1} & {"content-length", "host", "content-type"}
    forbidden = _FORBIDDEN.intersection(names)
    return f"the headers {sorted(twice | forbidden)}" if twice or forbidden else ""
