"""Does authority come back step by step, only as far as voted, and does any stop or doubt put it back?"""

from collections.abc import Callable

import pytest

from adapters.base import Change, Gate, Mode, Relaxed
from adapters.memory import Memory
from bot.domain import events
from bot.domain.model import Risk
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from tests.unit.service.restore_rig import RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
KEY = "memory:billing/api"


async def test_a_passed_ballot_gives_back_one_mode_per_step(make_restore: Make) -> None:
    """From full_stop to normal every mode is taken in turn, each for the time of a step, and read back."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    seen: list[Mode] = []

    def look() -> bool:
        mode = rig.world("billing/api").mode()
        if not seen or seen[-1] is not mode:
            seen.append(mode)
        return ballot.ended is not None

    await rig.until(look, within=7200.0)

    assert ballot.ended
    assert (ballot.ended.how, ballot.ended.why) == ("completed", "")
    assert seen == [Mode.FULL_STOP, Mode.READ_ONLY, Mode.DRAFT_ONLY, Mode.APPROVAL_GATED, Mode.NORMAL]
    assert not rig.board.holds.live(KEY)
    assert not rig.board.undo.get(KEY)
    (incident,) = rig.board.incidents.values()
    assert incident.closed
    assert rig.reporter.woken.count(incident.id) > 4  # nothing holds its surfaces any more, so only the steps tell it


async def test_a_step_is_done_only_after_its_proof_is_recorded(make_restore: Make) -> None:
    """Whoever reads that a restore ended reads its proofs before, in the journal and on the board."""
    rig = make_restore(surface("billing/api"), step=0.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.ended(ballot)

    written = await rig.written()
    done = [index for index, it in enumerate(written) if isinstance(it, events.StepDone)]
    before = [written[index - 1] for index in done]
    asked = [[proof.asked for proof in it.proofs] for it in before if isinstance(it, events.Outcomes)]
    assert asked == [[Mode.READ_ONLY], [Mode.DRAFT_ONLY], [Mode.APPROVAL_GATED], [Mode.NORMAL]], written


async def test_nothing_is_given_back_while_a_journal_cannot_be_read(make_restore: Make) -> None:
    """A stop of another writer may stand there: the surface stays as strict as it was."""
    rig = make_restore(surface("billing/api"), step=0.0)
    await rig.held()
    ballot = await rig.open()
    rig.refresh = lambda: False
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) != "completed", ballot.ended
    assert rig.world("billing/api").mode() is Mode.FULL_STOP


class Terse(Memory):
    """A memory surface that names no change when it gives everything back: there is nothing more to undo then."""

    modes = frozenset({Mode.FULL_STOP, Mode.READ_ONLY})

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """As its parent."""
        return await super().relax(to=to, expect=expect, token=token, undo=undo, gate=lambda _: gate(()))


async def test_a_disk_that_was_full_at_the_stop_does_not_keep_a_surface_closed(make_restore: Make) -> None:
    """The undo record that no disk took is offered again when something is to be given back."""
    rig = make_restore(surface("billing/api"), step=0.0)
    rig.inventory.targets[KEY].adapter.__class__ = Terse
    rig.journal.broken = True
    await rig.held(Mode.READ_ONLY)
    assert rig.world("billing/api").mode() is Mode.FULL_STOP  # no reopening without a record of what it undoes
    rig.journal.broken = False
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) == "completed", ballot.ended
    assert rig.world("billing/api").mode() is Mode.NORMAL
    assert any(isinstance(it, events.UndoRecorded) for it in rig.journal.written)


async def test_a_step_that_changes_nothing_at_a_surface_is_no_trouble_there(make_restore: Make) -> None:
    """One surface holds every mode, the other rounds three of four: both come back together."""
    rig = make_restore(surface("billing/api"), surface("billing/queue"))
    target = rig.inventory.targets["memory:billing/queue"]
    kind = type(target.adapter)
    target.adapter.__class__ = type("Rounds", (kind,), {"modes": frozenset({Mode.FULL_STOP, Mode.READ_ONLY})})
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) == "completed", ballot.ended
    assert rig.world("billing/queue").mode() is rig.world("billing/api").mode() is Mode.NORMAL


async def test_nothing_is_loosened_before_the_dwell_is_over(make_restore: Make) -> None:
    """The quorum has to stand for the whole dwell."""
    rig = make_restore(surface("billing/api"), dwell=60.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")

    await rig.clock.sleep(59.0)
    assert not ballot.committed
    await rig.until(lambda: ballot.committed, within=15.0)


async def test_a_restore_to_a_stricter_mode_than_normal_stays_held_there(make_restore: Make) -> None:
    """What was voted is what is given: the rest stays under a hold, which a further ballot may lift."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open(Mode.READ_ONLY)
    rig.box.react("white_check_mark", "U1", "U2")

    assert await rig.ended(ballot) == "completed"
    assert rig.board.effective(KEY) is rig.world("billing/api").mode() is Mode.READ_ONLY
    (incident,) = rig.board.incidents.values()
    assert not incident.closed


async def test_only_the_named_surface_is_given_back(make_restore: Make) -> None:
    """A partial restore touches nothing else."""
    rig = make_restore(surface("billing/api"), surface("billing/queue"))
    await rig.held()
    ballot = await rig.open(scope=Scope(surfaces=frozenset({"billing/api"})))
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) == "completed"
    assert rig.world("billing/api").mode() is Mode.NORMAL
    assert rig.world("billing/queue").mode() is rig.board.effective("memory:billing/queue") is Mode.FULL_STOP


