"""A quarter as the bot records it: a drill each month, one incident, and people who may stop; and its statement."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from adapters.base import Mode
from bot.cli import group
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.journal.checkpoint import Signer
from tests.unit.report.incidents import T0, closed, found, person, stop, write

KEY = "22" * 32
DAY = 86_400.0
QUARTER = "2026-Q1"  # it begins at T0
CONFIG = """
workspace: {incident_channel: C0INCIDENT}
policy: {stop: {groups: [S0ONCALL], users: [U0ALICE]}}
agents:
  billing:
    owner: U0OWNER
    slack_identities: [U0AGENT]
    not_applicable: {webhook: takes no callbacks, worker: none, scheduler: none, identity: none, tool: none}
    surfaces:
      ledger: {adapter: memory, class: database, canary: {}, backstop: billing/queue}
      queue: {adapter: memory, class: queue}
      lost: {adapter: memory, class: queue, settings: {targett: x}}
drills:
  monthly: {schedule: "0 10 1 * *", surfaces: [billing/ledger], mode: full_stop, kind: live}
"""
ROSTER = {
    "groups": [{"id": "S0ONCALL", "handle": "oncall", "members": ["U0BOB", "U0EVE", "U0AGENT"], "state": "read"}],
    "people": {},
    "at": T0 + DAY,
}


def run(
    number: int, *, survived: bool = True, how: drills.How = "passed", effects: int | None = 0
) -> list[events.Event]:
    """A live drill of the ledger, started by Bob, so many days after the beginning; with a fault."""
    at = T0 + number * DAY
    score = drills.SurfaceScore(
        surface="billing/ledger",
        asked=Mode.FULL_STOP,
        held=Mode.FULL_STOP,
        outcome=Outcome.VERIFIED,
        cut_ms=150,
        proof_ms=300,
        deadline_ms=5000,
        effects=effects,
        given_back_ms=900,
    )
    fault = drills.FaultScore(fault="slack", survived=survived)
    card = drills.Scorecard(kind="live", mode=Mode.FULL_STOP, asked_at=at, surfaces=(score,), faults=(fault,))
    name, target = f"run-{number}", drills.Drilled(key="t:billing/ledger", surfaces=("billing/ledger",))
    hold = stop(number * DAY, "billing/ledger", hold=f"hold-{name}", incident=f"inc-{name}", origin="drill")
    return [
        drills.DrillClaimed(
            at=at, run=name, drill="monthly", kind="live", mode=Mode.FULL_STOP, due=at, by=person("U0BOB")
        ),
        drills.DrillStarted(at=at, run=name, hold=hold.hold, mode=Mode.FULL_STOP, targets=(target,)),
        hold,
        found(number * DAY + 0.3, "billing/ledger"),
        drills.DrillReleased(at=at + 1, run=name, pairs=((hold.hold, "t:billing/ledger"),)),
        drills.DrillEnded(at=at + 2, run=name, drill="monthly", how=how, card=card),
        events.IncidentClosed(at=at + 2, incident=hold.incident, by=person("bot", "bot")),
    ]


def incident(*, cut: bool = True) -> list[events.Event]:
    """A stop of everything in mid-February by Alice; the queue answers late, or never."""
    at = 45 * DAY
    late = found(at + 5, "billing/queue", outcome=Outcome.UNKNOWN, late=True, detail="no answer within 5 s")
    proof = [found(at + 9, "billing/queue")] if cut else []
    story = [stop(at, "billing/ledger", "billing/queue"), found(at + 0.4, "billing/ledger"), late, *proof]
    return [*story, closed(at + 600)]


def quarter(folder: Path, *story: events.Event) -> Path:
    """A state directory with this story, a configuration beside it, and a roster; returns it."""
    state = folder / "state"
    write(state, sorted(story, key=lambda event: event.at))
    (state / "cache").mkdir()
    (state / "cache" / "roster.json").write_text(json.dumps(ROSTER))
    (folder / "agent-kill.yaml").write_text(CONFIG)
    (folder / "key.txt").write_text(Signer(KEY, "bot").verifier_key + "\n")
    return state


def attest(state: Path, *words: str, period: str = QUARTER) -> Result:
    """Runs `agent-kill report --attest`."""
    return command(state, "report", "--attest", period, *words)


def command(state: Path, *words: str) -> Result:
    """Runs `agent-kill WORDS…` beside the state directory."""
    variables = {
        "AGENT_KILL_STATE_DIR": str(state),
        "AGENT_KILL_CONFIG": str(state.parent / "agent-kill.yaml"),
        "AGENT_KILL_SIGNING_KEY": KEY,
        "AGENT_KILL_STOP_SECRETS": "pager:0123456789abcdef",
        "COLUMNS": "200",
    }
    return CliRunner().invoke(group, list(words), env=variables)


def stated(state: Path, period: str = QUARTER) -> dict[str, Any]:
    """The statement as JSON."""
    made: dict[str, Any] = json.loads(attest(state, "--json", period=period).stdout)["statement"]
    return made
