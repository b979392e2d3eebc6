"""`agent-kill stop`: the whole job out of band, with Slack, the database and the bot down."""

import asyncio
import contextlib
import getpass
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from adapters.base import Mode, SurfaceClass
from bot.cli import common, show
from bot.core import Core
from bot.domain import events
from bot.domain.model import Configuration
from bot.domain.plan import Scope
from bot.domain.practice import practised
from bot.domain.report import Report
from bot.service.bell import Bell
from bot.service.ports import Receipt, StopOrder
from bot.service.shortage import take_descriptors
from bot.service.stop import EmptyScope
from bot.settings.terms import seconds

NOT_CUT = 3
_ADOPTION = 3.0  # seconds that a running bot gets to say that it has seen the hold
_MODES = [mode.value for mode in Mode if mode > Mode.NORMAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed."""

    mode: Mode
    scope: Scope
    reason: str
    as_json: bool
    wait: float


@click.command("stop")
@click.argument("mode", type=click.Choice(_MODES))
@click.option("--agent", "agents", multiple=True, metavar="ID", help="an agent, all its surfaces; may be repeated")
@click.option("--surface", "surfaces", multiple=True, metavar="AGENT/ID", help="one surface; may be repeated")
@click.option(
    "--class", "classes", multiple=True, type=click.Choice([c.value for c in SurfaceClass]), help="a class; repeatable"
)
@click.option("--all", "everything", is_flag=True, help="every surface of every agent")
@click.option("--reason", required=True, help="why, for the record")
@click.option("--wait", default="0s", metavar="DURATION", help="go on retrying what is not cut for so long: 90s, 10m")
@click.option("--dry-run", is_flag=True, help="show what would be held; touch nothing")
@common.config_option
@common.json_option
def command(  # noqa: PLR0917  # click passes them by name
    mode: str,
    agents: tuple[str, ...],
    surfaces: tuple[str, ...],
    classes: tuple[str, ...],
    everything: bool,  # noqa: FBT001
    reason: str,
    wait: str,
    dry_run: bool,  # noqa: FBT001
    config: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Stops agents now: MODE is full_stop, read_only, draft_only or approval_gated.

    Ends when each surface is proven, or its and its backstop's deadline passed. Exit 0: nothing is NOT CUT; 3:
    something is; 2: usage or configuration. The running bot, where there is one, adopts the hold, goes on with what
    is left and reports it in Slack.
    """
    common.quiet_logging()
    take_descriptors()
    if not reason.strip():
        common.fail("--reason is empty: whoever restores must know why; give it in a few words. Nothing was stopped")
    env = common.salvaged(config)
    configuration, findings = common.read_configuration(env)
    if not as_json:
        common.say_findings(finding for finding in findings if finding.level == "error")
    scope = _scope(configuration, agents, surfaces, classes, everything=everything)
    options = Options(mode=Mode(mode), scope=scope, reason=reason, as_json=as_json, wait=_wait(wait))
    core = Core(configuration, state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    sys.exit(asyncio.run(_plan(core, options, env.state_dir) if dry_run else _stop(core, options)))


def _wait(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        common.fail(f"--wait {text} {error}")


def _scope(
    configuration: Configuration,
    agents: tuple[str, ...],
    surfaces: tuple[str, ...],
    classes: tuple[str, ...],
    *,
    everything: bool,
) -> Scope:
    """What was named, every name checked; nothing named is an error, never "all"."""
    known_agents = {agent.id for agent in configuration.agents}
    known = {item.name for agent in configuration.agents for item in agent.surfaces}
    known |= {item.name for agent in configuration.agents for item in agent.quarantined}
    _check_names("--agent", agents, known_agents)
    _check_names("--surface", surfaces, known)
    scope = Scope(
        agents=frozenset(agents),
        surfaces=frozenset(surfaces),
        classes=frozenset(SurfaceClass(item) for item in classes),
        everything=everything,
    )
    if not str(scope):
        common.fail("nothing is named to stop; give --agent ID, --surface AGENT/ID, --class CLASS or --all")
    return scope


def _check_names(option: str, names: tuple[str, ...], known: set[str]) -> None:
    for name in names:
        if name not in known:
            common.fail(f"{option} {name}: there is none of that name; there are: {', '.join(sorted(known)) or 'none'}")


async def _plan(core: Core, options: Options, state_dir: Path) -> int:
    from bot.service import checked_file  # noqa: PLC0415  # a stop waits for no module that only a plan needs
    from bot.service.armed import standings  # noqa: PLC0415

    try:
        core.read()
        plan = core.stops.plan(options.mode, options.scope)
        kept = checked_file.read(state_dir / checked_file.FILE)
        found = standings(core.board, core.inventory, kept, core.clock.now())
        show.plan(plan, found, as_json=options.as_json)
    finally:
        await core.aclose()
    return 0


async def _stop(core: Core, options: Options) -> int:
    """Stops, follows the cuts to their end, reports; whatever is left goes on in the running bot."""
    bell = Bell()
    core.reporters.inner = _Rings(bell)
    try:
        core.read()
        core.writer.open()
        core.watchdog.code = NOT_CUT
        core.watchdog.start()
        receipt = await core.stops.stop(_order(core, options))
        with show.Progress(quiet=options.as_json) as progress:
            report = await _follow(core, receipt.hold, bell, options.wait, progress)
        seen = await _was_adopted(core, receipt)
    except EmptyScope as error:
        common.fail(str(error))
    finally:
        await core.aclose()
    names = [line.surface for line in report.lines]
    practice = practised(core.board.practice, (), names, None, core.clock.now())
    show.stopped(receipt, report, adopted=seen, practice=practice, as_json=options.as_json)
    return NOT_CUT if report.not_cut() else 0


def _order(core: Core, options: Options) -> StopOrder:
    return StopOrder(
        mode=options.mode,
        scope=options.scope,
        by=events.Person(kind="cli", id=who()),
        reason=options.reason,
        channel=core.inventory.configuration.workspace.incident_channel,
        origin="cli",
    )


def who() -> str:
    """Who sits at this command line, as the journal names them."""
    user = getpass.getuser()
    behind = os.environ.get("SUDO_USER")
    name = f"{user} (sudo by {behind})" if behind and behind != user else user
    return f"{name}@{socket.gethostname()}"


async def _follow(core: Core, hold: str, bell: Bell, wait: float, progress: show.Progress) -> Report:
    """Until every surface is settled, then on for `wait` seconds while something is NOT CUT."""
    patience: float | None = None
    while True:
        report = core.report_of(hold)
        progress.update(report)
        if report.settled:
            patience = patience if patience is not None else core.clock.monotonic() + wait
            if not report.not_cut() or core.clock.monotonic() >= patience:
                return report
        await bell.heard(timeout=0.1)


async def _was_adopted(core: Core, receipt: Receipt) -> bool:
    """Whether a running bot has said in its own journal that it saw this one; asked for a moment only."""
    chain = core.writer.chain
    if chain is None or not receipt.recorded or not core.others_are_alive():
        return False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ADOPTION):
            while True:
                for entry in core.read():
                    if isinstance(entry.event, events.HeadsSeen) and chain in {head[0] for head in entry.event.heads}:
                        return True
                await asyncio.sleep(0.1)
    return False


class _Rings:
    """A reporter that wakes the terminal."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    def wake(self, incident: str) -> None:  # noqa: ARG002  # the port's signature
        self._bell.ring()
