"""What the bot says of itself on its private listener, asked four times a second."""

import asyncio
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

_PERIOD = 0.25  # seconds
_PATIENCE = ClientTimeout(total=1.0)


class BotFeed:
    """The last status document.

    Args:
        url: of the private listener.

    Attributes:
        status: as `/status.json` gave it last; empty before.
        answers: whether the last question was answered.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.status: dict[str, Any] = {}
        self.answers = False

    async def run(self) -> None:
        """Asks for ever."""
        async with ClientSession(timeout=_PATIENCE) as session:
            while True:
                await self._ask(session)
                await asyncio.sleep(_PERIOD)

    def rows(self) -> dict[str, dict[str, Any]]:
        """What is said of each surface, by name."""
        return {row["surface"]: row for row in self.status.get("surfaces", ())}

    async def _ask(self, session: ClientSession) -> None:
        try:
            async with session.get(f"{self._url}/status.json") as answer:
                answer.raise_for_status()
                self.status = await answer.json()
                self.answers = True
        except (ClientError, TimeoutError, ValueError):
            self.answers = False
