"""reactions.* and pins.add."""

from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.channels import Channel
from bot.sandbox.desk import Desk
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Json, Message
from bot.sandbox.reactions import listed, put, stored_name, take


def _item(desk: Desk, args: Arguments) -> tuple[Channel, Message]:
    if not args.text("channel") or not args.text("timestamp"):
        raise SlackError("no_item_specified")
    channel = desk.visible_channel(args.text("channel"))
    return channel, desk.message(channel, args.text("timestamp"), bad="bad_timestamp")


def add(desk: Desk, args: Arguments) -> Json:
    """reactions.add."""
    name = stored_name(args.text("name"))
    channel, message = _item(desk, args)
    if channel.archived:
        raise SlackError("is_archived")
    put(message, desk.workspace.app.bot_user, name)
    desk.workspace.changed("message", message)
    desk.events.reaction("reaction_added", desk.workspace.app.bot_user, message, name)
    return {"ok": True}


def remove(desk: Desk, args: Arguments) -> Json:
    """reactions.remove."""
    name = stored_name(args.text("name"))
    _, message = _item(desk, args)
    take(message, desk.workspace.app.bot_user, name)
    desk.workspace.changed("message", message)
    desk.events.reaction("reaction_removed", desk.workspace.app.bot_user, message, name)
    return {"ok": True}


def get(desk: Desk, args: Arguments) -> Json:
    """reactions.get; without reactions the message has no such field, and without `full` not everybody is listed."""
    channel, message = _item(desk, args)
    shown = desk.workspace.as_json(message) | {"permalink": desk.workspace.permalink(message)}
    if found := listed(message, full=args.flag("full")):
        shown["reactions"] = found
    return {"ok": True, "type": "message", "channel": channel.id, "message": shown}


def pin(desk: Desk, args: Arguments) -> Json:
    """pins.add."""
    channel, message = _item(desk, args)
    if not desk.is_member(channel):
        raise SlackError("not_in_channel")
    if message.pinned:
        raise SlackError("already_pinned")
    message.pinned = True
    desk.workspace.changed("message", message)
    return {"ok": True}


HANDLERS: dict[str, Any] = {"reactions.add": add, "reactions.remove": remove, "reactions.get": get, "pins.add": pin}
