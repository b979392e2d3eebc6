"""What Bolt hands in, turned into asks for the desk, and the desk's answers turned into acknowledgements."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.commands import Help, Refused, parse_picked
from bot.slack import answers, modal
from bot.slack.blocks.message import Message
from bot.slack.desk import Ask, Desk
from bot.slack.respond import Responder
from bot.slack.roster import RosterCache, explain
from bot.slack.seen_events import SeenEvents
from bot.slack.tasks import Tasks

KILL = "/agent-kill"
STATUS = "/agent-status"
SHORTCUT = "agent_kill:here"
EVENTS = ("subteam_members_changed", "subteam_updated", "user_change")
_EVERY = re.compile(r".*", re.DOTALL)
_log = logging.getLogger(__name__)

Body = Mapping[str, Any]  # a request of Slack's, as JSON


class Listeners:
    """Registers everything that the manifest declares, and nothing else.

    Args:
        client: for opening modals, the one call that the room makes on behalf of a request.
    """

    def __init__(
        self,
        *,
        desk: Desk,
        roster: RosterCache,
        seen: SeenEvents,
        responder: Responder,
        client: AsyncWebClient,
        tasks: Tasks,
    ) -> None:
        self._desk = desk
        self._roster = roster
        self._seen = seen
        self._responder = responder
        self._client = client
        self._tasks = tasks

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
        await self._acknowledge(ack, await self._answer(self._desk.kill, _typed(body), "The command"))

    async def status(self, ack: AsyncAck, body: Body) -> None:
        """`/agent-status`."""
        await self._acknowledge(ack, await self._answer(self._desk.status, _typed(body), "The look-up"))

    async def unknown(self, ack: AsyncAck, body: Body) -> None:
        """A command that this version does not have."""
        said = f"This version has no `{str(body.get('command'))[:40].translate(_PLAIN)}`. Nothing was changed."
        await self._acknowledge(ack, await self._desk.carry_out(Help(said), _typed(body)))

    async def choose(self, ack: AsyncAck, body: Body) -> None:
        """A button under a question: the line that it stands for, as if it had been typed."""
        said = await self._answer(self._desk.kill, _pressed(body), "The command")
        await ack()
        url = body.get("response_url")
        if url:
            payload = {**answers.ephemeral(said), "replace_original": True}
            self._tasks.spawn(self._responder.send(str(url), payload), name="answer to a button")

    async def pick(self, ack: AsyncAck, body: Body) -> None:
        """The button that opens the modal."""
        await ack()
        self._open(body, modal.stop_view(self._desk.here(_channel(body))))

    async def shortcut(self, ack: AsyncAck, body: Body) -> None:
        """*Kill agents from here*, inside a thread, where Slack takes no slash commands."""
        await self.pick(ack, body)

    async def ask_reason(self, ack: AsyncAck, body: Body) -> None:
        """The button that asks for the reason of a stop; its value is the hold."""
        await ack()
        self._open(body, modal.reason_view(_pressed(body).text, _channel(body)))

    async def nothing(self, ack: AsyncAck) -> None:
        """A button that only links, or one of an older version."""
        await ack()

    async def stop_submitted(self, ack: AsyncAck, body: Body) -> None:
        """The modal of a stop."""
        view = body["view"]
        ask = _submitted(body)
        command = parse_picked(*modal.submitted_stop(view), self._desk.here(ask.channel))
        if isinstance(command, Refused):
            await ack(response_action="errors", errors={"typed": command.sentence[:_ERROR]})
            return
        said = await self._answer(lambda asked: self._desk.carry_out(command, asked), ask, "The stop")
        await ack(response_action="update", view=modal.done_view(said, "Stop agents"))

    async def reason_submitted(self, ack: AsyncAck, body: Body) -> None:
        """The modal of a reason."""
        view = body["view"]
        hold = modal.metadata(view).get("hold") or ""
        said = await self._desk.give_reason(hold, modal.submitted_reason(view), _submitted(body))
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

    async def _answer(self, work: Callable[[Ask], Awaitable[Message]], ask: Ask, what: str) -> Message:
        """The answer, or a clear word that there is none: never silence."""
        try:
            return await work(ask)
        except Exception:  # noqa: BLE001  # a person waits for the answer, whatever failed
            _log.exception("%s failed", what)
            return answers.broken(what)

    @staticmethod
    async def _acknowledge(ack: AsyncAck, said: Message) -> None:
        payload = said.payload()
        await ack(text=said.text, blocks=payload["blocks"], response_type="ephemeral")  # type: ignore[arg-type]  # Bolt's own block type is as wide

    def _open(self, body: Body, view: modal.View) -> None:
        """Opens a modal behind the acknowledgement: its trigger lives for 3 s, and so does the request."""
        self._tasks.spawn(self._opened(body, view), name="open a modal")

    async def _opened(self, body: Body, view: modal.View) -> None:
        try:
            await self._client.views_open(trigger_id=str(body.get("trigger_id")), view=view)
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told what to type instead
            why = explain(error)
            _log.warning("a modal could not be opened: %s", why)
            url = body.get("response_url")
            if url:
                said = answers.refusal(f"The form could not be opened: {why}. Type `/agent-kill MODE TARGET` instead.")
                await self._responder.send(str(url), answers.ephemeral(said))


_ERROR = 150  # characters of an error beneath a field, so that it stays readable
_PLAIN = str.maketrans("`<>&", "    ")


def _typed(body: Body) -> Ask:
    return Ask(
        user=str(body.get("user_id") or ""),
        channel=body.get("channel_id"),
        text=str(body.get("text") or ""),
        trigger=body.get("trigger_id"),
        response_url=body.get("response_url"),
    )


def _pressed(body: Body) -> Ask:
    actions = body.get("actions") or [{}]
    return Ask(
        user=str(body.get("user", {}).get("id") or ""),
        channel=_channel(body),
        text=str(actions[0].get("value") or ""),
        trigger=body.get("trigger_id"),
        response_url=body.get("response_url"),
    )


def _submitted(body: Body) -> Ask:
    return Ask(
        user=str(body.get("user", {}).get("id") or ""),
        channel=modal.metadata(body["view"]).get("channel"),
        trigger=body.get("trigger_id"),
    )


def _channel(body: Body) -> str | None:
    """Where a button or a shortcut was used."""
    channel = body.get("channel") or {}
    return channel.get("id") or (body.get("container") or {}).get("channel_id")
