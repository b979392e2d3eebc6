"""The pace of what is sent to Slack: about one message a second and channel, and every pause that Slack asks for."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from bot.service.ports import Clock
from bot.slack.blocks.message import Message
from bot.slack.client import Answer, Later, SlackApi

SPACING = 1.0  # seconds between messages of a channel: chat.postMessage's own limit

_Call = Callable[[], Awaitable[Answer]]


class Outbox:
    """Sends one call at a time per channel. It repeats nothing by itself: what is to be said is decided anew."""

    def __init__(self, api: SlackApi, clock: Clock, *, spacing: float = SPACING) -> None:
        self._api = api
        self._clock = clock
        self._spacing = spacing
        self._senders: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._not_before: defaultdict[str, float] = defaultdict(float)

    async def post(self, channel: str, message: Message, *, thread: str | None = None) -> Answer:
        """Posts when it is the channel's turn."""
        return await self._paced(channel, self._spacing, lambda: self._api.post(channel, message, thread=thread))

    async def update(self, channel: str, ts: str, message: Message) -> Answer:
        """Updates at once, unless Slack asked for a pause: updates have a limit of their own for all channels."""
        return await self._paced("chat.update", 0.0, lambda: self._api.update(channel, ts, message))

    async def upload(self, channel: str, *, thread: str, name: str, title: str, text: str | bytes) -> Answer:
        """Shares a file when it is the channel's turn: its message counts as one.

        A pause that Slack asks for is that of the file methods, which the channel's messages need not keep.
        """

        def call() -> Awaitable[Answer]:
            return self._api.upload(channel, thread=thread, name=name, title=title, text=text)

        def turn() -> Awaitable[Answer]:
            return self._paced(channel, self._spacing, call, keeps=False)

        return await self._paced("files", 0.0, turn)

    async def _paced(self, lane: str, spacing: float, call: _Call, *, keeps: bool = True) -> Answer:
        async with self._senders[lane]:
            wait = self._not_before[lane] - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            answer = await call()
            pause = spacing
            if keeps and isinstance(answer, Later) and answer.seconds is not None:
                pause = max(spacing, answer.seconds)
            self._not_before[lane] = self._clock.monotonic() + pause
            return answer
