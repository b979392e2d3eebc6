"""Reactions: the names that Slack stores, who gave which, and how many it takes."""

import re

from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Json, Message

_NAME = re.compile(r"(?P<stem>[a-z0-9_+'-]+)(?P<tone>::skin-tone-[2-6])?")
DISTINCT_EMOJI = 50
EMOJI_PER_PERSON = 23
"""Slack help: up to 23 different reactions a person on one message; apps meet `too_many_reactions` beyond it."""
LISTED_USERS = 5
"""How many people a reaction lists where the complete list was not asked for. Slack says "X users"; this is strict."""

ALIASES = {
    "thumbsup": "+1",
    "thumbsdown": "-1",
    "raised_hand": "hand",
    "collision": "boom",
    "heavy_exclamation_mark": "exclamation",
    "poop": "hankey",
    "satisfied": "laughing",
    "sign_of_the_horns": "the_horns",
    "pencil": "memo",
}
"""Second short names, by the first, under which Slack stores and tells a reaction (the emoji-data set)."""


def stored_name(name: str) -> str:
    """The name under which Slack stores a reaction: aliases replaced, the skin tone kept.

    Args:
        name: without outer colons, such as `thumbsup` or `+1::skin-tone-3`.

    Raises:
        SlackError: `invalid_name`.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise SlackError("invalid_name")
    stem = found["stem"]
    return ALIASES.get(stem, stem) + (found["tone"] or "")


def put(message: Message, user: str, name: str) -> None:
    """Adds one person's reaction, by its stored name. Skin tones are reactions apart: one person may give several.

    Raises:
        SlackError: `already_reacted`, `too_many_emoji`, `too_many_reactions`.
    """
    who = message.reactions.get(name, [])
    if user in who:
        raise SlackError("already_reacted")
    if not who and len(listed(message)) >= DISTINCT_EMOJI:
        raise SlackError("too_many_emoji")
    if sum(user in users for users in message.reactions.values()) >= EMOJI_PER_PERSON:
        raise SlackError("too_many_reactions")
    message.reactions.setdefault(name, []).append(user)


def take(message: Message, user: str, name: str) -> None:
    """Removes one person's reaction, by its stored name; the last one takes the emoji away.

    Raises:
        SlackError: `no_reaction`.
    """
    if user not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(user)
    if not message.reactions[name]:
        del message.reactions[name]


def listed(message: Message, *, full: bool = True) -> list[Json]:
    """Reactions as a message object has them: `[{name, users, count}]`, in the order in which they came.

    Unless `full`, `users` is cut at `LISTED_USERS`, and `count` still counts everybody
    (docs.slack.dev/reference/methods/reactions.get).
    """
    most = None if full else LISTED_USERS
    return [{"name": n, "users": users[:most], "count": len(users)} for n, users in message.reactions.items() if users]
