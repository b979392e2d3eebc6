"""The whole contract between the bot and a surface.

An adapter carries one technique for one target and nothing else: retries, deadlines, logging, metrics,
redaction and the audit belong to the dispatcher, which owns them once for every kind.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import ClassVar, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

T = TypeVar("T")


class Mode(Enum):
    """How much authority is left, from loosest to strictest; `a < b` reads "a is looser than b"."""

    NORMAL = "normal"
    APPROVAL_GATED = "approval_gated"
    DRAFT_ONLY = "draft_only"
    READ_ONLY = "read_only"
    FULL_STOP = "full_stop"

    __hash__ = object.__hash__  # members are single; Enum's own hash and `total_ordering` cost much where many compare

    def __lt__(self, other: "Mode") -> bool:
        return _RANK[self] < _RANK[other]

    def __le__(self, other: "Mode") -> bool:
        return _RANK[self] <= _RANK[other]

    def __gt__(self, other: "Mode") -> bool:
        return _RANK[self] > _RANK[other]

    def __ge__(self, other: "Mode") -> bool:
        return _RANK[self] >= _RANK[other]

    def __str__(self) -> str:
        return self.value


_RANK = {mode: rank for rank, mode in enumerate(Mode)}


class SurfaceClass(StrEnum):
    """What sort of authority a surface is."""

    API = "api"
    TOOL = "tool"
    QUEUE = "queue"
    SCHEDULER = "scheduler"
    WEBHOOK = "webhook"
    WORKER = "worker"
    DATABASE = "database"
    IDENTITY = "identity"


class Attempt(StrEnum):
    """What the surface answered to a harmless action under the agent's own credential."""

    REFUSED = "refused"
    ALLOWED = "allowed"
    UNTRIED = "untried"  # not asked, or the answer proves nothing (a stale credential, an unreachable surface)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that a cut replaced, by a key of the adapter's own; `None` stands for "not there"."""

    key: str
    was: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A surface's state, read with the bot's own credential from the enforcing system's own catalogue."""

    exists: bool
    mode: Mode  # the loosest mode that what was read still amounts to
    enforceable: frozenset[Mode]  # possible here, with this bot's rights
    why: str = ""  # what stands in the way of the modes that are missing, in a sentence
    token: str | None = None  # the mark found on the target
    state: Mapping[str, str | None] = field(default_factory=dict)  # the facts a cut may replace, by Change.key
    in_flight: int | None = None  # work alive that `mode` forbids; None where it cannot be seen
    by: str = ""  # who changed it last, where the system tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What a restriction did."""

    held: Mode  # never looser than asked
    changed: tuple[Change, ...] = ()
    ended: int = 0  # sessions, jobs or requests that were ended
    left: int | None = 0  # still alive: more than 0 is NOT CUT, None (cannot be seen) is NOT PROVEN
    why: str = ""  # why it is held stricter than asked, or what stands in the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """What a relaxation undid, and what it found changed by others and kept."""

    changed: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()


# The dispatcher's: records these changes, re-reads the holds under the target's lock, answers "may I loosen?".
# A yes opens a loosening that lasts until the call returns.
Gate = Callable[[tuple[Change, ...]], Awaitable[bool]]


class Config(BaseModel):
    """Base of every `config_type` and `canary_type`: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _text(cls, value: object) -> object:
        """No server knows a name that cannot be written: refused here, and not by whatever sends it."""
        for word in value if isinstance(value, (tuple, list)) else (value,):
            text = word.get_secret_value() if isinstance(word, SecretStr) else word
            if isinstance(text, str) and ("\0" in text or text != text.encode(errors="replace").decode()):
                raise ValueError("a setting is text, without NUL and in UTF-8")
        return value


class Shared:
    """What adapters of one process share: one warm connection per endpoint and credential."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, object] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Returns what is kept under `key`, made on first use. Keys start with the adapter's kind."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]  # the key decides the type


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """What `agent-kill adapters show` tells people of a kind. Every mode that the kind declares has its technique.

    `setup` is ready to paste once what stands between angle brackets was replaced; `undo` takes it back.
    """

    techniques: Mapping[Mode, str]
    in_flight: str  # what becomes of the work that runs
    setup: str
    undo: str
    docs: str


