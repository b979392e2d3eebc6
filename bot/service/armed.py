"""The armed check: asks every surface, and the bot's own parts, whether a stop would work now. Changes nothing.

A lane of its own, below every cut: nothing new is asked while a cut is under way in its own time, a question that runs
is given its deadline and no more, and what a question borrows a cut never waits for (`adapters.base`). Ten thousand
surfaces are spread over the period.
"""

import asyncio
import heapq
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain import armed_events, events
from bot.domain.armed import Armed, standing
from bot.domain.board import Board
from bot.service import checked_file
from bot.service.inventory import Inventory, Target
from bot.service.ports import Clock
from bot.service.probe import Probed, probe_one

_log = logging.getLogger(__name__)
_SHARE = 0.7  # of the period between two looks; the rest is for a second look, an answer that is late, and the message
_SECOND_LOOK = (0.1, 5.0)  # part of the period, and seconds at the most, until what was found amiss is looked at again
_FIRST = 50.0  # looks a second at the start, the riskiest first
_AT_ONCE = (8, 256)  # looks beside each other, at least and at most
_SLOW = 6.0  # seconds that a look takes at the worst, nearly
_GRACE = 2.0  # seconds beside its deadline after which a look that ignores both counts as hung
_TICK = 0.2  # seconds
_LAST = 1.0  # seconds that the disk gets at the end
_BROKEN = "broken"
_KEPT = 0.05  # part of the period between two writings of when what was checked
_NEXT = "mend that; until then cut it by hand"
_MEND = "mend the line and run `agent-kill check`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at one of the bot's own parts found.

    Args:
        subject: the part's name; no slash.
        why: what is amiss; empty where nothing is.
        next: what a person should do.
        sure: False where it could not be asked: nothing new is known, and what is known gets older.
    """

    subject: str
    why: str = ""
    next: str = ""
    sure: bool = True


Part = Callable[[], Awaitable[Sequence[Looked]]]  # names every one of its subjects every time


class ArmedCheck:
    """One for the whole bot.

    Args:
        inventory: yields the current one.
        board: the fold of every journal.
        record: records an event.
        clock: time.
        busy: whether a cut is under way, or for how a target hesitates.
        hesitation: seconds for which a target is not to be touched at all.
        parts: the bot's own; each answers about its subjects.
        file: where it is kept when what was checked.
    """

    def __init__(
        self,
        *,
        inventory: Callable[[], Inventory],
        board: Board,
        record: Callable[[events.AnyEvent], object],
        clock: Clock,
        busy: Callable[[], bool],
        hesitation: Callable[[str], float],
        file: Path,
        parts: Iterable[Part] = (),
    ) -> None:
        self._inventory, self._board, self._record, self._clock = inventory, board, record, clock
        self._busy, self._hesitation = busy, hesitation
        self.parts = list(parts)
        self._file = file
        kept = checked_file.read(file)
        self._before = kept.at  # of the process before this one, Unix time
        self._checked: dict[str, float] = {}  # monotonic, so that a clock that is set back makes nothing look fresh
        self._whys: dict[str, tuple[str, str]] = {}  # what was found last, in its newest words
        self._suspected: set[str] = set()
        self._due: list[tuple[float, int, str]] = []  # a heap: when, in which order, which target
        self._planned: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._subjects_before = kept.parts  # of the parts, until each was looked at
        self._subjects_of: dict[str, tuple[str, ...]] = {}  # by part
        self._changes: list[armed_events.ArmedSeen] = []
        self._kept_at = float("-inf")
        self._keeping: threading.Thread | None = None
        self._served: Inventory | None = None

    @property
    def period(self) -> float:
        """Seconds within which everything is checked and told."""
        return self._inventory().configuration.armed.period

    def subjects(self) -> list[str]:
        """Everybody who is checked: surfaces, broken ones, parts."""
        inventory = self._inventory()
        names = [surface.name for target in inventory.targets.values() for surface in target.surfaces]
        return [*dict.fromkeys((*names, *(item.name for item in inventory.broken))), *self._parts()]

    def _parts(self) -> tuple[str, ...]:
        looked = {name for names in self._subjects_of.values() for name in names}
        waiting = self._subjects_before if len(self._subjects_of) < len(self.parts) else ()
        return tuple(sorted({*looked, *waiting}))

    def standings(self) -> dict[str, Armed]:
        """How everybody stands now."""
        now, period, roll, checked = self._clock.now(), self.period, self._board.armed, self._checked_at()
        return {name: standing(roll, name, checked.get(name), now, period) for name in self.subjects()}

    def _checked_at(self) -> dict[str, float]:
        """When everybody was checked last, Unix time by the clock of now."""
        ahead = self._clock.now() - self._clock.monotonic()
        return {**self._before, **{name: at + ahead for name, at in self._checked.items()}}

    def suspects(self) -> bool:
        """Whether anything was found amiss that a second look has yet to confirm."""
        return bool(self._suspected)

    def why(self, subject: str) -> tuple[str, str]:
        """Why it is not armed, in the newest words, and what to do."""
        last = self._board.armed.last(subject)
        return self._whys.get(subject) or ((last.why, last.next) if last else ("", ""))

    async def run(self) -> None:
        """Looks for ever. Nothing that a surface or a part does ends it."""
        try:
            while True:
                try:
                    self._turn()
                    self._keep()
                except Exception:  # noqa: BLE001  # a check that ended would look like one that finds nothing
                    _log.exception("the armed check failed; it goes on")
                await self._clock.sleep(min(_TICK, self.period * _KEPT))
        finally:
            running = tuple(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self._write().join(_LAST)

    def _turn(self) -> None:
        """Starts what is due, as far as it may."""
        inventory = self._inventory()
        if inventory is not self._served:
            self._served = inventory
            self._plan(inventory)
        self._flush()
        now, room = self._clock.monotonic(), self._room(inventory)
        if not self._due or self._due[0][0] > now or self._busy():
            return
        while self._due and self._due[0][0] <= now and len(self._running) < room:
            _, _, key = heapq.heappop(self._due)
            self._planned.discard(key)
            self._begin(key, inventory)

    def _plan(self, inventory: Inventory) -> None:
        """Whoever is new is due soon, the riskiest first; who is gone falls out when it is due."""
        now = self._clock.monotonic()
        for index in range(len(self.parts)):
            self._schedule(f"part {index}", now)
        self._schedule(_BROKEN, now)
        for number, key in enumerate(inventory.by_risk(inventory.targets)):
            self._schedule(key, now + number / _FIRST)

    def _schedule(self, key: str, at: float) -> None:
        if key not in self._planned and key not in self._running:
            self._planned.add(key)
            heapq.heappush(self._due, (at, len(self._planned), key))

    def _room(self, inventory: Inventory) -> int:
        wanted = len(inventory.targets) * _SLOW / (self.period * _SHARE)
        return int(min(max(wanted, _AT_ONCE[0]), _AT_ONCE[1]))

    def _begin(self, key: str, inventory: Inventory) -> None:
        if key == _BROKEN:
            work = self._look_at_broken()
        elif key.startswith("part "):
            work = self._look_at_part(key, self.parts[int(key.removeprefix("part "))])
        elif key in inventory.targets:
            work = self._look_at(inventory.targets[key])
        else:
            return
        self._running[key] = asyncio.create_task(self._carry_out(key, work), name=f"armed {key}")

    async def _carry_out(self, key: str, work: Awaitable[bool]) -> None:
        """One look; another soon where something new was found amiss, else when the period says so."""
        settled = True
        try:
            settled = await work
        except Exception:  # noqa: BLE001  # one part's surprise is no other's
            _log.exception("the armed check of %s failed; the next one comes", key)
        finally:
            self._running.pop(key, None)
            wait = self.period * _SHARE * random.uniform(0.9, 1.0)  # noqa: S311  # jitter
            soon = min(self.period * _SECOND_LOOK[0], _SECOND_LOOK[1])
            self._schedule(key, self._clock.monotonic() + (wait if settled else soon))

    async def _look_at_broken(self) -> bool:
        """Whatever the configuration says wrongly cannot be cut; no second look is needed."""
        for item in self._inventory().broken:
            why = f"configuration: {item.why}" + (f" ({item.place})" if item.place else "")
            self._suspected.add(item.name)
            self._found(item.name, why, _MEND)
        return True

    async def _look_at(self, target: Target) -> bool:
        """Asks one target; says whether what it found is believed."""
        waits = self._hesitation(target.key)
        if waits:
            why = f"a call for it blocked the whole process: it is not touched for another {waits:.0f} s"
            found = [Probed(surface=surface.name, problems=(why,)) for surface in target.surfaces]
        else:
            found = await self._probed(target)
        settled = [self._found(it.surface, "; ".join(it.problems), _NEXT) for it in found]
        return all(settled)

    async def _probed(self, target: Target) -> list[Probed]:
        """What it answers. A call that ignores even its cancellation is left behind, and nothing waits for it."""
        asking = asyncio.create_task(probe_one(target), name=f"probe {target.key}")
        done, _ = await asyncio.wait({asking}, timeout=target.deadline + _GRACE)
        if done:
            return asking.result()
        asking.cancel()
        why = f"a question to it hangs since {target.deadline + _GRACE:g} s and cannot be ended"
        return [Probed(surface=surface.name, problems=(why,)) for surface in target.surfaces]

    async def _look_at_part(self, key: str, part: Part) -> bool:
        looked = await part()
        self._subjects_of[key] = tuple(it.subject for it in looked)
        settled = [self._found(it.subject, it.why, it.next) for it in looked if it.sure]
        return all(settled)

    def _found(self, subject: str, why: str, step: str) -> bool:
        """Takes what was found in; False where it has to be looked at a second time to be believed."""
        self._checked[subject] = self._clock.monotonic()
        was_armed = self._board.armed.is_armed(subject)
        if not why:
            self._suspected.discard(subject)
            self._whys.pop(subject, None)
            if not was_armed:
                self._changes.append(armed_events.ArmedSeen(subject=subject, armed=True))
            return True
        if was_armed and subject not in self._suspected:
            self._suspected.add(subject)
            return False
        self._whys[subject] = (why, step)
        if was_armed:
            self._changes.append(armed_events.ArmedSeen(subject=subject, armed=False, why=why, next=step))
        self._suspected.discard(subject)
        return True

    def _flush(self) -> None:
        """Journals what changed, all of it in one entry."""
        changes = {change.subject: change for change in self._changes}
        self._changes.clear()
        news = tuple(it for it in changes.values() if self._board.armed.is_armed(it.subject) is not it.armed)
        if news:
            at = self._board.armed.stamp((it.subject for it in news), self._clock.now())
            self._record(armed_events.ArmedChanged(at=at, changes=news))
            for it in news:
                _log.warning("%s is %s%s", it.subject, "armed again" if it.armed else "NOT ARMED: ", it.why)

    def _keep(self) -> None:
        """Has it written down when what was checked, for `agent-kill status` and the next start; waits for no disk."""
        now = self._clock.monotonic()
        if now - self._kept_at < self.period * _KEPT or (self._keeping and self._keeping.is_alive()) or self._busy():
            return
        self._kept_at = now
        self._keeping = self._write()

    def _write(self) -> threading.Thread:
        """Only what must not change meanwhile is copied here; the rest is the thread's work."""
        here, checked, before = set(self.subjects()), dict(self._checked), self._before
        self._checked = {name: at for name, at in checked.items() if name in here}
        ahead, parts, period = self._clock.now() - self._clock.monotonic(), self._parts(), self.period

        def write() -> None:
            known = {**before, **{name: at + ahead for name, at in checked.items()}}
            at = {name: at for name, at in known.items() if name in here}
            checked_file.write(self._file, checked_file.Checked(period=period, at=at, parts=parts))

        thread = threading.Thread(target=write, name="armed", daemon=True)
        thread.start()
        return thread


def standings(board: Board, inventory: Inventory, kept: "checked_file.Checked", now: float) -> Mapping[str, Armed]:
    """How everybody stands by the journal and by what a bot last wrote down; contacts nothing."""
    names = [surface.name for target in inventory.targets.values() for surface in target.surfaces]
    names += [item.name for item in inventory.broken]
    return {
        name: standing(board.armed, name, kept.at.get(name), now, kept.period)
        for name in dict.fromkeys((*names, *kept.parts))
    }
