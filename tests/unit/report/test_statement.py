"""Does the statement over a period answer an auditor, and say first what it cannot vouch for?"""

from pathlib import Path

import pytest

from bot.domain import armed_events as armed
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.outcome import Outcome
from tests.unit.report.incidents import T0, found, stop
from tests.unit.report.quarter import CONFIG, DAY, attest, incident, quarter, run, stated


def answer(made: dict[str, object], question: str) -> str:
    """What it answers."""
    return next(one["answer"] for one in made["answers"] if one["question"] == question)  # type: ignore[attr-defined,no-any-return]


def test_the_five_questions_are_answered(tmp_path: Path) -> None:
    """Who can stop it, when it last worked, how fast, what is not covered, who practised."""
    made = stated(quarter(tmp_path, *run(3), *run(31), *incident()))
    assert answer(made, "Who can stop it?") == (
        "3 people in Slack (U0ALICE, U0BOB, U0EVE), by the groups S0ONCALL as of 2026-01-02 00:00:00 UTC; "
        "the signed callers pager; whoever "
        "can log in as the bot's user on bot. 2 of the 3 ever did, in earnest or in a drill."
    )
    assert answer(made, "When did it last work?") == (
        "Last at 2026-02-15 00:00:09 UTC, proven on billing/queue by a stop (inc-1); longest ago is billing/ledger, at "
        "2026-02-15 00:00:00 UTC; never on billing/lost."
    )
    assert "at worst 9.0 s (billing/queue); deadlines were missed on billing/queue." in answer(made, "How fast?")
    assert "billing: no surface and no reason for api" in answer(made, "What is not covered?")
    assert answer(made, "Who practised?") == ("2 drills, 2 passed; started by U0BOB. Never pulled the switch: U0EVE.")


def test_without_anything_recorded_nothing_is_claimed(tmp_path: Path) -> None:
    """No drill, no stop: said, surface by surface and in the answers."""
    made = stated(quarter(tmp_path, events.Note(at=T0, text="opened")))
    said = made["not_proven"]
    assert "no drill was recorded in this period" in said
    assert "no fault was injected in this period: that the switch works during a failure is not shown by it" in said
    assert "never proven to be cut, by a stop or by a drill: billing/ledger, billing/lost and 1 more" in said
    assert "3 of 3 people who may stop never did, not even in a drill" in said
    assert answer(made, "How fast?") == "Not known: nothing was proven in this period."
    assert answer(made, "Who practised?") == "Nobody in this period: no drill was recorded."


def test_what_went_wrong_is_among_what_is_not_proven(tmp_path: Path) -> None:
    """A surface that was never cut, a failed drill, a missed one, a fault that was not survived, an unarmed button."""
    story = [
        *run(31, survived=False, how="failed"),
        *incident(cut=False),
        drills.DrillMissed(at=T0 + 80 * DAY, drill="monthly", due=T0 + 79 * DAY, why="the bot was down"),
        armed.ArmedChanged(
            at=T0 + DAY, changes=(armed.ArmedSeen(subject="billing/queue", armed=False, why="refused"),)
        ),
    ]
    said = stated(quarter(tmp_path, *story))["not_proven"]
    for sentence in (
        "inc-1: NOT CUT at its end: billing/queue",
        "inc-1: never proven: billing/queue",
        "inc-1: not proven within the deadline: billing/queue",
        "the drill monthly (run-31) failed",
        "the drill monthly that was due 2026-03-21 00:00:00 UTC did not run: the bot was down",
        "faults that a drill did not survive: slack (run-31)",
        "NOT ARMED for a time: billing/queue",
        "never tried under the agent's own credential, for want of a canary: billing/queue",
        "in no drill's schedule: billing/queue",
    ):
        assert sentence in said


def test_what_no_witness_saw_is_not_proven(tmp_path: Path) -> None:
    """Nobody looked for effects after the cut: that is no count of none."""
    sentence = "what the agent still did after a drill's cut was not measured, for want of a witness: billing/ledger"
    assert sentence in stated(quarter(tmp_path / "blind", *run(31), *run(32, effects=None)))["not_proven"]
    assert sentence not in stated(quarter(tmp_path / "seen", *run(31)))["not_proven"]


def test_another_period_does_not_count(tmp_path: Path) -> None:
    """What was proven before it is told as that, and what came after it is not told."""
    state = quarter(tmp_path, *run(3), *incident())
    made = stated(state, "2026-03-01..2026-03-31")
    assert (made["incidents"], made["drills"]["runs"]) == ([], [])
    assert "not proven in this period, but before it: billing/ledger, billing/queue" in made["not_proven"]
    before = stated(state, "2026-01")
    assert before["incidents"] == []
    assert next(it for it in before["inventory"]["surfaces"] if it["surface"] == "billing/queue")["last_proven"] is None


def test_the_word_of_a_surface_proves_nothing(tmp_path: Path) -> None:
    """A cut that is applied is not among what was proven."""
    story = [stop(0, "billing/ledger"), found(0.2, "billing/ledger", outcome=Outcome.APPLIED)]
    made = stated(quarter(tmp_path, *story))
    (ledger,) = (it for it in made["inventory"]["surfaces"] if it["surface"] == "billing/ledger")
    assert (ledger["last_proven"], ledger["proven_in_period"]) == (None, 0)
    assert "inc-1: NOT PROVEN at its end: billing/ledger" in made["not_proven"]


