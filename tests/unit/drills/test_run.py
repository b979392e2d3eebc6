"""Does a drill cut by the ordinary stop, measure, and give back exactly its own hold?"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.base import Mode
from bot.domain import drill_events, events
from bot.domain.model import Evaluation
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.domain.practice import unpractised
from bot.service.drill_ports import CannotDrill
from bot.service.drilling import what_is_not_armed
from tests.unit.drills.drill_rig import ALICE, LEDGER, QUEUE, DrillRig, drill
from tests.unit.service.rig import surface

Make = Callable[..., DrillRig]


async def test_a_live_drill_cuts_proves_and_gives_back(make_drills: Make) -> None:
    """The world was really cut, is as before at the end, and the card says how long each took."""
    rig = make_drills(surface(LEDGER))
    run = await rig.run()

    assert run.ended is not None
    assert (run.ended.how, run.ended.why) == ("passed", "")
    assert rig.mode() is Mode.NORMAL
    assert rig.board.effective(rig.inventory.key_of(LEDGER) or "") is Mode.NORMAL
    (score,) = run.ended.card.surfaces
    assert (score.surface, score.held, score.outcome) == (LEDGER, Mode.FULL_STOP, Outcome.VERIFIED)
    assert score.cut_ms is not None
    assert score.proof_ms is not None
    assert 0 <= score.cut_ms <= score.proof_ms <= score.deadline_ms
    assert score.given_back_ms is not None


async def test_its_hold_is_an_ordinary_one_and_its_incident_its_own(make_drills: Make) -> None:
    """Origin drill, by whoever typed it; the incident is closed when everything is back."""
    rig = make_drills(surface(LEDGER), surface(QUEUE))
    await rig.stop(scope=Scope(surfaces=frozenset({QUEUE})))
    await rig.settled()
    run = await rig.run()
    assert run.started is not None
    hold = rig.board.hold_events[run.started.hold]
    assert (hold.origin, hold.by, hold.channel) == ("drill", ALICE, "C0INCIDENT")
    own = rig.board.incidents[hold.incident]
    assert own.drill
    assert own.closed is not None
    assert [stop.hold for stop in own.holds] == [hold.hold]
    real = rig.board.open_incident("C0INCIDENT")
    assert real is not None
    assert real.id != own.id


async def test_what_others_hold_is_not_touched(make_drills: Make) -> None:
    """A surface that a real stop holds is refused, with nothing begun."""
    rig = make_drills(surface(LEDGER))
    await rig.stop(Mode.READ_ONLY)
    await rig.settled()
    run = await rig.run()
    assert run.ended is not None
    assert run.ended.how == "refused"
    assert "billing/ledger is held already" in run.ended.why
    assert rig.mode() is Mode.READ_ONLY
    assert run.started is None


async def test_a_tabletop_drill_plans_and_touches_nothing(make_drills: Make) -> None:
    """It asks no surface: it passes where the armed check knows of nothing, and fails with what it knows."""
    rig = make_drills(surface(LEDGER), drills=[drill(kind="tabletop")])
    rig.unarmed = ["nobody asks for this: a tabletop touches nothing"]
    run = await rig.run()
    assert run.ended is not None
    assert (run.ended.how, run.started, rig.board.hold_events) == ("passed", None, {})
    rig.unchecked = ["billing/ledger is NOT ARMED: missing: CREATEROLE", "slack scopes is NOT ARMED: lacks commands"]
    again = await rig.run()
    assert again.ended is not None
    assert (again.ended.how, again.ended.why, again.started) == ("failed", "; ".join(rig.unchecked), None)


async def test_a_live_drill_that_may_lose_work_needs_that_accepted(
    make_drills: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused with the line to write; a canary has no work to lose."""
    rig = make_drills(
        surface(LEDGER), drills=[drill(), drill(id="taken", accept_loss=True), drill(id="c", kind="canary")]
    )
    monkeypatch.setattr(type(next(iter(rig.inventory.targets.values())).adapter), "reversal", "work_lost")
    refused = await rig.run()
    assert refused.ended is not None
    assert refused.ended.how == "refused"
    assert "write `accept_loss: true`" in refused.ended.why
    for name in ("taken", "c"):
        run = await rig.run(name)
        assert run.ended is not None
        assert run.ended.how == "passed", run.ended.why