class Adapter(Protocol):
    """One target of one kind. Built as `cls(config=…, canary=…, shared=…)`, without I/O.

    Every coroutine may be cancelled at any await. One that is cancelled ends only once the server can no longer
    run what was sent (its connection is closed, or killed at the server), so that the end of the call is the end
    of its effect. Raises `Unreachable`, `Refused` or anything else (*unknown*).
    """

    kind: ClassVar[str]
    modes: ClassVar[frozenset[Mode]]  # what the technique can enforce at its best; NORMAL is not listed
    classes: ClassVar[frozenset[SurfaceClass]]
    permissions: ClassVar[tuple[str, ...]]  # the least that the bot itself needs
    reversal: ClassVar[Literal["exact", "work_lost"]]
    marks: ClassVar[bool]  # whether a target can carry a token
    attests: ClassVar[Literal["catalogue", "self"]]  # "self": only the surface's own word, so proof needs a canary
    config_type: ClassVar[type[Config]]
    canary_type: ClassVar[type[Config] | None]

    def target_key(self) -> str:
        """Names the thing in the world, equal for two surfaces that point at the same one; holds no secret."""

    async def preflight(self) -> tuple[str, ...]:
        """Returns the permissions and the set-up that are missing; changes nothing."""

    async def observe(self) -> Observation:
        """Reads the state; changes nothing. A missing target is `exists=False`, not an error."""

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Fences new work now, lets work end for `drain` seconds, then cuts it. Safe to repeat, never waits for a lock.

        A technique that stops fully and then reopens a reduced mode asks `gate(changes)` before it reopens; on no
        it stays at full_stop and says so in `held`. Never records a change from a state that is already restricted.
        """

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Loosens to exactly `to`, undoing only our own change, key by key: (was, now, found). Never a credential."""

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Tries, under the agent's own credential and without effect, what `mode` forbids."""

    async def aclose(self) -> None:
        """Closes this target's own connections."""


@runtime_checkable
class Noting(Protocol):
    """Optional: for adapters whose targets tell what people changed there while it was shut. Never on a stop's way."""

    async def note(self) -> Mapping[str, str] | None:
        """Facts that no cut replaces and people want to hear of, by readable names: credentials, memberships, versions.

        Of a credential only a digest that starts with `DIGEST`, or a word about it. None where this one tells nothing.
        Changes nothing.
        """

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """What others changed between two readings of `Observation.state`, `NAME: WHAT` each, without what is ours.

        No I/O.
        """


class BacklogPolicy(StrEnum):
    """What becomes of the work that piled up while a surface was shut, when its agent may take it up again."""

    DROP = "drop"
    HOLD = "hold"  # put aside, to be given back by a person
    REPLAY = "replay"  # left in place, to be worked off


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much work waits; None where it cannot be seen. `held` is what earlier restores put aside."""

    number: int | None
    held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was done with waiting work: how much, None where that is not known any more, and in the surface's words."""

    number: int | None
    where: str = ""  # where it is held
    replay: str = ""  # what a person runs to give it back


@runtime_checkable
class Backlog(Protocol):
    """Optional: for adapters of surfaces whose work piles up. Called by restores alone, while the target is shut.

    `hold` and `drop` take exactly what waits at one moment and nothing that comes after it. They are repeated under the
    same label after a crash or a lost answer, and then take nothing more. Each returns once that was read back, and
    raises as the verbs of an adapter do: without it nothing is given back.
    """

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:
        """What can be done with the work of a surface that is configured so; empty where none is told. No I/O."""

    async def count(self) -> Waiting:
        """How much waits now."""

    async def hold(self, *, label: str) -> Moved:
        """Puts what waits aside, where the agent does not look for it."""

    async def drop(self, *, label: str) -> Moved:
        """Removes what waits, for good."""

    async def replay(self, *, label: str) -> Moved:
        """Gives back what `hold` put aside under that label, behind what waits by now."""


DIGEST = "sha256:"  # how a noted value starts that is not to be shown
