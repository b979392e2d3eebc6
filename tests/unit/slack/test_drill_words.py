"""Are scorecards and reminders whole, within Slack's limits, and harmless whatever is in them?"""

import json
from dataclasses import replace

import pytest

from adapters.base import Config, Mode, SurfaceClass
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.model import Agent, Configuration, Drill, Surface
from bot.domain.outcome import Outcome
from bot.domain.practice import Run
from bot.slack import limits
from bot.slack.blocks import drill_reminder, scorecard
from bot.slack.blocks.message import Message, weight
from bot.slack.drill_news import backstops

HOSTILE = "<!channel> `x` *b* <@U0EVIL> & :tada:"
BY = events.Person(kind="slack", id="U0ALICE")


def score(name: str = "billing/ledger", **more: object) -> drills.SurfaceScore:
    """What was measured at a surface."""
    known = {"surface": name, "asked": Mode.READ_ONLY, "held": Mode.READ_ONLY, "outcome": Outcome.VERIFIED}
    times = {"cut_ms": 143.2, "proof_ms": 1150.0, "deadline_ms": 5000.0, "left": 0, "given_back_ms": 90.0}
    return drills.SurfaceScore.model_validate({**known, **times, **more})


def run(*scores: drills.SurfaceScore, how: str = "passed", at: float = 100.0, why: str = "", **card: object) -> Run:
    """A run that ended."""
    made = drills.Scorecard.model_validate({"kind": "live", "mode": Mode.READ_ONLY, "surfaces": scores, **card})
    ended = drills.DrillEnded.model_validate(
        {"at": at, "run": "r", "drill": "weekly", "how": how, "why": why, "card": made}
    )
    claimed = drills.DrillClaimed(at=at, run="r", drill="weekly", kind="live", mode=Mode.READ_ONLY, due=90.0, by=BY)
    return Run(id="r", claimed=claimed, ended=ended)


def words(said: Message) -> str:
    """Everything in a message."""
    return said.text + json.dumps(said.blocks, ensure_ascii=False)


def test_a_card_says_what_was_measured_and_what_it_was_before() -> None:
    """Times in the unit that fits, effects, and the comparison with the last run that cut something."""
    told = words(scorecard.scorecard(run(score(effects=0, ended=2)), [run(score(cut_ms=2000.0), at=50.0)]))
    assert "Drill passed" in told
    assert "cut in 143 ms, proven in 1.1 s, of 5.0 s (before: 2.0 s)" in told
    assert "2 in flight ended, 0 left; 0 effects after the cut; given back in 90 ms" in told
    assert "(first drill)" in words(scorecard.scorecard(run(score()), []))


def test_what_is_left_held_closes_the_card_with_the_way_back() -> None:
    """And what failed, was rounded, or had no witness is said."""
    failed = run(score(cut_ms=None, proof_ms=None, held=Mode.FULL_STOP, outcome=Outcome.FAILED), how="failed", why="x")
    failed.left = drills.DrillLeftHeld(at=1.0, run="r", surfaces=("billing/ledger",), why="x")
    said = scorecard.scorecard(failed, [])
    told = words(said)
    for part in ("Drill failed", "*Why:* x", "not cut, not proven", "held as full_stop", "no witness"):
        assert part in told
    assert "LEFT HELD" in json.dumps(said.blocks[-1])
    assert "/agent-restore" in json.dumps(said.blocks[-1])


@pytest.mark.parametrize("how", ["passed", "failed", "refused"])
def test_a_card_is_harmless_and_within_the_limits(how: str) -> None:
    """However many surfaces there are, and whatever a surface or a workload said."""
    many = run(*(score(f"a/{n}", detail=HOSTILE) for n in range(2000)), how=how, why=HOSTILE * 20, load=HOSTILE)
    many.left = drills.DrillLeftHeld(at=1.0, run="r", surfaces=tuple(f"a/{n}" for n in range(2000)), why=HOSTILE)
    said = scorecard.scorecard(many, [])
    assert len(said.blocks) <= limits.BLOCKS
    assert weight(said.blocks) <= limits.SUM
    assert "<!channel>" not in words(said)
    assert "<@U0EVIL>" not in words(said)
    missed = drills.DrillMissed(at=1.0, drill="weekly", due=1.0, why=HOSTILE)
    assert "<@U0EVIL>" not in words(scorecard.missed(missed, ["S0ONCALL"]))


