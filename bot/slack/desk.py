"""The desk: takes what a person asks in Slack, decides whether they may, has it done, and gives the answer.

Knows nothing of Bolt and asks Slack nothing before a stop is dispatched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from bot.domain import commands, events
from bot.domain.armed import Armed, is_part, not_armed
from bot.domain.board import Board
from bot.domain.coverage import Coverage, Reach, coverage
from bot.domain.fate import Fate
from bot.domain.model import Configuration
from bot.domain.policy import Allowed, Denied, authorise_stop, refuse_outsider
from bot.domain.status import orphan_rows
from bot.domain.words import reason as cleaned
from bot.domain.words import split
from bot.service.close import Closed, Closing
from bot.service.ports import Clock, Receipt, Reporter, StopOrder, Stops
from bot.service.stop import EmptyScope
from bot.slack import answers, coverage_table, status_table
from bot.slack.ask import Ask
from bot.slack.ballot_desk import BallotDesk
from bot.slack.blocks.message import Message
from bot.slack.places import Places
from bot.slack.progress import NO_CHANNEL, PARENT
from bot.slack.respond import Responder
from bot.slack.roster import RosterCache
from bot.slack.tasks import Tasks

_RECEIPT = 0.6  # seconds that an answer waits for the receipt, which takes 50 ms when all is well
_FIRST_READ = 0.5  # seconds that a refusal waits for groups that were never read
_ELSEWHERE = 60.0  # seconds that whoever stopped is waited for with a report that no channel takes
_LOOK = 0.5  # seconds between two looks whether one does
_LOOK_UP = 0.3  # seconds that a refusal waits to learn whom it refuses

Record = Callable[[events.AnyEvent], Awaitable[bool]]


class Desk:
    """One for the whole bot; every door of Slack's leads here."""

    def __init__(
        self,
        *,
        stops: Stops,
        board: Board,
        record: Record,
        configuration: Callable[[], Configuration],
        roster: RosterCache,
        clock: Clock,
        reporter: Reporter,
        responder: Responder,
        tasks: Tasks,
        places: Places,
        ballots: BallotDesk,
        undeliverable: Callable[[], Mapping[str, str]] = dict,
        armed: Callable[[], Mapping[str, Armed]] = dict,
        reach: Callable[[Collection[str]], Mapping[str, Reach]] | None = None,
        fates: Callable[[], Sequence[Fate]] = tuple,
    ) -> None:
        self._armed = armed
        self._fates = fates
        self._reach = reach
        self._stops = stops
        self._board = board
        self._undeliverable = undeliverable
        self._record = record
        self._configuration = configuration
        self._roster = roster
        self._clock = clock
        self._reporter = reporter
        self._responder = responder
        self._tasks = tasks
        self._closing = Closing(board=board, record=record, configuration=configuration, clock=clock, reporter=reporter)
        self.here = places.here
        self._ballots = ballots

    async def kill(self, ask: Ask) -> Message:
        """`/agent-kill`, and every button that stands for a line of it."""
        return await self.carry_out(commands.parse_kill(ask.text, self.here(ask.channel)), ask)

    async def carry_out(self, command: commands.KillCommand, ask: Ask) -> Message:
        """Does what was understood, if whoever asks may."""
        if isinstance(command, commands.Help):
            return answers.usage(command.said, self._configuration())
        if isinstance(command, commands.Undo):
            return await self._ballots.undo(command, ask)
        verdict = await self.authorise(ask)
        if isinstance(verdict, Denied):
            return answers.refusal(verdict.sentence)
        if isinstance(command, commands.Stop) and not command.preview:
            return await self._stop(command, ask, verdict)
        return self._tell(command, ask)

    async def status(self, ask: Ask) -> Message:
        """`/agent-status`."""
        configuration = self._configuration()
        refused = refuse_outsider(
            ask.user, roster=self._roster.snapshot(), policy=configuration.policy.stop, agents=configuration.agents
        )
        command = commands.parse_status(ask.text, self.here(ask.channel))
        if refused is not None:
            return answers.refusal(refused.sentence)
        if isinstance(command, commands.Refused):
            return answers.refusal(command.sentence)
        plan = self._stops.plan(commands.MODES[-1], command.scope)
        names = [(line.surface, line.target) for line in plan.lines if line.target]
        asked = {line.surface for line in plan.lines}
        shared = [it for it in self._fates() if not it.surfaces or asked & set(it.surfaces)]
        return status_table.table(
            status_table.rows(plan, self._board, self._clock.now()),
            [str(orphan) for orphan in orphan_rows(self._board, names) if orphan.surfaces],
            self._lost(asked),
            self._covered(coverage_table.agents_of([line.surface for line in plan.lines])),
            shared,
        )

    def _lost(self, surfaces: Collection[str]) -> list[Armed]:
        """What is not armed of these, and of the switch itself."""
        return [it for it in not_armed(self._armed()) if is_part(it.subject) or it.subject in surfaces]

    def _covered(self, agents: frozenset[str]) -> Coverage | None:
        if self._reach is None:
            return None
        configuration = self._configuration()
        asked = replace(configuration, agents=tuple(agent for agent in configuration.agents if agent.id in agents))
        return coverage(asked, self._reach(agents))

    async def give_reason(self, hold_id: str, text: str, ask: Ask) -> str:
        """Records the reason of a stop that was made without one; yields the sentence to answer."""
        hold = self._board.hold_events.get(hold_id)
        reason = cleaned(split(text.replace("&", "&amp;").replace("<", "&lt;")))
        if hold is None or not reason:
            return "That stop is not known here any more." if hold is None else "The reason is empty."
        if hold.reason:
            return "This stop has a reason already; it stays as it was recorded first."
        verdict = await self.authorise(ask)
        if isinstance(verdict, Denied):
            return verdict.sentence
        self._record(events.ReasonGiven(at=self._clock.now(), hold=hold_id, by=ask.person, reason=reason))
        self._reporter.wake(hold.incident)
        return "The reason is recorded."

    async def authorise(self, ask: Ask) -> Allowed | Denied:
        """Decides at once from the roster in memory. Only a refusal may wait, to be right and to say why."""
        verdict = self._verdict(ask)
        if isinstance(verdict, Denied) and verdict.unread:
            self._roster.hint()
            await self._roster.first_read(_FIRST_READ)
            verdict = self._verdict(ask)
        if isinstance(verdict, Denied) and ask.user not in self._roster.snapshot().people:
            await self._roster.look_up(ask.user, _LOOK_UP)
            verdict = self._verdict(ask)
        if isinstance(verdict, Denied):
            asked = cleaned(split(ask.text))
            self._record(events.Refusal(at=self._clock.now(), by=ask.person, asked=asked, why=verdict.sentence))
        return verdict

    def _verdict(self, ask: Ask) -> Allowed | Denied:
        configuration = self._configuration()
        return authorise_stop(
            ask.user,
            roster=self._roster.snapshot(),
            policy=configuration.policy.stop,
            agents=configuration.agents,
            channel=ask.channel,
            now=self._clock.now(),
            blocked=self._roster.blocked(),
        )

    async def _stop(self, command: commands.Stop, ask: Ask, verdict: Allowed) -> Message:
        order = StopOrder(
            mode=command.mode,
            scope=command.scope,
            by=ask.person,
            reason=command.reason,
            channel=ask.channel,
            delivery=ask.trigger,
            roster_age=verdict.roster_age,
        )
        stopping = self._tasks.spawn(self._receipt(order, ask), name=f"stop {order.mode} {ask.trigger}")
        await asyncio.wait({stopping}, timeout=_RECEIPT)
        if stopping.done():
            return stopping.result()
        self._tasks.spawn(self._follow_up(stopping, ask), name="late receipt")
        return answers.late()

    async def _receipt(self, order: StopOrder, ask: Ask) -> Message:
        try:
            done: Receipt = await self._stops.stop(order)
        except EmptyScope as error:
            return answers.refusal(f"{str(error)[:1].upper()}{str(error)[1:]}. Nothing was stopped.")
        if ask.response_url:
            self._tasks.spawn(self._report_elsewhere(done, ask.response_url), name=f"report of {done.hold}", waits=True)
        return answers.receipt(done, order)

    async def _report_elsewhere(self, done: Receipt, response_url: str) -> None:
        """Where no channel takes the report, whoever stopped gets the outcome: for their eyes, once it is settled."""
        end = self._clock.monotonic() + _ELSEWHERE
        while self._clock.monotonic() < end:
            await self._clock.sleep(_LOOK)
            incident = self._board.incidents.get(done.incident)
            if incident is None or PARENT in incident.posts:
                return
            why = self._undeliverable().get(done.incident, "")
            settled = all(self._is_settled(target.key) for target in done.plan.held)
            if why.startswith(NO_CHANNEL) and settled:
                table = status_table.table(status_table.rows(done.plan, self._board, self._clock.now()))
                said = answers.ephemeral(answers.unposted(why, table))
                self._tasks.spawn(self._responder.send(response_url, said), name=f"outcome of {done.hold}")
                return

    def _is_settled(self, target: str) -> bool:
        return self._board.is_proven(target) and self._board.proofs[target].settled

    async def _follow_up(self, stopping: "asyncio.Task[Message]", ask: Ask) -> None:
        """Sends the receipt that came too late for the acknowledgement."""
        await asyncio.wait({stopping})
        failed = stopping.cancelled() or stopping.exception() is not None
        said = answers.broken("The stop") if failed else stopping.result()
        if ask.response_url:
            await self._responder.send(ask.response_url, answers.ephemeral(said))

    def _tell(self, command: commands.Stop | commands.Refused | commands.AskBack | commands.Close, ask: Ask) -> Message:
        match command:
            case commands.Refused():
                return answers.refusal(command.sentence)
            case commands.AskBack():
                return answers.ask_back(command)
            case commands.Close():
                return self._close(ask)
            case commands.Stop():
                return self._preview(command)

    def _preview(self, command: commands.Stop) -> Message:
        plan = self._stops.plan(command.mode, command.scope)
        if not plan.lines:
            return answers.refusal("Nothing that is configured is in scope: see the names with `/agent-status`.")
        return answers.preview(plan, self._lost({line.surface for line in plan.lines}))

    def _close(self, ask: Ask) -> Message:
        done = self._closing.close(ask.channel, ask.person)
        if isinstance(done, Closed):
            return answers.closed(done.incident, done.owned)
        return answers.not_closed(done.orphans)
