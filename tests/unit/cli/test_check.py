"""Is `agent-kill check` a report that people read and a document that a job relies on?"""

import json
import re
from pathlib import Path

import pytest

from adapters.base import SurfaceClass
from tests.unit.cli.conftest import Run

PAGE = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text()


def test_the_document_has_the_inventory(run: Run) -> None:
    """One JSON document and nothing else; an error makes the exit code 1, a gap or a note does not."""
    done = run("check", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (1, False)  # one surface is broken
    assert {agent["agent"] for agent in told["coverage"]["agents"]} == {"invoice-reconciliation", "b"}
    b = next(agent for agent in told["coverage"]["agents"] if agent["agent"] == "b")
    assert {one for one, cell in b["classes"].items() if cell["cover"] == "gap"} == set(SurfaceClass) - {"tool"}
    assert told["coverage"]["without"]["drill"] == [
        "invoice-reconciliation/ledger-of-the-european-branch",
        "invoice-reconciliation/watched",
        "b/x",
    ]
    assert all(surface["enforced"] is None for surface in told["coverage"]["surfaces"])


def test_probed_it_says_what_each_really_holds(run: Run) -> None:
    """The memory worlds of this process hold all four."""
    told = json.loads(run("check", "--probe", "--json").stdout)
    enforced = {surface["surface"]: surface["enforced"] for surface in told["coverage"]["surfaces"]}
    assert enforced["b/x"] == ["approval_gated", "draft_only", "read_only", "full_stop"]
    assert not [finding for finding in told["findings"] if finding["level"] == "not_armed"]


@pytest.mark.parametrize("words", [("check",), ("check", "--probe")])
@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_tables_fit_the_terminal(run: Run, words: tuple[str, ...], width: int) -> None:
    """Agents by classes, what each surface has, and what is shared; what stands in a table is not said again."""
    done = run(*words, width=width)
    shown = done.stdout
    assert max(map(len, shown.splitlines()[:-1])) <= width  # the last line has the file's whole path
    for word in ("Authority that is covered", "GAP", "BROKEN", "What each surface has", "Independence", "canary"):
        assert word in shown, shown
    assert "has no canary" not in done.output
    assert "no reason for that" not in done.output


def test_every_key_of_the_document_is_on_the_page(run: Run) -> None:
    """`docs/inventory.md` names them all, since jobs rely on them."""
    keys: set[str] = set()

    def collect(node: object) -> None:
        if isinstance(node, dict):
            keys.update(key for key in node if not re.search(r"[/-]", key))
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            collect(child)

    collect(json.loads(run("check", "--probe", "--json").stdout))
    assert [key for key in sorted(keys - {"b"}) if f"`{key}`" not in PAGE] == []
