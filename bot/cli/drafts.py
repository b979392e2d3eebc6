"""`agent-kill drafts`: what surfaces parked, straight from them: lists, shows, asks for a release, drops."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click

from bot.cli import common, show_drafts
from bot.cli.show_drafts import Entry
from bot.cli.stop import who
from bot.core import Core
from bot.domain import draft_events as drafts
from bot.domain import events
from bot.domain.drafts import Proposal, why_no_release
from bot.service.decisions import Decisions, Order, came_of
from bot.service.lots import Found, Listing, Lot, look, lots_of

FAILED = 1
_LISTED = 1_000  # drafts of each place
_AT_ONCE = 16  # places
_SHOWN = 10.0  # seconds that the running bot gets to post the card
_LOOK = 0.1
_Options = tuple[Path | None, bool]  # of the group: `--config`, `--json`
_Work = Callable[["_Desk"], Awaitable[int]]


@click.group("drafts", invoke_without_command=True)
@common.config_option
@common.json_option
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Lists what agents proposed and surfaces parked, and decides on it.

    \b
    agent-kill drafts              lists everything that is parked, surface by surface
    agent-kill drafts show ID      one of them, whole
    agent-kill drafts release ID   asks for its release in Slack, where an approver has an identity
    agent-kill drafts drop ID      removes it for good, without effect

    Reads the surfaces themselves: it works with Slack, the database and the bot down. Exit 0: done; 1: it was not,
    or a surface could not be listed; 2: usage or configuration.
    """  # noqa: D301  # click reads the backspace as "keep these lines"
    context.obj = (config, as_json)
    if context.invoked_subcommand is None:
        _run(config, lambda desk: desk.listing(as_json=as_json), quiet=as_json)


