"""Composes everything that comes in from Slack: both modes, the guard, the roster, the desk."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from bot.domain.armed import Armed
from bot.domain.board import Board
from bot.domain.coverage import Reach
from bot.domain.fate import Fate
from bot.domain.model import Configuration
from bot.domain.policy import stoppers
from bot.service.parked import ParkedWork
from bot.service.ports import Clock, Reporter, Restores, SecondFactors, Stops
from bot.slack.authorize import make_authorize
from bot.slack.ballot_box import BallotBox
from bot.slack.ballot_desk import BallotDesk
from bot.slack.bodies import Back, Body
from bot.slack.bolt import make_app
from bot.slack.client import SLACK, SlackApi
from bot.slack.desk import Desk, Record
from bot.slack.draft_desk import DraftDesk
from bot.slack.draft_listeners import DraftListeners
from bot.slack.drill_desk import DrillDesk, Drilling
from bot.slack.drill_listeners import DrillListeners
from bot.slack.drill_news import DrillNews
from bot.slack.guard import Guard
from bot.slack.http_door import HttpDoor
from bot.slack.identity import IdentityCache
from bot.slack.listeners import Listeners
from bot.slack.places import Places
from bot.slack.replays import Replays
from bot.slack.respond import Responder
from bot.slack.restore_listeners import RestoreListeners
from bot.slack.roster import RosterCache, explain
from bot.slack.seen_events import SeenEvents
from bot.slack.socket import Sockets
from bot.slack.tasks import Tasks

_IDENTITY_AGE = 3600.0  # seconds between two looks at who the bot is
_GRACE = 3.0  # seconds that work under way is given at the end


class Door:
    """Slack's way in. Made inside the running loop.

    Args:
        stops: the stop path.
        board: the fold of every journal.
        record: of the recorder.
        configuration: yields the current one.
        api: the shared Web API client of the bot token; the door does not close it.
        api_url: `SLACK_API_URL`; its host is allowed for `response_url` too.
        app_token: `SLACK_APP_TOKEN`; None leaves Socket Mode off.
        signing_secret: `SLACK_SIGNING_SECRET`; None leaves HTTP mode off. Raises ValueError where it is empty.
        state_dir: caches go to its folder `cache`.
        clock: time.
        reporter: told of reasons and closed incidents.
        undeliverable: why the report of an incident gets nowhere.
        armed: what the armed check knows, by subject.
        reach: what the surfaces of these agents can hold, by surface.
        fates: what the switch shares with what it is to contain.
    """

    def __init__(
        self,
        *,
        stops: Stops,
        board: Board,
        record: Record,
        configuration: Callable[[], Configuration],
        api: SlackApi,
        state_dir: Path,
        clock: Clock,
        reporter: Reporter,
        api_url: str = SLACK,
        app_token: str | None = None,
        signing_secret: str | None = None,
        undeliverable: Callable[[], Mapping[str, str]] = dict,
        armed: Callable[[], Mapping[str, Armed]] = dict,
        reach: Callable[[Collection[str]], Mapping[str, Reach]] | None = None,
        fates: Callable[[], Sequence[Fate]] = tuple,
    ) -> None:
        cache = state_dir / "cache"
        client = api.client
        self._client = client
        self._configuration = configuration
        self._clock = clock
        self._tasks = Tasks()
        self._identity = IdentityCache(cache / "slack-identity.json")
        self.roster = RosterCache(
            client=client,
            path=cache / "roster.json",
            clock=clock,
            configuration=configuration,
            team=lambda: self._identity.now().team_id,
        )
        responder = Responder(api.session, api_url)
        places = Places(configuration, board)
        self.box = BallotBox(
            board=board,
            record=record,
            configuration=configuration,
            api=api,
            roster=self.roster,
            clock=clock,
            tasks=self._tasks,
        )
        self._ballots = BallotDesk(
            board=board,
            record=record,
            configuration=configuration,
            roster=self.roster,
            clock=clock,
            responder=responder,
            client=client,
            tasks=self._tasks,
            places=places,
        )
        desk = Desk(
            stops=stops,
            board=board,
            record=record,
            configuration=configuration,
            roster=self.roster,
            clock=clock,
            reporter=reporter,
            responder=responder,
            tasks=self._tasks,
            places=places,
            ballots=self._ballots,
            undeliverable=undeliverable,
            armed=armed,
            reach=reach,
            fates=fates,
        )
        self._drills = DrillDesk(authorise=desk.authorise, responder=responder, tasks=self._tasks)
        self._drafts = DraftDesk(
            board=board,
            record=record,
            configuration=configuration,
            roster=self.roster,
            clock=clock,
            client=client,
        )
        app = make_app(authorize=make_authorize(self._identity, client.token or ""), client=client)
        back = Back(responder=responder, client=client, tasks=self._tasks)
        drills = DrillListeners(desk=self._drills, back=back)
        drills.register(app)
        drafts = DraftListeners(desk=self._drafts, back=back)
        drafts.register(app)

        async def reacted(body: Body) -> None:
            await drills.reacted(body)
            await drafts.reacted(body)

        RestoreListeners(desk=self._ballots, back=back, also=reacted).register(app)
        Listeners(desk=desk, roster=self.roster, seen=SeenEvents(clock), back=back).register(app)
        self._replays = Replays(cache / "used-signatures", clock.now()) if signing_secret is not None else None
        self._http = (
            HttpDoor(app, Guard(signing_secret, self._replays), clock)
            if signing_secret is not None and self._replays is not None
            else None
        )
        self._sockets = (
            Sockets(app=app, client=client, app_token=app_token, responder=responder, tasks=self._tasks)
            if app_token
            else None
        )
        self._loops: tuple[asyncio.Task[None], ...] = ()
        self._trouble = ""

    def serve_restores(self, restores: Restores, codes: SecondFactors | None = None) -> None:
        """From now on ballots can be asked for. The use case needs the door's `box`, so it is made after the door."""
        self._ballots.restores, self._ballots.codes = restores, codes

    def serve_drills(self, drills: Drilling, news: DrillNews) -> None:
        """From now on drills can be asked for, and reminders answered."""
        self._drills.drills, self._drills.news = drills, news

    def serve_drafts(self, parked: ParkedWork) -> None:
        """From now on what is parked can be decided on."""
        self._drafts.parked = parked

    async def start(self) -> None:
        """Starts what runs in the background. Never waits for Slack, never fails for it."""
        self._loops = (
            self._tasks.spawn(self._know_myself(), name="auth.test"),
            self._tasks.spawn(self.roster.run(), name="roster"),
            self._tasks.spawn(self.box.run(), name="ballots"),
        )
        if self._sockets is not None:
            self._sockets.start()

    async def stop(self) -> None:
        """Ends: takes no more, lets stops that are under way be recorded and answered."""
        if self._sockets is not None:
            await self._sockets.stop()
        for loop in self._loops:
            loop.cancel()
        await self._tasks.aclose(grace=_GRACE)
        if self._replays is not None:
            self._replays.close()

    async def handle_http(self, request: web.Request) -> web.Response:
        """`POST /slack/events`."""
        if self._http is None:
            return web.Response(status=404, text="HTTP mode is off: SLACK_SIGNING_SECRET is not set")
        return await self._http.handle(request)

    def stoppers(self) -> frozenset[str] | None:
        """The Slack users who may stop; None while a group was never read."""
        return stoppers(self._configuration(), self.roster.snapshot())

    def ready(self) -> dict[str, str | bool]:
        """What `/readyz` shows: whether commands can come in, and how old the roster is."""
        read_at = self.roster.snapshot().read_at
        age = f"{max(0.0, self._clock.now() - read_at):.0f} s" if read_at is not None else "never read"
        socket = self._sockets is not None and self._sockets.connected()
        return {"slack_http": self._http is not None, "slack_socket": socket, "roster_age": age}

    def problems(self) -> tuple[str, ...]:
        """What a person should mend, in sentences."""
        found = [*self.roster.problems(), *self.box.problems()]
        if self._sockets is not None:
            found += self._sockets.problems()
        if self._sockets is None and self._http is None:
            found.append("Slack cannot reach the bot: set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)")
        if self._trouble:
            found.append(f"auth.test: {self._trouble}")
        return tuple(found)

    async def _know_myself(self) -> None:
        """Asks who the bot is, in the background only."""
        wait = 1.0
        while True:
            try:
                await self._identity.refresh(self._client)
            except Exception as error:  # noqa: BLE001  # no command needs the answer
                self._trouble = explain(error)
                wait = min(60.0, wait * 2)
            else:
                self._trouble, wait = "", 1.0
            await asyncio.sleep(_IDENTITY_AGE if wait == 1.0 else wait)
