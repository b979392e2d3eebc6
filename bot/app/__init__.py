"""Composes everything around the stop path: the only module that knows every other room."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial

from pydantic import SecretStr

from bot.app.arming import armed_check, in_slack
from bot.app.heard import Counted, Heard
from bot.app.metering import metrics
from bot.app.parking import cards, parked_work
from bot.app.restoring import way_back
from bot.core import CLOCK, Core, journal_folders, make_signer, sealing_key
from bot.domain.electorate import what_a_restore_needs
from bot.domain.practice import Practised, practised
from bot.domain.status import StatusView, status_view
from bot.journal.pushed import FOLDER, Pushed
from bot.report.drill_picture import drill_picture
from bot.schedule import Schedule
from bot.service import checked_file
from bot.service.checkpoints import TICK as ANCHORS
from bot.service.checkpoints import Checkpoints
from bot.service.drill import TICK as DRILLS
from bot.service.drilling import make_drills
from bot.service.faults import Faults
from bot.service.gates import Gates
from bot.service.independence import TICK as INDEPENDENCE
from bot.service.independence import Independence
from bot.service.parked import TICK as PARKED
from bot.service.pushes import Pushes
from bot.service.readiness import STORED, Readiness
from bot.service.watch import TICK
from bot.settings import Finding
from bot.settings.environment import Environment
from bot.settings.own_logins import own_logins
from bot.settings.served import served
from bot.slack.audit_post import AuditPost
from bot.slack.client import SlackApi
from bot.slack.door import Door
from bot.slack.draft_post import DraftPost
from bot.slack.drill_news import DrillNews
from bot.slack.drill_post import DrillPost
from bot.slack.progress import ReportSettings
from bot.slack.thread import Thread
from bot.store.engine import BadUrlError
from bot.store.lock import AlreadyServedError
from bot.store.serving import Serving
from bot.web.entrances import Entrance, Entrances
from bot.web.listener import Listener, require_loopback
from bot.web.metrics import TimedJournal
from bot.web.private import build_private
from bot.web.public import build_public

_log = logging.getLogger(__name__)
_ADOPT = 0.5  # seconds between two looks at the other writers' journals
_LAST_WORDS = 3.0  # seconds that reports get at the end
_ADMIN_HOST = "127.0.0.1"


class App:
    """`serve`: one process with every door open.

    Args:
        environment: what the process was told.
        core: the stop path, at work already; the app closes it.
        findings: what is wrong with the configuration; shown on the status page.
    """

    def __init__(self, environment: Environment, core: Core, findings: tuple[Finding, ...]) -> None:
        self._env = environment
        self._core = core
        self._findings = findings
        self._stack = AsyncExitStack()
        self._stopping = asyncio.Event()
        self._taken: AlreadyServedError | None = None
        self._door: Door | None = None
        self._thread: Thread | None = None
        self._cards: DraftPost | None = None
        self._entrances = Entrances(())
        self._schedule = Schedule()
        state_dir = environment.state_dir
        self._serving = Serving(
            environment.database_url,
            state_dir,
            (*journal_folders(state_dir), state_dir / FOLDER),
            CLOCK,
            taken=self._give_way,
        )
        self._metrics = metrics(
            core,
            self._schedule,
            self._serving,
            undeliverable=self._undeliverable,
            roster_read_at=lambda: self._door.roster.snapshot().read_at if self._door else None,
            people=self._stoppers,
        )
        core.recorder.journal = TimedJournal(core.writer, self._metrics, CLOCK)
        self._stops = Counted(self._core.stops, self._metrics)
        self._pushes = Pushes(
            pushed=Pushed(self._core.pushed),
            local=self._core.folders,
            own=environment.writer,
            writers=lambda: self._core.inventory.configuration.writers,
            adopt=self._core.adopt,
            clock=CLOCK,
        )
        self._checkpoints = Checkpoints(
            heads=self._core.heads,
            signer=lambda: make_signer(state_dir, environment.writer, _text(environment.signing_key)),
            writer=environment.writer,
            folders=(*self._core.folders, self._core.pushed),
            state_dir=state_dir,
            record=self._core.recorder.record,
            clock=CLOCK,
            channel=lambda: self._core.inventory.configuration.workspace.audit_channel,
        )
        self._ready = Readiness(
            checkpoints=self._checkpoints,
            writers=self._pushes.writers,
            journals=core.journal_problems,
            stored=self._stored,
            clock=CLOCK,
        )
        self._faults = Faults()
        self._serving.refuse(self._faults.refuse_ledger)
        self._armed, self._news = armed_check(
            core, state_dir / checked_file.FILE, self._checkpoints.problems, self._serving.skew
        )
        self._independence = Independence(
            lambda: core.inventory.configuration, own_logins(environment, os.environ), core.folders, CLOCK
        )
        self._drills = make_drills(
            inventory=lambda: core.inventory,
            recorder=core.recorder,
            dispatcher=core.dispatcher,
            stops=self._stops,
            reporter=core.reporters,
            claims=self._serving.claims(),
            stored=lambda: self._stored(STORED),
            ready=lambda: self._ready(frozenset()),
            faults=self._faults,
            folder=lambda: self._env.config.resolve().parent,
            environ=os.environ,
            clock=CLOCK,
            people=self._stoppers,
            secret=_text(environment.state_key) or sealing_key(core.folders, state_dir),
            standings=self._armed.standings,
        )
        core.reporters.inner = Heard(self._drills, core.reporters.inner)
        self._parked = parked_work(core)

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT. Raises `AlreadyServedError` when another `serve` has the database."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        async with self._stack:
            await self.start()
            await self._stopping.wait()
            _log.info("stopping: holds stay, and the next start finishes what is unfinished")
        if self._taken:
            raise self._taken

    async def start(self) -> None:
        """Opens the doors; none of them is waited for."""
        self._stack.push_async_callback(self._core.aclose)
        self._stack.push_async_callback(self._serving.stop)
        self._stack.push_async_callback(self._drills.aclose)
        self._stack.push_async_callback(self._parked.aclose)
        await self._serving.start()
        await self._open_slack()
        await self._open_listeners()
        self._schedule.every(TICK, "watch", self._core.watch.tick)
        self._schedule.every(_ADOPT, "adopt", self._adopt)
        self._schedule.every(ANCHORS, "anchors", self._checkpoints.tick)
        self._schedule.every(DRILLS, "drills", self._drills.tick, jitter=False)
        self._schedule.every(PARKED, "parked", self._parked.tick)
        self._schedule.every(INDEPENDENCE, "independence", self._independence.tick)
        self._schedule.start()
        for name, work in (("armed check", self._armed.run()), ("armed news", self._news.run())):
            self._stack.push_async_callback(_end, asyncio.create_task(work, name=name))
        self._stack.push_async_callback(self._schedule.stop)

    def reload(self) -> None:
        """Reads the configuration again; a file that cannot be served leaves everything as it is."""
        configuration, findings = served(self._env, os.environ, self._core.board.held_surfaces())
        if not configuration.agents:
            _log.error("reload: %s gives nothing that can be served; the configuration stays", self._env.config)
            return
        self._findings = findings
        self._core.reload(configuration)
        self._core.serve_again()
        if self._thread:
            self._thread.settings = self._report_settings()
        _log.info("reloaded %s: %d findings", self._env.config, len(findings))

    def _give_way(self, error: AlreadyServedError) -> None:
        self._taken = error
        self._stopping.set()

    async def _adopt(self) -> None:
        self._core.adopt()

    async def _open_slack(self) -> None:
        token = _text(self._env.slack_bot_token)
        if token is None:
            _log.warning("SLACK_BOT_TOKEN is not set: no Slack; the command line and POST /v1/stop work")
            return
        api = await SlackApi.open(token=token, base_url=self._env.slack_api_url)
        self._stack.push_async_callback(api.aclose)
        self._door = Door(
            stops=self._stops,
            board=self._core.board,
            record=self._core.recorder.record,
            configuration=lambda: self._core.inventory.configuration,
            api=api,
            api_url=self._env.slack_api_url,
            app_token=_text(self._env.slack_app_token),
            signing_secret=_text(self._env.slack_signing_secret),
            state_dir=self._env.state_dir,
            clock=CLOCK,
            reporter=self._core.reporters,
            undeliverable=self._undeliverable,
            armed=self._armed.standings,
            reach=lambda agents: self._core.inventory.reach(agents),  # noqa: PLW0108  # a reload makes another
            fates=self._independence.fates,
        )
        self._thread = Thread(
            self._core.board,
            self._core.recorder.record,
            self._core.inventory_known,
            api,
            self._report_settings(),
            CLOCK,
            unrecorded=lambda: frozenset(self._core.stops.unrecorded),
            groups=self._stop_groups,
            anchor=self._checkpoints.line,
            practice=self._practised,
        )
        self._checkpoints.post = AuditPost(api)
        in_slack(self._armed, self._news, core=self._core, api=api, door=self._door)
        api.refused = self._faults.refuse_slack
        self._core.reporters.inner = Heard(self._drills, self._thread)
        self._stack.push_async_callback(self._quieten, asyncio.create_task(self._thread.run(), name="thread"))
        await self._door.start()
        self._stack.push_async_callback(self._door.stop)
        self._open_restores(self._door)
        self._open_drills(self._door, api)
        self._cards = cards(self._core, self._parked, api, self._door)
        self._stack.push_async_callback(_end, asyncio.create_task(self._cards.run(), name="cards of what is parked"))

    def _open_restores(self, door: Door) -> None:
        """The way back: ballots in Slack, the evidence, and the steps; none of it is on the way of a stop."""
        way = way_back(
            core=self._core,
            folder=lambda: self._env.config.resolve().parent,
            stored=lambda: self._stored(STORED),
            ready=self._ready,
            box=door.box,
        )
        door.serve_restores(way.restores, way.codes)
        self._stack.callback(way.machines.close)
        self._stack.push_async_callback(way.stepping.aclose)
        self._stack.push_async_callback(_end, asyncio.create_task(way.restores.run(), name="restores"))

    def _open_drills(self, door: Door, api: SlackApi) -> None:
        news = DrillNews(
            board=self._core.board,
            configuration=lambda: self._core.inventory.configuration,
            groups=self._stop_groups,
            people=door.stoppers,
            clock=CLOCK,
        )
        door.serve_drills(self._drills, news)
        post = DrillPost(
            board=self._core.board,
            record=self._core.recorder.record,
            api=api,
            channel=lambda: self._core.inventory.configuration.workspace.incident_channel,
            groups=self._stop_groups,
            clock=CLOCK,
            more=news,
            picture=partial(drill_picture, self._core.board),
        )
        self._stack.push_async_callback(_end, asyncio.create_task(post.run(), name="drills in Slack"))

    async def _stored(self, within: float) -> str:
        """Whether the database has what every journal has now; why not after `within` seconds."""
        return await self._serving.has({chain: link.seq for chain, link in self._core.heads().items()}, within)

    def _report_settings(self) -> ReportSettings:
        workspace = self._core.inventory.configuration.workspace
        return ReportSettings(incident_channel=workspace.incident_channel, fallback_channel=workspace.audit_channel)

    def _stop_groups(self) -> list[str]:
        """The ids of the user groups to call when something is NOT CUT."""
        if self._door is None:
            return []
        roster = self._door.roster.snapshot()
        return [roster.group(name).id for name in self._core.inventory.configuration.policy.stop.groups]

    def _practised(self, surfaces: Iterable[str]) -> Practised:
        """How well a stop of these surfaces was practised."""
        board, people = self._core.board, self._stoppers()
        return practised(board.practice, board.hold_events.values(), surfaces, people, CLOCK.now())

    def _stoppers(self) -> frozenset[str] | None:
        """The Slack users who may stop; None while that is not known."""
        return self._door.stoppers() if self._door else None

    async def _quieten(self, telling: "asyncio.Task[None]") -> None:
        """Lets what is due be said, then ends the thread's task."""
        if self._thread:
            await self._thread.drain(_LAST_WORDS)
        await _end(telling)

    async def _open_listeners(self) -> None:
        public = build_public(
            slack_events=self._door.handle_http if self._door and self._env.slack_signing_secret else None,
            stops=self._stops,
            known=self._core.inventory_known,
            callers=self._env.stop_secrets,
            clock=CLOCK,
            state_dir=self._env.state_dir,
            channel=lambda: self._core.inventory.configuration.workspace.incident_channel,
            pushes=self._pushes,
            came_of=self._core.stops.came_of,
            gates=Gates(lambda: self._core.inventory, self._core.board),
        )
        private = build_private(view=self._view, checks=self._checks, metrics=self._metrics, clock=CLOCK)
        require_loopback(_ADMIN_HOST)
        self._entrances = Entrances(
            [
                Entrance(listener=Listener(app, host, port), what=what, address=f"{host}:{port}", variable=variable)
                for app, host, port, what, variable in (
                    (public, self._env.host, self._env.port, "public", "AGENT_KILL_PORT"),
                    (private, _ADMIN_HOST, self._env.admin_port, "private", "AGENT_KILL_ADMIN_PORT"),
                )
            ]
        )
        self._stack.push_async_callback(self._entrances.close)
        await self._entrances.open()

    def _view(self) -> StatusView:
        inventory = self._core.inventory
        return status_view(
            self._core.board,
            inventory.inventoried(),
            inventory.broken,
            CLOCK.now(),
            owners={agent.id: agent.owner for agent in inventory.configuration.agents if agent.owner},
            pacts={agent.id: agent.pact.loosest for agent in inventory.configuration.agents},
            restores=what_a_restore_needs(inventory.configuration.policy.restore),
            problems=self._problems(),
            armed=self._armed.standings(),
        )

    def _problems(self) -> list[str]:
        return [
            *self._core.journal_problems(),
            *self._checkpoints.problems(),
            *self._pushes.problems(),
            *(f"configuration: {finding}" for finding in self._findings if finding.level == "error"),
            *(self._door.problems() if self._door else ()),
            *(f"the report of {incident} is held up: {why}" for incident, why in self._undeliverable().items()),
            *self._serving.problems(),
            *self._news.problems(),
            *self._drills.problems(),
            *self._parked.problems(),
            *(self._cards.problems() if self._cards else ()),
            *self._entrances.problems(),
            *filter(None, [self._core.watchdog.problem()]),
        ]

    def _undeliverable(self) -> Mapping[str, str]:
        return self._thread.undeliverable() if self._thread else {}

    def _checks(self) -> dict[str, str | None]:
        """Readiness: what keeps commands from coming in or from being recorded. The database is not among it."""
        checks: dict[str, str | None] = {
            "journal": None if self._core.writer.chain else "no disk takes the journal",
            "configuration": None if self._core.inventory.targets else "no usable surface is configured",
            "event_loop": self._core.watchdog.not_ready(),
        }
        if self._door:
            ready = self._door.ready()
            open_door = ready["slack_http"] or ready["slack_socket"]
            checks["slack"] = None if open_door else "no connection to Slack; the command line and /v1/stop work"
        elif self._env.slack_app_token or self._env.slack_signing_secret:
            checks["slack"] = "SLACK_BOT_TOKEN is not set, so nothing comes in from Slack: set it beside the other one"
        return checks


async def serve(environment: Environment, core: Core, findings: tuple[Finding, ...]) -> str:
    """Runs the bot until it is told to end. Returns why it could not serve; empty after an ordinary end."""
    try:
        await App(environment, core, findings).run()
    except (OSError, AlreadyServedError, BadUrlError) as error:
        return str(error)
    return ""


async def _end(task: "asyncio.Task[None]") -> None:
    """What it failed with was said by whoever ran it, and nothing that failed earlier may look like a bad end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)  # keeps a cancellation of whoever waits


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
