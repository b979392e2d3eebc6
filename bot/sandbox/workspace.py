"""The state of the simulated workspace: people, channels, messages, groups, files, views. No network, no waiting."""

import copy
from collections.abc import Callable
from typing import Any

from bot.sandbox.channels import BOT_CHANNELS, CHANNELS, Channel
from bot.sandbox.clock import Clock
from bot.sandbox.files import UploadedFile
from bot.sandbox.identity import Identity, Ids
from bot.sandbox.messages import Ephemeral, Json, Message
from bot.sandbox.people import TEAM, User, cast
from bot.sandbox.reactions import listed
from bot.sandbox.usergroups import GROUPS, UserGroup
from bot.sandbox.views import View

Listener = Callable[[str, Any], None]


class Workspace:
    """Everything that one workspace remembers.

    Attributes:
        violations: what the app did that Slack's documentation does not allow; a test fails when it is not empty.
        paid: user groups exist on paid plans only.
        listener: told of every change as (what, thing), for a page that shows the workspace live.
    """

    def __init__(self, *, clock: Clock, app: Identity, ids: Ids) -> None:
        self.clock, self.app, self.ids = clock, app, ids
        self.people: dict[str, User] = cast()
        self.channels: dict[str, Channel] = dict(copy.deepcopy(CHANNELS))
        self.groups: dict[str, UserGroup] = {group.handle: copy.deepcopy(group) for group in GROUPS}
        self.files: dict[str, UploadedFile] = {}
        self.views: dict[str, View] = {}
        self.violations: list[str] = []
        self.paid = True
        self.listener: Listener = _ignore
        self._last_ts = 0
        self._move_in()

    def _move_in(self) -> None:
        bot = User(
            self.app.bot_user,
            self.app.bot_name,
            self.app.bot_name,
            self.app.team_id,
            is_bot=True,
            bot_id=self.app.bot_id,
        )
        self.people["bot"] = bot
        everybody = [user for user in self.people.values() if not user.deleted and user.id != bot.id]
        for user in everybody:
            user.team_id = self.app.team_id if user.team_id == TEAM else user.team_id
        for name, channel in self.channels.items():
            channel.members = [u.id for u in everybody if not u.stranger or channel.ext_shared]
            if name in BOT_CHANNELS:
                channel.members.append(bot.id)

    def changed(self, what: str, thing: Any) -> None:
        """Tells whoever shows this workspace that `thing` changed."""
        self.listener(what, thing)

    def next_ts(self) -> str:
        """A message timestamp: `seconds.microseconds`, later than any before."""
        self._last_ts = max(int(self.clock.now() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def user(self, key: str) -> User | None:
        """A person by id or by the name that tests use."""
        return self.people.get(key) or next((u for u in self.people.values() if u.id == key), None)

    def channel(self, key: str) -> Channel | None:
        """A conversation by id, by name, or by `#name`."""
        return self.channels.get(key.removeprefix("#")) or next(
            (c for c in self.channels.values() if c.id == key), None
        )

    def group(self, key: str) -> UserGroup | None:
        """A user group by id or handle."""
        return self.groups.get(key) or next((g for g in self.groups.values() if g.id == key), None)

    def add_person(self, key: str, user: User, *, channels: tuple[str, ...] = ("incident", "general")) -> User:
        """Adds a person under the name that tests will use, and puts them into channels."""
        self.people[key] = user
        for name in channels:
            self.channels[name].members.append(user.id)
        return user

    def add_channel(self, key: str, channel: Channel) -> Channel:
        """Adds a conversation under the name that tests will use."""
        self.channels[key] = channel
        return channel

    def direct_message(self, user: str) -> Channel:
        """The conversation between the bot and this person, made when missing."""
        found = next((c for c in self.channels.values() if c.im_user == user), None)
        if found is None:
            found = Channel(self.ids.next("D"), "", private=True, im_user=user, members=[user, self.app.bot_user])
            self.channels[found.id] = found
        return found

    def post(self, message: Message) -> Message:
        """Adds a message to its channel."""
        channel = self.channel(message.channel)
        assert channel is not None, f"no channel {message.channel}"  # noqa: S101  # callers looked it up
        channel.messages.append(message)
        self.changed("message", message)
        return message

    def show(self, ephemeral: Ephemeral) -> Ephemeral:
        """Shows one person a message that nobody else sees."""
        channel = self.channel(ephemeral.channel)
        assert channel is not None, f"no channel {ephemeral.channel}"  # noqa: S101  # callers looked it up
        channel.ephemerals.append(ephemeral)
        self.changed("ephemeral", ephemeral)
        return ephemeral

    def ephemerals(self, user: str, channel: str | None = None) -> list[Ephemeral]:
        """What this person alone sees, oldest first, in one channel or in all."""
        person, only = self.user(user), self.channel(channel) if channel else None
        rooms = [only] if only else list(self.channels.values())
        found = [e for room in rooms for e in room.ephemerals if person and e.user == person.id and not e.deleted]
        return sorted(found, key=lambda e: e.ts)

    def messages(self, channel: str) -> list[Message]:
        """The messages of a channel and its threads, oldest first, without deleted ones."""
        room = self.channel(channel)
        return [m for m in room.messages if not m.deleted] if room else []

    def violate(self, sentence: str) -> None:
        """Writes down something that the documentation does not allow."""
        self.violations.append(sentence)
        self.changed("violation", sentence)

    def permalink(self, message: Message) -> str:
        """The address of a message, in the form that chat.getPermalink documents."""
        link = f"https://{self.app.domain}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
        if message.thread_ts and message.thread_ts != message.ts:
            link += f"?thread_ts={message.thread_ts}&cid={message.channel}"
        return link

    def as_json(self, message: Message) -> Json:
        """The message object as the Web API and interaction payloads show it."""
        shown: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
        shown["team"] = self.app.team_id
        if message.bot_id:
            shown |= {"bot_id": message.bot_id, "app_id": self.app.app_id, "bot_profile": self._bot_profile()}
        for name in ("blocks", "attachments", "metadata", "files", "edited"):
            if value := getattr(message, name):
                shown[name] = copy.deepcopy(value)
        if message.pinned:
            shown["pinned_to"] = [message.channel]
        if found := listed(message, full=False):
            shown["reactions"] = found
        return shown | self._threading(message)

    def _bot_profile(self) -> Json:
        app = self.app
        return {
            "id": app.bot_id,
            "deleted": False,
            "name": app.bot_name,
            "updated": 1_700_000_000,
            "app_id": app.app_id,
            "icons": {"image_36": "", "image_48": "", "image_72": ""},
            "team_id": app.team_id,
        }

    def _threading(self, message: Message) -> Json:
        room = self.channel(message.channel)
        thread = room.thread(message.root) if room else []
        if message.thread_ts and message.thread_ts != message.ts:
            parent = next((m for m in thread if m.ts == message.thread_ts), None)
            root = {"thread_ts": message.thread_ts}
            return root | ({"parent_user_id": parent.user} if parent else {})
        replies = [m for m in thread if m.ts != message.ts]
        if not replies:
            return {}
        people = list(dict.fromkeys(m.user for m in replies))
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": people,
            "reply_users_count": len(people),
            "latest_reply": replies[-1].ts,
            "is_locked": False,
        }


def _ignore(what: str, thing: Any) -> None:
    del what, thing
