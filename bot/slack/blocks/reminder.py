"""Reminds people of what is still held and what nobody has touched for a day. Pure."""

from collections.abc import Sequence

from bot.domain.report import Line
from bot.slack import wording
from bot.slack.blocks.message import Message, listing, message, section
from bot.slack.limits import NAME, escape
from bot.slack.story import Story

_ROOM = 2000  # characters for the surfaces


def reminder(held: Sequence[Line], story: Story, *, since: float) -> Message:
    """Names what is held, who owns it and the two ways to go on. `since` is when it was last touched, Unix time."""
    owners = [wording.user(name) for name in dict.fromkeys(line.owner for line in held if line.owner)]
    called = f"{' '.join(owners)} " if owners else ""
    rows = [f"• {wording.name(line.surface)}: {wording.held(line)}" for line in held]
    ways = "give it back with `/agent-restore TARGET MODE reason`, or keep it held: both are fine, forgetting is not"
    count = wording.plural(len(held), "surface")
    return message(
        f"{count} still held by incident {escape(story.now.incident, NAME)}.",
        [
            section(f":alarm_clock: {called}*{count} still held*, untouched since {wording.when(since)}."),
            *listing(rows, room=_ROOM, more="ask `/agent-status`"),
            section(f"*Next:* {ways}."),
        ],
    )
