"""Can the tables be read on terminals of any usual width?"""

import io

import pytest
from rich.console import Console
from rich.text import Text

from bot.cli.layout import Row, layout
from tests.unit.cli.conftest import Run

AGENT, LEDGER = "invoice-reconciliation", "ledger-of-the-european-branch"
QUARANTINED = {"status": "NOT CUT: quarantined", "plan": "NOT CUT", "stop": "quarantined"}
COMMANDS = {
    "status": ("status",),
    "plan": ("stop", "read_only", "--all", "--reason", "it spends", "--dry-run"),
    "stop": ("stop", "read_only", "--all", "--reason", "it spends"),
}


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_name_and_no_word_is_broken(run: Run, name: str, width: int) -> None:
    """Every surface stands whole on a line, and no line is longer than the terminal."""
    shown = run(*COMMANDS[name], width=width).stdout
    for surface in (f"{AGENT}/{LEDGER}", f"{AGENT}/watched", f"{AGENT}/broken", "b/x"):
        assert any(surface in line for line in shown.splitlines()), shown
    table = shown.partition("\nNOT CUT\n")[0]
    assert max(len(line) for line in table.splitlines()) <= width
    for word in ("settings.targett", "configuration", QUARANTINED[name]):
        assert word in table, shown


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_sentences_are_not_a_column_of_letters(run: Run, words: tuple[str, ...]) -> None:
    """At 80 columns every surface takes a few lines."""
    table = run(*words, width=80).stdout.partition("\nNOT CUT\n")[0]
    assert len(table.splitlines()) <= 2 + 4 * 5, table


def test_a_wide_terminal_gets_one_line_a_surface(run: Run) -> None:
    """With the sentence beside it."""
    lines = run("status", width=300).stdout.splitlines()
    line = next(line for line in lines if f"{AGENT}/broken" in line)
    assert "configuration: settings.targett" in line
    assert "memory" in line


def test_a_path_longer_than_the_line_is_parted_at_its_folders() -> None:
    """On a narrow terminal, inside a sentence."""
    path = "/".join(f"folder-{number}" for number in range(12))
    console = Console(width=40, file=io.StringIO())
    rows = [Row(name="a/x", cells=(Text("memory"),), detail=f"see (/{path}:7) now")]
    with console.capture() as shown:
        console.print(layout("Title", ("adapter",), rows, width=40))
    for number in range(12):
        assert f"folder-{number}" in shown.get()


def test_no_surface_at_all_is_a_table_of_heads() -> None:
    """Nothing fails for want of rows."""
    console = Console(width=80, file=io.StringIO())
    with console.capture() as shown:
        console.print(layout("Title", ("adapter",), [], width=80))
    assert "adapter" in shown.get()


def test_a_name_longer_than_the_line_is_parted_behind_its_agent(run: Run) -> None:
    """And nowhere else."""
    lines = [line.strip() for line in run("status", width=40).stdout.splitlines()]
    assert lines[lines.index(f"{AGENT}/") + 1] == LEDGER
