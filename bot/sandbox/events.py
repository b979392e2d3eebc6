"""Events: wrapped, filtered by subscription, scope and visibility, and handed to the courier."""

from typing import Any

from bot.sandbox.channels import Channel
from bot.sandbox.courier import Courier
from bot.sandbox.manifest import Manifest
from bot.sandbox.messages import Json, Message
from bot.sandbox.people import User
from bot.sandbox.scopes import missing_for_event
from bot.sandbox.usergroups import UserGroup
from bot.sandbox.workspace import Workspace

SUBTEAM_USERS = 500
"""`subteam_updated` cuts its list of users here (docs.slack.dev/reference/events/subteam_updated)."""


class EventFeed:
    """Tells the app what happened, as far as it subscribed to it."""

    def __init__(self, workspace: Workspace, manifest: Manifest, courier: Courier) -> None:
        self._workspace, self._manifest, self._courier = workspace, manifest, courier

    def emit(self, kind: str, event: Json, *, channel: Channel | None = None, topic: str | None = None) -> bool:
        """Sends one event.

        Args:
            kind: the event's type.
            event: its fields without `type` and `event_ts`.
            channel: where it happened; the bot hears nothing of channels that it is not in.
            topic: the subscription that covers it, where that is not the type (`message.channels`).

        Returns:
            Whether it was sent.
        """
        topic = topic or kind
        if topic not in self._manifest.events or missing_for_event(topic, self._manifest.bot_scopes):
            return False
        if channel is not None and self._workspace.app.bot_user not in channel.members:
            return False
        inner = {"type": kind, **event, "event_ts": self._workspace.next_ts()}
        self._courier.send_soon("events_api", kind, self._wrap(inner, channel))
        return True

    def _wrap(self, event: Json, channel: Channel | None) -> Json:
        app, ids = self._workspace.app, self._workspace.ids
        return {
            "token": app.verification_token,
            "team_id": app.team_id,
            "api_app_id": app.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": ids.next("Ev"),
            "event_time": int(self._workspace.clock.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": app.team_id,
                    "user_id": app.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": bool(channel and channel.ext_shared),
            "event_context": ids.next("4-"),
            "context_team_id": app.team_id,
            "context_enterprise_id": None,
        }

    def reaction(self, kind: str, user: str, message: Message, name: str) -> None:
        """`reaction_added` or `reaction_removed`."""
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        event = {"user": user, "reaction": name, "item": item, "item_user": message.user}
        self.emit(kind, event, channel=self._workspace.channel(message.channel))

    def message_changed(self, message: Message) -> None:
        """`message` with the subtype `message_changed`, for apps that read the channel's messages."""
        text, blocks = message.history[-1]
        now = self._workspace.as_json(message)
        before = now | {"text": text, "blocks": blocks}
        self._about(message, "message_changed", {"message": now, "previous_message": before})

    def message_deleted(self, message: Message) -> None:
        """`message` with the subtype `message_deleted`, for apps that read the channel's messages."""
        before = self._workspace.as_json(message)
        self._about(message, "message_deleted", {"deleted_ts": message.ts, "previous_message": before})

    def _about(self, message: Message, subtype: str, fields: Json) -> None:
        room = self._workspace.channel(message.channel)
        kind = "im" if room and room.im_user else "group" if room and room.private else "channel"
        event = {"subtype": subtype, "hidden": True, "channel": message.channel, "channel_type": kind}
        event |= {"ts": self._workspace.next_ts()} | fields
        self.emit("message", event, channel=room, topic="message.im" if kind == "im" else f"message.{kind}s")

    def members_changed(self, group: UserGroup, *, before: int, added: list[str], removed: list[str]) -> None:
        """`subteam_members_changed`: the difference, with the time of the update before."""
        self.emit(
            "subteam_members_changed",
            {
                "subteam_id": group.id,
                "team_id": self._workspace.app.team_id,
                "date_previous_update": before,
                "date_update": group.updated,
                "added_users": added,
                "added_users_count": len(added),
                "removed_users": removed,
                "removed_users_count": len(removed),
            },
        )

    def group_updated(self, group: UserGroup) -> None:
        """`subteam_updated`: the whole group, its users cut at 500."""
        shown = group.as_json(self._workspace.app.team_id) | {
            "users": group.users[:SUBTEAM_USERS],
            "user_count": len(group.users),
        }
        self.emit("subteam_updated", {"subteam": shown})

    def user_changed(self, user: User) -> None:
        """`user_change`."""
        self.emit("user_change", {"user": user.as_json(), "cache_ts": int(self._workspace.clock.now())})

    def member_left(self, user: str, channel: Channel) -> None:
        """`member_left_channel`; told before the person is taken out, so that the bot hears of its own leaving."""
        event = {"user": user, "channel": channel.id, "channel_type": "G" if channel.private else "C"}
        self.emit("member_left_channel", event | {"team": self._workspace.app.team_id}, channel=channel)

    def archived(self, channel: Channel, by: str, *, archived: bool) -> None:
        """`channel_archive`, `channel_unarchive` or the same for private channels."""
        kind = ("group_" if channel.private else "channel_") + ("archive" if archived else "unarchive")
        self.emit(kind, {"channel": channel.id, "user": by}, channel=channel)

    def mention(self, message: Message, channel: Channel) -> None:
        """`app_mention`."""
        event: dict[str, Any] = {"user": message.user, "text": message.text, "ts": message.ts, "channel": channel.id}
        if message.thread_ts:
            event["thread_ts"] = message.thread_ts
        self.emit("app_mention", event, channel=channel)
