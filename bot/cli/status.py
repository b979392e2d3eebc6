"""`agent-kill status`: what is held, from the journal and the state directory alone."""

import time
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from adapters.base import Mode
from bot.cli import common, unarmed
from bot.cli.layout import Row, layout
from bot.core import CLOCK, SIGNING_KEY, Core, make_signer
from bot.domain.electorate import what_a_restore_needs
from bot.domain.evidence import label
from bot.domain.status import StatusRow, StatusView, status_view
from bot.journal.anchors import AnchorFile, contradictions
from bot.journal.pushed import Pushed
from bot.service import checked_file
from bot.service.armed import standings
from bot.service.checkpoints import FILE
from bot.service.pushes import Pushes
from bot.settings.environment import Environment

_WITHOUT = "earned is by the journal alone: evaluations are run when a ballot is opened"


@click.command("status")
@common.config_option
@common.json_option
def command(config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Shows effective mode, outcome, last proof and its age for every surface. Contacts nothing."""
    common.quiet_logging()
    env = common.salvaged(config)
    configuration, findings = common.read_configuration(env)
    core = Core(configuration, state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    core.read()
    owners = {agent.id: agent.owner for agent in configuration.agents if agent.owner}
    view = status_view(
        core.board,
        core.inventory.inventoried(),
        core.inventory.broken,
        time.time(),
        owners=owners,
        pacts={agent.id: agent.pact.loosest for agent in configuration.agents},
        restores=what_a_restore_needs(configuration.policy.restore),
        problems=[
            *core.journal_problems(),
            *_unanchored(core, env),
            *_unheard(core, env),
            *(str(item) for item in findings if item.level == "error"),
        ],
        armed=standings(core.board, core.inventory, checked_file.read(env.state_dir / checked_file.FILE), time.time()),
    )
    if as_json:
        common.print_json(view.json())
    else:
        _print(view)


def _unanchored(core: Core, env: Environment) -> list[str]:
    """Where the journals contradict the last signed note of them. Makes no key: without one there is no note either."""
    key, notes = common.secret(env.signing_key), env.state_dir / FILE
    if not notes.exists():
        return []
    if key is None and not (env.state_dir / SIGNING_KEY).exists():
        return [f"audit: {FILE} is there and the signing key is not: set AGENT_KILL_SIGNING_KEY as for the bot"]
    try:
        last = AnchorFile(notes).last(make_signer(env.state_dir, env.writer, key).verifier_key)
        found = contradictions((*core.folders, core.pushed), last)
    except (OSError, ValueError) as error:  # of a key too; its text shows none
        found = [str(error)]
    return [f"audit: {sentence}" for sentence in found]


def _unheard(core: Core, env: Environment) -> list[str]:
    """Writers whose journals are missing here, as the bot sees them."""
    return Pushes(
        pushed=Pushed(core.pushed),
        local=core.folders,
        own=env.writer,
        writers=lambda: core.inventory.configuration.writers,
        adopt=core.adopt,
        clock=CLOCK,
    ).problems()


def _print(view: StatusView) -> None:
    console = Console(highlight=False)
    rows = [
        Row(
            name=row.surface,
            cells=(Text(row.adapter), _mode(row), _outcome(row), Text(_age(row.proof_age))),
            detail=row.detail,
        )
        for row in view.rows
    ]
    columns = ("adapter", "mode", "outcome", "last proof")
    console.print(layout("What agents may do now", columns, rows, width=console.width))
    for hold in view.holds:
        console.print(Text(f"held since {_when(hold.at)}: {hold.mode} on {hold.scope} ({hold.hold}), {hold.reason}"))
    for orphan in view.orphans:
        console.print(Text(str(orphan), style="yellow"))
    for line in _earned(view):
        console.print(Text(line))
    if view.holds and view.restores:
        console.print(Text(view.restores))
    for line in unarmed.lines(view.not_armed()):
        console.print(Text(line, style="bold red"))
    for problem in view.problems:
        console.print(Text(problem, style="bold red"))


def _earned(view: StatusView) -> list[str]:
    """What the held surfaces have earned and what holds them back, those that are alike in one line."""
    groups: dict[tuple[Mode, tuple[str, ...]], list[str]] = {}
    for row in view.rows:
        if row.earned is not None:
            groups.setdefault((row.earned, row.held_back), []).append(row.surface)
    lines = [
        f"{label(names)}: earned {mode}" + (f"; {'; '.join(held_back)}" if held_back else ", no rule holds it back")
        for (mode, held_back), names in groups.items()
    ]
    return [*lines, _WITHOUT] if lines else []


def _mode(row: StatusRow) -> Text:
    return Text(str(row.effective), style="" if row.effective is Mode.NORMAL else "bold")


def _outcome(row: StatusRow) -> Text:
    if row.outcome is None:
        return Text("-")
    words = row.outcome.replace("_", " ")
    if row.not_cut:
        return Text(f"NOT CUT: {words}", style="bold red")
    return Text(f"NOT PROVEN: {words}", style="yellow") if row.not_proven else Text(words, style="green")


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
