"""What Bolt hands in, turned into asks for the desk, and the desk's answers turned into acknowledgements."""

import re

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.commands import Help, Refused, parse_picked
from bot.slack import answers, modal
from bot.slack.bodies import Back, Body, acknowledge, answered, channel_of, pressed, submitted, typed
from bot.slack.desk import Desk
from bot.slack.roster import RosterCache
from bot.slack.seen_events import SeenEvents

KILL = "/agent-kill"
STATUS = "/agent-status"
SHORTCUT = "agent_kill:here"
EVENTS = ("subteam_members_changed", "subteam_updated", "user_change")
_EVERY = re.compile(r".*", re.DOTALL)


class Listeners:
    """Registers everything that the manifest declares and the other listeners leave, and nothing else."""

    def __init__(
        self,
        *,
        desk: Desk,
        roster: RosterCache,
        seen: SeenEvents,
        back: Back,
    ) -> None:
        self._desk = desk
        self._roster = roster
        self._seen = seen
        self._back = back

    def register(self, app: AsyncApp) -> None:
        """Registers; Bolt takes the first that matches."""
        app.command(KILL)(self.kill)
        app.command(STATUS)(self.status)
        app.command(_EVERY)(self.unknown)
        app.message_shortcut(SHORTCUT)(self.shortcut)
        app.action(re.compile(rf"{answers.CHOOSE}:\d+"))(self.choose)
        app.action(answers.PICK)(self.pick)
        app.action(answers.GIVE_REASON)(self.ask_reason)
        app.action(_EVERY)(self.nothing)
        app.view(modal.STOP)(self.stop_submitted)
        app.view(modal.REASON)(self.reason_submitted)
        for event in EVENTS:
            app.event(event)(self.changed)

    async def kill(self, ack: AsyncAck, body: Body) -> None:
        """`/agent-kill`."""
        await acknowledge(ack, await answered(self._desk.kill, typed(body), "The command"))

    async def status(self, ack: AsyncAck, body: Body) -> None:
        """`/agent-status`."""
        await acknowledge(ack, await answered(self._desk.status, typed(body), "The look-up"))

    async def unknown(self, ack: AsyncAck, body: Body) -> None:
        """A command that this version does not have."""
        said = f"This version has no `{str(body.get('command'))[:40].translate(_PLAIN)}`. Nothing was changed."
        await acknowledge(ack, await self._desk.carry_out(Help(said), typed(body)))

    async def choose(self, ack: AsyncAck, body: Body) -> None:
        """A button under a question: the line that it stands for, as if it had been typed."""
        said = await answered(self._desk.kill, pressed(body), "The command")
        await ack()
        self._back.say(body, said, replace=True)

    async def pick(self, ack: AsyncAck, body: Body) -> None:
        """The button that opens the modal."""
        await ack()
        self._back.open(body, modal.stop_view(self._desk.here(channel_of(body))), instead=f"{KILL} MODE TARGET")

    async def shortcut(self, ack: AsyncAck, body: Body) -> None:
        """*Kill agents from here*, inside a thread, where Slack takes no slash commands."""
        await self.pick(ack, body)

    async def ask_reason(self, ack: AsyncAck, body: Body) -> None:
        """The button that asks for the reason of a stop; its value is the hold."""
        await ack()
        view = modal.reason_view(pressed(body).text, channel_of(body))
        self._back.open(body, view, instead=f"{KILL} MODE TARGET")

    async def nothing(self, ack: AsyncAck) -> None:
        """A button that only links, or one of an older version."""
        await ack()

    async def stop_submitted(self, ack: AsyncAck, body: Body) -> None:
        """The modal of a stop."""
        view = body["view"]
        ask = submitted(body)
        command = parse_picked(*modal.submitted_stop(view), self._desk.here(ask.channel))
        if isinstance(command, Refused):
            await ack(response_action="errors", errors={"typed": command.sentence[:_ERROR]})
            return
        said = await answered(lambda asked: self._desk.carry_out(command, asked), ask, "The stop")
        await ack(response_action="update", view=modal.done_view(said, "Stop agents"))

    async def reason_submitted(self, ack: AsyncAck, body: Body) -> None:
        """The modal of a reason."""
        view = body["view"]
        hold = modal.metadata(view).get("hold") or ""
        said = await self._desk.give_reason(hold, modal.submitted_reason(view), submitted(body))
        await ack(response_action="update", view=modal.told_view(said, "Reason of the stop"))

    async def changed(self, body: Body) -> None:
        """A group or a person changed."""
        if self._seen.handled(body.get("event_id")):
            return
        event = body.get("event")
        user = event.get("user") if isinstance(event, dict) else None
        if isinstance(event, dict) and event.get("type") == "user_change" and isinstance(user, dict):
            self._roster.see(user)
        else:
            self._roster.hint()
        self._seen.mark(body.get("event_id"))


_ERROR = 150  # characters of an error beneath a field, so that it stays readable
_PLAIN = str.maketrans("`<>&", "    ")
