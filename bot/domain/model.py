"""The nouns of the configuration, frozen; `bot/settings` reads them from the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import SecretStr

from adapters.base import BacklogPolicy, Mode, SurfaceClass
from adapters.base import Config as AdapterConfig
from bot.domain.drill_events import Fault
from bot.domain.drill_events import Kind as DrillKind


class Risk(StrEnum):
    """How early a surface is cut: high first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Unsupported(StrEnum):
    """What to do with a mode that the surface cannot enforce."""

    STRICTER = "stricter"  # round to the next stricter mode that it can
    LEAVE = "leave"  # leave it alone; it then stands under NOT CUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the configuration file something stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """One place where one agent holds authority. Durations are seconds."""

    agent: str
    id: str
    adapter: str
    surface_class: SurfaceClass
    settings: AdapterConfig
    canary: AdapterConfig | None = None
    risk: Risk = Risk.MEDIUM
    deadline: float = 5.0
    drain: float = 0.0
    unsupported: Unsupported = Unsupported.STRICTER
    backstop: str | None = None
    backlog: BacklogPolicy | None = None  # None: held where its kind can hold it, else left in place
    place: Place | None = None

    @property
    def name(self) -> str:
        """`agent/surface`, the name that people type."""
        return f"{self.agent}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A surface whose configuration is wrong: in scope of every stop, and NOT CUT until it is mended."""

    agent: str
    id: str
    why: str
    place: Place | None = None
    adapter: str = ""
    surface_class: SurfaceClass | None = None

    @property
    def name(self) -> str:
        """`agent/surface`, the name that people type."""
        return f"{self.agent}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pact:
    """What an agent is for and may do, in its owner's words, and how much a restore may give back to it."""

    purpose: str = ""
    may: tuple[str, ...] = ()
    may_never: tuple[str, ...] = ()
    loosest: Mode = Mode.NORMAL  # the loosest mode that a restore may give back


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as an evaluation; its headers may hold the agent's own credential."""

    url: str = field(repr=False)
    method: str = "GET"
    headers: Mapping[str, SecretStr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A realistic execution path with the result expected per mode."""

    id: str
    surfaces: tuple[str, ...]
    expect: Mapping[Mode, str]
    timeout: float = 30.0
    command: tuple[str, ...] = ()
    http: Request | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An autonomous program with an owner and a pact."""

    id: str
    name: str
    owner: str | None = None  # Slack user id
    channel: str | None = None  # Slack channel id
    slack_identities: frozenset[str] = frozenset()
    pact: Pact = field(default_factory=Pact)
    surfaces: tuple[Surface, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    not_applicable: Mapping[SurfaceClass, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPolicy:
    """Who may stop. Groups are ids (`S0ONCALL`) or handles (`@oncall`); empty channels mean any channel."""

    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Bounds `/agent-kill undo`. Seconds and people."""

    within: float = 600.0
    quorum: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """How many votes must be confirmed with a code, and whose seed is which: base32 by Slack user id."""

    seeds: Mapping[str, SecretStr]
    quorum: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePolicy:
    """Who gives authority back, and how slowly. Seconds and people."""

    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    quorum: int = 2
    full_stop_quorum: int = 3
    ttl: float = 1800.0
    dwell: float = 60.0
    step: float = 300.0
    mistake: Mistake = field(default_factory=Mistake)
    second_factor: SecondFactor | None = None  # None: a Slack identity is taken for its person
    frozen: str = ""  # why nobody may restore until the configuration is mended; empty: nothing is in the way


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePolicy:
    """Who may release what is held or drafted; empty means as restore. Seconds.

    Args:
        ttl: how long an action of approval_gated waits for a decision before it is dropped.
        keep: how long a draft of draft_only is kept before it is dropped.
    """

    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    ttl: float = 1800.0
    keep: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may do what."""

    stop: StopPolicy = field(default_factory=StopPolicy)
    restore: RestorePolicy = field(default_factory=RestorePolicy)
    approve: ApprovePolicy = field(default_factory=ApprovePolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A rehearsal on a schedule (cron fields, weekdays by name). Durations are seconds.

    Args:
        by: who gives the command at the due time: the clock, or the operator on turn.
        wait: how long the operator is waited for, and how late the clock may still begin.
        hold: how long everything stays cut once it is proven, before it is given back.
        everyone: the period in which every member of the stop group should have pulled the switch.
        accept_loss: whether work may be lost: without it no surface whose adapter loses work is really cut.
        under_load: a command that runs from before the cut until it is measured.
        faults: what is injected into the bot itself during the cut.
        surprise: the window from the due time on in which the clock begins it, at a moment that nobody is told.
    """

    id: str
    schedule: str
    surfaces: tuple[str, ...]
    mode: Mode
    kind: DrillKind
    timezone: str = "UTC"
    remind: tuple[float, ...] = ()
    by: Literal["clock", "operator"] = "clock"
    wait: float = 1800.0
    hold: float = 0.0
    everyone: float = 30 * 86_400.0
    accept_loss: bool = False
    under_load: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    surprise: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPeriods:
    """How often held surfaces are looked at. Seconds: every `fast` for the first `fast_for` of a hold, then `slow`."""

    fast: float = 5.0
    fast_for: float = 600.0
    slow: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedPeriod:
    """How often every surface is asked whether it could be cut now. Seconds."""

    period: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The Slack channels that the bot speaks in; None where no Slack is configured."""

    incident_channel: str | None = None
    audit_channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One configuration file, whole. `digest` is the SHA-256 of its text, in hexadecimal."""

    workspace: Workspace = field(default_factory=Workspace)
    writers: tuple[str, ...] = ("bot",)
    policy: Policy = field(default_factory=Policy)
    agents: tuple[Agent, ...] = ()
    drills: tuple[Drill, ...] = ()
    watch: WatchPeriods = field(default_factory=WatchPeriods)
    armed: ArmedPeriod = field(default_factory=ArmedPeriod)
    digest: str = ""

    def agent(self, agent_id: str) -> Agent | None:
        """Returns the agent of that id."""
        return next((agent for agent in self.agents if agent.id == agent_id), None)

    def surfaces(self) -> tuple[Surface, ...]:
        """Every usable surface of every agent, in the file's order."""
        return tuple(surface for agent in self.agents for surface in agent.surfaces)
