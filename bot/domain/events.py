"""What the journal records: the only durable truth of the stop path. The board (`board.py`) is their fold.

Free text and people's names are `Aside` values: the journal hashes a salted commitment to them and keeps the text
beside the hash, so that an erasure does not break the chain (see `bot/journal/chain.py`).
"""

import json
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from adapters.base import Attempt, BacklogPolicy, Mode
from bot.domain import armed_events as armed
from bot.domain import draft_events as drafts
from bot.domain import drill_events as drills
from bot.domain.event_base import Aside as Aside  # noqa: PLC0414  # part of what events are made of
from bot.domain.event_base import Erasable as Erasable  # noqa: PLC0414
from bot.domain.event_base import Event as Event  # noqa: PLC0414
from bot.domain.event_base import Person as Person  # noqa: PLC0414
from bot.domain.outcome import Outcome

_QUOTED = json.JSONEncoder(ensure_ascii=False).encode


class HeldTarget(BaseModel):
    """One target of a hold with the surfaces (`agent/surface`) that point at it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    surfaces: tuple[str, ...]
    round_to: Mode  # what the plan expects to be held, after rounding

    @cached_property
    def text(self) -> str:
        """Its RFC 8785 form. Made ahead of a stop that names ten thousand of them."""
        names = ",".join(map(_QUOTED, self.surfaces))
        return f'{{"key":{_QUOTED(self.key)},"round_to":"{self.round_to}","surfaces":[{names}]}}'


class Targets(tuple[HeldTarget, ...]):  # noqa: SLOT001  # what is made once is kept beside the targets
    """The targets of a hold. What a stop of ten thousand needs of them all was made with its plan, ahead of it."""

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The key of each."""
        return tuple(target.key for target in self)

    @cached_property
    def text(self) -> bytes:
        """The RFC 8785 form of the list."""
        return f"[{','.join([target.text for target in self])}]".encode()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As a tuple; but what is one of these already is kept as it is, not copied."""
        return core_schema.no_info_wrap_validator_function(
            lambda value, validate: value if isinstance(value, cls) else cls(validate(value)),
            handler.generate_schema(tuple[HeldTarget, ...]),
        )


class LeftAlone(BaseModel):
    """A surface in scope that the hold does not bind: quarantined, or `unsupported: leave`. It stands under NOT CUT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    surface: str
    why: str


class HoldAdded(Event):
    """A stop was asked. Everything a restart needs to carry it out and to report it."""

    type: Literal["hold_added"] = "hold_added"
    hold: str
    incident: str
    mode: Mode
    by: Person
    reason: Erasable = ""
    scope: str = ""  # in the words of the command: "billing", "class:queue", "all"
    channel: str | None = None  # the Slack channel of the incident
    origin: Literal["slack", "cli", "http", "backstop", "drill", "restore"] = "slack"
    parent: str | None = None  # the hold whose deadline tripped this backstop, or the ballot that this hold belongs to
    targets: Targets = Targets()
    left: tuple[LeftAlone, ...] = ()
    roster_age: float | None = None  # seconds; None where no roster was needed or none was ever read


class PairsLifted(Event):
    """Tombstones (hold, target) pairs, and adds the holds that take their place: one line, so all of it or nothing.

    Ids never return. `step` 0 is the commit of a ballot, which loosens nothing; each later one is a mode lower.
    """

    type: Literal["pairs_lifted"] = "pairs_lifted"
    ballot: str
    pairs: tuple[tuple[str, str], ...]
    step: int = 0
    holds: tuple[HoldAdded, ...] = ()


class ReasonGiven(Event):
    """The reason of a stop that was asked for afterwards."""

    type: Literal["reason_given"] = "reason_given"
    hold: str
    by: Person
    reason: Erasable


class UndoRecorded(Event):
    """Changes of a restriction episode, encrypted; the record of an episode only grows."""

    type: Literal["undo_recorded"] = "undo_recorded"
    target: str
    sealed: str


