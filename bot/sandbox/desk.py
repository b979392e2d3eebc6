"""What every Web API method works with, and the look-ups that most of them share."""

import re
from dataclasses import dataclass

from bot.sandbox.arguments import Arguments
from bot.sandbox.channels import Channel
from bot.sandbox.errors import SlackError
from bot.sandbox.events import EventFeed
from bot.sandbox.manifest import Manifest
from bot.sandbox.messages import Message
from bot.sandbox.rates import Buckets
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.triggers import Triggers
from bot.sandbox.workspace import Workspace

_TS = re.compile(r"\d{1,12}\.\d{1,6}")


class Limited(Exception):
    """The app calls too often.

    Args:
        retry_after: whole seconds.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


@dataclass(slots=True)
class Desk:
    """Everything that a method may touch.

    Attributes:
        host: `127.0.0.1:port` of the simulator, for addresses that it hands out.
        granted: the bot token's scopes.
        post_burst: how many posts a channel takes at once before one a second is enforced.
    """

    workspace: Workspace
    manifest: Manifest
    events: EventFeed
    socket: SocketMode
    triggers: Triggers
    buckets: Buckets
    granted: frozenset[str]
    host: str = ""
    post_burst: float = 5.0

    def visible_channel(self, key: str) -> Channel:
        """A conversation that the bot can see.

        Raises:
            SlackError: `channel_not_found`, for private ones without the bot too.
        """
        channel = self.workspace.channel(key) if key else None
        if channel is None or (channel.private and not self.is_member(channel)):
            raise SlackError("channel_not_found")
        return channel

    def is_member(self, channel: Channel) -> bool:
        """Whether the bot is in the channel."""
        return self.workspace.app.bot_user in channel.members

    def message(self, channel: Channel, ts: str, *, bad: str = "message_not_found") -> Message:
        """A message by its ts.

        Raises:
            SlackError: `bad` for something that is not a ts, `message_not_found`.
        """
        if not _TS.fullmatch(ts):
            raise SlackError(bad)
        found = channel.find(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def delete(self, message: Message) -> None:
        """Deletes a message, whoever may have asked for it, and tells the app (`message_deleted`)."""
        message.deleted = True
        self.workspace.changed("message", message)
        self.events.message_deleted(message)

    def thread(self, channel: Channel, args: Arguments) -> str | None:
        """The thread that an argument `thread_ts` means.

        Raises:
            SlackError: `invalid_thread_ts`, `thread_not_found`.
        """
        ts = args.text("thread_ts")
        if not ts:
            return None
        if not _TS.fullmatch(ts):
            raise SlackError("invalid_thread_ts")
        parent = channel.find(ts)
        if parent is None:
            raise SlackError("thread_not_found")
        if parent.root != parent.ts:
            self.workspace.violate(f"thread_ts {ts} is a reply's ts; Slack asks for its parent's, {parent.root}")
        return parent.root

    def require_scope(self, *any_of: str) -> None:
        """Refuses what the bot token may not do.

        Raises:
            SlackError: `missing_scope` with `needed` and `provided`.
        """
        if any_of and not self.granted.intersection(any_of):
            raise SlackError("missing_scope", needed=",".join(any_of), provided=",".join(sorted(self.granted)))
