"""What the visitor of the page does in the simulated Slack, in the name of one of its people."""

import html
from typing import Any

from bot.sandbox.actors import Person
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Ephemeral, Json, Message
from bot.sandbox.results import InteractionResult, SlashResult
from bot.sandbox.simulator import Simulator
from bot.sandbox.views import View

Answer = dict[str, Any]


class Hands:
    """Each method takes what the page posted and answers `{ok, error, …}`.

    Every method raises `LookupError` for what is not there and `SlackError` for what Slack refuses.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def say(self, asked: Json) -> Answer:
        """`{as, channel, thread, text}`: what begins with a slash is a command; Slack answers it, or the app does."""
        text, thread = str(asked["text"]).strip(), asked.get("thread") or None
        if not text:
            raise SlackError("no_text")
        who, room = self._person(asked), str(asked["channel"])
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            return _told(await who.slash(command, rest, channel=room, in_thread=thread))
        if who.id not in self._simulator.channel(room).members:
            raise SlackError("not_in_channel")
        message = who.say(html.escape(text, quote=False), channel=room, thread=thread)
        return {"ok": True, "error": "", "ephemeral": None, "ts": message.ts}

    async def react(self, asked: Json) -> Answer:
        """`{as, channel, ts, emoji, add}`; the emoji without colons, a skin tone after two of them."""
        who, emoji = self._person(asked), str(asked["emoji"]).strip(":")
        act = who.react if asked.get("add", True) else who.unreact
        act(self._message(asked), emoji)
        return {"ok": True, "error": ""}

    async def click(self, asked: Json) -> Answer:
        """`{as, channel, ts | ephemeral | view, action_id, value}`."""
        result = await self._person(asked).click(self._source(asked), str(asked["action_id"]), asked.get("value"))
        return _came_of(result)

    async def submit(self, asked: Json) -> Answer:
        """`{as, view, values}`: the values by action_id; `errors` by block_id where the app did not take them."""
        result = await self._person(asked).submit_view(dict(asked.get("values") or {}), view=self._view(asked))
        return _came_of(result)

    async def close_view(self, asked: Json) -> Answer:
        """`{as, view}`: closes the modal on top."""
        self._view(asked)
        return _came_of(await self._person(asked).close_view())

    async def shortcut(self, asked: Json) -> Answer:
        """`{as, channel, ts, callback_id}`: a shortcut in a message's menu."""
        who = self._person(asked)
        return _came_of(await who.message_shortcut(self._message(asked), str(asked["callback_id"])))

    def _person(self, asked: Json) -> Person:
        return self._simulator.person(str(asked["as"]))

    def _message(self, asked: Json) -> Message:
        found = self._simulator.channel(str(asked["channel"])).find(str(asked["ts"]))
        if found is None:
            raise LookupError(f"there is no message {asked['ts']} in {asked['channel']}")
        return found

    def _view(self, asked: Json) -> View:
        found = self._simulator.workspace.views.get(str(asked["view"]))
        if found is None or not found.open or found.user != self._person(asked).id:
            raise LookupError("this form is not open any more")
        return found

    def _source(self, asked: Json) -> Message | Ephemeral | View:
        if asked.get("view"):
            return self._view(asked)
        if not asked.get("ephemeral"):
            return self._message(asked)
        mine = self._person(asked).sees(str(asked["channel"]))
        found = next((one for one in mine if one.ts == asked["ephemeral"]), None)
        if found is None:
            raise LookupError("this message is not there any more")
        return found


def _told(result: SlashResult) -> Answer:
    """The sentence that Slack itself shows in place of an answer, or where the app's own answer stands."""
    ephemeral: Answer | None = {"text": result.shown} if result.shown else None
    if isinstance(result.answer, Ephemeral):
        ephemeral = {"id": result.answer.ts, "text": result.answer.text}
    return {"ok": result.ok, "error": result.error, "ephemeral": ephemeral, "ack_ms": result.ack_ms}


def _came_of(result: InteractionResult) -> Answer:
    return {"ok": result.ok and not result.errors, "error": result.error, "errors": result.errors}
