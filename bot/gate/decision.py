"""The decision endpoint, for gateways that teams run already: 200 lets a call through, 403 does not.

Envoy's ext_authz sends the call's own method and path below the prefix; nginx's auth_request and Traefik's ForwardAuth
tell them in headers. Which of the two counts is the configuration's word, because an agent may send any header. Those
gateways take every 2xx as *allow*, so nothing is parked here: what cannot be judged by method and path is refused.
"""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from adapters.base import Mode
from adapters.base.gated import DECISION, METHODS
from bot.gate import answer as answers
from bot.gate import judge
from bot.gate.answer import Answer
from bot.gate.door import Door
from bot.gate.flights import Sort
from bot.gate.judge import Call, Refusal

_TOLD: Final = {"nginx": ("x-original-method", "x-original-uri"), "traefik": ("x-forwarded-method", "x-forwarded-uri")}
_ALLOWED = Answer(200, b'{"status": "allowed"}\n', {"Content-Type": answers.JSON, "Cache-Control": "no-store"})
_NOBODY = Answer(403, b'{"error": "no such surface at this gate"}\n', {"Content-Type": answers.JSON})
_ADDED = frozenset({
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-server", "x-real-ip",
    "x-envoy-internal", "x-envoy-expected-rq-timeout-ms", "x-request-id",
})  # fmt: skip


class Decision:
    """Answers a gateway's question.

    Args:
        find: the door of `agent/surface`; None where none is configured.
    """

    def __init__(self, find: Callable[[str], Door | None]) -> None:
        self._find = find

    def answer(self, request: web.BaseRequest) -> Answer:
        """200 or 403, and nothing else."""
        rest = request.raw_path.removeprefix(DECISION).removeprefix("/")
        name = "/".join(rest.partition("?")[0].split("/", 2)[:2])
        door = self._find(name)
        if door is None or door.settings.gateway == "none":
            return _NOBODY
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in request._message.raw_headers]  # noqa: SLF001  # as they came, doubles too
        try:
            return self._judged(door, _asked(door, request.method, rest[len(name) :], headers))
        except Refusal as refusal:
            return answers.refused(name, door.told, refusal.why)

    def _judged(self, door: Door, call: Call) -> Answer:
        mode = door.rounded
        if mode is Mode.NORMAL:
            return self._yes(door, Sort.READS if _reads(door, call) else Sort.WRITES)
        if mode is Mode.FULL_STOP:
            return answers.stopped(door.route.name, door.told, held=mode)
        judge.proper(call)
        if why := judge.disguise(call):
            raise Refusal(why)
        if judge.is_safe(call, door.settings.safe):
            return self._yes(door, Sort.READS)
        return answers.stopped(door.route.name, door.told, held=mode, why=_rounding(door, mode))

    def _yes(self, door: Door, sort: Sort) -> Answer:
        door.allowed(sort)
        return _ALLOWED


def _reads(door: Door, call: Call) -> bool:
    """Whether a milder mode would leave this call too."""
    return judge.is_safe(call, door.settings.safe) and not judge.disguise(call)


def _rounding(door: Door, mode: Mode) -> str:
    if mode is door.mode:
        return ""
    return f"{door.mode}, held as {mode}: a gateway that asks for yes or no parks nothing"


def _asked(door: Door, method: str, target: str, headers: judge.Headers) -> Call:
    """The call that is asked about. Raises `Refusal` where the gateway does not say, or says it twice."""
    kind = door.settings.gateway
    own = [(key, value) for key, value in headers if key.lower() not in _ADDED]
    if kind in _TOLD:
        method, target = (_one(headers, name) for name in _TOLD[kind])
        own = [(key, value) for key, value in own if key.lower() not in _TOLD[kind]]
    if method not in METHODS:
        raise Refusal(f"the method {method[:20]!r} is not known here")
    path, _, query = target.partition("?")
    return Call(
        method, path or "/", query, [pair for pair in own if pair[0].lower() != "content-length" or kind == "envoy"]
    )


def _one(headers: judge.Headers, name: str) -> str:
    found = [value for key, value in headers if key.lower() == name]
    if len(found) != 1:
        raise Refusal(f"the gateway tells {name} {len(found)} times: set it once, and let no agent send it")
    return found[0]
