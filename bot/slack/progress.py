"""What is remembered of an incident's thread while the process lives. Losing it costs nothing but a summary."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import events
from bot.domain.outcome import Outcome
from bot.domain.report import Line

PARENT = "parent"
NO_CHANNEL = "no channel takes the report"
_OWN_STATE = {
    Outcome.APPLIED,
    Outcome.DRIFTED,
    Outcome.CONTESTED,
    Outcome.RESTORED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """How reports are made. Times are seconds.

    Args:
        incident_channel: where incidents without a channel go, and those whose channel cannot be posted to.
        fallback_channel: where they go when that fails too.
        groups: ids (or handles) of the user groups that are called when something is NOT CUT.
        spacing: between messages of a channel.
        update_every: between two updates of a parent, doubled with each while a stop is under way.
        calm_every: between two updates of a parent once everything is settled.
        late_gather: how long changes after the report are gathered before they are told.
        late_every: between two replies about such changes.
        catch_up_after: older news is told in one reply.
        remind_every: until people are reminded of what is still held, counted from when somebody last touched it.
        budget: calls to Slack per stop until everything is settled.
    """

    incident_channel: str | None = None
    fallback_channel: str | None = None
    groups: tuple[str, ...] = ()
    spacing: float = 1.0
    update_every: float = 1.5
    calm_every: float = 5.0
    late_gather: float = 5.0
    late_every: float = 60.0
    catch_up_after: float = 60.0
    remind_every: float = 24 * 3600.0
    budget: int = 8


@dataclass(slots=True)
class Progress:
    """The thread of one incident, as this process knows it. Times are of the monotonic clock."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    busy: bool = True
    calls: Counter[str] = field(default_factory=Counter)  # to Slack, by stop
    updates: Counter[str] = field(default_factory=Counter)  # of the parent while that stop was under way
    parent_at: float = float("-inf")
    late_at: float = float("-inf")
    changed_at: float | None = None
    said: dict[str, str] | None = None  # the state of each surface as last told; None after a restart
    unsure: Counter[str] = field(default_factory=Counter)  # posts of unknown outcome, by slot
    uploads: Counter[str] = field(default_factory=Counter)  # files that Slack did not take so far, by slot
    frozen: set[str] = field(default_factory=set)  # slots that cannot be updated any more
    bare: set[str] = field(default_factory=set)  # slots whose blocks Slack did not take
    dropped: set[str] = field(default_factory=set)  # slots that cannot be filled (a file without the scope for it)
    lost: set[str] = field(default_factory=set)  # slots whose message is gone
    threads_lost: int = 0
    not_before: float = float("-inf")  # of the next attempt, after one that failed
    down_since: float | None = None  # Unix time of the first of the calls that Slack did not answer
    outage: tuple[float, float] | None = None  # from, to; until it was told
    failures: int = 0
    trouble: str = ""  # why nothing gets through at present

    def gap(self, wall: float, at_least: float) -> tuple[float, float] | None:
        """The outage of Slack, past or just ending, that readers have not been told of. Unix times."""
        if self.down_since is not None and wall - self.down_since > at_least:
            return (self.outage[0] if self.outage else self.down_since, wall)
        return self.outage


def key(line: Line) -> str:
    """What of a surface's state is worth a word when it changes: not every way to fail is news."""
    if line.outcome is Outcome.VERIFIED:
        again = f" after {len(line.drifts)} drifts" if line.drifts else ""  # a re-cut is told, however fast it was
        return f"verified {line.held}{again}"
    if line.outcome in {Outcome.RELAXING, Outcome.PROBATION}:
        return "coming back"  # the ballot tells each step
    return str(line.outcome) if line.outcome in _OWN_STATE else "not cut"


def states(lines: Sequence[Line]) -> dict[str, str]:
    """The states of surfaces by name."""
    return {line.surface: key(line) for line in lines}


def digest(said: Mapping[str, str]) -> str:
    """Names a set of states, for a restart to see whether anything changed meanwhile."""
    return hashlib.sha256(json.dumps(sorted(said.items())).encode()).hexdigest()[:32]


def last_said(posts: Mapping[str, events.Posted]) -> events.Posted | None:
    """The latest report or later change that was told."""
    told = [post for slot, post in posts.items() if slot.startswith(("closing:", "late:"))]
    return max(told, key=lambda post: post.at, default=None)