class UndosRecorded(Event):
    """As `UndoRecorded`, for many targets at once: pairs of target and sealed changes."""

    type: Literal["undos_recorded"] = "undos_recorded"
    records: tuple[tuple[str, str], ...]


class BaselinesTaken(Event):
    """What targets are like while nothing restricts them: pairs of target and sealed state."""

    type: Literal["baselines_taken"] = "baselines_taken"
    records: tuple[tuple[str, str], ...]


class ConfigurationSeen(Event):
    """What is configured changed: a digest of each part that did, empty where it is gone. Beside the stops."""

    type: Literal["configuration_seen"] = "configuration_seen"
    parts: tuple[tuple[str, str], ...]


class Proof(BaseModel):
    """The latest that is known of one target. `elapsed_ms` counts from the target's own start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    outcome: Outcome
    asked: Mode
    held: Mode | None = None  # as read back; None where nothing could be read
    attempt: Attempt | None = None  # None without a canary
    ended: int = 0
    left: int | None = 0
    elapsed_ms: float = 0.0
    detail: str = ""
    next: str = ""  # what a person should do, where something is to be done
    token: str | None = None  # the mark that was set by the cut
    late: bool = False  # the deadline passed without proof
    settled: bool = False  # proven, answered for good, or late: waiting for it delays the report for nothing


class Outcomes(Event):
    """A batch of proofs, so that ten thousand targets take a few lines."""

    type: Literal["outcomes"] = "outcomes"
    proofs: tuple[Proof, ...]


class Owned(BaseModel):
    """A surface that stays held after its incident closed, and who owns it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    surface: str
    owner: Erasable


class IncidentClosed(Event):
    """Somebody closed the incident; `owned` lists what is still held."""

    type: Literal["incident_closed"] = "incident_closed"
    incident: str
    by: Person
    owned: tuple[Owned, ...] = ()


class Posted(Event):
    """A message of an incident's thread exists: `slot` names its place, `digest` what was last said there."""

    type: Literal["posted"] = "posted"
    incident: str
    slot: str
    channel: str
    ts: str
    digest: str


Ending = Literal["void", "expired", "vetoed", "withdrawn", "aborted", "completed"]


class Return(BaseModel):
    """One target of a ballot: how it is held, and to what it would return. `modes` can be held there, beside normal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    surfaces: tuple[str, ...]
    now: Mode
    to: Mode
    modes: tuple[Mode, ...]
    risk: Literal["high", "medium", "low"] = "medium"
    backlog: BacklogPolicy | None = None  # what becomes of the work that waits there; None where none is told


class Finding(BaseModel):
    """One line of machine evidence on a ballot. `good` is None where it speaks neither for nor against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str  # a surface, an agent or what else the line is about
    says: str
    good: bool | None = None


class BallotOpened(Event):
    """A vote on giving authority back, with everything that it is bound to. Durations are seconds."""

    type: Literal["ballot_opened"] = "ballot_opened"
    ballot: str
    incident: str
    channel: str
    kind: Literal["restore", "undo"] = "restore"
    by: Person
    reason: Erasable = ""
    scope: str
    mode: Mode
    pairs: tuple[tuple[str, str], ...]
    returns: tuple[Return, ...]
    electorate: tuple[Person, ...]
    excluded: tuple[Person, ...] = ()  # the agents' owners and identities, and whoever opened it
    quorum: int
    expires_at: float
    dwell: float
    step: float
    configuration: str  # digest of what the configuration says of the agents and of who may restore
    confirmations: int = 0  # votes that must be confirmed with a code of the second factor
    evidence: tuple[Finding, ...] = ()
    without: tuple[str, ...] = ()  # what two people acknowledged as missing: surfaces, `writer:NAME`


class VotesCounted(Event):
    """The tally changed. It is always a fresh reading of the reactions, never a sum of events."""

    type: Literal["votes_counted"] = "votes_counted"
    ballot: str
    approvals: tuple[Person, ...] = ()
    vetoes: tuple[Person, ...] = ()
    confirmed: tuple[Person, ...] = ()  # by a second factor


