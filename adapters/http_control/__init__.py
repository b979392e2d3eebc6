"""Stops or reduces whatever a program of your own enforces behind one signed HTTP endpoint.

`POST {url}` with `{"mode": …}` sets the mode, `GET {url}` reads it back; both are signed as `/v1/stop` is. The receiver
attests itself, so that without a canary nothing here is proven. What a receiver must do is in
`docs/adapters/http_control.md`.
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr
from yarl import URL

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.errors import AdapterError
from adapters.http_control.answer import Answer
from adapters.http_control.answers import GONE, READS, Said, judged, parsed, proves, said
from adapters.http_control.manual import MANUAL
from adapters.http_control.wire import Wire

SIGNATURE = "X-Agent-Kill-Signature"
FACT = "mode"
_BODIES = {mode: f'{{"mode": "{mode}"}}'.encode() for mode in Mode}


def _http_url(url: str) -> str:
    parts = URL(url)
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError("an http_control url starts with http:// or https:// and names a host")
    return url


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class HttpControlConfig(Config):
    """The receiver's address and the secret that it shares with the bot."""

    url: HttpUrl = Field(description="address of the control endpoint, which answers POST and GET")
    secret: SecretStr = Field(min_length=1, description="what the receiver checks signatures with")


class HttpControlCanary(Config):
    """A harmless call as the agent would make it. With a method that only reads, it proves a full stop alone."""

    url: HttpUrl = Field(description="address that the agent calls")
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="GET", description="of the call; one that only reads proves a full stop alone"
    )
    headers: Mapping[str, SecretStr] = Field(default_factory=dict, description="with the agent's own credential")


class HttpControl:
    """One control endpoint."""

    kind: ClassVar[str] = "http_control"
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode) - {Mode.NORMAL}
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
        self._name = _plain(self._url)
        self._canary = canary
        self._seen: Mode | None = None  # as last read; what a cut replaces is not asked for first
        self._deployment = ""  # as last read
        self._wire = shared.get((self.kind,), Wire)
        self._wire.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`http_control:scheme://host:port/path`, with a digest of the query, which may hold a secret."""
        query = f"?{sha256(self._url.query_string.encode()).hexdigest()[:16]}" if self._url.query_string else ""
        return f"{self.kind}:{self._name}{query}"

    async def preflight(self) -> tuple[str, ...]:
        """Reads the mode once, which also opens the connection; names what is missing."""
        missing = [] if await self._get() else [f"a receiver at {self._name} (it answered 404 or 410)"]
        if self._canary is not None and self._canary.method in READS:
            missing.append(f"a canary with a method that writes: {self._canary.method} proves a full stop alone")
        return tuple(missing)

    async def observe(self) -> Observation:
        """Asks the receiver for its mode. 404 and 410 mean that it does not exist."""
        found = await self._get()
        if found is None:
            return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._gone())
        enforceable = self.modes if found.modes is None else self.modes & found.modes
        return Observation(
            exists=True,
            mode=found.mode,
            enforceable=enforceable,
            why="" if enforceable == self.modes else f"{self._name} says that it holds no other modes.",
            state={FACT: str(found.mode)},
            in_flight=found.in_flight,
            by=found.by,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # a receiver carries no mark, drains by itself, and is never reopened here
        """Sets the mode. A reduced mode is asked for only where the receiver is looser: setting it must not loosen."""
        if mode is not Mode.FULL_STOP:
            found = await self._get()
            if found is not None and found.mode >= mode:
                return Cut(held=found.mode, left=found.in_flight)
        before = self._seen
        answer = await self._post(mode)
        if answer.status in GONE:
            return Cut(held=mode, why=self._gone())
        told = self._told(answer)
        looser = told is not None and told.mode < mode
        return Cut(
            held=mode if told is None or looser else told.mode,
            changed=_replaced(before, told.mode if told and not looser else mode, undo),
            ended=told.ended if told else 0,
            left=told.in_flight if told else 0,
            why=f"{self._name} was asked for {mode} and answers {told.mode}." if told and looser else "",
        )

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
        answer = await self._post(target)
        told = self._told(answer)
        if told is not None and told.mode < target:
            raise AdapterError(f"{self._name} was asked for {target} and answers {told.mode}: restrict again")
        changed = Change(key=FACT, was=str(found.mode), now=str(target))
        return Relaxed(changed=(changed,), kept=(FACT,) if target is not to else ())

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

    async def _get(self) -> Said | None:
        answer = await self._wire.call("GET", self._url, headers=self._signed(b""), body=b"", name=self._name)
        found = said(answer, name=self._name)
        self._seen = found.mode if found else None
        self._deployment = found.deployment if found else ""
        return found

    async def _post(self, mode: Mode) -> Answer:
        body = _BODIES[mode]
        headers = {**self._signed(body), "Content-Type": "application/json"}
        answer = await self._wire.call("POST", self._url, headers=headers, body=body, name=self._name)
        judged(answer, name=self._name)
        self._seen = mode
        return answer

    def _told(self, answer: Answer) -> Said | None:
        """What the answer to a POST says of the mode; it need not say anything, the read-back decides."""
        return said(answer, name=self._name) if "mode" in parsed(answer.body) else None

    def _signed(self, body: bytes) -> dict[str, str]:
        now = str(int(time.time()))
        digest = hmac.digest(self._secret, now.encode() + b"." + body, "sha256").hex()
        return {SIGNATURE: f"t={now},v1={digest}"}

    def _gone(self) -> str:
        return f"{self._name} answers that it does not exist: check settings.url, or start the receiver."


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
