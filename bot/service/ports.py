"""What the use cases need of the outside, and what the outside may ask of them. Implemented in other rooms."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Reading
from bot.domain.plan import Plan, Scope
from bot.domain.policy import Roster
from bot.journal.reader import Entry as Entry  # noqa: PLC0414  # the ledger speaks in entries


class Clock(Protocol):
    """Time, so that tests can own it."""

    def now(self) -> float:
        """Unix time in seconds, for people and records; never decides who is right."""

    def monotonic(self) -> float:
        """Seconds that only rise, for durations."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


class Journal(Protocol):
    """The durable truth of the stop path. `append` starts at once; its result says when it is on disk."""

    def append(self, event: events.AnyEvent) -> Awaitable[bool]:
        """Queues the event for an fsynced write at once; the awaitable yields whether it became durable."""


class Reporter(Protocol):
    """Tells people. Level-triggered: it is told that something changed, and reads the rest from the board."""

    def wake(self, incident: str) -> None:
        """Something about this incident changed. Never blocks, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """An authorised stop.

    Args:
        mode: stricter than normal.
        scope: never empty.
        by: who asked.
        reason: may be empty: it never delays a stop.
        channel: the Slack channel of the incident that the stop opens or joins.
        origin: the door.
        delivery: the delivery's own id (Slack's `trigger_id`, the signature of a signed call); the same delivery
            twice is one hold. None makes every call a hold of its own.
        roster_age: seconds since the roster that authorised it was read.
    """

    mode: Mode
    scope: Scope
    by: events.Person
    reason: str = ""
    channel: str | None = None
    origin: Literal["slack", "cli", "http", "drill"] = "slack"
    delivery: str | None = None
    roster_age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is acknowledged: within 50 ms of the order, while the cuts are under way."""

    incident: str
    hold: str
    plan: Plan
    recorded: bool  # False: NOT RECORDED, and dispatched anyway
    repeated: bool = False  # the same delivery was already carried out


class Stops(Protocol):
    """The one use case of the stop path, as the doors (Slack, HTTP, command line) see it."""

    def plan(self, mode: Mode, scope: Scope) -> Plan:
        """What a stop would hold. Touches nothing."""

    async def stop(self, order: StopOrder) -> Receipt:
        """Records the hold, starts every cut, returns within about 50 ms. Raises `EmptyScope` for nothing in scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """Somebody asks for a ballot.

    Args:
        mode: looser than what is held.
        scope: never empty.
        by: who asks; they will not vote.
        reason: why authority may come back; never empty.
        channel: the incident channel, where the ballot is posted.
        kind: `undo` for a stop that was a mistake; then `hold` names it.
        delivery: the delivery's own id; the same delivery twice is one ballot.
    """

    mode: Mode
    scope: Scope
    by: events.Person
    reason: str
    channel: str
    kind: Literal["restore", "undo"] = "restore"
    hold: str | None = None
    delivery: str | None = None


class CannotOpen(ValueError):  # an answer, not a fault
    """A ballot cannot be opened now; `reasons` says why and what to do, a sentence each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


class Restores(Protocol):
    """Giving authority back, as the doors see it."""

    async def open(self, order: RestoreOrder) -> events.BallotOpened:
        """Gathers the evidence, journals the ballot, has it posted. Raises `CannotOpen`."""

    def acknowledge(self, subject: str, by: events.Person, reason: str) -> str:
        """Goes without a proof (`agent/surface`) or a journal (`writer:NAME`), by name; the sentence to answer."""

    def withdraw(self, ballot: str, by: events.Person) -> str:
        """Ends a ballot that its proposer opened and that is still voted on; the sentence to answer."""

    def who_may_vote(self, ballot: str) -> str:
        """Names the people whose reactions count, as Slack mentions."""

    def hint(self, channel: str, ts: str) -> None:
        """Something happened to the reactions on this message: look soon. Never decides anything."""


class SecondFactors(Protocol):
    """Confirming a vote with a code, as the doors see it."""

    def why_not(self, ballot_id: str, by: events.Person) -> str:
        """Why this person has nothing to confirm on this ballot; empty where a code may be asked."""

    async def confirm(self, ballot_id: str, digest: str, by: events.Person, code: str) -> str:
        """Confirms the vote of `by` with a code; the sentence to answer, empty where it is confirmed."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The ballot's message was deleted or is not as it was posted; `why` says which."""

    why: str


class BallotBox(Protocol):
    """Where people vote. Level-triggered like `Reporter`: it reads the ballots from the board."""

    async def read(self, opened: events.BallotOpened) -> Reading | Gone | None:
        """The reactions now, read afresh; None where they cannot be read or the ballot is not posted yet."""

    async def roster(self) -> Roster | None:
        """The roster, no older than `electorate.FRESH`; None where Slack does not say."""

    async def unfit(self, channel: str) -> str:
        """Why no ballot may stand in this channel; empty where nothing is known against it. Never raises."""

    def wake(self, ballot: str) -> None:
        """Something about this ballot changed: its message is to be posted or updated. Never blocks, never raises."""

    def refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:
        """Tells somebody who reacted without a say why, for their eyes only and once. Never blocks, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Machine evidence for a ballot. `withheld` says of each surface why it has not earned the mode that is asked."""

    findings: tuple[events.Finding, ...] = ()
    withheld: tuple[str, ...] = ()


class Evidence(Protocol):
    """What machines say for and against giving authority back."""

    async def gather(self, returns: Sequence[events.Return], to: Mode, reason: str) -> Gathered:
        """Everything that the ballot shows, gathered now; bounded in time, never raises."""

    async def evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:
        """The evaluations of these surfaces that do not come out as expected for what is held now, a sentence each."""


class Ledger(Protocol):
    """The database, which follows the journals and is never waited for by a stop."""

    async def heads(self) -> dict[str, int]:
        """The last sequence number that is stored of each chain."""

    async def follow(self, entries: Sequence[Entry]) -> None:
        """Stores entries; one that is already there is skipped."""

    async def aclose(self) -> None:
        """Closes the connections."""
