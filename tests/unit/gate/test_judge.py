"""What is a call, by how it is written and by the configuration's word?"""

import pytest

from adapters.base.gated import Safe
from bot.gate import judge
from bot.gate.judge import Call, Refusal

SAFE = (Safe(methods=("GET", "HEAD"), paths=("/v1/**",)), Safe(methods=("POST",), paths=("/v1/search",)))


def call(method: str = "GET", path: str = "/v1/x", query: str = "", *headers: tuple[str, str]) -> Call:
    """A call."""
    return Call(method, path, query, headers)


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (call("PROPFIND"), 403),
        (call("get"), 403),
        (call("CONNECT"), 403),
        (call("TRACE"), 403),
        (call("GET", "/a/../b"), 400),
        (call("POST", "/", "", ("Content-Length", "1"), ("content-length", "1")), 400),
        (call("POST", "/", "", ("Content-Length", "1"), ("Transfer-Encoding", "chunked")), 400),
        (call("POST", "/", "", ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")), 400),
        (call("POST", "/", "", ("Transfer-Encoding", "chunked, identity")), 400),
        (call("POST", "/", "", ("Transfer-Encoding", "xchunked")), 400),
        (call("POST", "/", "", ("Content-Length", "+1")), 400),
        (call("GET", "/", "", ("Host", "a"), ("Host", "b")), 400),
        (call("GET", "/", "", ("Upgrade", "websocket"), ("Connection", "Upgrade")), 400),
        (call("GET", "/", "", ("Connection", "close, X-Api-Key")), 400),
        (call("GET", "/", "", ("Expect", "200-ok")), 400),
        (call("GET", "/", "a=\x01"), 400),
    ],
)
def test_what_no_gate_may_forward_is_refused(made: Call, status: int) -> None:
    """In every mode, with the status that fits."""
    with pytest.raises(Refusal) as caught:
        judge.proper(made)
    assert caught.value.status == status
    assert caught.value.why


def test_an_ordinary_call_is_proper() -> None:
    """With the headers that clients send."""
    headers = (("Connection", "keep-alive"), ("Content-Length", "3"), ("Expect", "100-continue"), ("Host", "a"))
    judge.proper(call("POST", "/v1/x", "a=b", *headers))


@pytest.mark.parametrize(
    "made",
    [
        call("GET", "/v1/x", "", ("X-HTTP-Method-Override", "DELETE")),
        call("GET", "/v1/x", "", ("x_http_method_override", "DELETE")),
        call("GET", "/v1/x", "", ("X-Original-URL", "/admin")),
        call("GET", "/v1/x", "", ("Some_Header", "x")),
        call("GET", "/v1/x", "_method=DELETE"),
        call("GET", "/v1//x"),
    ],
)
def test_a_write_in_a_reads_clothes_is_seen(made: Call) -> None:
    """Where calls are judged it is refused."""
    assert judge.disguise(made)


@pytest.mark.parametrize(
    ("made", "safe"),
    [
        (call("GET"), True),
        (call("HEAD"), True),
        (call("POST"), False),
        (call("POST", "/v1/search"), True),
        (call("POST", "/V1/search"), False),
        (call("GET", "/v2"), False),
        (call("OPTIONS"), False),
        (call("GET", "/v1/x", "", ("Content-Length", "2")), False),
        (call("GET", "/v1/x", "", ("Content-Length", "0")), True),
        (call("GET", "/v1/x", "", ("Transfer-Encoding", "chunked")), False),
    ],
)
def test_only_what_the_configuration_names_is_safe(made: Call, safe: bool) -> None:  # noqa: FBT001
    """A method and a path together; a read with a body is none."""
    assert judge.is_safe(made, SAFE) is safe


@pytest.mark.parametrize(
    ("kind", "body", "dressed"),
    [
        ("application/x-www-form-urlencoded", b"_method=DELETE", True),
        ("application/x-www-form-urlencoded", b"a=1&%5Fmethod=DELETE", True),
        ("multipart/form-data; boundary=x", b'name="_method"', True),
        ("application/x-www-form-urlencoded", b"%5f%6Dethod=DELETE", True),
        ("multipart/mixed; boundary=x", b'name="_method"', True),
        ("", b"_method=DELETE", True),
        ("application/x-www-form-urlencoded", b"q=refunds", False),
        ("application/json", b'{"_method": "x"}', False),
    ],
)
def test_a_form_that_changes_the_method_is_seen(kind: str, body: bytes, dressed: bool) -> None:  # noqa: FBT001
    """Frameworks take the field of a form, and of a form alone."""
    assert judge.dressed_body(call("POST", "/v1/search", "", ("Content-Type", kind)), body) is dressed


def test_a_packed_body_cannot_be_judged() -> None:
    """What it says is known to the upstream alone."""
    assert judge.dressed_body(call("POST", "/v1/search", "", ("Content-Encoding", "gzip")), b"x")
