"""People doing things in the simulated workspace."""

import re
from typing import Any

from bot.sandbox import payloads, reactions
from bot.sandbox.channels import Channel
from bot.sandbox.delivery import Delivery, Reply
from bot.sandbox.elements import find_element
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Ephemeral, Json, Message
from bot.sandbox.modals import Modals
from bot.sandbox.people import User
from bot.sandbox.response_urls import ResponseUrl
from bot.sandbox.results import InteractionResult, SlashResult
from bot.sandbox.stage import Stage
from bot.sandbox.views import View

_UNKNOWN = (
    "{command} is not a valid command. In Slack, all messages that start with the “/” character are interpreted as "
    "commands.\n\nIf you are trying to send a message and not run a command, try preceding the “/” with an empty space."
)
_IN_THREAD = "{command} is not supported in threads. Sorry!"
_FAILED = "{command} failed with the error “{code}”"
_NAMES = re.compile(r"(?<![\w<])([@#])([\w.-]+)")


class Person:
    """One person's hands. Every action is refused where Slack refuses it.

    Args:
        user: who acts.
        stage: where.
    """

    def __init__(self, user: User, stage: Stage) -> None:
        self.user, self._stage = user, stage
        self._modals = Modals(user, stage)

    @property
    def id(self) -> str:
        """The person's Slack id."""
        return self.user.id

    @property
    def mention(self) -> str:
        """How a message mentions this person."""
        return f"<@{self.id}>"

    # Commands ------------------------------------------------------------------------------------------------------
    async def slash(
        self, command: str, text: str = "", *, channel: str = "incident", in_thread: str | Message | None = None
    ) -> SlashResult:
        """Types a slash command and waits until Slack knows how it ended (at most the acknowledgement time)."""
        room = self._room(channel)
        if refused := self._refused(command, room, in_thread):
            return refused
        workspace = self._stage.desk.workspace
        url, target = self._stage.urls.issue("commands", self.id, room.id)
        payload = payloads.slash(
            workspace,
            self.user,
            room,
            command=command,
            text=self._escaped(text) if self._stage.desk.manifest.commands[command] else text.strip(),
            response_url=url,
            trigger_id=self._stage.desk.triggers.issue(self.id),
        )
        delivery = await self._stage.courier.deliver("slash_commands", command, payload)
        return self._shown(command, delivery, target)

    def _refused(self, command: str, room: Channel, in_thread: str | Message | None) -> SlashResult | None:
        if command not in self._stage.desk.manifest.commands:
            return SlashResult("unknown_command", _UNKNOWN.format(command=command))
        if in_thread:
            return SlashResult("not_in_threads", _IN_THREAD.format(command=command))
        if room.archived:
            return SlashResult("is_archived", "This channel is archived.")
        if self.id not in room.members:
            return SlashResult("not_in_channel", "You are not in this channel.")
        return None

    def _shown(self, command: str, delivery: Delivery, target: ResponseUrl) -> SlashResult:
        reply = delivery.replies[0] if delivery.replies else Reply("timeout")
        result = SlashResult(delivery=delivery, payload=delivery.payload)
        if reply.trouble:
            result.error = "operation_timeout" if reply.trouble == "timeout" else "dispatch_failed"
            result.shown = _FAILED.format(command=command, code=result.error)
            return result
        result.ack_ms = reply.elapsed_ms
        body = {"text": reply.body} if isinstance(reply.body, str) else reply.body
        if body:
            result.answer = self._apply(target, body)
        return result

    def _apply(self, target: ResponseUrl, body: Any) -> Ephemeral | Message | None:
        try:
            return self._stage.urls.apply(target, body, source="ack")
        except SlackError as error:
            self._stage.desk.workspace.violate(f"the acknowledgement was answered {error.code}: {error.extra}")
            return None

    def _escaped(self, text: str) -> str:
        def link(match: re.Match[str]) -> str:
            sign, name = match.groups()
            workspace = self._stage.desk.workspace
            found = workspace.user(name) if sign == "@" else workspace.channel(name)
            return f"<{sign}{found.id}|{found.name}>" if found else match.group(0)

        return _NAMES.sub(link, text.strip())

    # Messages and reactions ----------------------------------------------------------------------------------------
    def say(self, text: str, *, channel: str = "incident", thread: str | Message | None = None) -> Message:
        """Posts a message; a mention of the bot becomes an `app_mention`."""
        desk, room = self._stage.desk, self._room(channel)
        root = thread.root if isinstance(thread, Message) else thread
        message = desk.workspace.post(Message(desk.workspace.next_ts(), room.id, self.id, text, thread_ts=root))
        if f"<@{desk.workspace.app.bot_user}>" in text:
            desk.events.mention(message, room)
        return message

    def react(self, message: Message | str, emoji: str, *, channel: str = "incident") -> None:
        """Adds a reaction, and tells the app (`reaction_added`) as far as it subscribed and is in the channel.

        Args:
            message: a message or its ts; `find` looks one up by what it says.
            emoji: without colons, such as `+1` or `+1::skin-tone-3`. Each skin tone is a reaction of its own, and an
                alias is stored under its first name (`thumbsup` as `+1`).
            channel: where the ts is from.

        Raises:
            SlackError: `already_reacted`, `invalid_name`, `is_archived`, `message_not_found`, `too_many_emoji`,
                `too_many_reactions`.
            LookupError: there never was such a message.
        """
        name, found = reactions.stored_name(emoji), self._standing(message, channel)
        if self._room(found.channel).archived:
            raise SlackError("is_archived")
        reactions.put(found, self.id, name)
        self._stage.desk.workspace.changed("message", found)
        self._stage.desk.events.reaction("reaction_added", self.id, found, name)

    def unreact(self, message: Message | str, emoji: str, *, channel: str = "incident") -> None:
        """Takes a reaction back (`reaction_removed`); takes what `react` takes.

        Raises:
            SlackError: `no_reaction`, `invalid_name`, `message_not_found`.
            LookupError: there never was such a message.
        """
        name, found = reactions.stored_name(emoji), self._standing(message, channel)
        reactions.take(found, self.id, name)
        self._stage.desk.workspace.changed("message", found)
        self._stage.desk.events.reaction("reaction_removed", self.id, found, name)

    def find(self, containing: str, *, channel: str = "incident") -> Message:
        """The newest message of a channel or its threads that says this, in its text or its blocks.

        Raises:
            LookupError: there is none; says what the channel's last messages are.
        """
        there = [m for m in self._room(channel).messages if not m.deleted]
        found = next((m for m in reversed(there) if containing in m.says()), None)
        if found is None:
            last = [m.text for m in there[-3:]]
            raise LookupError(f"nothing in {channel} says {containing!r}; its last messages are {last}")
        return found

    def edit(self, message: Message | str, text: str, *, channel: str = "incident") -> None:
        """Edits a message of one's own (`message_changed`); its reactions stay.

        Raises:
            SlackError: `cant_update_message` for somebody else's, `message_not_found`.
        """
        found = self._standing(message, channel)
        if found.user != self.id:
            raise SlackError("cant_update_message")
        found.history.append((found.text, found.blocks))
        found.text, found.edited = text, {"user": self.id, "ts": self._stage.desk.workspace.next_ts()}
        self._stage.desk.workspace.changed("message", found)
        self._stage.desk.events.message_changed(found)

    def delete(self, message: Message | str, *, channel: str = "incident") -> None:
        """Deletes a message of one's own, or anybody's as an administrator (`message_deleted`).

        Raises:
            SlackError: `cant_delete_message`, `message_not_found`.
        """
        found = self._standing(message, channel)
        if found.user != self.id and not self.user.admin:
            raise SlackError("cant_delete_message")
        self._stage.desk.delete(found)

    # Clicks and shortcuts ------------------------------------------------------------------------------------------
    async def click(self, source: Message | Ephemeral | View, action_id: str, value: Any = None) -> InteractionResult:
        """Presses a button, or chooses `value` in another element.

        Raises:
            LookupError: there is no such element, or no such option.
        """
        if isinstance(source, View):
            return await self._modals.click(source, action_id, value)
        room = self._room(source.channel)
        block, element = find_element(source.blocks, action_id)
        url, _ = self._stage.urls.issue("actions", self.id, room.id, source)
        payload = payloads.block_actions(
            self._stage.desk.workspace,
            self.user,
            room,
            source,
            payloads.action_of(element, block, value),
            response_url=url,
            trigger_id=self._stage.desk.triggers.issue(self.id),
        )
        return await self._modals.interact("block_actions", payload)

    async def message_shortcut(
        self, message: Message | str, callback_id: str, *, channel: str = "incident"
    ) -> InteractionResult:
        """Chooses a message shortcut in a message's menu.

        Raises:
            LookupError: the manifest declares no such shortcut.
        """
        self._declared(callback_id, "message")
        found = self._message(message, channel)
        room = self._room(found.channel)
        url, _ = self._stage.urls.issue("app", self.id, room.id)
        payload = payloads.message_action(
            self._stage.desk.workspace,
            self.user,
            room,
            found,
            callback_id=callback_id,
            response_url=url,
            trigger_id=self._stage.desk.triggers.issue(self.id),
        )
        return await self._modals.interact("message_action", payload)

    async def global_shortcut(self, callback_id: str) -> InteractionResult:
        """Chooses a global shortcut.

        Raises:
            LookupError: the manifest declares no such shortcut.
        """
        self._declared(callback_id, "global")
        trigger = self._stage.desk.triggers.issue(self.id)
        payload = payloads.shortcut(self._stage.desk.workspace, self.user, callback_id=callback_id, trigger_id=trigger)
        return await self._modals.interact("shortcut", payload)

    # Modals and the home tab ---------------------------------------------------------------------------------------
    @property
    def view(self) -> View | None:
        """The modal on top of this person's screen."""
        return self._modals.top()

    async def submit_view(self, values: dict[str, Any] | None = None, *, view: View | None = None) -> InteractionResult:
        """Submits the modal on top (or `view`) with values by action_id.

        Raises:
            LookupError: no modal is open, or it has no such input.
        """
        return await self._modals.submit(values or {}, view)

    async def close_view(self, *, clear: bool = False) -> InteractionResult:
        """Closes the modal on top, or the whole stack."""
        return await self._modals.close(clear=clear)

    def open_home(self) -> None:
        """Opens the app's home tab (`app_home_opened`)."""
        workspace = self._stage.desk.workspace
        channel = workspace.direct_message(self.id)
        self._stage.desk.events.emit("app_home_opened", {"user": self.id, "channel": channel.id, "tab": "home"})

    # Coming and going ----------------------------------------------------------------------------------------------
    def leave(self, channel: str) -> None:
        """Leaves a channel (`member_left_channel`)."""
        room = self._room(channel)
        self._stage.desk.events.member_left(self.id, room)
        room.members.remove(self.id)

    def join(self, channel: str) -> None:
        """Joins a channel (`member_joined_channel`)."""
        room = self._room(channel)
        if self.id not in room.members:
            room.members.append(self.id)
        event: Json = {"user": self.id, "channel": room.id, "channel_type": "G" if room.private else "C"}
        self._stage.desk.events.emit("member_joined_channel", event, channel=room)

    def sees(self, channel: str | None = None) -> list[Ephemeral]:
        """The messages that only this person sees, oldest first."""
        return self._stage.desk.workspace.ephemerals(self.id, channel)

    def _declared(self, callback_id: str, kind: str) -> None:
        if self._stage.desk.manifest.shortcuts.get(callback_id) != kind:
            raise LookupError(f"the manifest declares no {kind} shortcut {callback_id}")

    def _room(self, channel: str) -> Channel:
        found = self._stage.desk.workspace.channel(channel)
        if found is None:
            raise LookupError(f"there is no channel {channel}")
        return found

    def _standing(self, message: Message | str, channel: str) -> Message:
        room = self._room(message.channel if isinstance(message, Message) else channel)
        ts = message.ts if isinstance(message, Message) else message
        found = next((one for one in room.messages if one.ts == ts), None)
        if found is None:
            raise LookupError(f"there is no message {ts} in {room.name}")
        if found.deleted:
            raise SlackError("message_not_found")
        return found

    def _message(self, message: Message | str, channel: str) -> Message:
        if isinstance(message, Message):
            return message
        found = self._room(channel).find(message)
        if found is None:
            raise LookupError(f"there is no message {message} in {channel}")
        return found
