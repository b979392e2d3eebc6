"""What agents proposed and surfaces parked: looked at while a middle mode is held, and as long as something is parked.

Level-triggered: each look compares what a surface lists with what the journal knows of it, so a restart goes on where
it was. No stop waits for anything here: looks are tasks of their own, few at once, and none begins while a cut is under
way.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from adapters.base import Mode
from bot.domain import draft_events as drafts
from bot.domain.drafts import Proposal
from bot.domain.model import ApprovePolicy
from bot.service.decisions import Answer, Decisions, Order
from bot.service.inventory import Inventory
from bot.service.lots import ALL, Found, Listing, Lot, look, lots_of
from bot.service.ports import Clock
from bot.service.recorder import Recorder

_LOG = logging.getLogger(__name__)
TICK = 1.0  # seconds between ticks; what is due is decided here
FAST, CALM, REST = 2.0, 10.0, 30.0  # seconds between two looks: a young hold or open drafts; a hold; none that parks
_YOUNG = 600.0  # seconds
_SLOWER = 10  # times as long as a look took passes until the next one
_AT_ONCE, _MOST = 4, 50  # looks under way, and those that are begun or wait for it
_MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})
_EXPIRED_AT_ONCE = 20
_MISSED = 3  # whole listings without a draft until it counts as gone: another's hand may hold it for a moment


class ParkedWork:
    """One for the whole bot.

    Args:
        inventory: yields the current one.
        recorder: records events.
        hurried: whether a cut is under way in its own time: then no look begins.
        refresh: reads other writers' journals, without waiting; whether all could be read.
        clock: time.

    Attributes:
        listings: what each lot listed last, by its key.
        decisions: what people decide on them.
    """

    def __init__(
        self,
        *,
        inventory: Callable[[], Inventory],
        recorder: Recorder,
        hurried: Callable[[], bool],
        refresh: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self.listings: dict[tuple[str, str], Listing] = {}
        self.decisions = Decisions(lots=self._lots, recorder=recorder, policy=self.policy, refresh=refresh, clock=clock)
        self._inventory = inventory
        self._recorder = recorder
        self._board = recorder.board
        self._hurried = hurried
        self._clock = clock
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[str] = set()  # targets
        self._next: dict[str, float] = {}  # by target
        self._missed: Counter[str] = Counter()
        self._over: set[tuple[str, int]] = set()  # holds that ended, which no tick goes through again
        self._known: tuple[Inventory, dict[str, tuple[Lot, ...]]] | None = None  # what parks, by target

    async def tick(self) -> None:
        """Settles what an earlier process left, and starts the looks that are due."""
        proposals = self._board.proposals.known()
        for proposal in [it for found in proposals.values() for it in found]:
            self.decisions.take_up(proposal)
        if self._hurried():
            return
        now = self._clock.monotonic()
        for target in self._due(proposals, now):
            self._looking.add(target)
            task = asyncio.create_task(self._look(target), name=f"what {target} parks")
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def aclose(self) -> None:
        """Ends what is under way."""
        await self.decisions.aclose()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def found(self) -> Iterator[Found]:
        """Everything that is listed now and open, in the order of the surfaces, oldest first."""
        for listing in self.listings.values():
            for item in listing.found:
                proposal = self._board.proposals.all.get(item.name)
                if proposal is not None and proposal.open:
                    yield item

    def problems(self) -> list[str]:
        """What cannot be listed, a sentence each."""
        items = sorted(self.listings.items(), key=lambda it: it[0])
        return [f"what {key[1]} parks cannot be listed: {it.trouble}" for key, it in items if it.trouble]

    async def decide(self, order: Order) -> Answer:
        """As `Decisions.decide`; what is parked is looked at again soon after."""
        answer = await self.decisions.decide(order)
        proposal = self._board.proposals.all.get(order.draft)
        for _, seen in proposal.seen.values() if proposal else ():
            self._next.pop(seen.target, None)
        return answer

    def _due(self, proposals: dict[str, list[Proposal]], now: float) -> list[str]:
        """The targets to look at now: where a middle mode is held, and where something is known to be parked.

        Of very many the ones that waited longest, some with each tick: nothing here may keep the process busy.
        """
        keys = {*self._held_to_park(), *proposals}
        found = [key for key in keys if self._is_due(key, key in proposals, now)]
        found.sort(key=lambda key: (self._next.get(key, 0.0), key))
        chosen = found[: max(0, _MOST - len(self._looking))]
        for key in chosen:
            self._next[key] = now + self._period(key, waits=key in proposals)
        return chosen

    def _held_to_park(self) -> Iterator[str]:
        """The targets of live holds at a middle mode; a full stop of ten thousand costs nothing here."""
        for hold in self._board.hold_events.values():
            version = (hold.hold, len(hold.targets))  # of one delivery another writer may know of more targets
            if hold.mode not in _MIDDLE or version in self._over:
                continue
            live = [key for key in hold.targets.keys if hold.hold in self._board.holds.live(key)]
            if not live:
                self._over.add(version)
            yield from live

    def _is_due(self, key: str, waits: bool, now: float) -> bool:  # noqa: FBT001  # of one caller
        if key in self._looking or now < self._next.get(key, 0.0):
            return False
        mode = self._board.effective(key)
        return (waits or mode in _MIDDLE) and any(waits or mode in lot.modes for lot in self._lots(key))

    def _period(self, key: str, *, waits: bool) -> float:
        if self._board.effective(key) not in _MIDDLE:
            return REST
        return FAST if waits or self._is_young(key) else CALM

    def _is_young(self, target: str) -> bool:
        live = (self._board.hold_events.get(hold) for hold in self._board.holds.live(target))
        return self._clock.now() - max((hold.at for hold in live if hold), default=0.0) < _YOUNG

    async def _look(self, target: str) -> None:
        try:
            async with self._slots, self.decisions.locks[target]:
                started = self._clock.monotonic()
                listings = [(lot, await self._list(lot)) for lot in self._lots(target)]
                took = self._clock.monotonic() - started
            self._next[target] = max(self._next.get(target, 0.0), self._clock.monotonic() + _SLOWER * took)
            for lot, listing in listings:
                self._take(lot, listing)
        finally:
            self._looking.discard(target)

    async def _list(self, lot: Lot) -> Listing:
        """The oldest, and of the rest those that somebody asked for by name."""
        listing = await look(lot)
        there = {found.name for found in listing.found}
        known = self._board.proposals.known().get(lot.target.key, ())
        missing = {it.name for it in known if it.asked and it.name not in there and _belongs(it, lot)}
        if not missing or listing.whole or listing.trouble:
            return listing
        more = tuple(found for found in (await look(lot, ALL)).found if found.name in missing)
        return replace(listing, found=listing.found + more)

    def _take(self, lot: Lot, listing: Listing) -> None:
        """Compares what is listed with what is known."""
        before, self.listings[lot.key] = self.listings.get(lot.key), listing
        if listing.trouble and (before is None or before.trouble != listing.trouble):
            _LOG.warning("what %s parks cannot be listed: %s", lot.key[1], listing.trouble)
        news = tuple(found.seen() for found in listing.found if self._is_news(found))
        if news:
            self._recorder.record(drafts.DraftsSeen(at=self._clock.now(), drafts=news))
        gone = self._gone(lot, listing)
        if gone:
            self._recorder.record(drafts.DraftsGone(at=self._clock.now(), drafts=gone))
        self._expire(listing)

    def _is_news(self, found: Found) -> bool:
        proposal = self._board.proposals.all.get(found.name)
        if proposal is None:
            return True
        return proposal.ended() is None and (found.digest not in proposal.seen or proposal.vanished)

    def _gone(self, lot: Lot, listing: Listing) -> tuple[str, ...]:
        """The drafts that are not there any more though nobody decided on them here."""
        there = {found.name for found in listing.found}
        for name in there:
            self._missed.pop(name, None)
        if not listing.whole:
            return ()
        missing = [
            proposal.name
            for proposal in self._board.proposals.known().get(lot.target.key, ())
            if proposal.name not in there and proposal.standing() is None and _belongs(proposal, lot)
        ]
        self._missed.update(missing)
        return tuple(name for name in missing if self._missed[name] >= _MISSED)

    def _expire(self, listing: Listing) -> None:
        """Drops what nobody decided on in time, some at a time."""
        begun = 0
        for found in listing.found:
            begun += self.decisions.expire(self._board.proposals.all[found.name], found.digest)
            if begun >= _EXPIRED_AT_ONCE:
                return

    def _lots(self, target: str) -> tuple[Lot, ...]:
        """What parks at a target; found out when it is first asked for, and anew after a reload."""
        inventory = self._inventory()
        if self._known is None or self._known[0] is not inventory:
            self._known = (inventory, {})
        known = self._known[1]
        if target not in known:
            known[target] = tuple(lots_of(inventory.targets[target])) if target in inventory.targets else ()
        return known[target]

    def policy(self) -> ApprovePolicy:
        """The current `policy.approve`."""
        return self._inventory().configuration.policy.approve

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("what is parked could not be looked at", exc_info=error)


def _belongs(proposal: Proposal, lot: Lot) -> bool:
    return any(set(seen.surfaces) & set(lot.names) for _, seen in proposal.seen.values())
