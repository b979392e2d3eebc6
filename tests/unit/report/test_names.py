"""Are people told by their names, wherever the bot knows them, and still told apart?"""

import json
from pathlib import Path

import pytest

from bot.report.names import NOBODY, known
from bot.slack.names import name_of
from tests.unit.report.incidents import report, stop, write
from tests.unit.report.quarter import ROSTER, attest, incident, quarter, run

NAMES = {"U0ALICE": "Alice Aalto", "U0BOB": "Bob <b>Berg</b>"}


def named(state: Path, names: dict[str, str]) -> Path:
    """The roster's file with names in it."""
    (state / "cache").mkdir(exist_ok=True)
    (state / "cache" / "roster.json").write_text(json.dumps({**ROSTER, "names": names}))
    return state


def test_ids_become_names_and_nothing_else_does() -> None:
    """Whole words only: no part of another word, no surface, no person who is not known."""
    names = known({"U0ALICE": "  Alice\u202e Aalto ", "U0BOB": ""})
    assert names.put("U0ALICE (in Slack): U0ALICES, billing/U0ALICE, U0BOB") == (
        "Alice Aalto (in Slack): U0ALICES, billing/U0ALICE, U0BOB"
    )
    assert names.among("U0BOB U0ALICE U0CAROL") == {"U0ALICE": "Alice Aalto"}
    assert NOBODY.put("U0ALICE") == "U0ALICE"


def test_two_of_one_name_keep_their_ids_and_nobody_is_called_like_an_id() -> None:
    """A name is chosen by its bearer: it must not make one person look like another."""
    names = known({"U0ALICE": "Alice", "U0EVE": "alice", "U0MALLORY": "U0ALICE", "U0X": "x" * 500})
    assert names.put("U0ALICE, U0EVE, U0MALLORY") == "Alice (U0ALICE), alice (U0EVE), U0MALLORY"
    assert len(names.put("U0X")) == 60


def test_an_incident_names_people_and_lists_who_is_who(tmp_path: Path) -> None:
    """In the text, on the page with names escaped, and in the document beside the ids."""
    state = tmp_path / "state"
    write(state, [stop(0)])
    named(state, {"U0ALICE": "Alice Aalto <b>"})
    shown = report(state, "inc-1").stdout
    assert "Alice Aalto <b> (Slack)" in shown
    assert "U0ALICE" not in shown
    assert "Alice Aalto <b>" in report(state).stdout
    page = tmp_path / "x.html"
    report(state, "inc-1", "--html", str(page))
    told = page.read_text()
    assert "Alice Aalto &lt;b&gt; (Slack)" in told
    assert told.count("U0ALICE") == 1
    assert "<li>Alice Aalto &lt;b&gt;: <code>U0ALICE</code></li>" in told
    document = json.loads(report(state, "inc-1", "--json").stdout)
    assert document["names"] == {"U0ALICE": "Alice Aalto <b>"}
    assert document["stops"][0]["by"]["id"] == "U0ALICE"


def test_a_statement_names_people_and_is_signed_with_them(tmp_path: Path) -> None:
    """Who can stop, who did, who practised; a person whose name nobody knows keeps the id."""
    state = named(quarter(tmp_path, *run(3), *incident()), {"U0BOB": "Bob Berg"})
    shown = attest(state).stdout
    assert "started by Bob Berg." in shown
    assert "by the groups @oncall" in " ".join(shown.split())
    page = tmp_path / "s.html"
    attest(state, "--html", str(page))
    told = page.read_text()
    assert '<th scope="row">Bob Berg</th>' in told
    assert "U0ALICE" in told
    assert "<li>Bob Berg: <code>U0BOB</code></li>" in told
    made = json.loads(attest(state, "--json").stdout)["statement"]
    assert made["names"] == {"S0ONCALL": "@oncall", "U0BOB": "Bob Berg"}
    assert {one["id"] for one in made["people"]["practised"]} == {"U0BOB"}


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"profile": {"real_name": "Olivia O", "display_name": "liv"}, "name": "o"}, "Olivia O"),
        ({"profile": {"real_name": "", "display_name": "liv"}, "name": "o"}, "liv"),
        ({"name": "o"}, "o"),
        ({"profile": 3, "real_name": 4}, ""),
    ],
)
def test_the_name_of_a_record(user: dict[str, object], name: str) -> None:
    """The full name first; an odd record has none."""
    assert name_of(user) == name
