"""Does `agent-kill status` explain what was earned?"""

import json
from pathlib import Path

from tests.unit.cli.conftest import Run

_WITHOUT = "earned is by the journal alone: evaluations are run when a ballot is opened"


def test_nothing_is_said_where_nothing_is_held(run: Run) -> None:
    """The line would explain nothing."""
    assert "earned" not in run("status").stdout


def test_what_is_held_is_explained_alike_things_once(run: Run) -> None:
    """One line for those that are alike, then what was left out."""
    run("stop", "full_stop", "--all", "--reason", "x")
    lines = run("status", width=200).stdout.splitlines()
    said = [line for line in lines if "earned" in line]
    assert said[0].startswith("b/x, invoice-reconciliation/ledger-of-the-european-branch")
    assert ": earned normal, no rule holds it back" in said[0]
    assert said[-1] == _WITHOUT
    assert len(said) <= 3


def test_the_document_has_it_for_each_surface(run: Run) -> None:
    """`earned` and `held_back`."""
    before = json.loads(run("status", "--json").stdout)["surfaces"]
    assert {row["earned"] for row in before} == {None}
    run("stop", "full_stop", "--all", "--reason", "x")
    rows = {row["surface"]: row for row in json.loads(run("status", "--json").stdout)["surfaces"]}
    assert rows["b/x"]["earned"] == "normal"
    assert rows["b/x"]["held_back"] == []
    assert rows["invoice-reconciliation/broken"]["earned"] is None


def test_a_pact_is_explained_too(run: Run, tmp_path: Path) -> None:
    """It bounds what may be given back, and the line says what to change."""
    file = tmp_path / "c.yaml"
    file.write_text(file.read_text().replace("  b: {surfaces", "  b: {pact: {loosest: draft_only}, surfaces"))
    run("stop", "full_stop", "--all", "--reason", "x")
    assert (
        "b/x: earned draft_only; the pact gives back draft_only at most: nothing looser than draft_only until"
        " `pact.loosest` is changed"
    ) in run("status", width=200).stdout