async def test_the_plan_names_backstops_and_neighbours_before(make_drills: Make) -> None:
    """What would be held too, and what shares the target."""
    rig = make_drills(surface(LEDGER, backstop=QUEUE), surface(QUEUE), surface("support/copy", world=LEDGER))
    run = await rig.run()
    assert run.started is not None
    assert run.started.backstops == (QUEUE,)
    assert run.ended is not None
    assert run.ended.card.remarks == ("cut with them, since they share a target: support/copy",)
    assert [score.surface for score in run.ended.card.surfaces] == [LEDGER, "support/copy"]


async def test_evaluations_before_during_and_after_are_the_witness(make_drills: Make) -> None:
    """One that does not come out as expected fails the drill, and says when."""
    rig = make_drills(surface(LEDGER))
    rig.evaluations.failing = [(), ("the evaluation billing/refund was allowed at full_stop, where refused",), ()]
    run = await rig.run()
    assert run.ended is not None
    assert [(tried.when, len(tried.failing)) for tried in run.ended.card.evaluations] == [
        ("before", 0),
        ("during", 1),
        ("after", 0),
    ]
    assert run.ended.how == "failed"
    assert "(during the cut)" in run.ended.why
    assert rig.mode() is Mode.NORMAL


@pytest.mark.parametrize(
    ("expect", "failing", "effects"),
    [
        ({Mode.READ_ONLY: "refused"}, (), 0),
        ({Mode.READ_ONLY: "refused"}, ("the evaluation billing/refund was allowed at full_stop, where …",), 1),
        ({Mode.READ_ONLY: "refused"}, ("the evaluation billing/refund gave no answer (it ended with 1)",), None),
        ({Mode.READ_ONLY: "refused"}, ("the evaluations could not be run (OSError): …",), None),
        ({Mode.NORMAL: "allowed"}, (), None),
        ({Mode.FULL_STOP: "allowed"}, (), None),
    ],
)
async def test_what_no_witness_saw_is_not_counted_as_none(
    make_drills: Make, expect: dict[Mode, str], failing: tuple[str, ...], effects: int | None
) -> None:
    """An evaluation is a witness where it must be refused and answers; any other one saw nothing either way."""
    rig = make_drills(surface(LEDGER), surface(QUEUE), drills=[drill(surfaces=(LEDGER, QUEUE))])
    refund = Evaluation(id="refund", surfaces=("ledger",), expect=expect, command=("refund",))
    (agent,) = rig.inventory.configuration.agents
    configuration = rig.inventory.configuration
    rig.inventory.configuration = replace(configuration, agents=(replace(agent, evaluations=(refund,)),))
    rig.evaluations.failing = [(), failing]
    run = await rig.run()
    assert run.ended is not None
    assert [score.effects for score in run.ended.card.surfaces] == [effects, None]


async def test_a_surface_that_came_back_while_it_was_held_is_no_pass(make_drills: Make) -> None:
    """The agent could act after the time that the card calls the cut."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=10.0)])
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(3.0)
    rig.world(LEDGER).loosen()
    rig.dispatcher.check(rig.inventory.key_of(LEDGER) or "")
    await rig.ended(run)
    assert run.ended is not None
    assert (run.ended.how, run.left) == ("failed", None)
    assert run.ended.why == f"{LEDGER} came back by itself once while it was held"
    assert run.ended.card.surfaces[0].came_back == 1
    assert rig.mode() is Mode.NORMAL


async def test_what_somebody_restricted_already_is_not_drilled(make_drills: Make) -> None:
    """No hold says so, and all the same it is not the drill's to give back; a surface that is open is no problem."""
    rig = make_drills(surface(LEDGER), surface(QUEUE))
    rig.world(LEDGER).rights["write"] = "off"
    keys = [rig.inventory.key_of(name) or "" for name in (LEDGER, QUEUE)]
    (why,) = await what_is_not_armed(rig.inventory, keys)
    assert why.startswith(f"{LEDGER} reads as read_only already, though no hold of ours says so: find out who")


