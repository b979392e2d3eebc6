"""An authority in this process: the reference adapter, the target of drills, and the fake that injects faults.

A `World` is one target: what its agent may do, the agent's sessions with their work, and a witness of its effects.
Tests reach it as `shared.get(("memory", target), World)` and set its `faults`.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Literal, overload

from pydantic import Field

from adapters.base import (
    DIGEST,
    Attempt,
    BacklogPolicy,
    Change,
    Config,
    Cut,
    Gate,
    Manual,
    Mode,
    Moved,
    Observation,
    Relaxed,
    Shared,
    SurfaceClass,
    Waiting,
)
from adapters.base.parked import Draft, Drafts, Released, legible, unless_stricter
from adapters.errors import Refused, Unreachable
from adapters.memory.world import FACTS, OFF, ON, PARKING, Denied, Faults, World, WorldSession, Write

__all__ = ["FACTS", "OFF", "ON", "Canary", "Denied", "Faults", "Memory", "Settings", "World", "WorldSession"]

_DRAIN_TICK = 0.005  # seconds between two looks at what runs


class Settings(Config):
    """Which world of this process."""

    target: str = Field(
        default="memory",
        description="name of the world; surfaces with one name share it; left out, a surface has a world of its own",
        json_schema_extra={"default_from": "surface"},  # two `memory {}` are two targets, cut apart
    )
    queue: bool = Field(default=False, description="whether work waits there that a restore drops, holds or replays")


class Canary(Config):
    """The agent's own credential."""

    credential: str = Field(default="", description="the agent's credential in the world; empty: the current one")


