"""What Bolt hands in about drills: the command, and the buttons under a reminder."""

import re
from typing import get_args

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.drill_events import Answer
from bot.slack.ask import Ask
from bot.slack.blocks import drill_reminder
from bot.slack.bodies import Back, Body, acknowledge, answered, pressed, typed
from bot.slack.drill_desk import DrillDesk

DRILL = "/agent-drill"


class DrillListeners:
    """Registers what concerns drills; before the listeners that take everything."""

    def __init__(self, *, desk: DrillDesk, back: Back) -> None:
        self._desk = desk
        self._back = back

    def register(self, app: AsyncApp) -> None:
        """Registers; Bolt takes the first that matches."""
        app.command(DRILL)(self.drill)
        app.action(re.compile(rf"{drill_reminder.ANSWER}:[a-z_]+"))(self.answer)

    async def drill(self, ack: AsyncAck, body: Body) -> None:
        """`/agent-drill`."""
        await acknowledge(ack, await answered(self._desk.drill, typed(body), "The drill"))

    async def answer(self, ack: AsyncAck, body: Body) -> None:
        """A button under a reminder."""
        await ack()
        actions = body.get("actions") or [{}]
        word = str(actions[0].get("action_id") or "").rpartition(":")[2]
        given = next((it for it in get_args(Answer) if it == word), None)
        if given is not None:
            self._back.say(body, await self._desk.answer(pressed(body), given))

    async def reacted(self, body: Body) -> None:
        """An emoji under some message; only those under a reminder mean anything here."""
        event = body.get("event")
        item = event.get("item") if isinstance(event, dict) else None
        if not isinstance(event, dict) or event.get("type") != "reaction_added" or not isinstance(item, dict):
            return
        ask = Ask(user=str(event.get("user") or ""), channel=item.get("channel"), text="", trigger=None)
        await self._desk.reacted(ask, str(event.get("reaction") or ""), str(item.get("ts") or ""))
