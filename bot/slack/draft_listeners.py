"""What Bolt hands in about what is parked: the two buttons of a card, and emoji under it."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.ask import Ask
from bot.slack.blocks import draft_card
from bot.slack.bodies import Back, Body, answered, pressed
from bot.slack.draft_desk import DraftDesk, Verdict


class DraftListeners:
    """Registers what concerns cards; before the listeners that take everything."""

    def __init__(self, *, desk: DraftDesk, back: Back) -> None:
        self._desk = desk
        self._back = back

    def register(self, app: AsyncApp) -> None:
        """Registers; Bolt takes the first that matches."""
        app.action(draft_card.RELEASE)(self.release)
        app.action(draft_card.DROP)(self.drop)

    async def release(self, ack: AsyncAck, body: Body) -> None:
        """*Approve*."""
        await ack()
        await self._decide(body, "release")

    async def drop(self, ack: AsyncAck, body: Body) -> None:
        """*Deny*."""
        await ack()
        await self._decide(body, "drop")

    async def _decide(self, body: Body, verdict: Verdict) -> None:
        ask = pressed(body)
        said = await answered(lambda asked: self._desk.decide(asked, verdict), ask, "The decision")
        if not await self._desk.tell(ask, said):
            self._back.say(body, said)

    async def reacted(self, body: Body) -> None:
        """An emoji under some message; only those under a card mean anything here."""
        event = body.get("event")
        item = event.get("item") if isinstance(event, dict) else None
        if not isinstance(event, dict) or event.get("type") != "reaction_added" or not isinstance(item, dict):
            return
        ask = Ask(user=str(event.get("user") or ""), channel=item.get("channel"))
        await self._desk.reacted(ask, str(event.get("reaction") or ""), str(item.get("ts") or ""), _time(event))


def _time(event: Body) -> float | None:
    """When it happened, by Slack's clock; None where that is not told."""
    try:
        return float(str(event.get("event_ts")))
    except ValueError:
        return None