async def test_a_workload_runs_through_the_cut_and_is_ended(make_drills: Make) -> None:
    """The card says so, and says as well where it ended too early to load anything."""
    rig = make_drills(surface(LEDGER), drills=[drill(under_load=("./load",))])
    run = await rig.run()
    assert run.ended is not None
    assert (run.ended.card.load, rig.load.running) == ("ran through the cut", False)
    rig.load.ends = "it ended with exit code 1"
    again = await rig.run()
    assert again.ended is not None
    assert again.ended.card.load == "ended before the cut was measured: it ended with exit code 1"


async def test_it_stays_cut_for_as_long_as_configured(make_drills: Make) -> None:
    """The hold is released only then."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=30.0)])
    run = await rig.run()
    assert run.started is not None
    (released,) = run.released
    assert released.at - run.started.at >= 30.0


async def test_a_surface_that_cannot_be_given_back_stays_held_and_is_told(make_drills: Make) -> None:
    """The database does not take the release: nothing is loosened, and the end names the surface."""
    rig = make_drills(surface(LEDGER))
    rig.database = "no answer"
    run = await rig.run()
    assert run.ended is not None
    assert run.ended.how == "failed"
    assert "the database did not take the lift: no answer" in run.ended.why
    assert run.left is not None
    assert run.left.surfaces == (LEDGER,)
    assert rig.mode() is Mode.FULL_STOP
    assert rig.board.effective(rig.inventory.key_of(LEDGER) or "") is Mode.FULL_STOP


async def test_what_could_not_be_given_back_is_not_cut(make_drills: Make) -> None:
    """Another writer's journal is not here, or the audit is in trouble: refused before, and left held in the middle."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=5.0)])
    rig.unready = ["the writer bastion was last heard of 9 min ago"]
    refused = await rig.run()
    assert refused.ended is not None
    assert refused.ended.how == "refused"
    assert "nothing could be given back now: the writer bastion" in refused.ended.why
    assert rig.board.hold_events == {}
    rig.unready = []
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(2.0)
    rig.unready = ["the writer bastion was last heard of 9 min ago"]
    await rig.ended(run)
    assert run.released == []
    assert run.left is not None
    assert run.left.surfaces == (LEDGER,)
    assert "bastion" in run.left.why
    assert rig.mode() is Mode.FULL_STOP


async def test_nothing_runs_without_the_database_or_twice_at_once(make_drills: Make) -> None:
    """The refusal says why."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=30.0)])
    rig.claims.why = "it is down"
    with pytest.raises(CannotDrill, match="it is down; without the database no drill runs"):
        await rig.drills.run("weekly", ALICE)
    rig.claims.why = ""
    run = await rig.drills.run("weekly", ALICE)
    with pytest.raises(CannotDrill, match="is under way: wait for its end"):
        await rig.drills.run("weekly", ALICE)
    await rig.ended(run)
    with pytest.raises(CannotDrill, match="there is no drill `daily`; there are: weekly"):
        await rig.drills.run("daily", ALICE)


async def test_what_was_drilled_and_by_whom_is_known_afterwards(make_drills: Make) -> None:
    """Never drilled before; overdue once its next time has passed without one."""
    rig = make_drills(surface(LEDGER), surface(QUEUE))
    names = [LEDGER, QUEUE]
    assert unpractised(rig.board.practice, names, rig.clock.now()) == ((LEDGER, QUEUE), ())
    run = await rig.run()
    assert unpractised(rig.board.practice, names, rig.clock.now()) == ((QUEUE,), ())
    assert run.ended is not None
    assert run.ended.card.next_due is not None
    late = run.ended.card.next_due + 2 * 3600
    assert unpractised(rig.board.practice, names, late) == ((QUEUE,), (LEDGER,))
    assert rig.board.practice.pullers() == {"U0ALICE"}


async def test_a_run_is_in_the_journal_step_by_step(make_drills: Make) -> None:
    """Claimed, started, the hold, measured, released, given back, ended; each before what follows from it."""
    rig = make_drills(surface(LEDGER))
    await rig.run()
    kinds = (drill_events.AnyDrillEvent, events.HoldAdded)
    steps = [event.type for event in await rig.written() if isinstance(event, kinds)]
    assert steps == [
        "drill_claimed",
        "drill_started",
        "hold_added",
        "drill_measured",
        "drill_released",
        "drill_gave_back",
        "drill_ended",
    ]
