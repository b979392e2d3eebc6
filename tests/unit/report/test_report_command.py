"""Which incident does `agent-kill report` tell?"""

import json
import re
from pathlib import Path

import pytest

from bot.domain import events
from tests.unit.report.incidents import closed, found, report, stop, write


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two incidents, the first one closed."""
    first: list[events.Event] = [stop(0, "a/1"), found(0.2, "a/1"), closed(60)]
    write(tmp_path / "state", [*first, stop(90, "b/1", hold="hold-2", incident="inc-2f", scope="b")])
    return tmp_path / "state"


def test_without_one_they_are_listed_newest_first(state: Path) -> None:
    """With what was asked and whether they are open."""
    listed = json.loads(report(state, "--json").stdout)
    assert [(row["incident"], row["open"]) for row in listed] == [("inc-2f", True), ("inc-1", False)]
    shown = report(state).stdout
    assert shown.index("inc-2f") < shown.index("inc-1 ")


@pytest.mark.parametrize("words", ["inc-2f", "inc-2", "2f", "hold-2"])
def test_a_beginning_is_enough(state: Path, words: str) -> None:
    """The id, the start of it with or without its prefix, or the id of one of its holds."""
    assert json.loads(report(state, words, "--json").stdout)["incident"] == "inc-2f"


def test_an_unknown_one_names_those_that_there_are(state: Path) -> None:
    """Exit 2, newest first."""
    ran = report(state, "inc-9")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "there is no incident 'inc-9'; there are, newest first: inc-2f, inc-1" in ran.stderr


def test_an_ambiguous_one_is_not_guessed(state: Path) -> None:
    """Exit 2, with the candidates."""
    ran = report(state, "inc-")
    assert ran.exit_code == 2
    assert "'inc-' may mean several incidents: inc-1, inc-2f; give more of the id" in ran.stderr


def test_a_missing_state_directory_is_told(tmp_path: Path) -> None:
    """It would read as a bot without incidents."""
    ran = report(tmp_path / "elsewhere")
    assert ran.exit_code == 2
    assert "there is no state directory" in ran.stderr


def test_a_report_writes_nothing_into_the_state_directory(state: Path) -> None:
    """No key, no cache: it may be a copy that must not change."""
    before = sorted(path.name for path in state.rglob("*"))
    assert report(state, "inc-1", "--html", str(state.parent / "p.html")).exit_code == 0
    assert sorted(path.name for path in state.rglob("*")) == before


def test_a_page_that_cannot_be_written_is_told(state: Path) -> None:
    """With the reason."""
    ran = report(state, "inc-1", "--html", str(state / "no" / "p.html"))
    assert ran.exit_code == 2
    assert "was not written: No such file or directory" in ran.stderr


def test_a_page_without_an_incident_is_asked_which(state: Path) -> None:
    """Exit 2, and no list instead of the page that was wanted."""
    ran = report(state, "--html", str(state.parent / "p.html"))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--html writes one incident: name it" in ran.stderr


def test_how_it_was_left_has_a_width(state: Path) -> None:
    """A surface that the last entry proved is drawn as proven behind it."""
    page = state.parent / "p.html"
    assert report(state, "inc-1", "--html", str(page)).exit_code == 0
    (width,) = re.findall(r'class="m-full_stop s-proven" x="[\d.]+" y="\d+" width="([\d.]+)"', page.read_text())
    assert float(width) > 90
