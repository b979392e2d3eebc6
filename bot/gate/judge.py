"""Pure: what a call is, by the configuration's word and by how it is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from adapters.base.gated import METHODS, Safe
from bot.gate import paths

Headers = Sequence[tuple[str, str]]
_OVERRIDES = frozenset({
    "x-http-method-override", "x-http-method", "x-method-override", "x-method", "x-original-method",
    "x-original-url", "x-original-uri", "x-rewrite-url", "x-forwarded-method", "x-forwarded-uri", "x-forwarded-prefix",
    "x-override-url", "x-http-path-override",
})  # fmt: skip
_HOPS = frozenset({"close", "keep-alive", "te", ""})
_SINGLE = frozenset({"content-length", "transfer-encoding", "host", "content-type", "content-encoding", "expect"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/")


class Refusal(Exception):
    """A call that is refused for how it is written, whoever sends it and whatever the mode.

    Args:
        why: in a few words, for the agent's developer.
        status: 400 for what is no proper HTTP, else 403.
    """

    def __init__(self, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.why, self.status = why, status


@dataclass(frozen=True, slots=True)
class Call:
    """One request line with its headers. `path` starts with `/` and is as it travels; `query` has no `?`."""

    method: str
    path: str
    query: str
    headers: Headers

    def values(self, name: str) -> list[str]:
        """Every value of a header, by its name in small letters."""
        return [value for known, value in self.headers if known.lower() == name]

    @property
    def target(self) -> str:
        """Path and query, as they travel."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def has_body(self) -> bool:
        """Whether its headers announce one."""
        return bool(self.values("transfer-encoding")) or any(value != "0" for value in self.values("content-length"))


def proper(call: Call) -> None:
    """Raises `Refusal` for what no gate may forward: two servers would see two different calls in it."""
    if call.method not in METHODS:
        raise Refusal(f"the method {call.method[:20]!r} is not known here")
    for why in (paths.broken(call.path), paths.bad_query(call.query), _headers(call)):
        if why:
            raise Refusal(why, 400)


def _headers(call: Call) -> str:
    names = [name.lower() for name, _ in call.headers]
    for name in _SINGLE:
        if names.count(name) > 1:
            return f"{name} stands {names.count(name)} times"
    length, encoding = call.values("content-length"), call.values("transfer-encoding")
    if length and (encoding or not (length[0].isascii() and length[0].isdigit())):
        return "a body whose length is told in two ways, or is no number"
    if encoding and encoding != ["chunked"]:
        return "a transfer encoding other than chunked"
    if call.values("upgrade") or not _words(call.values("connection")) <= _HOPS:
        return "an upgrade, or a Connection header that names more than close and keep-alive"
    if any(value.lower() != "100-continue" for value in call.values("expect")):
        return "an Expect that is not 100-continue"
    return ""


def _words(values: Iterable[str]) -> set[str]:
    return {word.strip().lower() for value in values for word in value.split(",")}


def disguise(call: Call) -> str:
    """What makes a call ambiguous where calls are judged; empty where it means what it says."""
    if why := paths.ambiguous(call.path):
        return why
    for name, _ in call.headers:
        if name.lower().replace("_", "-") in _OVERRIDES:
            return f"the header {name}, which changes what is called"
        if "_" in name:
            return f"the header {name}: some servers read it as another one"
    if name := paths.overriding(call.query):
        return f"the parameter {name!r}, which changes the method"
    return ""


def is_safe(call: Call, safe: Iterable[Safe]) -> bool:
    """Whether the configuration says that such a call changes nothing; one that reads has no body."""
    if call.method in {"GET", "HEAD", "OPTIONS"} and call.has_body:
        return False
    return any(call.method in one.methods and paths.fits(call.path, one.paths) for one in safe)


def dressed_body(call: Call, body: bytes) -> bool:
    """Whether a form may carry the field that frameworks take for the method."""
    kind = "".join(call.values("content-type")).lower()
    if call.values("content-encoding"):
        return True
    form = not kind or kind.startswith(_FORMS)  # Rack takes a body without a type for a form
    return form and b"_method" in unquote_to_bytes(body).lower()