@command.command("list")
@common.config_option
@common.json_option
@click.pass_obj
def list_(options: _Options, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Lists everything that is parked, oldest first, surface by surface."""
    quiet = options[1] or as_json
    _run(config or options[0], lambda desk: desk.listing(as_json=quiet), quiet=quiet)


@command.command("show")
@click.argument("draft", metavar="ID")
@common.config_option
@common.json_option
@click.pass_obj
def show(options: _Options, draft: str, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Shows one, with all of its arguments and what was decided on it; secrets are starred."""
    quiet = options[1] or as_json
    _run(config or options[0], lambda desk: desk.show(draft, as_json=quiet), quiet=quiet)


@command.command("release")
@click.argument("draft", metavar="ID")
@common.config_option
@click.pass_obj
def release(options: _Options, draft: str, config: Path | None) -> None:
    """Asks those whom `policy.approve` names, by a card in the incident's thread. Releases nothing by itself."""
    _run(config or options[0], lambda desk: desk.ask(draft))


@command.command("drop")
@click.argument("draft", metavar="ID")
@common.config_option
@click.pass_obj
def drop(options: _Options, draft: str, config: Path | None) -> None:
    """Removes one for good, without effect; who did it is on record."""
    _run(config or options[0], lambda desk: desk.drop(draft))


def _run(config: Path | None, work: _Work, *, quiet: bool = False) -> None:
    common.quiet_logging()
    env = common.salvaged(config)
    configuration, findings = common.read_configuration(env)
    if not quiet:
        common.say_findings(finding for finding in findings if finding.level == "error")
    core = Core(configuration, state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    sys.exit(asyncio.run(_with(core, work, quiet=quiet)))


async def _with(core: Core, work: _Work, *, quiet: bool) -> int:
    try:
        core.read()
        return await work(_Desk(core, quiet=quiet))
    finally:
        await core.aclose()


class _Desk:
    """One call of the command."""

    def __init__(self, core: Core, *, quiet: bool) -> None:
        self._core = core
        self._quiet = quiet
        self._lots = [lot for target in core.inventory.targets.values() for lot in lots_of(target)]

    async def listing(self, *, as_json: bool) -> int:
        """Everything."""
        found = await self._look()
        entries = [self._entry(item) for _, listing in found for item in listing.found]
        show_drafts.listing(entries, found, as_json=as_json)
        return FAILED if any(listing.trouble for _, listing in found) else 0

    async def show(self, named: str, *, as_json: bool) -> int:
        """One."""
        show_drafts.one(self._entry(await self._find(named)), as_json=as_json)
        return 0

    async def ask(self, named: str) -> int:
        """Asks for its release, and waits a moment for the card."""
        item = await self._find(named)
        why = why_no_release(self._core.board.effective(item.lot.target.key))
        if why:
            common.fail(f"nothing is asked for: {why}. It stays parked; ask again once that is lifted", FAILED)
        self._refuse_decided(item)
        await self._known(item)
        by = events.Person(kind="cli", id=who())
        asked = drafts.DraftAsked(at=self._core.clock.now(), draft=item.name, digest=item.digest, by=by)
        if not await self._core.recorder.record(asked):
            common.fail("no disk takes the journal, so that nothing could be asked for", FAILED)
        if not self._core.others_are_alive():
            click.echo(f"{item.name} is asked for. No bot is running here: its next start posts the card in Slack.")
        elif await self._posted(item):
            click.echo(f"{item.name} is asked for: its card is in the incident's thread, for an approver to decide.")
        else:
            click.echo(f"{item.name} is asked for. Its card follows as soon as Slack takes it.")
        return 0

    async def drop(self, named: str) -> int:
        """Removes it, recorded before and after."""
        item = await self._find(named)
        self._refuse_decided(item)
        await self._known(item)
        core = self._core
        decisions = Decisions(
            lots=lambda target: tuple(lots_of(core.inventory.targets[target])),
            recorder=core.recorder,
            policy=lambda: core.inventory.configuration.policy.approve,
            refresh=core.refresh,
            clock=core.clock,
            patience=2 * item.lot.patience,
        )
        by = events.Person(kind="cli", id=who())
        answer = await decisions.decide(Order(draft=item.name, digest=item.digest, verdict="drop", by=by))
        await decisions.aclose()
        ended = core.board.proposals.all[item.name].ended()
        click.echo(f"{item.name}: {answer.sentence}", err=ended is None)
        return 0 if ended is not None else FAILED

    async def _look(self) -> list[tuple[Lot, Listing]]:
        """Every place that parks, some at once."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def ask(lot: Lot) -> tuple[Lot, Listing]:
            async with slots:
                listing = await look(lot, _LISTED)
            progress.advance()
            return lot, listing

        with show_drafts.Progress(len(self._lots), quiet=self._quiet) as progress:
            return list(await asyncio.gather(*map(ask, self._lots)))

    async def _find(self, named: str) -> Found:
        """The draft of that name, or of that id at its surface where only one has it; else the command ends."""
        looked = await self._look()
        found = [item for _, listing in looked for item in listing.found if named in {item.name, item.draft.id}]
        if len(found) != 1:
            common.fail(self._why_none(named, found, looked), FAILED)
        return found[0]

    def _why_none(self, named: str, found: Sequence[Found], looked: Sequence[tuple[Lot, Listing]]) -> str:
        if found:
            names = ", ".join(f"{item.name} ({item.lot.names[0]})" for item in found)
            return f"{named} is parked on several surfaces: name one of {names}"
        proposal = self._core.board.proposals.all.get(named)
        ended = proposal.ended() if proposal else None
        if ended is not None:
            return f"{named} is not parked any more. {came_of(ended)}"
        troubles = "; ".join(f"{lot.names[0]}: {it.trouble}" for lot, it in looked if it.trouble)
        unread = f" (not everything could be listed: {troubles})" if troubles else ""
        return f"nothing of the name {named} is parked{unread}: see `agent-kill drafts`"

    def _refuse_decided(self, item: Found) -> None:
        proposal = self._core.board.proposals.all.get(item.name)
        standing = proposal.standing() if proposal else None
        if standing is not None:
            common.fail(f"somebody decided to {standing.verdict} {item.name} just before: look again", FAILED)

    async def _known(self, item: Found) -> None:
        """What is decided on is on record as it was listed."""
        self._core.writer.open()
        proposal = self._core.board.proposals.all.get(item.name)
        if proposal is None or item.digest not in proposal.seen or proposal.vanished:
            await self._core.recorder.record(drafts.DraftsSeen(at=self._core.clock.now(), drafts=(item.seen(),)))

    async def _posted(self, item: Found) -> bool:
        """Whether its card is posted, as the running bot's journal says."""
        end = self._core.clock.monotonic() + _SHOWN
        slot = f"draft:{item.name}:{item.digest}"
        while self._core.clock.monotonic() < end:
            self._core.read()
            if any(slot in incident.posts for incident in self._core.board.incidents.values()):
                return True
            await asyncio.sleep(_LOOK)
        return False

    def _entry(self, item: Found) -> Entry:
        proposal = self._core.board.proposals.all.get(item.name) or Proposal(name=item.name)
        policy = self._core.inventory.configuration.policy.approve
        return Entry(
            found=item,
            proposal=proposal,
            held=self._core.board.effective(item.lot.target.key),
            expires_at=proposal.expires_at(item.digest, policy),
        )