class CodeEntered(Event):
    """Somebody entered a code of the second factor to confirm their vote. The code itself is never recorded.

    `step` is the time step (Unix time in 30 seconds) whose code it was, which is used up by it; None where it was
    refused, and `why` says for what. `attempt` counts from 1 for each person and ballot.
    """

    type: Literal["code_entered"] = "code_entered"
    ballot: str
    digest: str  # of the ballot that the person saw
    by: Person
    attempt: int
    step: int | None = None
    why: str = ""


class StepDone(Event):
    """These targets were read back at the mode of the step."""

    type: Literal["step_done"] = "step_done"
    ballot: str
    step: int
    targets: tuple[str, ...]


class BallotEnded(Event):
    """A ballot is over. Whatever it had lifted stays lifted; an abort adds a hold of its own first."""

    type: Literal["ballot_ended"] = "ballot_ended"
    ballot: str
    how: Ending
    why: str = ""
    by: Person | None = None


class Acknowledged(Event):
    """Somebody goes without a proof or a journal, by name: `subject` is a surface or `writer:NAME`."""

    type: Literal["acknowledged"] = "acknowledged"
    subject: str
    by: Person
    reason: Erasable = ""


class EpisodeEnded(Event):
    """Nothing of ours is left to undo at a target; `records` are digests of the sealed records that are done with."""

    type: Literal["episode_ended"] = "episode_ended"
    target: str
    records: tuple[str, ...]


class HeadsSeen(Event):
    """The heads of the other chains as this writer saw them, so that a removed chain is missed."""

    type: Literal["heads_seen"] = "heads_seen"
    heads: tuple[tuple[str, int, str], ...]  # chain, sequence number, hash


class Refusal(Event):
    """A command that was refused: who, what, why."""

    type: Literal["refusal"] = "refusal"
    by: Person
    asked: str
    why: str


class OrphanSeen(BaseModel):
    """A target that reads stricter than its live holds explain; `held` is what they do explain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    mode: Mode
    held: Mode
    marked: bool  # whether it bears a mark of ours


class OrphansSeen(Event):
    """All orphans there are, whenever that changes; the newest such event replaces those before."""

    type: Literal["orphans_seen"] = "orphans_seen"
    orphans: tuple[OrphanSeen, ...] = ()


class LoopBlocked(Event):
    """A call did not give the event loop back; `target` is whose call it was, None where it was no surface's."""

    type: Literal["loop_blocked"] = "loop_blocked"
    target: str | None = None
    seconds: float
    where: str  # module, line and function
    ended: bool = False  # whether the process ended itself over it


class Note(Event):
    """What the journal says about itself: opened, a torn tail dropped, a failed file left behind."""

    type: Literal["note"] = "note"
    text: str


AnyEvent = Annotated[
    HoldAdded
    | PairsLifted
    | ReasonGiven
    | UndoRecorded
    | UndosRecorded
    | BaselinesTaken
    | ConfigurationSeen
    | Outcomes
    | IncidentClosed
    | Posted
    | BallotOpened
    | VotesCounted
    | CodeEntered
    | StepDone
    | BallotEnded
    | Acknowledged
    | EpisodeEnded
    | HeadsSeen
    | Refusal
    | LoopBlocked
    | OrphansSeen
    | drills.DrillAsked
    | drills.DrillClaimed
    | drills.DrillStarted
    | drills.DrillMeasured
    | drills.DrillReleased
    | drills.DrillGaveBack
    | drills.DrillLeftHeld
    | drills.DrillEnded
    | drills.DrillMissed
    | drills.DrillCalled
    | drills.DrillAnswered
    | armed.ArmedChanged
    | armed.ArmedTold
    | drafts.DraftsSeen
    | drafts.DraftsGone
    | drafts.DraftShown
    | drafts.DraftAsked
    | drafts.DraftDecided
    | drafts.DraftSettled
    | Note,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
