"""reactions.* and pins.add."""

import re
from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.channels import Channel
from bot.sandbox.desk import Desk
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Json, Message

_NAME = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")
DISTINCT_EMOJI = 50
EMOJI_PER_PERSON = 23
"""Slack help: up to 23 different reactions a person on one message; apps meet `too_many_reactions` beyond it."""


def _item(desk: Desk, args: Arguments) -> tuple[Channel, Message]:
    if not args.text("channel") or not args.text("timestamp"):
        raise SlackError("no_item_specified")
    channel = desk.visible_channel(args.text("channel"))
    return channel, desk.message(channel, args.text("timestamp"), bad="bad_timestamp")


def check_name(name: str) -> str:
    """The name of an emoji, without colons.

    Raises:
        SlackError: `invalid_name`.
    """
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    return name


def put(message: Message, user: str, name: str) -> None:
    """Adds one person's reaction.

    Raises:
        SlackError: `already_reacted`, `too_many_emoji`, `too_many_reactions`.
    """
    who = message.reactions.get(name, [])
    if user in who:
        raise SlackError("already_reacted")
    if not who and len(message.reaction_list()) >= DISTINCT_EMOJI:
        raise SlackError("too_many_emoji")
    if sum(user in users for users in message.reactions.values()) >= EMOJI_PER_PERSON:
        raise SlackError("too_many_reactions")
    message.reactions.setdefault(name, []).append(user)


def take(message: Message, user: str, name: str) -> None:
    """Removes one person's reaction.

    Raises:
        SlackError: `no_reaction`.
    """
    if user not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(user)


def add(desk: Desk, args: Arguments) -> Json:
    """reactions.add."""
    name = check_name(args.text("name"))
    channel, message = _item(desk, args)
    if channel.archived:
        raise SlackError("is_archived")
    put(message, desk.workspace.app.bot_user, name)
    desk.workspace.changed("message", message)
    desk.events.reaction("reaction_added", desk.workspace.app.bot_user, message, name)
    return {"ok": True}


def remove(desk: Desk, args: Arguments) -> Json:
    """reactions.remove."""
    name = check_name(args.text("name"))
    _, message = _item(desk, args)
    take(message, desk.workspace.app.bot_user, name)
    desk.workspace.changed("message", message)
    desk.events.reaction("reaction_removed", desk.workspace.app.bot_user, message, name)
    return {"ok": True}


def get(desk: Desk, args: Arguments) -> Json:
    """reactions.get; without reactions the message has no such field, as with Slack."""
    channel, message = _item(desk, args)
    shown = desk.workspace.as_json(message) | {"permalink": desk.workspace.permalink(message)}
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
