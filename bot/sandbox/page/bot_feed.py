"""What the bot says of itself on its private listener, asked four times a second."""

import asyncio
import time
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

    Proofs age on while nobody answers.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.status: dict[str, Any] = {}
        self.answers = False
        self._at = 0.0

    async def run(self) -> None:
        """Asks for ever."""
        async with ClientSession(timeout=_PATIENCE) as session:
            while True:
                await self._ask(session)
                await asyncio.sleep(_PERIOD)

    def rows(self) -> dict[str, dict[str, Any]]:
        """What is said of each surface, by name."""
        late = 0.0 if self.answers else time.monotonic() - self._at
        return {row["surface"]: _older(row, late) for row in self.status.get("surfaces", ())}

    async def _ask(self, session: ClientSession) -> None:
        try:
            async with session.get(f"{self._url}/status.json") as answer:
                answer.raise_for_status()
                self.status = await answer.json()
                self.answers, self._at = True, time.monotonic()
        except (ClientError, TimeoutError, ValueError):
            self.answers = False


def _older(row: dict[str, Any], seconds: float) -> dict[str, Any]:
    age = row.get("proof_age")
    return row if age is None else {**row, "proof_age": age + seconds}