async def test_high_risk_comes_back_last(make_restore: Make) -> None:
    """Within a step, the waves go from low to high risk."""
    names = {"billing/low": Risk.LOW, "billing/high": Risk.HIGH, "billing/mid": Risk.MEDIUM}
    rig = make_restore(*(surface(name, risk=risk) for name, risk in names.items()))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.ended(ballot)

    first = [lift for lift in ballot.lifts[1] if lift.holds]
    assert [lift.holds[0].targets[0].surfaces[0] for lift in first] == ["billing/low", "billing/mid", "billing/high"]


async def test_a_stop_before_the_database_has_the_lift_wins(make_restore: Make) -> None:
    """The lift is on disk and not in force: the stop is not named by it, and nothing was loosened."""
    rig = make_restore(surface("billing/api"), dwell=1.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.thawed.clear()
    await rig.until(lambda: any(e.type == "pairs_lifted" for e in rig.journal.written))
    await rig.stop(reason="no, wait")
    rig.thawed.set()

    assert await rig.ended(ballot, within=60.0) == "aborted"
    assert rig.world("billing/api").mode() is rig.board.effective(KEY) is Mode.FULL_STOP
    assert len(rig.board.incidents) == 1


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_a_stop_in_the_middle_wins_at_once(make_restore: Make, step: int) -> None:
    """Whatever step it is at, the stop cuts, and the rest of the restore is void."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: ballot.step == step and ballot.committed, within=7200.0)

    await rig.stop(reason="no, wait")

    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP, within=2.0)
    assert await rig.ended(ballot) == "aborted"
    assert rig.board.effective(KEY) is Mode.FULL_STOP
    await rig.clock.sleep(2000.0)
    assert rig.world("billing/api").mode() is Mode.FULL_STOP


async def test_a_veto_in_probation_puts_everything_back(make_restore: Make) -> None:
    """A person who sees it go wrong needs one reaction."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.READ_ONLY, within=200.0)

    rig.box.react("no_entry", "U3")

    assert await rig.ended(ballot, within=30.0) == "aborted"
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP, within=2.0)
    assert "vetoed by <@U3>" in (ballot.ended.why if ballot.ended else "")


async def test_a_vote_taken_back_in_probation_puts_everything_back(make_restore: Make) -> None:
    """The quorum has to stand through every step."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.READ_ONLY, within=200.0)

    rig.box.users["+1"].discard("U2")

    assert await rig.ended(ballot, within=30.0) == "aborted"
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP, within=2.0)


async def test_a_failing_evaluation_puts_everything_back(make_restore: Make) -> None:
    """Machines have a veto too."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: ballot.step == 1, within=200.0)
    rig.machines.failing = ("billing/refund: allowed, and it should be refused under read_only",)

    assert await rig.ended(ballot) == "aborted"
    assert rig.board.effective(KEY) is Mode.FULL_STOP


async def test_a_drift_in_probation_puts_everything_back(make_restore: Make) -> None:
    """Somebody loosens more than was voted: the surface is cut, and the restore goes no further."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.READ_ONLY, within=200.0)
    rig.world("billing/api").loosen()

    assert await rig.ended(ballot, within=60.0) == "aborted"
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP, within=2.0)
    assert rig.world("billing/api").mode() is rig.board.effective(KEY) is Mode.FULL_STOP


async def test_a_surface_that_does_not_answer_puts_everything_back(make_restore: Make) -> None:
    """A step that cannot be read back is not a step."""
    rig = make_restore(surface("billing/api"), surface("billing/queue"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: ballot.step == 1, within=200.0)
    rig.world("billing/queue").faults.hang = True

    assert await rig.ended(ballot) == "aborted"
    assert rig.board.effective(KEY) is rig.board.effective("memory:billing/queue") is Mode.FULL_STOP
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP, within=2.0)


@pytest.mark.parametrize("sick", ["database", "journal"])
async def test_a_lift_that_is_not_durable_loosens_nothing(make_restore: Make, sick: str) -> None:
    """The opposite of a stop: disk and database first."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.database = "no answer" if sick == "database" else ""
    rig.journal.broken = sick == "journal"
    modes = set()

    def look() -> bool:
        modes.add(rig.world("billing/api").mode())
        return ballot.ended is not None

    await rig.until(look, within=300.0)

    assert ballot.ended
    assert (ballot.ended.how, modes) == ("aborted", {Mode.FULL_STOP})
    assert rig.board.effective(KEY) is Mode.FULL_STOP


async def test_votes_that_cannot_be_read_freeze_the_restore(make_restore: Make) -> None:
    """P4: with Slack silent in probation no further step is taken; with it back, it goes on."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: ballot.step == 1, within=200.0)
    await rig.clock.sleep(20.0)
    rig.box.silent = True
    await rig.clock.sleep(500.0)
    assert rig.world("billing/api").mode() is Mode.READ_ONLY
    rig.box.silent = False

    assert await rig.ended(ballot) == "completed"


async def test_an_orphan_is_balloted_away(make_restore: Make) -> None:
    """Restricted, and no live hold explains it: it stays until it is voted on; what is not known to be ours is told."""
    rig = make_restore(surface("billing/api"))
    adapter = rig.inventory.targets[KEY].adapter

    async def yes(_: tuple[Change, ...]) -> bool:
        return True

    await adapter.restrict(mode=Mode.FULL_STOP, token="lost", drain=0.0, undo=(), gate=yes)
    await rig.dispatcher.look(rig.inventory.targets.values())
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) == "completed"
    assert ballot.opened
    assert ballot.opened.pairs == ()
    proof = rig.board.proofs[KEY]
    assert (proof.outcome, proof.detail) == (Outcome.PROBATION, "it still reads as full_stop")
    assert proof.next
