"""A thread that speaks to a simulated workspace over real HTTP, and can be killed and started again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator
from bot.slack.client import SlackApi
from bot.slack.progress import ReportSettings
from bot.slack.thread import Thread
from tests.unit.slack.incidents import Desk, read

MANIFEST = {"oauth_config": {"scopes": {"bot": ["chat:write", "files:write"]}}}
FAST = ReportSettings(
    incident_channel="C0INCIDENT",
    fallback_channel="C0AUDIT",
    groups=("S0ONCALL",),
    spacing=0.0,
    update_every=0.02,
    calm_every=0.02,
    late_gather=0.02,
    late_every=0.1,
)


class RealClock:
    """The machine's own time."""

    def now(self) -> float:
        """Unix time."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only rise."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class Rig:
    """The parts of a test: a board, a workspace, and the thread between them."""

    def __init__(self, slack: Simulator, api: SlackApi, settings: ReportSettings) -> None:
        self.slack, self.api, self.settings = slack, api, settings
        self.desk = Desk(now=time.time())
        self.anchor = ""
        self.thread: Thread = self._make()
        self.task: asyncio.Task[None] | None = None

    def _make(self) -> Thread:
        return Thread(
            self.desk.board,
            self.desk.record,
            lambda: self.desk.known,
            self.api,
            self.settings,
            RealClock(),
            unrecorded=lambda: self.desk.unrecorded,
            anchor=lambda: self.anchor,
        )

    def start(self) -> None:
        """Starts a thread that knows the board alone, as after a crash."""
        self.thread = self._make()
        self.task = asyncio.create_task(self.thread.run())

    async def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    def wake(self, incident: str = "inc-1") -> None:
        """Something changed."""
        self.thread.wake(incident)

    def parent(self, channel: str = "incident") -> Message:
        """The one parent of a channel."""
        (found,) = self.slack.channel(channel).parents()
        return found

    def replies(self, channel: str = "incident") -> list[str]:
        """The thread as text, oldest first; a file by its name."""
        return [show(message) for message in self.slack.workspace.messages(channel) if message.thread_ts]

    async def until(self, words: str, channel: str = "incident", *, bound: float = 8.0) -> None:
        """Waits for words in a channel's messages."""
        await self.slack.wait_for(lambda: words in self.everything(channel), bound, what=f"“{words}” in {channel}")

    def everything(self, channel: str = "incident") -> str:
        """All messages of a channel as text."""
        return "\n\n".join(show(message) for message in self.slack.workspace.messages(channel))

    async def settled(self) -> None:
        """Waits until all was said."""
        await self.slack.wait_for(lambda: self.thread._progress, what="the thread began")
        assert await self.thread.drain(8.0), self.thread.undeliverable()

    def calls(self) -> int:
        """Calls of the Web API, and uploads of bytes, so far."""
        return len(self.slack.calls) + self.slack.calls.count("files.completeUploadExternal")


def show(message: Message) -> str:
    """A message of the workspace as a person sees it."""
    if message.files:
        return f"[file {message.files[0]['name']}]"
    shown: dict[str, Any] = {"blocks": message.blocks}
    return read(shown) or message.text


@contextlib.asynccontextmanager
async def rigged(
    settings: ReportSettings = FAST, *, rate_limits: bool = False, patience: float = 5.0
) -> AsyncIterator[Rig]:
    """A workspace with a thread that is not started yet."""
    async with Simulator(MANIFEST, rate_limits=rate_limits) as slack:
        api = await SlackApi.open(token=slack.bot_token, base_url=slack.api_url, patience=patience)
        rig = Rig(slack, api, settings)
        try:
            yield rig
        finally:
            await rig.kill()
            await api.aclose()
