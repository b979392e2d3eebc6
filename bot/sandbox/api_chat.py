"""chat.*: posting, updating, deleting."""

import copy
from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.channels import Channel
from bot.sandbox.desk import Desk, Limited
from bot.sandbox.errors import SlackError
from bot.sandbox.limits import TEXT_TRUNCATED, UPDATE_TEXT, check_message_blocks
from bot.sandbox.messages import Ephemeral, Json, Message

ATTACHMENTS = 100


def content(desk: Desk, args: Arguments) -> tuple[str, list[Json] | None, list[Json] | None]:
    """Text, blocks and attachments of a message, checked.

    Raises:
        SlackError: `no_text`, `invalid_blocks`, `invalid_blocks_format`, `msg_blocks_too_long`,
            `too_many_attachments`, `markdown_text_conflict`.
    """
    blocks = args.objects("blocks", "invalid_blocks_format")
    attachments = args.objects("attachments", "invalid_attachments")
    if args.text("markdown_text") and (args.text("text") or blocks):
        raise SlackError("markdown_text_conflict")
    text = args.text("text") or args.text("markdown_text")
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    if len(attachments or ()) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    if blocks is not None:
        check_message_blocks(blocks)
    return text, named(desk, blocks), attachments


def named(desk: Desk, blocks: list[Json] | None) -> list[Json] | None:
    """A copy in which every block has a block_id and every element an action_id, as Slack stores them."""
    if blocks is None:
        return None
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", desk.workspace.ids.next("b"))
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(element, dict) and element.get("type") not in {"mrkdwn", "plain_text", "image"}:
                element.setdefault("action_id", desk.workspace.ids.next("a"))
    return blocks


def _metadata(args: Arguments) -> Json | None:
    found = args.decoded("metadata", "invalid_metadata_format")
    if found is None:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("event_payload"), dict) or not found.get("event_type"):
        raise SlackError("invalid_metadata_format")
    return found


def _target(desk: Desk, key: str) -> Channel:
    person = desk.workspace.user(key) if key.startswith(("U", "W")) else None
    return desk.workspace.direct_message(person.id) if person else desk.visible_channel(key)


def writable(desk: Desk, channel: Channel) -> None:
    """Refuses a channel that the bot cannot post to.

    Raises:
        SlackError: `is_archived`, `not_in_channel`, or the channel's restriction.
    """
    if channel.archived:
        raise SlackError("is_archived")
    if not desk.is_member(channel) and (channel.private or "chat:write.public" not in desk.granted):
        raise SlackError("not_in_channel")
    if channel.restriction:
        raise SlackError(channel.restriction)


def post_message(desk: Desk, args: Arguments) -> Json:
    """chat.postMessage."""
    channel = _target(desk, args.text("channel"))
    writable(desk, channel)
    text, blocks, attachments = content(desk, args)
    thread = desk.thread(channel, args)
    metadata = _metadata(args)
    if args.text("username") or args.text("icon_emoji") or args.text("icon_url"):
        desk.require_scope("chat:write.customize")
    wait = desk.buckets.take(("post", channel.id), per_second=1.0, burst=desk.post_burst)
    if wait:
        raise Limited(wait)
    message = Message(
        desk.workspace.next_ts(),
        channel.id,
        desk.workspace.app.bot_user,
        text[:TEXT_TRUNCATED],
        blocks=blocks or [],
        attachments=attachments or [],
        thread_ts=thread,
        bot_id=desk.workspace.app.bot_id,
        metadata=metadata,
        broadcast=args.flag("reply_broadcast"),
    )
    desk.workspace.post(message)
    answer: Json = {"ok": True, "channel": channel.id, "ts": message.ts, "message": desk.workspace.as_json(message)}
    return answer | _truncation(text)


def _truncation(text: str) -> Json:
    if len(text) <= TEXT_TRUNCATED:
        return {}
    return {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}


def update(desk: Desk, args: Arguments) -> Json:
    """chat.update. What is not given (blocks, attachments) stays."""
    channel = desk.visible_channel(args.text("channel"))
    message = desk.message(channel, args.text("ts"))
    if message.bot_id != desk.workspace.app.bot_id:
        raise SlackError("cant_update_message")
    if channel.archived:
        raise SlackError("is_inactive")
    text, blocks, attachments = content(desk, args)
    if len(text) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    message.history.append((message.text, message.blocks))
    message.text = text or message.text
    message.blocks = message.blocks if blocks is None else blocks
    message.attachments = message.attachments if attachments is None else attachments
    message.metadata = _metadata(args) or message.metadata
    message.edited = {"user": desk.workspace.app.bot_id, "ts": desk.workspace.next_ts()}
    desk.workspace.changed("message", message)
    desk.events.message_changed(message)
    shown = desk.workspace.as_json(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def post_ephemeral(desk: Desk, args: Arguments) -> Json:
    """chat.postEphemeral."""
    channel = desk.visible_channel(args.text("channel"))
    writable(desk, channel)
    user = desk.workspace.user(args.text("user"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks, attachments = content(desk, args)
    if len(text) > TEXT_TRUNCATED:
        raise SlackError("msg_too_long")
    shown = desk.workspace.show(
        Ephemeral(
            desk.workspace.next_ts(),
            channel.id,
            user.id,
            text,
            "chat.postEphemeral",
            blocks=blocks or [],
            attachments=attachments or [],
            thread_ts=desk.thread(channel, args),
        )
    )
    return {"ok": True, "message_ts": shown.ts}


def get_permalink(desk: Desk, args: Arguments) -> Json:
    """chat.getPermalink."""
    channel = desk.visible_channel(args.text("channel"))
    message = desk.message(channel, args.text("message_ts"))
    return {"ok": True, "channel": channel.id, "permalink": desk.workspace.permalink(message)}


def delete(desk: Desk, args: Arguments) -> Json:
    """chat.delete."""
    channel = desk.visible_channel(args.text("channel"))
    message = desk.message(channel, args.text("ts"))
    if message.bot_id != desk.workspace.app.bot_id:
        raise SlackError("cant_delete_message")
    desk.delete(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


HANDLERS: dict[str, Any] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
    "chat.delete": delete,
}
