"""What Bolt hands in about drills: the command, and the buttons under a reminder."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.bodies import Body, acknowledge, answered, typed
from bot.slack.drill_desk import DrillDesk

DRILL = "/agent-drill"


class DrillListeners:
    """Registers what concerns drills; before the listeners that take everything."""

    def __init__(self, *, desk: DrillDesk) -> None:
        self._desk = desk

    def register(self, app: AsyncApp) -> None:
        """Registers; Bolt takes the first that matches."""
        app.command(DRILL)(self.drill)

    async def drill(self, ack: AsyncAck, body: Body) -> None:
        """`/agent-drill`."""
        await acknowledge(ack, await answered(self._desk.drill, typed(body), "The drill"))
