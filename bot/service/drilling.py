"""Puts the drills of one process together, out of what the stop path and the ledger already are."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from adapters.base import Mode
from bot.domain.armed import Armed, State, is_part, not_armed
from bot.domain.due import chance
from bot.service.dispatch import Dispatcher
from bot.service.drill import Drills
from bot.service.drill_ports import Claims, DrillDesk
from bot.service.evidence import Machines
from bot.service.faults import Faults
from bot.service.giving import Giving
from bot.service.inventory import Inventory
from bot.service.ports import Clock, Reporter, Stops
from bot.service.probe import probe
from bot.service.recorder import Recorder
from bot.service.workload import Commands

FIRST_LOOK = 10.0  # seconds that a tabletop waits for what nobody has looked at yet
_LOOK = 0.2  # seconds between two looks whether it was
Standings = Callable[[], Mapping[str, Armed]]


def make_drills(
    *,
    inventory: Callable[[], Inventory],
    recorder: Recorder,
    dispatcher: Dispatcher,
    stops: Stops,
    reporter: Reporter,
    claims: Claims,
    stored: Callable[[], Awaitable[str]],
    ready: Callable[[], Awaitable[Sequence[str]]],
    faults: Faults,
    folder: Callable[[], Path],
    environ: Mapping[str, str],
    clock: Clock,
    people: Callable[[], frozenset[str] | None],
    secret: str,
    standings: Standings,
) -> Drills:
    """The drills of a process; the arguments are those of `DrillDesk` and of what it is made of.

    `secret` is what draws the moments of surprise: the same after a restart, and known to nobody who drills.
    `standings` are those of the armed check.
    """

    def budget(key: str) -> float:
        target = inventory().targets.get(key)
        return target.deadline if target else 0.0

    async def armed(keys: Sequence[str]) -> Sequence[str]:
        return await what_is_not_armed(inventory(), keys)

    async def checked(keys: Sequence[str]) -> Sequence[str]:
        targets = inventory().targets
        names = [surface.name for key in keys if key in targets for surface in targets[key].surfaces]
        return await what_was_checked(standings, names, clock)

    desk = DrillDesk(
        inventory=inventory,
        recorder=recorder,
        dispatcher=dispatcher,
        stops=stops,
        giving=Giving(recorder=recorder, stored=stored, budget=budget, clock=clock),
        evidence=Machines(inventory=inventory, board=recorder.board, clock=clock, folder=folder, environ=environ),
        reporter=reporter,
        claims=claims,
        faults=faults,
        workload=Commands(folder=folder, environ=environ),
        armed=armed,
        checked=checked,
        ready=ready,
        clock=clock,
        chance=partial(chance, secret),
    )
    return Drills(desk, people)


async def what_is_not_armed(inventory: Inventory, keys: Sequence[str]) -> Sequence[str]:
    """Why these targets could not be cut now, or nothing would be shown by it, a sentence each; changes nothing."""
    found = await probe(inventory.targets[key] for key in keys if key in inventory.targets)
    strict = {it.surface: it.seen.mode for it in found if it.seen and it.seen.exists and it.seen.mode > Mode.NORMAL}
    return [
        *(f"{it.surface} could not be cut now: {problem}" for it in found for problem in it.problems),
        *(
            f"{name} reads as {mode} already, though no hold of ours says so: find out who restricted it, for a drill "
            "of it would measure nothing"
            for name, mode in strict.items()
        ),
    ]


async def what_was_checked(standings: Standings, surfaces: Collection[str], clock: Clock) -> Sequence[str]:
    """What the armed check calls not armed of these surfaces and of the switch itself, a sentence each.

    What nobody has looked at yet, as at the start, is waited for; what stays so is not armed.
    """
    end = clock.monotonic() + FIRST_LOOK
    while True:
        found = {name: it for name, it in standings().items() if name in surfaces or is_part(name)}
        waiting = any(it.state is State.UNCHECKED for it in found.values()) or any(it not in found for it in surfaces)
        if not waiting or clock.monotonic() >= end:
            break
        await clock.sleep(_LOOK)
    unknown = [f"{name} is NOT ARMED: the armed check does not know it" for name in surfaces if name not in found]
    return [*(f"{it.subject} is NOT ARMED: {it.why}" for it in not_armed(found)), *unknown]
