"""Does a restore do with waiting work what its ballot said, once, and before the agent may take it up?"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import BacklogPolicy, Mode
from adapters.memory import Settings
from bot.domain.model import Surface
from bot.domain.outcome import Outcome
from bot.service.evidence import Machines
from bot.service.others import Others
from bot.service.told import Asking
from tests.unit.service.restore_rig import RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
KEY = "memory:billing/api"
JOBS = ["pay 1", "pay 2", "pay 3"]


def _queue(policy: BacklogPolicy | None, name: str = "billing/api") -> Surface:
    return replace(surface(name, backlog=policy), settings=Settings(target=name, queue=True))


async def _waits(rig: RestoreRig) -> None:
    await rig.held()
    rig.world("billing/api").queue += JOBS
    rig.box.react("+1", "U1", "U2")


def _machines(rig: RestoreRig) -> Machines:
    asking = Asking(inventory=lambda: rig.inventory, others=Others(seal=rig.seal, board=rig.board))
    folder = Path()
    return Machines(
        inventory=lambda: rig.inventory,
        board=rig.board,
        clock=rig.clock,
        folder=lambda: folder,
        environ={},
        asking=asking,
    )


@pytest.mark.parametrize(
    ("policy", "left", "told"),
    [
        (None, [], "3 jobs held under parked['{}.billing.api'], replay with replay('{}.billing.api')"),
        (BacklogPolicy.HOLD, [], "3 jobs held under parked['{}.billing.api'], replay with replay('{}.billing.api')"),
        (BacklogPolicy.DROP, [], "3 jobs dropped"),
        (BacklogPolicy.REPLAY, JOBS, "3 jobs left in place, to be worked off"),
    ],
)
async def test_waiting_work_follows_the_policy(
    make_restore: Make, policy: BacklogPolicy | None, left: list[str], told: str
) -> None:
    """Held where nothing is said; and the proof of the last step still says what became of it."""
    rig = make_restore(_queue(policy))
    await _waits(rig)
    ballot = await rig.open()
    await rig.ended(ballot)

    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    world, proof = rig.world("billing/api"), rig.board.proofs[KEY]
    assert world.queue == left
    assert proof.detail == told.replace("{}", ballot.id)
    assert proof.next == ""


async def test_it_is_done_before_the_agent_may_take_work_up_and_not_before_it_reads(make_restore: Make) -> None:
    """Whoever only reads takes nothing out of a queue; what comes during that step is part of what waits."""
    rig = make_restore(_queue(BacklogPolicy.HOLD))
    await _waits(rig)
    world = rig.world("billing/api")
    ballot = await rig.open()
    await rig.until(lambda: ballot.step == 1 and world.mode() is Mode.READ_ONLY, within=7200.0)
    assert world.queue == JOBS
    world.queue.append("pay 4")
    await rig.until(lambda: world.mode() < Mode.READ_ONLY, within=7200.0)
    assert world.queue == []
    world.queue.append("pay 5")
    await rig.ended(ballot)

    assert world.queue == ["pay 5"]
    assert world.parked == {f"{ballot.id}.billing.api": [*JOBS, "pay 4"]}


@pytest.mark.parametrize("fault", ["unreachable", "refuse"])
async def test_where_it_fails_nothing_comes_back(make_restore: Make, fault: str) -> None:
    """The step is aborted, the surface is held as before, and what waits waits on."""
    rig = make_restore(_queue(BacklogPolicy.DROP))
    await _waits(rig)
    world = rig.world("billing/api")
    calls, at = world.calls, list[Mode]()

    class Calls(list[str]):
        """Lets the drop fail, and nothing else."""

        def append(self, verb: str) -> None:
            calls.append(verb)
            at.extend([world.mode()] if verb == "drop" else [])
            setattr(world.faults, fault, verb == "drop")

    world.calls = Calls()
    ballot = await rig.open()
    await rig.ended(ballot)

    assert ballot.ended
    assert ballot.ended.how == "aborted"
    assert at == [Mode.READ_ONLY]  # it was never looser
    assert "relax" not in calls[calls.index("drop") :]
    await rig.settled()
    assert world.mode() is Mode.FULL_STOP
    assert rig.board.proofs[KEY].outcome is Outcome.VERIFIED
    assert world.queue == JOBS
    assert world.moved == {}


async def test_a_stop_after_it_was_held_says_where_it_lies(make_restore: Make) -> None:
    """The next ballot counts what lies aside."""
    rig = make_restore(_queue(BacklogPolicy.HOLD))
    await _waits(rig)
    world = rig.world("billing/api")
    ballot = await rig.open()
    await rig.until(lambda: bool(world.parked), within=7200.0)
    await rig.stop(reason="no, wait")
    await rig.ended(ballot)
    await rig.settled()
    world.queue.append("pay 4")

    gathered = await _machines(rig).gather(ballot.opened.returns if ballot.opened else (), Mode.NORMAL, "mended")
    says = [line.says for line in gathered.findings]
    assert (
        "1 waiting there; backlog policy hold: put aside before the agent may take them up; "
        "3 held aside since an earlier restore" in says
    ), says


async def test_a_policy_that_cannot_be_carried_out_gives_nothing_back(make_restore: Make) -> None:
    """A surface that tells no work, and is to drop it."""
    rig = make_restore(surface("billing/api", backlog=BacklogPolicy.DROP))
    await rig.held()
    ballot = await rig.open()
    assert ballot.opened
    gathered = await _machines(rig).gather(ballot.opened.returns, Mode.NORMAL, "mended")

    why = "its backlog policy drop cannot be carried out (no waiting work is told there): mend `backlog` there"
    assert f"billing/api: {why}" in gathered.withheld


async def test_a_ballot_is_bound_to_its_policy(make_restore: Make) -> None:
    """What was shown is what is done: the policy of each target stands on the ballot."""
    rig = make_restore(
        _queue(BacklogPolicy.DROP), _queue(BacklogPolicy.REPLAY, "billing/other"), surface("billing/none")
    )
    await rig.held()
    ballot = await rig.open()
    assert ballot.opened
    assert {item.surfaces[0]: item.backlog for item in ballot.opened.returns} == {
        "billing/api": BacklogPolicy.DROP,
        "billing/other": BacklogPolicy.REPLAY,
        "billing/none": None,
    }
