"""What the use cases need of the outside, and what the outside may ask of them. Implemented in other rooms."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from adapters.base import Mode
from bot.domain import events
from bot.domain.plan import Plan, Scope
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


class Ledger(Protocol):
    """The database, which follows the journals and is never waited for by a stop."""

    async def heads(self) -> dict[str, int]:
        """The last sequence number that is stored of each chain."""

    async def follow(self, entries: Sequence[Entry]) -> None:
        """Stores entries; one that is already there is skipped."""

    async def aclose(self) -> None:
        """Closes the connections."""