def test_a_reminder_calls_the_operator_and_offers_three_answers() -> None:
    """The buttons name the reminder, so that an old one changes nothing."""
    drill = Drill(
        id="weekly",
        schedule="0 10 * * MON",
        surfaces=("billing/ledger",),
        mode=Mode.READ_ONLY,
        kind="live",
        by="operator",
    )
    called = drills.DrillCalled(at=1.0, drill="weekly", due=100.5, begins=200.25, offset=600.0, operator=BY)
    said = drill_reminder.reminder(drill, called, ("U1",) * 9)
    told = words(said)
    assert "<@U0ALICE> is on turn" in told
    assert "type `/agent-drill run weekly` then" in told
    assert "and 4 more" in told
    (row,) = [block for block in said.blocks if block["type"] == "actions"]
    elements = row["elements"]
    assert isinstance(elements, list)
    assert [it["action_id"] for it in elements] == [
        "agent_kill:drill:acknowledged",
        "agent_kill:drill:handed_over",
        "agent_kill:drill:postponed",
    ]
    assert drill_reminder.parsed(elements[0]["value"]) == ("weekly", 100.5, 200.25)
    assert drill_reminder.parsed("nonsense") is None
    begins = called.model_copy(update={"offset": 0.0, "operator": None})
    assert "Nobody may stop, so nobody is on turn" in words(drill_reminder.reminder(drill, begins, ()))


def test_backstops_are_listed_before_a_drill() -> None:
    """In the reminder: they may be cut too, and no drill gives them back. Those that the drill cuts itself are none."""
    ledger = Surface(
        agent="a",
        id="ledger",
        adapter="memory",
        surface_class=SurfaceClass.API,
        settings=Config(),
        backstop="a/host",
    )
    other = replace(ledger, id="other", backstop="a/ledger")
    drill = Drill(id="w", schedule="0 10 * * MON", surfaces=("a/ledger", "a/other"), mode=Mode.READ_ONLY, kind="live")
    configuration = Configuration(agents=(Agent(id="a", name="A", surfaces=(ledger, other)),), drills=(drill,))
    assert backstops(configuration, drill) == ("a/host",)
    called = drills.DrillCalled(at=1.0, drill="w", due=100.5, begins=200.25, offset=600.0, operator=BY)
    told = words(drill_reminder.reminder(drill, called, (), backstops(configuration, drill)))
    assert "Backstops: `a/host`. Cut too where a cut is not proven in its time, and given back by a vote alone." in told
    assert "Backstops" not in words(drill_reminder.reminder(drill, called, ()))


def test_what_is_put_off_twice_or_overdue_calls_everybody() -> None:
    """Once is told; twice escalates, and so does every day without a run."""
    drill = Drill(id="weekly", schedule="0 10 * * MON", surfaces=("a/b",), mode=Mode.READ_ONLY, kind="live")
    answer = drills.DrillAnswered(at=1.0, drill="weekly", due=1.0, answer="postponed", by=BY, until=86_401.0)
    assert "S0ONCALL" not in words(drill_reminder.answered(drill, answer, 1, ["S0ONCALL"]))
    twice = words(drill_reminder.answered(drill, answer, 2, ["S0ONCALL"]))
    assert "the second time" in twice
    assert "<!subteam^S0ONCALL>" in twice
    late = words(drill_reminder.overdue("weekly", 1.0, 3, ["S0ONCALL"]))
    assert "is overdue* since" in late
    assert "3 days" in late
    assert "<!subteam^S0ONCALL>" in late
