"""The stop: plan, record, dispatch, acknowledge. It waits for nothing but one bounded local fsync."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.plan import Plan, Scope
from bot.service.dispatch import Dispatcher
from bot.service.inventory import Inventory
from bot.service.ports import Clock, Receipt, Reporter, StopOrder
from bot.service.recorder import Recorder

RECORD_BUDGET = 0.050  # seconds that dispatch and acknowledgement wait for the disk


class EmptyScope(ValueError):
    """Nothing that is configured is in scope; the text says so to whoever asked."""


class StopService:
    """The one use case of the stop path, behind every door.

    Args:
        inventory: yields the current one.
        recorder: board and journal.
        dispatcher: cuts.
        reporter: tells people; may be replaced by one that does nothing.
    """

    def __init__(
        self,
        *,
        inventory: Callable[[], Inventory],
        recorder: Recorder,
        dispatcher: Dispatcher,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        self._inventory = inventory
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._reporter = reporter
        self._clock = clock
        self._writing: dict[str, asyncio.Future[bool]] = {}  # holds on their way to the disk
        self.unrecorded: set[str] = set()  # holds that no disk has, as far as is known

    @property
    def board(self) -> Board:
        """The fold of every journal."""
        return self._recorder.board

    def plan(self, mode: Mode, scope: Scope) -> Plan:
        """What a stop would hold. Touches nothing."""
        return self._inventory().plan(mode, scope)

    async def stop(self, order: StopOrder) -> Receipt:
        """Records the hold, starts every cut, returns within about 50 ms.

        Raises:
            EmptyScope: no surface is in scope.
        """
        plan = self.plan(order.mode, order.scope)
        if not plan.lines:
            raise EmptyScope(
                f"nothing that is configured matches '{order.scope}'; see the names with `agent-kill status`"
            )
        hold_id = hold_of(order.delivery)
        before = self.board.hold_events.get(hold_id)
        if before is not None:
            recorded = await self._is_recorded(hold_id)
            return Receipt(incident=before.incident, hold=hold_id, plan=plan, recorded=recorded, repeated=True)
        hold = self._hold(hold_id, order, plan)
        return Receipt(incident=hold.incident, hold=hold_id, plan=plan, recorded=await self._carry_out(hold))

    def trip_backstops(self, target: str) -> None:
        """A deadline passed unproven: holds the backstops of the target's surfaces, one level deep."""
        inventory = self._inventory()
        for hold_id in self.board.holds.live(target):
            hold = self.board.hold_events[hold_id]
            if hold.origin == "backstop":
                continue
            for name in sorted(self.board.surfaces_under(hold_id, target)):
                surface = inventory.surface(name)
                if surface and surface.backstop:
                    self._trip(hold, name, surface.backstop)

    def came_of(self, delivery: str) -> events.HoldAdded | None:
        """The hold of that delivery; None where no journal that was read has one, or ever had."""
        return self.board.hold_events.get(hold_of(delivery))

    def carry_on(self, keys: Iterable[str]) -> None:
        """Serves targets whose holds came from another writer, or from before a restart."""
        keys = tuple(keys)
        self._dispatcher.wake(keys, carried=True)
        for incident in self.board.incidents_of(*keys):
            self._reporter.wake(incident)

    async def _carry_out(self, hold: events.HoldAdded) -> bool:
        """Fsync first; dispatch when it returned or after 50 ms, whatever the disk said, and though the caller left."""
        self._write(hold)
        order = self._dispatcher.order(hold.targets.keys)  # while the disk works
        try:
            return await self._is_recorded(hold.hold)
        finally:
            self._dispatcher.start(order)
            self._reporter.wake(hold.incident)

    def _write(self, hold: events.HoldAdded) -> None:
        """Starts the durable write; a disk that answers late takes the hold off the unrecorded ones."""
        self.unrecorded.add(hold.hold)
        written = self._writing[hold.hold] = asyncio.ensure_future(self._recorder.record(hold))
        written.add_done_callback(lambda done: self._written(hold, durable=not done.cancelled() and done.result()))

    def _written(self, hold: events.HoldAdded, *, durable: bool) -> None:
        del self._writing[hold.hold]
        if durable:
            self.unrecorded.discard(hold.hold)
            self._reporter.wake(hold.incident)

    async def _is_recorded(self, hold_id: str) -> bool:
        """Whether the disk has the hold, after 50 ms at the most."""
        written = self._writing.get(hold_id)
        if written is not None:
            await asyncio.wait({written}, timeout=RECORD_BUDGET)
            return written.done() and written.result()
        return hold_id not in self.unrecorded

    def _hold(self, hold_id: str, order: StopOrder, plan: Plan) -> events.HoldAdded:
        incident = self.board.open_incident(order.channel) if order.origin != "drill" else None
        targets = plan.held
        return events.HoldAdded(
            at=self.board.stamp(targets.keys, self._clock.now()),
            hold=hold_id,
            incident=incident.id if incident else f"inc-{secrets.token_hex(4)}",
            mode=order.mode,
            by=order.by,
            reason=order.reason,
            scope=str(order.scope),
            channel=order.channel,
            origin=order.origin,
            targets=targets,
            left=tuple(events.LeftAlone(surface=line.surface, why=line.why) for line in plan.left()),
            roster_age=order.roster_age,
        )

    def _trip(self, hold: events.HoldAdded, surface: str, backstop: str) -> None:
        plan = self.plan(hold.mode, Scope(surfaces=frozenset({backstop})))
        targets = plan.held
        tripped = events.HoldAdded(
            at=self.board.stamp(targets.keys, self._clock.now()),
            hold=hold_of(f"{hold.hold}>{surface}>{backstop}"),
            incident=hold.incident,
            mode=hold.mode,
            by=events.Person(kind="bot", id="backstop"),
            reason=f"{surface} was not proven cut within its deadline",
            scope=backstop,
            channel=hold.channel,
            origin="backstop",
            parent=hold.hold,
            targets=targets,
            left=tuple(events.LeftAlone(surface=line.surface, why=line.why) for line in plan.left()),
        )
        if tripped.hold in self.board.hold_events:
            return
        self._write(tripped)
        self._dispatcher.wake(tripped.targets.keys)
        self._reporter.wake(tripped.incident)


def hold_of(delivery: str | None) -> str:
    """The same delivery gives the same id, so that a repeated one adds nothing, across any restart."""
    if delivery is None:
        return f"hold-{secrets.token_hex(6)}"
    return f"hold-{hashlib.sha256(delivery.encode()).hexdigest()[:12]}"
