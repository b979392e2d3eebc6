"""What Bolt hands in about restores: the command, the ballot's buttons and forms, and hints of reactions."""

import re
from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import modal, restore_answers
from bot.slack.ballot_desk import BallotDesk
from bot.slack.blocks import ballot, ballot_codes
from bot.slack.blocks.message import Message
from bot.slack.bodies import Back, Body, acknowledge, answered, channel_of, pressed, submitted, typed

RESTORE = "/agent-restore"
VOTES = ("reaction_added", "reaction_removed")
_INSTEAD = f"{RESTORE} TARGET MODE reason"


class RestoreListeners:
    """Registers the half of the manifest that gives authority back; before the listeners that take everything."""

    def __init__(self, *, desk: BallotDesk, back: Back, also: Callable[[Body], Awaitable[None]] | None = None) -> None:
        self._desk = desk
        self._back = back
        self._also = also  # hears of reactions too: Bolt hands an event to one listener only

    def register(self, app: AsyncApp) -> None:
        """Registers; Bolt takes the first that matches."""
        app.command(RESTORE)(self.restore)
        app.action(re.compile(rf"{restore_answers.CHOOSE}:\d+"))(self.choose)
        app.action(restore_answers.GIVE_REASON)(self.ask_reason)
        app.action(ballot.WHO)(self.who)
        app.action(ballot.WITHDRAW)(self.withdraw)
        app.action(ballot.AGAIN)(self.again)
        app.action(ballot_codes.CONFIRM)(self.confirm)
        app.view(modal.RESTORE)(self.reason_submitted)
        app.view(modal.CODE)(self.code_submitted)
        for event in VOTES:
            app.event(event)(self.reacted)

    async def restore(self, ack: AsyncAck, body: Body) -> None:
        """`/agent-restore`."""
        await acknowledge(ack, await answered(self._desk.restore, typed(body), "The restore"))

    async def choose(self, ack: AsyncAck, body: Body) -> None:
        """A button under a question: the line that it stands for, as if it had been typed."""
        await ack()
        self._back.say(body, await answered(self._desk.restore, pressed(body), "The restore"), replace=True)

    async def ask_reason(self, ack: AsyncAck, body: Body) -> None:
        """The button that asks for the reason; its value is the line so far."""
        await ack()
        self._back.open(body, modal.restore_view(pressed(body).text, channel_of(body)), instead=_INSTEAD)

    async def who(self, ack: AsyncAck, body: Body) -> None:
        """The ballot's button that names who may vote."""
        await ack()
        self._back.say(body, self._desk.who_may_vote(pressed(body)))

    async def withdraw(self, ack: AsyncAck, body: Body) -> None:
        """The ballot's button that ends it."""
        await ack()
        self._back.say(body, self._desk.withdraw(pressed(body)))

    async def again(self, ack: AsyncAck, body: Body) -> None:
        """The button under a ballot that failed: the same, asked anew, with a reason of its own."""
        await ack()
        line = self._desk.line_of(pressed(body).text)
        if line is not None:
            self._back.open(body, modal.restore_view(line, channel_of(body)), instead=_INSTEAD)

    async def reason_submitted(self, ack: AsyncAck, body: Body) -> None:
        """The form with the reason."""
        view = body["view"]
        ask = submitted(body, modal.submitted_restore(view))
        said = await answered(self._desk.restore, ask, "The restore")
        await ack(response_action="update", view=modal.done_view(said, "Ask for a restore"))

    async def confirm(self, ack: AsyncAck, body: Body) -> None:
        """The ballot's button that asks for a code."""
        await ack()
        form = self._desk.confirm_form(pressed(body))
        if isinstance(form, Message):
            self._back.say(body, form)
        else:
            self._back.open(body, form)

    async def code_submitted(self, ack: AsyncAck, body: Body) -> None:
        """The form with a code; what is wrong stands under the input."""
        said = await self._desk.confirm(submitted(body), *modal.submitted_code(body["view"]))
        if said:
            await ack(response_action="errors", errors={"code": said})
            return
        told = "Your vote is confirmed. It counts as long as you do not take it back; the ballot shows it in a moment."
        await ack(response_action="update", view=modal.told_view(told, "Confirm your vote"))

    async def reacted(self, body: Body) -> None:
        """Somebody reacted to some message: only a hint, for the reactions are read afresh."""
        event = body.get("event")
        item = event.get("item") if isinstance(event, dict) else None
        if isinstance(item, dict) and item.get("type") == "message":
            self._desk.hint(str(item.get("channel") or ""), str(item.get("ts") or ""))
            if self._also is not None:
                await self._also(body)
