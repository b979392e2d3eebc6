"""Switches feature flags that an agent asks about by itself: advice, and never proof.

A flag changes what a well-meaning agent does next, once it looks. It ends nothing, and an agent that cannot reach the
flag server goes on with what it read last. So nothing here is ever *verified*: the work in flight is not seen, and
there is no canary. What it is good for is in `docs/adapters/advisory_flag.md`.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr
from yarl import URL

from adapters.advisory_flag.manual import MANUAL
from adapters.advisory_flag.wire import Wire, path
from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.errors import AdapterError

ON, OFF = "on", "off"
ADVICE = "Advice: the agent reads the flag when it likes, and what it has begun goes on."


def _http(url: str) -> str:
    parts = URL(url)
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError("an advisory_flag url starts with http:// or https:// and names a host")
    return url


class Flags(Config):
    """By mode, the flag that is off from this mode on. A mode without one is held as the next stricter."""

    full_stop: str = Field(min_length=1, description="asked by the agent before it does anything")
    read_only: str | None = Field(default=None, min_length=1, description="asked before it writes")
    draft_only: str | None = Field(default=None, min_length=1, description="asked before it carries a draft out")
    approval_gated: str | None = Field(default=None, min_length=1, description="asked before it acts unattended")


class AdvisoryFlagConfig(Config):
    """The flag server, and the flags that the agent asks for."""

    url: Annotated[str, AfterValidator(_http)] = Field(description="of Unleash, without /api")
    token: SecretStr = Field(min_length=1, description="an API token that may change the flags")
    project: str = Field(default="default", min_length=1, description="of the flags")
    environment: str = Field(min_length=1, description="in which the agent runs, such as production")
    flags: Flags = Field(description="by mode, the flag that is off from this mode on")


class AdvisoryFlag:
    """The flags of one agent in one environment."""

    kind: ClassVar[str] = "advisory_flag"
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode) - {Mode.NORMAL}
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(SurfaceClass)
    permissions: ClassVar[tuple[str, ...]] = ("an API token that may change the flags of the project and environment",)
    reversal: ClassVar[Literal["exact", "work_lost"]] = "exact"
    marks: ClassVar[bool] = False
    attests: ClassVar[Literal["catalogue", "self"]] = "self"
    config_type: ClassVar[type[Config]] = AdvisoryFlagConfig
    canary_type: ClassVar[type[Config] | None] = None  # an agent that obeys today proves nothing about tomorrow's
    manual: ClassVar[Manual] = MANUAL

    def __init__(self, *, config: AdvisoryFlagConfig, canary: Config | None, shared: Shared) -> None:  # noqa: ARG002  # there is none
        self._config = config
        self._flags = _by_mode(config.flags)
        self._name = str(URL(config.url).with_user(None).with_query(None).with_fragment(None)).rstrip("/")
        self._wire = shared.get((self.kind, self._name), Wire)
        self._wire.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`advisory_flag:URL/project/environment/FLAG,FLAG`."""
        place = f"{self._name}/{self._config.project}/{self._config.environment}"
        return f"{self.kind}:{place}/{','.join(self._flags.values())}"

    async def preflight(self) -> tuple[str, ...]:
        """Names the flags that are not there."""
        found = await self._read()
        return tuple(self._missing(flag) for flag, is_on in found.items() if is_on is None)

    async def observe(self) -> Observation:
        """Reads every flag. What the agent does with them, and what it does now, is not seen."""
        found = await self._read()
        if lacking := [flag for flag, is_on in found.items() if is_on is None]:
            return Observation(
                exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=f"{self._missing(lacking[0])}."
            )
        able = frozenset(self._flags)
        mode = max((mode for mode, flag in self._flags.items() if not found[flag]), default=Mode.NORMAL)
        return Observation(
            exists=True,
            mode=mode,
            enforceable=able,
            why=ADVICE if able == self.modes else f"{ADVICE} Only {', '.join(map(str, sorted(able)))} have a flag.",
            state={flag: ON if is_on else OFF for flag, is_on in found.items()},
            in_flight=0 if mode is Mode.NORMAL else None,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # a flag carries no mark, drains by itself, and is never reopened here
        """Switches off the flag of `mode` and of every milder one, the strictest first. Work under way is not seen."""
        held = min((one for one in self._flags if one >= mode), default=Mode.FULL_STOP)
        found = await self._read()
        ours = [self._flags[one] for one in sorted(self._flags, reverse=True) if one <= held]
        ours = [flag for flag in ours if found[flag] is not None]  # one that is mistyped spares none of the others
        for flag in ours:
            await self._switch(flag, OFF)
        if await self._wire.settle():  # a loosening of ours may have come after
            for flag in ours:
                await self._switch(flag, OFF)
        known = {change.key for change in undo}
        changed = tuple(Change(key=flag, was=ON, now=OFF) for flag in ours if found[flag] and flag not in known)
        strict = max((one for one, flag in self._flags.items() if found[flag] is False), default=held)
        return Cut(held=max(held, strict), changed=changed, left=None, why=ADVICE)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # a flag carries no mark
        """Switches on what our cuts had switched off and `to` allows, the strictest mode's last."""
        await self._wire.settle()
        found = await self._read()
        if lacking := [flag for flag, is_on in found.items() if is_on is None]:
            raise AdapterError(self._missing(lacking[0]))
        ours = {change.key for change in undo if change.was == ON}
        back = [flag for mode, flag in sorted(self._flags.items()) if mode > to and flag in ours]
        kept = tuple(flag for flag in back if found[flag])
        if not await gate(()):
            return Relaxed(kept=kept)
        back = [flag for flag in back if not found[flag]]
        for flag in back:
            await self._switch(flag, ON)
        return Relaxed(changed=tuple(Change(key=flag, was=OFF, now=ON) for flag in back), kept=kept)

    async def attempt(self, *, mode: Mode) -> Attempt:  # noqa: ARG002  # whatever is held
        """Never tried: nothing enforces a flag."""
        return Attempt.UNTRIED

    async def aclose(self) -> None:
        """Gives up this target's share of the client."""
        if not self._closed:
            self._closed = True
            await self._wire.leave()

    async def _read(self) -> dict[str, bool | None]:
        """By flag, whether it is on; None where it is not there."""
        flags = list(self._flags.values())
        answers = await asyncio.gather(*(self._wire.call("GET", self._path(flag), token=self._token) for flag in flags))
        return {flag: self._is_on(flag, answer) for flag, answer in zip(flags, answers, strict=True)}

    def _is_on(self, flag: str, answer: Mapping[str, object] | None) -> bool | None:
        if answer is None or answer.get("archived") is True:
            return None
        environments = answer.get("environments")
        if answer.get("name") != flag or not isinstance(environments, list):
            raise AdapterError(f"{self._name} answered something that is not the flag {flag}: mend settings.url")
        for one in environments:
            if isinstance(one, dict) and one.get("name") == self._config.environment:
                return one.get("enabled") is not False  # only a plain no is off
        return None

    async def _switch(self, flag: str, to: str) -> None:
        where = self._path(flag, "environments", self._config.environment, to)
        if to == ON:
            await self._wire.loosen(where, token=self._token)
        else:
            await self._wire.call("POST", where, token=self._token)

    def _path(self, flag: str, *more: str) -> str:
        return path(self._config.url, self._config.project, flag, *more)

    @property
    def _token(self) -> str:
        return self._config.token.get_secret_value()

    def _missing(self, flag: str) -> str:
        return (
            f"{self._name} has no flag {flag} in project {self._config.project} with the environment "
            f"{self._config.environment}"
        )


def _by_mode(flags: Flags) -> dict[Mode, str]:
    named = {mode: getattr(flags, str(mode)) for mode in Mode if mode is not Mode.NORMAL}
    return {mode: flag for mode, flag in named.items() if flag is not None}
