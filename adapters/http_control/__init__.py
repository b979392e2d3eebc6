"""Stops or reduces whatever a program of your own enforces behind one signed HTTP endpoint.

`POST {url}` with `{"mode": …}` sets the mode, `GET {url}` reads it back; both are signed as `/v1/stop` is. The receiver
attests itself, so that without a canary nothing here is proven. What a receiver must do is in
`docs/adapters/http_control.md`.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Literal

from yarl import URL

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.base.parked import Draft, Drafts, Released
from adapters.errors import AdapterError
from adapters.http_control.answer import Answer
from adapters.http_control.answers import (
    EVERY,
    GONE,
    MIDDLE,
    READS,
    Overtaken,
    Said,
    judged,
    parsed,
    proves,
    reach,
    said,
)
from adapters.http_control.config import HttpControlCanary, HttpControlConfig
from adapters.http_control.drafts import decided, decision, listed, listing
from adapters.http_control.manual import MANUAL
from adapters.http_control.request import Request
from adapters.http_control.wire import Wire

FACT = "mode"
__all__ = ["HttpControl", "HttpControlCanary", "HttpControlConfig"]
_SETUP = "`agent-kill adapters show http_control --setup` prints a receiver that keeps it"
_BODIES = {mode: f'{{"mode": "{mode}"}}'.encode() for mode in Mode}


class HttpControl:
    """One control endpoint."""

    kind: ClassVar[str] = "http_control"
    modes: ClassVar[frozenset[Mode]] = EVERY
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(SurfaceClass)
    permissions: ClassVar[tuple[str, ...]] = ("the secret that the receiver checks signatures with",)
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = False
    attests: ClassVar[Literal["catalogue", "self"]] = "self"
    config_type: ClassVar[type[Config]] = HttpControlConfig
    manual: ClassVar[Manual] = MANUAL
    canary_type: ClassVar[type[Config] | None] = HttpControlCanary

    def __init__(self, *, config: HttpControlConfig, canary: HttpControlCanary | None, shared: Shared) -> None:
        self._url = URL(config.url)
        self._secret = config.secret.get_secret_value().encode()
        self._signed, self._parks = config.signed_answers == "required", config.parks
        self._name = _plain(self._url)
        self._canary = canary
        self._seen: Mode | None = None  # as last read; what a cut replaces is not asked for first
        self._deployment = ""  # as last read
        self._took: tuple[str, Mode] = ("", Mode.NORMAL)  # which receiver took the last mode of ours, and the mode
        self._wire = shared.get((self.kind,), Wire)
        self._wire.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`http_control:scheme://host:port/path`, with a digest of the query, which may hold a secret."""
        query = f"?{sha256(self._url.query_string.encode()).hexdigest()[:16]}" if self._url.query_string else ""
        return f"{self.kind}:{self._name}{query}"

    async def preflight(self) -> tuple[str, ...]:
        """Reads the mode once, which also opens the connection; names what is missing."""
        found = await self._get()
        missing = [] if found else [f"a receiver at {self._name} (it answered 404 or 410)"]
        if found and self._parks and not found.parks:
            missing.append(f"`parked` in the answers of {self._name}, which settings.parks says it tells: {_SETUP}")
        if self._canary is not None and self._canary.method in READS:
            missing.append(f"a canary with a method that writes: {self._canary.method} proves a full stop alone")
        return tuple(missing)

    async def observe(self) -> Observation:
        """Asks the receiver for its mode. 404 and 410 mean that it does not exist."""
        found = await self._get()
        if found is None:
            return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._gone())
        if found.instance:
            self._same(found)
        enforceable = reach(found, must_park=self._parks)
        return Observation(
            exists=True,
            mode=found.mode,
            enforceable=enforceable,
            why="" if enforceable is EVERY else self._why(found, enforceable),
            state={FACT: str(found.mode)},
            in_flight=found.in_flight,
            by=found.by,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # a receiver carries no mark, drains by itself, and is never reopened here
        """Sets the mode. A reduced mode is asked for only where the receiver is looser: setting it must not loosen."""
        found = None if mode is Mode.FULL_STOP else await self._get()
        if found is None:
            return await self._cut(mode, undo=undo)
        able = reach(found, must_park=self._parks)
        asked = min((one for one in able if one >= mode), default=Mode.FULL_STOP)
        lost = _lost(found, asked)
        if found.mode > asked or (found.mode is asked and not found.generation):
            return Cut(held=found.mode, left=found.in_flight, why=lost)
        try:
            return await self._cut(asked, undo=undo, remark=lost)
        except Overtaken:
            return await self._stricter(asked)

    async def _cut(self, mode: Mode, *, undo: tuple[Change, ...], remark: str = "") -> Cut:
        before = self._seen
        there, told = await self._post(mode)
        if not there:
            return Cut(held=mode, why=self._gone())
        looser = told is not None and told.mode < mode
        return Cut(
            held=mode if told is None or looser else told.mode,
            changed=_replaced(before, told.mode if told and not looser else mode, undo),
            ended=told.ended if told else 0,
            left=told.in_flight if told else 0,
            why=f"{self._name} was asked for {mode} and answers {told.mode}." if told and looser else remark,
        )

    async def _stricter(self, asked: Mode) -> Cut:
        """After a 412: somebody else's stop came between our look and our call, and it is what holds."""
        found = await self._get()
        if found is None or found.mode < asked:
            raise Overtaken(f"{self._name} took no {asked} (412) and is looser than that: mend the receiver")
        return Cut(held=found.mode, left=found.in_flight)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # a receiver carries no mark
        """Sets a looser mode, but none looser than the receiver had before our first cut, nor than others chose since.

        Where our cuts replaced nothing, nothing is given back.

        Raises:
            AdapterError: the receiver is gone, or answers a looser mode than the one asked for.
        """
        found = await self._get()
        if found is None:
            raise AdapterError(self._gone())
        target = max([to, *(Mode(change.was) for change in undo if change.key == FACT and change.was)])
        ours = [change.now for change in undo if change.key == FACT]
        if found.mode <= target or str(found.mode) not in ours:
            return Relaxed(kept=(FACT,) if found.mode is not target else ())
        if not await gate(() if to is Mode.NORMAL else _replaced(found.mode, target, undo)):
            return Relaxed()
        told = await self._loosened(target, found)
        if told is not None and told.mode < target:
            raise AdapterError(f"{self._name} was asked for {target} and answers {told.mode}: restrict again")
        changed = Change(key=FACT, was=str(found.mode), now=str(target))
        return Relaxed(changed=(changed,), kept=(FACT,) if target is not to else ())

    async def _loosened(self, target: Mode, found: Said) -> Said | None:
        """Sets a looser mode, on the condition that nobody told the receiver anything since `found`."""
        try:
            return (await self._post(target, generation=found.generation))[1]
        except Overtaken:
            now = await self._get()  # our own call, repeated over another connection, meets its own first try
            if now is None or now.mode is not target:
                raise
            return now

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Makes the agent's own call. A reading method proves nothing about a mode that leaves reading."""
        canary = self._canary
        if canary is None or mode is Mode.NORMAL or (mode is not Mode.FULL_STOP and canary.method in READS):
            return Attempt.UNTRIED
        headers = {name: value.get_secret_value() for name, value in canary.headers.items()}
        worked = _digest(canary.url, headers)
        answer = await self._wire.knock(canary.method, URL(canary.url), headers=headers)
        shown = proves(answer, mode=mode, worked=worked in self._wire.accepted)
        if shown is Attempt.ALLOWED:
            self._wire.accepted.add(worked)
        return shown

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:
        """Those that the configuration says park; whether the receiver does, `observe` and `preflight` tell."""
        return MIDDLE if isinstance(config, HttpControlConfig) and config.parks else frozenset()

    async def list(self, *, limit: int = 100) -> Drafts:
        """As `Parked.list`, in pages. Raises `AdapterError` where the receiver does not answer `parked`."""
        await self._parking()
        items: dict[str, Draft] = {}
        number: int | None = None
        while len(items) < limit:
            body = listing(len(items), limit - len(items))
            answer = await self._ask(Request(self._secret, "POST", body))
            judged(answer, name=self._name)
            page, number = listed(answer.body, name=self._name)
            fresh = {draft.id: draft for draft in page if draft.id not in items}
            items |= fresh
            if not fresh or len(items) == number:
                break
        return Drafts(items=tuple(items.values())[:limit], number=number)

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """As `Parked.release`; any stop that came since `gate` was asked, also an equal one, makes it a no."""
        found = await self._parking()
        if not await gate(()):
            return Released(done=False, why="a stricter hold came")
        try:
            done, why = await self._decide("release", draft, by, generation=found.generation)
        except Overtaken:
            return Released(done=False, why="the receiver was told something else meanwhile: look, then approve again")
        return Released(done=done, why=why if done else why or "it is not there (any more)")

    async def drop(self, *, draft: str, by: str) -> bool:
        """As `Parked.drop`."""
        await self._parking()
        return (await self._decide("drop", draft, by))[0]

    async def note(self) -> Mapping[str, str] | None:
        """The deployment behind the receiver as it was last read, where it tells one; no call of its own."""
        return {"deployment": self._deployment} if self._deployment else None

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """Nothing: the mode is the drift watch's business."""
        del before, now, undo
        return ()

    async def aclose(self) -> None:
        """Gives up this target's share of the client."""
        if not self._closed:
            self._closed = True
            await self._wire.leave()

    async def _parking(self) -> Said:
        """Reads a receiver that parks. Raises `AdapterError` where it does not say so."""
        found = await self._get()
        if found is None:
            raise AdapterError(self._gone())
        if not found.parks:
            raise AdapterError(f"{self._name} tells no `parked`, so there are no drafts: {_SETUP}")
        return found

    async def _decide(self, verb: str, draft: str, by: str, *, generation: str = "") -> tuple[bool, str]:
        answer = await self._ask(Request(self._secret, "POST", decision(verb, draft, by), generation=generation))
        judged(answer, name=self._name)
        return decided(answer.body)

    async def _get(self) -> Said | None:
        found = said(await self._ask(Request(self._secret, "GET")), name=self._name)
        self._seen = found.mode if found else None
        self._deployment = found.deployment if found else ""
        return found

    async def _post(self, mode: Mode, *, generation: str = "") -> tuple[bool, Said | None]:
        """Sets the mode; yields whether there is a receiver, and what it says. It need not say anything."""
        answer = await self._ask(Request(self._secret, "POST", _BODIES[mode], generation=generation))
        judged(answer, name=self._name)
        self._seen = mode
        told = said(answer, name=self._name) if "mode" in parsed(answer.body) else None
        self._took = (told.instance if told else "", mode)
        return answer.status not in GONE, told

    async def _ask(self, request: Request) -> Answer:
        answer = await self._wire.call(self._url, request, name=self._name)
        if answer.signature or self._signed:
            request.check(answer, name=self._name)
        return answer

    def _same(self, found: Said) -> None:
        """Raises where another receiver tells a mode that it was not given: one that is looser is believed at once."""
        taker, mode = self._took
        if taker and found.instance != taker and found.mode >= mode > Mode.NORMAL:
            raise AdapterError(
                f"{self._name} is answered by {found.instance}, and {taker} took the last cut: give every receiver "
                "behind that address a surface of its own, or let them share one mode; it is cut again"
            )

    def _why(self, found: Said, enforceable: frozenset[Mode]) -> str:
        """What stands in the way of the modes that the receiver cannot hold."""
        told = EVERY if found.modes is None else found.modes
        if told == enforceable:
            return "" if told == EVERY else f"{self._name} says that it holds no other modes."
        return f"{self._name} tells no `parked`, so what the middle modes hold back would be lost: {_SETUP}"

    def _gone(self) -> str:
        return f"{self._name} answers that it does not exist: check settings.url, or start the receiver."


def _lost(found: Said, asked: Mode) -> str:
    """What a person must know of a middle mode at a plain receiver."""
    return "" if found.parks or asked not in MIDDLE else "its receiver does not say that it keeps what it holds back"


def _replaced(was: Mode | None, now: Mode, undo: tuple[Change, ...]) -> tuple[Change, ...]:
    """What a cut replaced; `None` where it was not read before. Within an episode the first record's `was` stands."""
    ours = [change for change in undo if change.key == FACT]
    if not ours and was is not None and was >= now:
        return ()
    first = ours[0].was if ours else str(was) if was else None
    change = Change(key=FACT, was=first, now=str(now))
    return () if change in undo or change.was == change.now else (change,)


def _plain(url: URL) -> str:
    """Where, without the login and the query of the address."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


def _digest(url: str, headers: Mapping[str, str]) -> str:
    return sha256(repr((url, sorted(headers.items()))).encode()).hexdigest()
