"""The desk for restores: whether somebody may ask for a vote, and where; the vote itself is the use case's."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from slack_sdk.web.async_client import AsyncWebClient

from adapters.base import Mode
from bot.domain import commands, events
from bot.domain.ballot import ballot_digest
from bot.domain.board import Board
from bot.domain.model import Configuration
from bot.domain.plan import Scope
from bot.domain.proposers import why_not_acknowledge, why_not_propose, why_outside
from bot.domain.restore_commands import Acknowledge, NoReason, Restore, parse_restore
from bot.domain.words import reason as cleaned
from bot.domain.words import split
from bot.service.ports import CannotOpen, Clock, RestoreOrder, Restores, SecondFactors
from bot.slack import answers, modal, restore_answers
from bot.slack.ask import Ask
from bot.slack.blocks.message import Message
from bot.slack.places import Places
from bot.slack.respond import Responder
from bot.slack.roster import RosterCache, explain
from bot.slack.tasks import Tasks

_LOG = logging.getLogger(__name__)
_LOOK_UP = 0.5  # seconds that an answer waits to learn who asks: without it the answer is no
Record = Callable[[events.AnyEvent], Awaitable[bool]]


class BallotDesk:
    """One for the whole bot. `restores` is set once the use case is there; until then nothing is given back.

    Args:
        client: for answers where Slack gave no `response_url`.
    """

    def __init__(
        self,
        *,
        board: Board,
        record: Record,
        configuration: Callable[[], Configuration],
        roster: RosterCache,
        clock: Clock,
        responder: Responder,
        client: AsyncWebClient,
        tasks: Tasks,
        places: Places,
    ) -> None:
        self.restores: Restores | None = None
        self.codes: SecondFactors | None = None
        self._board = board
        self._record = record
        self._configuration = configuration
        self._roster = roster
        self._clock = clock
        self._responder = responder
        self._client = client
        self._tasks = tasks
        self._places = places

    async def restore(self, ask: Ask) -> Message:
        """`/agent-restore`, and every button and form that stands for a line of it."""
        command = parse_restore(ask.text, self._places.here(ask.channel), self.held_agents())
        if isinstance(command, commands.Help):
            return await self._usage(command, ask)
        scope = command.scope if isinstance(command, Restore) else None
        why = await self._why_not(ask, scope)
        if why:
            return self._refuse(ask, why)
        if isinstance(command, Restore):
            return self._open(command, ask)
        return self._acknowledge(command, ask) if isinstance(command, Acknowledge) else self._ask_back(command)

    @staticmethod
    def _ask_back(command: NoReason | commands.AskBack | commands.Refused) -> Message:
        match command:
            case NoReason():
                return restore_answers.ask_reason(command.line)
            case commands.AskBack():
                return answers.ask_back(command, action=restore_answers.CHOOSE)
            case commands.Refused():
                return answers.refusal(command.sentence)

    async def undo(self, command: commands.Undo, ask: Ask) -> Message:
        """`/agent-kill undo`: only of a stop that whoever asks made."""
        why = await self._why_not(ask, None)
        if why:
            return self._refuse(ask, why)
        holds = self._own_holds(ask) if command.hold is None else [self._board.hold_events[command.hold]]
        if not holds:
            return answers.refusal("No stop of yours is held in this channel, so there is nothing to undo.")
        if any(hold.by != ask.person for hold in holds):
            return self._refuse(ask, "Only who made a stop may call it a mistake: open a vote with `/agent-restore`.")
        if len(holds) > 1:
            return answers.ask_back(restore_answers.which_stop(holds, command.reason))
        if not command.reason:
            return answers.refusal(f"Say why it was a mistake: `/agent-kill undo {holds[0].hold} WHY`.")
        scope = Scope(surfaces=frozenset(name for target in holds[0].targets for name in target.surfaces))
        restore = Restore(mode=Mode.NORMAL, scope=scope, reason=command.reason)
        return self._open(restore, ask, undo=holds[0].hold)

    def who_may_vote(self, ask: Ask) -> Message:
        """The button; its value is the ballot."""
        if self.restores is None:
            return answers.refusal(restore_answers.NOT_READY)
        return restore_answers.told(self.restores.who_may_vote(ask.text))

    def withdraw(self, ask: Ask) -> Message:
        """The button; its value is the ballot. Only who opened it may."""
        if self.restores is None:
            return answers.refusal(restore_answers.NOT_READY)
        ballot = self._board.ballots.get(ask.text)
        if ballot and ballot.opened and ballot.opened.by != ask.person:
            return self._refuse(ask, "Only who opened a ballot may withdraw it. A veto is a reaction: :no_entry:.")
        return restore_answers.told(self.restores.withdraw(ask.text, ask.person))

    def confirm_form(self, ask: Ask) -> modal.View | Message:
        """The button; its value is the ballot. The form for a code, or why there is nothing to confirm."""
        if self.codes is None:
            return answers.refusal(restore_answers.NOT_READY)
        why = self.codes.why_not(ask.text, ask.person)
        ballot = self._board.ballots.get(ask.text)
        if why or ballot is None or ballot.opened is None:
            return restore_answers.told(why)
        return modal.code_view(ask.text, ballot_digest(ballot.opened), ask.channel)

    async def confirm(self, ask: Ask, ballot: str, digest: str, code: str) -> str:
        """The form with a code; what stands under the input, empty where the vote is confirmed."""
        if self.codes is None:
            return restore_answers.NOT_READY
        try:
            return await self.codes.confirm(ballot, digest, ask.person, code)
        except Exception:  # noqa: BLE001  # a person waits for the answer, whatever failed
            _LOG.exception("a vote could not be confirmed")
            return "It failed inside the bot, so nothing is confirmed: see its log."

    def line_of(self, ballot_id: str) -> str | None:
        """What to type for a fresh ballot on the same; None where the ballot is not known."""
        ballot = self._board.ballots.get(ballot_id)
        return f"{ballot.opened.mode} {ballot.opened.scope}" if ballot and ballot.opened else None

    def hint(self, channel: str, ts: str) -> None:
        """Somebody reacted to a message. Never decides anything."""
        if self.restores is not None:
            self.restores.hint(channel, ts)

    def held_agents(self) -> list[str]:
        """The agents with anything held, for a question."""
        names = (name for target in self._board.holds.targets() for name in self._board.surfaces_of(target))
        return sorted({name.partition("/")[0] for name in names})

    def _own_holds(self, ask: Ask) -> list[events.HoldAdded]:
        """The live stops that this person made here, newest first."""
        incident = self._board.open_incident(ask.channel)
        mine = [hold for hold in (incident.holds if incident else ()) if hold.by == ask.person]
        return sorted((hold for hold in mine if self._board.holds.is_live(hold.hold)), key=lambda hold: -hold.at)

    async def _usage(self, command: commands.Help, ask: Ask) -> Message:
        await self._know(ask)
        why = why_outside(ask.user, self._roster.snapshot(), self._configuration())
        return self._refuse(ask, why) if why else restore_answers.usage(command.said, self._board)

    async def _know(self, ask: Ask) -> None:
        """A stranger is looked up once: every doubt is a no."""
        if ask.user not in self._roster.snapshot().people:
            await self._roster.look_up(ask.user, _LOOK_UP)

    async def _why_not(self, ask: Ask, scope: Scope | None) -> str:
        """The sentence for whoever may not ask."""
        await self._know(ask)
        configuration = self._configuration()
        affected = [agent for agent in configuration.agents if scope is None or self._touches(scope, agent.id)]
        return why_not_propose(ask.user, roster=self._roster.snapshot(), configuration=configuration, affected=affected)

    def _touches(self, scope: Scope, agent_id: str) -> bool:
        agent = self._configuration().agent(agent_id)
        return agent is not None and any(scope.covers(surface) for surface in agent.surfaces)

    def _refuse(self, ask: Ask, why: str) -> Message:
        """A no, for the audit and for whoever asked."""
        asked = cleaned(split(ask.text))
        self._record(events.Refusal(at=self._clock.now(), by=ask.person, asked=asked, why=why))
        return answers.refusal(why)

    def _acknowledge(self, command: Acknowledge, ask: Ask) -> Message:
        if self.restores is None:
            return answers.refusal(restore_answers.NOT_READY)
        why = why_not_acknowledge(
            ask.user,
            roster=self._roster.snapshot(),
            configuration=self._configuration(),
            subject=command.subject,
        )
        if why:
            return self._refuse(ask, why)
        return restore_answers.told(self.restores.acknowledge(command.subject, ask.person, command.reason))

    def _open(self, command: Restore, ask: Ask, *, undo: str | None = None) -> Message:
        """Answers at once; the evidence takes longer than any acknowledgement may."""
        if self.restores is None:
            return answers.refusal(restore_answers.NOT_READY)
        places = self._where(command.scope)
        if ask.channel is None or ask.channel not in places:
            return answers.refusal(restore_answers.elsewhere(places))
        order = RestoreOrder(
            mode=command.mode,
            scope=command.scope,
            by=ask.person,
            reason=command.reason,
            channel=ask.channel,
            kind="undo" if undo else "restore",
            hold=undo,
            delivery=ask.trigger,
        )
        self._tasks.spawn(self._opened(self.restores, order, ask), name=f"open a ballot {ask.trigger}")
        return restore_answers.gathering(command, undo=undo is not None)

    def _where(self, scope: Scope) -> Sequence[str]:
        """The channels of the incidents that hold what is in scope; the incident channel where there are several."""
        configuration = self._configuration()
        names = {surface.name for surface in configuration.surfaces() if scope.covers(surface)}
        held = [key for key in self._board.holds.targets() if self._board.surfaces_of(key) & names]
        incidents = {name for key in held for name in self._board.incidents_of(key)}
        found = {self._board.incidents[name].channel for name in incidents if name in self._board.incidents}
        places = sorted(channel for channel in found if channel)
        main = configuration.workspace.incident_channel
        return [*places, main] if main and len(places) != 1 and main not in places else places

    async def _opened(self, restores: Restores, order: RestoreOrder, ask: Ask) -> None:
        try:
            await restores.open(order)
        except CannotOpen as error:
            await self._tell(ask, restore_answers.cannot_open(order, error.reasons))
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  # a person waits for the answer, whatever failed
            _LOG.exception("a ballot could not be opened")
            await self._tell(ask, restore_answers.failed())

    async def _tell(self, ask: Ask, said: Message) -> None:
        """Through the `response_url`; a form has none, so there it is an ephemeral message."""
        if ask.response_url and await self._responder.send(ask.response_url, answers.ephemeral(said)):
            return
        try:
            await self._client.chat_postEphemeral(channel=ask.channel or "", user=ask.user, **said.payload())  # type: ignore[arg-type]  # text and blocks
        except Exception as error:  # noqa: BLE001  # an answer is worth less than what it tells of
            _LOG.warning("%s could not be answered: %s", ask.user, explain(error))
