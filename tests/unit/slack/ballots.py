"""Ballots for the tests of their messages, and a use case that only remembers."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot
from bot.service.ports import CannotOpen, RestoreOrder
from bot.slack.blocks.ballot import BallotScene

NOW = 1_800_000_000.0
PROPOSER = events.Person(kind="slack", id="U0ONCALL")


def returning(*surfaces: str, risk: Any = "medium", now: Mode = Mode.FULL_STOP, to: Mode = Mode.READ_ONLY) -> Any:
    """One target that would come back."""
    return events.Return(
        key=f"t:{surfaces[0]}",
        surfaces=surfaces,
        now=now,
        to=to,
        modes=(Mode.READ_ONLY, Mode.DRAFT_ONLY, Mode.FULL_STOP),
        risk=risk,
    )


def opened(*returns: events.Return, **other: Any) -> events.BallotOpened:
    """A ballot on giving these back to read_only; two votes are needed."""
    found = returns or (returning("billing/ledger"), returning("billing/mail", risk="high"))
    made: dict[str, Any] = {
        "at": NOW,
        "ballot": "bal-1",
        "incident": "inc-1",
        "channel": "C0INCIDENT",
        "by": PROPOSER,
        "reason": "the bug is fixed",
        "scope": "billing",
        "mode": Mode.READ_ONLY,
        "pairs": tuple(("hold-1", item.key) for item in found),
        "returns": found,
        "electorate": tuple(events.Person(kind="slack", id=f"U0APPROVER{n}") for n in (1, 2, 3)),
        "quorum": 2,
        "expires_at": NOW + 1800,
        "dwell": 60.0,
        "step": 300.0,
        "configuration": "c" * 64,
        "evidence": (events.Finding(about="billing/ledger", says="no drift for 3 h", good=True),),
    }
    return events.BallotOpened(**(made | other))


def hold(reason: str = "it mails customers", hold_id: str = "hold-1", **other: Any) -> events.HoldAdded:
    """The stop that the ballot would lift."""
    made: dict[str, Any] = {
        "at": NOW - 3600,
        "hold": hold_id,
        "incident": "inc-1",
        "mode": Mode.FULL_STOP,
        "by": events.Person(kind="slack", id="U0SECOND"),
        "reason": reason,
        "scope": "billing",
        "channel": "C0INCIDENT",
    }
    return events.HoldAdded(**(made | other))


def ballot(*more: events.AnyEvent, of: events.BallotOpened | None = None) -> tuple[Ballot, events.BallotOpened]:
    """A ballot with what happened to it."""
    first = of or opened()
    found = Ballot(id=first.ballot)
    for event in (first, *more):
        found.fold(event)
    return found, first


def scene(
    *holds: events.HoldAdded, effective: dict[str, Mode] | None = None, rest: dict[str, str] | None = None
) -> BallotScene:
    """The rest of what a message is made of."""
    known = holds or (hold(),)
    return BallotScene(
        holds={item.hold: item for item in known},
        groups=("<!subteam^S0RESTORE>",),
        effective=effective or {},
        rest=rest or {},
    )


def people(*names: str) -> tuple[events.Person, ...]:
    """Slack users."""
    return tuple(events.Person(kind="slack", id=name) for name in names)


def lifted(step: int, *targets: str, mode: Mode = Mode.READ_ONLY, at: float = NOW + 100) -> events.PairsLifted:
    """A step that was begun for these targets."""
    held = tuple(events.HeldTarget(key=key, surfaces=(key[2:],), round_to=mode) for key in targets)
    own = hold("", f"bal-1.{step}.{mode}", at=at, mode=mode, origin="restore", parent="bal-1", targets=held)
    pairs = tuple(("hold-1", key) for key in targets)
    return events.PairsLifted(at=at, ballot="bal-1", pairs=pairs, step=step, holds=(own,))


@dataclass
class TinyRestores:
    """The use case in thirty lines: journals a ballot after `delay` seconds, and remembers what it was asked."""

    record: Callable[[events.AnyEvent], object]
    wake: Callable[[str], None]
    orders: list[RestoreOrder] = field(default_factory=list)
    acknowledged: list[tuple[str, str, str]] = field(default_factory=list)
    hints: list[tuple[str, str]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    delay: float = 0.0
    failure: Exception | None = None

    async def open(self, order: RestoreOrder) -> events.BallotOpened:
        """Opens it as it was asked, for billing/ledger."""
        self.orders.append(order)
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        made = opened(
            at=time.time(),
            by=order.by,
            reason=order.reason,
            scope=str(order.scope),
            mode=order.mode,
            channel=order.channel,
            kind=order.kind,
            expires_at=time.time() + 1800,
        )
        self.record(made)
        self.wake(made.ballot)
        return made

    def acknowledge(self, subject: str, by: events.Person, reason: str) -> str:
        """Remembers."""
        self.acknowledged.append((subject, by.id, reason))
        return f"Recorded: you go without `{subject}`."

    def withdraw(self, ballot_id: str, by: events.Person) -> str:
        """Ends it."""
        self.withdrawn.append(ballot_id)
        self.record(events.BallotEnded(at=time.time(), ballot=ballot_id, how="withdrawn", by=by))
        self.wake(ballot_id)
        return "The ballot is withdrawn; nothing was changed."

    def who_may_vote(self, ballot_id: str) -> str:
        """Names one."""
        return f"2 of these people must approve {ballot_id}: <@U0APPROVER1>."

    def hint(self, channel: str, ts: str) -> None:
        """Remembers."""
        self.hints.append((channel, ts))


REFUSED = CannotOpen(
    ["billing/ledger is not proven cut: two people say `/agent-restore acknowledge billing/ledger REASON`", "<b> & c"]
)