def test_the_matrix_has_every_class(tmp_path: Path) -> None:
    """Covered, not applicable with its reason, and a gap; a broken surface covers nothing."""
    (agent,) = stated(quarter(tmp_path, *run(3)))["inventory"]["agents"]
    cells = {name: cell["cover"] for name, cell in agent["classes"].items()}
    assert cells == {
        "api": "gap",
        "tool": "not_applicable",
        "queue": "covered",
        "scheduler": "not_applicable",
        "webhook": "not_applicable",
        "worker": "not_applicable",
        "database": "covered",
        "identity": "not_applicable",
    }
    assert (agent["classes"]["queue"]["surfaces"], agent["classes"]["queue"]["broken"]) == (
        ["billing/queue", "billing/lost"],
        ["billing/lost"],
    )


def test_what_the_switch_shares_and_what_is_taken_at_its_word_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control endpoint on the bot's own host, whose word is all there is; nothing of it is contacted."""
    monkeypatch.setenv("FLAGS_SECRET", "a-secret-of-some-length")
    state = quarter(tmp_path, *run(3))
    flags = "{adapter: http_control, class: tool, settings: {url: 'http://localhost:9/x', secret: '${FLAGS_SECRET}'}}"
    (tmp_path / "agent-kill.yaml").write_text(
        CONFIG.replace("      queue: {", f"      flags: {flags}\n      queue: {{")
    )
    said = stated(state)["not_proven"]
    assert [line for line in said if line.startswith("not independent: ") and "billing/flags" in line]
    assert "cut by its own word only, whatever a stop reports: billing/flags" in said


def test_an_agent_is_nobody_who_may_stop(tmp_path: Path) -> None:
    """Its identity in the group counts for nothing."""
    assert stated(quarter(tmp_path, *run(3)))["people"]["may_stop"]["people"] == ["U0ALICE", "U0BOB", "U0EVE"]


def test_without_a_configuration_the_inventory_is_not_known(tmp_path: Path) -> None:
    """And it says so, instead of an empty list of gaps."""
    state = quarter(tmp_path, *run(3))
    (tmp_path / "agent-kill.yaml").unlink()
    made = stated(state)
    assert "the configuration cannot be read: what is covered, and what is not, is not known" in made["not_proven"]
    assert answer(made, "What is not covered?") == "Not known: the configuration cannot be read."


def test_a_period_that_lasts_is_told_to(tmp_path: Path) -> None:
    """Ninety days until now are over; the year of now is not."""
    state = quarter(tmp_path, *run(3))
    assert stated(state, "90d")["period"]["over"] is True
    year = stated(state, "2026")["made_at"][:4]
    assert "the period is not over: this is what was recorded until it was made" in stated(state, year)["not_proven"]


@pytest.mark.parametrize("words", ["", "90", "0d", "2026-Q5", "2026-13", "2026-03-31..2026-01-01", "9999", "x..y"])
def test_what_is_no_period_is_told_what_is(tmp_path: Path, words: str) -> None:
    """Exit 2, and nothing is stated."""
    ran = attest(quarter(tmp_path, *run(3)), "--json", period=words)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "write 90d, 2026-Q3, 2026-07, 2026 or 2026-01-01..2026-03-31" in ran.stderr or "not begun" in ran.stderr


def test_an_incident_and_a_period_are_not_told_at_once(tmp_path: Path) -> None:
    """Exit 2."""
    ran = attest(quarter(tmp_path, *run(3)), "inc-1")
    assert ran.exit_code == 2
    assert "give an incident or --attest PERIOD, not both" in ran.stderr


def test_the_page_leads_with_what_is_not_proven(tmp_path: Path) -> None:
    """And has all that the auditor asks; a hostile name of an agent stays a name."""
    state = quarter(tmp_path, *run(3), *incident())
    (tmp_path / "agent-kill.yaml").write_text(CONFIG.replace("takes no callbacks", "<script>alert(1)</script>"))
    assert attest(state, "--html", str(tmp_path / "s.html")).exit_code == 0
    page = (tmp_path / "s.html").read_text("utf-8")
    assert page.index("What is not proven") < page.index("Five questions") < page.index("What is covered")
    assert "<script" not in page
    assert page.count('src="data:image/png;base64,') == 1
    assert "&lt;script&gt;alert(1)" in page
    for words in ("U0EVE", "billing/ledger", "run-3", "inc-1", "GAP", "n/a"):
        assert words in page


def test_a_roster_that_was_never_read_is_no_empty_one(tmp_path: Path) -> None:
    """Nobody knows who may stop: it is said so, and no count is made of nobody."""
    state = quarter(tmp_path, *run(3))
    (state / "cache" / "roster.json").unlink()
    made = stated(state)
    who = answer(made, "Who can stop it?")
    assert who.startswith("the members of the Slack groups S0ONCALL, which were never read")
    assert "Who is in these groups is not known here, since the roster was never read; 1 person is recorded" in who
    assert "0 of the" not in who
    assert not [line for line in made["not_proven"] if "people who may stop never did" in line]
    assert "who is in S0ONCALL is not known here: the roster was never read" in made["not_proven"]