class Memory:
    """The reference: every mode, exactly as the contract says."""

    kind: ClassVar[str] = "memory"
    modes: ClassVar[frozenset[Mode]] = frozenset(FACTS)
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(SurfaceClass)
    permissions: ClassVar[tuple[str, ...]] = ()
    reversal: ClassVar[Literal["exact", "work_lost"]] = "exact"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = Settings
    canary_type: ClassVar[type[Config] | None] = Canary
    manual: ClassVar[Manual] = Manual(
        techniques={
            mode: f"takes the right `{fact}` of a world inside this process" + (", parks writes" * (mode in PARKING))
            for mode, fact in FACTS.items()
        },
        in_flight="ended with its session",
        setup="# nothing: a world is made when it is first named\n",
        undo="# nothing: a world ends with its process\n",
        docs="docs/adapters/memory.md",
    )

    def __init__(self, *, config: Settings, canary: Canary | None, shared: Shared) -> None:
        self._target = config.target
        self._canary = canary
        self.world = shared.get(("memory", config.target), World)

    def target_key(self) -> str:
        """The world's name."""
        return f"memory:{self._target}"

    async def preflight(self) -> tuple[str, ...]:
        """Nothing can be missing but the world itself."""
        await self._arrive("preflight")
        return (f"there is no world {self._target!r}",) if self.world.faults.absent else ()

    async def observe(self) -> Observation:
        """Reads the world's rights. Raises `Unreachable`, `Refused` when told to."""
        await self._arrive("observe")
        world = self.world
        seen = Observation(
            exists=not world.faults.absent,
            mode=Mode.NORMAL if world.faults.absent else world.mode(),
            enforceable=frozenset() if world.faults.absent else self.modes,
            why=f"there is no world {self._target!r}" if world.faults.absent else "",
            token=world.token,
            state=dict(world.rights),
            in_flight=self._in_flight(),
        )
        if world.faults.flap:
            world.loosen()
        return seen

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Stops fully, ends the sessions, and reopens what `mode` leaves once the gate agrees."""
        await self._arrive("restrict")
        world = self.world
        if world.faults.absent:
            return Cut(held=mode, why=f"there is no world {self._target!r}")
        changed = self._changes(mode)
        known = {change.key for change in (*undo, *changed)}
        world.token = token
        world.taken |= {FACTS[mode], FACTS[Mode.FULL_STOP]}
        world.rights["login"] = OFF
        await self._drain(drain)
        ended = self._end_sessions()
        if mode is Mode.FULL_STOP:
            return Cut(held=mode, changed=changed, ended=ended, left=self._in_flight())
        world.rights[FACTS[mode]] = OFF
        why = await self._reopen(changed, token, known, gate)
        return Cut(held=world.mode(), changed=changed, ended=ended, left=self._in_flight(), why=why)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back what was taken beyond `to`. Raises `Refused` where the mark is not `expect`."""
        await self._arrive("relax")
        world = self.world
        if world.token != expect:
            raise Refused(f"the mark on {self._target!r} is not ours: restrict again before relaxing")
        fresh = self._take(to)
        if not await gate(fresh):
            return Relaxed()
        if world.token != expect:
            raise Refused(f"another stop marked {self._target!r} meanwhile: restrict again before relaxing")
        given, kept = self._give(to, undo)
        world.token = None if to is Mode.NORMAL else token
        world.taken = set() if to is Mode.NORMAL else world.taken
        return Relaxed(changed=given, kept=kept)

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Acts as the agent and takes the effect back."""
        await self._arrive("attempt")
        if self._canary is None or self.world.faults.absent:
            return Attempt.UNTRIED
        if self._canary.credential not in ("", self.world.credential):
            return Attempt.UNTRIED
        return Attempt.ALLOWED if self._acts(mode) else Attempt.REFUSED

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:
        """All of them, where the world has a queue."""
        return frozenset(BacklogPolicy) if isinstance(config, Settings) and config.queue else frozenset()

    async def count(self) -> Waiting:
        """The queue's length."""
        await self._arrive("count")
        return Waiting(number=len(self.world.queue), held=sum(map(len, self.world.parked.values())))

    async def hold(self, *, label: str) -> Moved:
        """Moves the queue into `parked`."""
        await self._arrive("hold")
        if label not in self.world.moved:
            self.world.moved[label] = len(self.world.queue)
            self.world.parked[label], self.world.queue = self.world.queue, []
        return Moved(number=self.world.moved[label], where=f"parked[{label!r}]", replay=f"replay({label!r})")

    @overload
    async def drop(self, *, label: str) -> Moved: ...
    @overload
    async def drop(self, *, draft: str, by: str) -> bool: ...
    async def drop(self, *, label: str = "", draft: str = "", by: str = "") -> Moved | bool:
        """Empties the queue, or removes what is parked under `draft`: the one name that two protocols have."""
        await self._arrive("drop")
        return self.world.drafts.pop(draft, None) is not None if by else self._dropped(label)

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:  # noqa: ARG003  # every world parks
        """Both middle modes."""
        return PARKING

    async def list(self, *, limit: int = 100) -> Drafts:
        """What the world parked."""
        await self._arrive("list")
        found = tuple(self.world.drafts.items())
        items = (_draft(name, write) for name, write in found[:limit])
        return Drafts(items=tuple(items), number=len(found))

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Does it, once the gate agreed."""
        await self._arrive("release")
        world = self.world
        if draft in world.drafts and not await unless_stricter(self, gate)(()):
            return Released(done=False, why="a stricter hold came meanwhile")
        if world.release(draft, by) or world.released.get(draft) == by:
            return Released(done=True)
        return Released(done=False, why=f"{draft} is not parked (any more)")

    def _dropped(self, label: str) -> Moved:
        if label not in self.world.moved:
            self.world.moved[label] = len(self.world.queue)
            self.world.queue.clear()
        return Moved(number=self.world.moved[label])

    async def replay(self, *, label: str) -> Moved:
        """Moves what is parked behind what waits."""
        await self._arrive("replay")
        back = self.world.parked.pop(label, [])
        self.world.queue += back
        return Moved(number=len(back))

    async def note(self) -> Mapping[str, str]:
        """The credential, as a digest."""
        await self._arrive("note")
        return {"credential": f"{DIGEST}{sha256(f'{self._target}/{self.world.credential}'.encode()).hexdigest()[:32]}"}

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """The rights that are neither as before nor as a cut left them."""
        ours = {(change.key, change.now) for change in undo}
        names = sorted(name for name in now if now[name] != before.get(name) and (name, now[name]) not in ours)
        return tuple(f"{name}: {now[name]}, by somebody else" for name in names)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _acts(self, mode: Mode) -> bool:
        """Whether the agent gets through; without effect."""
        world, before = self.world, self.world.effects
        try:
            session = world.login()
        except Denied:
            return False
        try:
            world.act(session, mode)
        except Denied:
            return False
        finally:
            world.close(session)
            world.effects = before
        return True

    async def _arrive(self, verb: str) -> None:
        """The way to the world, with its faults."""
        world = self.world
        world.calls.append(verb)
        while world.faults.hang:  # noqa: ASYNC110  # tests set a plain flag, from outside the loop even
            await asyncio.sleep(_DRAIN_TICK)
        await asyncio.sleep(world.faults.slow)
        if world.faults.unreachable:
            raise Unreachable(f"the world {self._target!r} does not answer: try again")
        if world.faults.refuse:
            raise Refused(f"the world {self._target!r} refuses the bot: give it a credential", missing=("credential",))

    def _changes(self, mode: Mode) -> tuple[Change, ...]:
        """What a cut to `mode` replaces: the login of the short full stop, and the right that the mode takes.

        A right that a cut took already and that is there again was loosened by hand: it is not ours to give back.
        """
        facts = (fact for fact in dict.fromkeys((FACTS[Mode.FULL_STOP], FACTS[mode])) if fact not in self.world.taken)
        return tuple(Change(key=fact, was=ON, now=OFF) for fact in facts if self.world.rights[fact] == ON)

    async def _drain(self, seconds: float) -> None:
        """Lets busy sessions come to their end."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end and any(it.busy for it in self.world.sessions):  # noqa: ASYNC110  # as above
            await asyncio.sleep(_DRAIN_TICK)

    def _end_sessions(self) -> int:
        if self.world.faults.half_apply or self.world.faults.lie:
            return 0
        open_sessions = list(self.world.sessions)
        for session in open_sessions:
            self.world.close(session)
        return len(open_sessions)

    def _in_flight(self) -> int:
        """Sessions alive at full_stop, as far as the world admits them; a milder mode leaves sessions be."""
        stopped = self.world.mode() is Mode.FULL_STOP and not self.world.faults.lie
        return len(self.world.sessions) if stopped else 0

    async def _reopen(self, changed: tuple[Change, ...], token: str, known: set[str], gate: Gate) -> str:
        """Gives the login back after a short full stop; returns why it did not."""
        if "login" not in known:
            return "the agent could not log in before"
        if self._in_flight():
            return "sessions of the agent are still alive"
        if not await gate(changed):
            return "a stricter hold came meanwhile"
        if self.world.token != token:
            return "another stop marked the target meanwhile"
        self.world.rights["login"] = ON
        return ""

    def _take(self, to: Mode) -> tuple[Change, ...]:
        """Takes the right of a milder mode before the login comes back; returns what is new to the record."""
        if to is Mode.NORMAL:
            return ()
        fresh = tuple(change for change in self._changes(to) if change.key == FACTS[to])
        self.world.rights[FACTS[to]] = OFF
        self.world.taken.add(FACTS[to])
        return fresh

    def _give(self, to: Mode, undo: tuple[Change, ...]) -> tuple[tuple[Change, ...], tuple[str, ...]]:
        """Undoes our own changes, right by right, as far as `to` allows."""
        keep = FACTS.get(to)
        given: list[Change] = []
        kept: list[str] = []
        for change in undo:
            found = self.world.rights.get(change.key)
            if change.key == keep or found == change.was:
                continue
            if found != change.now:
                kept.append(f"{change.key} is {found}, changed by somebody else")
                continue
            self.world.rights[change.key] = change.was or OFF
            given.append(Change(key=change.key, was=found, now=change.was))
        return tuple(given), tuple(kept)


def _draft(name: str, write: Write) -> Draft:
    return Draft(id=name, what=legible(write.what), at=write.at, waits=write.waits)
