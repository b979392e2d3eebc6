"""What does a report say of the journals that it is made from?"""

from pathlib import Path

import pytest

from bot.domain import events
from bot.journal.chain import ERASED
from bot.journal.erase import erase
from tests.unit.report.incidents import T0, closed, found, page, person, report, stop, told, write

STORY = [stop(0, "a/1"), found(0.2, "a/1"), closed(60)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with one incident in the journal `bot`."""
    write(tmp_path / "state", STORY)
    return tmp_path / "state"


def test_an_intact_chain_is_named_with_its_end(state: Path) -> None:
    """Up to which entry, and that nothing anchored it."""
    document = told(state)
    assert (document["verdict"], document["chains"]["entries"]) == ("intact", {"bot": 3})
    shown = report(state, "inc-1")
    assert shown.exit_code == 0
    assert "journal bot: intact up to entry 3, not anchored" in shown.stdout
    assert document["chains"]["heads"].startswith("anchor bot:3:")


def test_a_changed_byte_is_said_first_and_in_the_exit_code(state: Path) -> None:
    """The report is made all the same."""
    path = state / "journal" / "bot.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"mode":"full_stop"', b'"mode":"read_only"', 1))
    write(state, [stop(100, "a/2", incident="inc-2", hold="hold-9")], "other")
    shown = report(state, "inc-2")
    assert shown.exit_code == 1
    assert shown.stdout.startswith("TAMPERED")
    assert page(state, "inc-2").index("TAMPERED") < page(state, "inc-2").index("What happened")


def test_a_torn_tail_is_told_and_no_tampering(state: Path) -> None:
    """A crash left half a line, which was never acknowledged."""
    path = state / "journal" / "bot.jsonl"
    path.write_bytes(path.read_bytes() + b'{"seq":4,"prev"')
    document = told(state)
    assert (document["verdict"], document["chains"]["torn_bytes"]) == ("intact", {"bot": 15})
    assert "15 bytes of a line that was never finished" in page(state)


def test_an_erased_name_is_gone_and_said_to_be(state: Path) -> None:
    """Neither page, terminal nor document has it; the chain stays intact."""
    assert erase(state / "journal" / "bot.jsonl", "U0ALICE") == 1
    everything = [page(state), report(state, "inc-1").stdout, report(state, "inc-1", "--json").stdout]
    assert not [text for text in everything if "U0ALICE" in text]
    assert all("erased" in text for text in everything)
    document = told(state)
    assert (document["erased"], document["verdict"]) == (True, "intact")
    assert document["stops"][0]["by"]["id"] == ERASED


def test_the_journals_of_several_writers_are_one_story(tmp_path: Path) -> None:
    """A stop of the command line, carried out by the bot: in the order of their times, each with its own entry."""
    state = tmp_path / "state"
    write(state, [stop(0, "a/1", by=person("root", "cli"))], "bastion")
    write(state, [found(0.2, "a/1"), events.Note(at=T0 + 1, text="x")])
    timeline = told(state)["timeline"]
    assert [moment["evidence"][0] for moment in timeline] == [
        {"chain": "bastion", "entry": 1},
        {"chain": "bot", "entry": 1},
    ]
    assert "root (command line) asked for full_stop" in told(state)["summary"][0]


def test_a_folder_that_others_can_write_to_is_not_believed(state: Path) -> None:
    """As everywhere else: it could be forged."""
    (state / "journal").chmod(0o777)
    assert report(state, "inc-1").exit_code == 2
