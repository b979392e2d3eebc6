"""What does a configuration find by its name, and what holds where the file says nothing?"""

from dataclasses import asdict

from adapters.base import Config, Mode, SurfaceClass
from bot.domain.model import (
    Agent,
    Configuration,
    Drill,
    Evaluation,
    Quarantined,
    Request,
    Risk,
    SecondFactor,
    Surface,
    Unsupported,
)
from tests.unit.domain.places import CONFIGURATION


def test_an_agent_is_found_by_its_id_alone() -> None:
    """Nobody where there is none of that id."""
    found = CONFIGURATION.agent("payroll")
    assert found is CONFIGURATION.agents[2]
    assert CONFIGURATION.agent("payroll agent") is None
    assert Configuration().agent("payroll") is None


def test_the_surfaces_are_those_of_every_agent() -> None:
    """In the file's order, without the quarantined ones."""
    assert [surface.name for surface in CONFIGURATION.surfaces()] == [
        "billing/ledger",
        "billing/queue",
        "billing-eu/ledger",
        "payroll/jobs",
        "ops/shell",
    ]
    assert Configuration().surfaces() == ()


def test_a_surface_of_which_little_is_said_is_cut_in_five_seconds() -> None:
    """Of medium risk, rounded to the stricter mode, without drain, backstop, canary or policy for what waits."""
    made = Surface(agent="a", id="s", adapter="memory", surface_class=SurfaceClass.API, settings=Config())
    assert (made.deadline, made.drain, made.risk, made.unsupported) == (5.0, 0.0, Risk.MEDIUM, Unsupported.STRICTER)
    assert (made.canary, made.backstop, made.backlog, made.place) == (None, None, None, None)
    broken = Quarantined(agent="a", id="s", why="unknown key")
    assert (broken.place, broken.adapter, broken.surface_class) == (None, "", None)


def test_an_agent_of_which_little_is_said_has_no_owner_and_a_pact_without_bounds() -> None:
    """Nobody is mentioned, nothing is taken for its own, nothing is kept from coming back."""
    made = Agent(id="a", name="A")
    assert (made.owner, made.channel, made.slack_identities) == (None, None, frozenset())
    assert (made.surfaces, made.quarantined, made.evaluations, made.not_applicable) == ((), (), (), {})
    assert asdict(made.pact) == {"purpose": "", "may": (), "may_never": (), "loosest": Mode.NORMAL}


def test_what_the_file_leaves_out_is_as_documented() -> None:
    """People, seconds and periods of the policy, the watch, evaluations and drills."""
    made = Configuration()
    policy = asdict(made.policy)
    assert {
        key: policy["restore"][key] for key in ("quorum", "full_stop_quorum", "ttl", "dwell", "step", "mistake")
    } == {
        "quorum": 2,
        "full_stop_quorum": 3,
        "ttl": 1800.0,
        "dwell": 60.0,
        "step": 300.0,
        "mistake": {"within": 600.0, "quorum": 1},
    }
    assert (policy["restore"]["frozen"], policy["restore"]["groups"], policy["restore"]["users"]) == ("", (), ())
    assert policy["stop"] == {"groups": (), "users": (), "channels": ()}
    assert policy["approve"] == {"groups": (), "users": (), "ttl": 1800.0, "keep": 604_800.0}
    assert asdict(made.watch) == {"fast": 5.0, "fast_for": 600.0, "slow": 30.0}
    assert asdict(made.armed) == {"period": 300.0}
    assert asdict(made.workspace) == {"incident_channel": None, "audit_channel": None}
    assert (made.writers, made.agents, made.drills, made.digest) == (("bot",), (), (), "")
    evaluation = Evaluation(id="e", surfaces=("s",), expect={})
    assert (evaluation.timeout, evaluation.command, evaluation.http) == (30.0, (), None)
    assert (policy["restore"]["second_factor"], SecondFactor(seeds={}).quorum) == (None, 1)
    request = Request(url="http://127.0.0.1/secret")
    assert (request.method, request.headers) == ("GET", {})
    assert "secret" not in repr(request)
    drill = Drill(id="d", schedule="0 10 * * MON", surfaces=("a/s",), mode=Mode.READ_ONLY, kind="live")
    assert (drill.timezone, drill.remind) == ("UTC", ())


def test_a_drill_of_which_little_is_said_is_begun_by_the_clock_and_loses_nothing() -> None:
    """It may begin half an hour late, gives back at once, and breaks nothing; everybody has a month for a turn."""
    drill = Drill(id="d", schedule="0 10 * * MON", surfaces=("a/s",), mode=Mode.READ_ONLY, kind="live")
    assert (drill.by, drill.wait, drill.hold, drill.everyone, drill.surprise) == (
        "clock",
        1800.0,
        0.0,
        2_592_000.0,
        0.0,
    )
    assert (drill.accept_loss, drill.under_load, drill.faults) == (False, (), ())
