"""An incident as the bot records it, in the journals of a state directory, and what a test reads of its report."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from adapters.base import Mode
from bot.cli import group
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.journal.chain_file import ChainFile

T0 = 1_767_225_600.0  # 2026-01-01 00:00:00 UTC
Report = Callable[..., Result]


def person(name: str = "U0ALICE", kind: str = "slack") -> events.Person:
    """Somebody."""
    return events.Person(kind=kind, id=name)


def stop(after: float, *names: str, hold: str = "hold-1", **more: Any) -> events.HoldAdded:
    """A stop of these surfaces by Alice, so many seconds after the start; each has a target of its own name."""
    targets = tuple(events.HeldTarget(key=f"t:{name}", surfaces=(name,), round_to=Mode.FULL_STOP) for name in names)
    fields = {
        "incident": "inc-1",
        "mode": Mode.FULL_STOP,
        "by": person(),
        "reason": "it leaks",
        "scope": "all",
        "targets": targets,
    }
    return events.HoldAdded(at=T0 + after, hold=hold, **{**fields, **more})


def found(after: float, *names: str, outcome: Outcome = Outcome.VERIFIED, **more: Any) -> events.Outcomes:
    """What was found at these surfaces."""
    fields = {"outcome": outcome, "asked": Mode.FULL_STOP, "held": Mode.FULL_STOP, "settled": True, **more}
    return events.Outcomes(at=T0 + after, proofs=tuple(events.Proof(target=f"t:{name}", **fields) for name in names))


def closed(after: float, **more: Any) -> events.IncidentClosed:
    """The end of the incident."""
    return events.IncidentClosed(at=T0 + after, incident="inc-1", by=person("U0BOB"), **more)


def write(state: Path, story: Iterable[events.Event], chain: str = "bot") -> Path:
    """Appends the story to a journal of the state directory; returns its file."""
    folder = state / "journal"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = ChainFile(folder / f"{chain}.jsonl")
    file.write(list(story), at=T0)  # type: ignore[arg-type]  # only kinds that a journal has
    file.close()
    return folder / f"{chain}.jsonl"


def report(state: Path, *words: str) -> Result:
    """Runs `agent-kill report WORDS…` over the state directory."""
    variables = {
        "AGENT_KILL_STATE_DIR": str(state),
        "AGENT_KILL_CONFIG": str(state.parent / "none.yaml"),
        "COLUMNS": "200",
    }
    return CliRunner().invoke(group, ["report", *words], env=variables)


def told(state: Path, incident: str = "inc-1") -> dict[str, Any]:
    """The JSON document of an incident."""
    document: dict[str, Any] = json.loads(report(state, incident, "--json").stdout)
    return document


def page(state: Path, incident: str = "inc-1") -> str:
    """The HTML page of an incident."""
    file = state.parent / "page.html"
    assert report(state, incident, "--html", str(file)).exit_code in {0, 1}
    return file.read_text("utf-8")
