"""Which request targets are refused for how they are written, and which fit a pattern?"""

import pytest

from bot.gate import paths


@pytest.mark.parametrize(
    "path",
    [
        "/a/../b", "/..", "/a/./b", "/a/%2e%2e/b", "/a/%2E./b", "/a/%252e%252e/b", "/a/..;x=1/b", "/a/.%2e",
        "/a\\..\\b", "/a%5c..%5cb", "/a b", "/a\x00", "/a%00b", "/é", "/%c0%af", "/%e0%80%af", "/%ff", "/%zz", "/%",
        "a", "", "http://evil/x", "/a#b", "/" + "a" * 4096,
    ],
)  # fmt: skip
def test_a_broken_path_is_refused_in_every_mode(path: str) -> None:
    """What leads out of the upstream's own paths, and what is no path, is never forwarded."""
    assert paths.broken(path)


@pytest.mark.parametrize("path", ["/", "/v1/users", "/a.b/c..d", "/v1/caf%C3%A9", "/a;b=c", "//a", "/a%2Fb", "/a%20b"])
def test_an_ordinary_path_is_not_broken(path: str) -> None:
    """In normal mode, whatever upstreams use goes through as it is."""
    assert paths.broken(path) == ""


@pytest.mark.parametrize(
    "path", ["/a//b", "//", "/a;b", "/a%2fb", "/a%2Fb", "/a%5Cb", "/%61", "/a%7eb", "/a%3bb", "/a%25b"]
)
def test_what_two_servers_read_differently_is_ambiguous(path: str) -> None:
    """Where calls are judged, a path has one way to be written."""
    assert paths.ambiguous(path)


@pytest.mark.parametrize("path", ["/", "/v1/users", "/v1/caf%C3%A9", "/a%20b", "/a/b/"])
def test_a_path_with_one_reading_is_not_ambiguous(path: str) -> None:
    """Escapes that are needed are fine."""
    assert paths.ambiguous(path) == ""


@pytest.mark.parametrize(
    "query",
    ["_method=DELETE", "a=1&_method=PUT", "a=1;_method=PUT", "_METHOD=x", "%5fmethod=x", "%255fmethod=x", "_method",
     "X-HTTP-Method-Override=PUT", "$httpMethod=PUT", "_method[]=PUT", "+_method=x", "_http_method=x"],
)  # fmt: skip
def test_a_parameter_that_changes_the_method_is_found(query: str) -> None:
    """However it is written."""
    assert paths.overriding(query)


def test_other_parameters_are_not() -> None:
    """`method` alone is an ordinary word."""
    assert paths.overriding("method=card&q=_method&page=2") == ""


@pytest.mark.parametrize(
    ("path", "patterns", "fits"),
    [
        ("/v1/users", ("/v1/users",), True),
        ("/v1/Users", ("/v1/users",), False),
        ("/v1/users/", ("/v1/users",), False),
        ("/v1/users/7", ("/v1/users/*",), True),
        ("/v1/users/7/keys", ("/v1/users/*",), False),
        ("/v1/users/7/keys", ("/v1/**",), True),
        ("/v1", ("/v1/**",), True),
        ("/v1x", ("/v1/**",), False),
        ("/anything", ("/**",), True),
        ("/v1.x", ("/v1*x",), False),
        ("/a/b", (), False),
    ],
)
def test_a_pattern_covers_what_it_says(path: str, patterns: tuple[str, ...], fits: bool) -> None:  # noqa: FBT001
    """Letter by letter: another case, a further slash or a longer word is another path."""
    assert paths.fits(path, patterns) is fits
