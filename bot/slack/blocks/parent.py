"""The parent message of an incident: who, what, why, when, and the live totals."""

from bot.domain.outcome import Outcome
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, context, header, listing, message, quoted, section
from bot.slack.limits import NAME, escape, tame
from bot.slack.story import Chapter, Story

_CUT = ":white_check_mark:"
_STOPS = 5  # told in full; the rest of them by number
_OWNERS = 20
_LATE = 60.0  # seconds


def parent(story: Story, *, moved_from: str | None = None, reported_at: float | None = None) -> Message:
    """The parent message.

    Args:
        story: the incident.
        moved_from: the channel that it belongs to, where that one could not be posted to.
        reported_at: when this message was, or is, first posted (Unix time); said where it came late.
    """
    told = story.chapters[:1] + story.chapters[1:][-(_STOPS - 1) :]
    blocks: list[Block | None] = [header(_headline(story)), section(_totals(story)), *_closed(story)]
    for chapter in told:
        blocks += _stop(story, chapter)
    hidden = len(story.chapters) - len(told)
    if hidden:
        blocks.append(context(f"{wording.plural(hidden, 'more stop')} of this incident: see the thread."))
    blocks += [_owners(story), _small_print(story, moved_from, reported_at)]
    return message(sentence(story), blocks)


def sentence(story: Story) -> str:
    """The whole state in one sentence, for notifications and screen readers."""
    first = story.chapters[0].hold
    kind = "Drill: stop" if story.drill else "Agent stop"
    what = f"{kind} {story.now.mode} on {escape(first.scope, NAME) or 'the named surfaces'}"
    end = " The incident is closed." if story.closed else ""
    return f"{what}: {tally(story)}. Incident {escape(story.now.incident, NAME)}.{end}"


def tally(story: Story) -> str:
    """The totals in words."""
    number, given = story.totals, wording.given(story.now.lines)
    if number["all"] and number["proven"] == number["all"] and not given:
        return f"all {number['all']:,} cut and proven" if number["all"] > 1 else "cut and proven"
    parts = [f"{number['proven']:,} of {wording.plural(number['all'], 'surface')} cut and proven"]
    if given and not number["proven"]:
        parts = [f"{given}, of {wording.plural(number['all'], 'surface')}"]
    elif given:
        parts.append(given)
    if number["not_cut"]:
        parts.append(f"{number['not_cut']:,} NOT CUT")
    if number["not_proven"]:
        parts.append(f"{number['not_proven']:,} NOT PROVEN")
    if number["pending"]:
        parts.append(f"{number['pending']:,} still being cut")
    return ", ".join(parts)


def _headline(story: Story) -> str:
    number = story.totals
    scope = tame(story.chapters[0].hold.scope, 60) or "the named surfaces"
    if story.closed:
        words = ":lock: CLOSED"
    elif number["pending"]:
        words = ":hourglass_flowing_sign: STOPPING"
    elif number["not_cut"]:
        words = ":rotating_light: NOT FULLY CUT"
    elif number["not_proven"]:
        words = ":warning: CUT, NOT ALL PROVEN"
    else:
        words = _settled(story)
    return f"{'DRILL ' if story.drill else ''}{words}: {story.now.mode} on {scope}"


def _settled(story: Story) -> str:
    """Nothing is open: it is cut, or a vote gave it back, wholly or in part."""
    lines = story.now.lines
    if not wording.given(lines):
        return ":octagonal_sign: CUT AND PROVEN"
    whole = all(line.outcome is Outcome.RESTORED for line in lines)
    return ":arrow_up: GIVEN BACK" if whole else ":arrow_up: PARTLY GIVEN BACK"


def _totals(story: Story) -> str:
    number = story.totals
    rows = [
        (_CUT, "cut and proven", number["proven"]),
        (":warning:", "NOT PROVEN", number["not_proven"]),
        (":x:", "NOT CUT", number["not_cut"]),
        (":hourglass_flowing_sign:", "still being cut", number["pending"]),
    ]
    given = wording.given(story.now.lines)
    shown = [f"{emoji} *{count:,}* {words}" for emoji, words, count in rows if count or (not given and emoji == _CUT)]
    if given:
        shown.append(f":arrow_up: {given}")
    return f"{'   '.join(shown)}   of {wording.plural(number['all'], 'surface')}"


def _stop(story: Story, chapter: Chapter) -> list[Block | None]:
    hold = chapter.hold
    lines = [
        f"*{hold.mode}* on *{escape(hold.scope, NAME) or 'the named surfaces'}* ({_agents(story, chapter)})",
        f"*By* {wording.person(hold.by)}, {wording.when(hold.at)}",
        f"*Hold* `{escape(hold.hold, NAME)}`",
    ]
    if hold.roster_age is not None and hold.roster_age > 60 * 60:
        lines[1] += f", allowed by a list of members that was {hold.roster_age / 3600:.0f} h old"
    if not chapter.recorded:
        lines.append(not_recorded(chapter))
    lines.append("*Why:*" if hold.reason else "*Why:* no reason was given yet")
    return [section("\n".join(lines)), quoted(hold.reason) if hold.reason else None]


def not_recorded(chapter: Chapter) -> str:
    """Says that a crash would forget the hold, and what to do about it."""
    return (
        f":rotating_light: *NOT RECORDED*: hold `{escape(chapter.hold.hold, NAME)}` is carried out, but it is not on "
        "disk, so a restart of the bot would forget it. Next: free or mend the disk of the state directory, do not "
        "restart the bot before, and give the command again if it did restart."
    )


def _agents(story: Story, chapter: Chapter) -> str:
    ids = list(dict.fromkeys(line.surface.partition("/")[0] for line in chapter.lines))
    names = [escape(story.names.get(agent, agent), 40) for agent in ids[:5]]
    more = f" and {len(ids) - 5:,} more agents" if len(ids) > 5 else ""  # noqa: PLR2004  # as many as were named
    return f"{', '.join(names)}{more}; {wording.plural(len(chapter.lines), 'surface')}"


def _owners(story: Story) -> Block | None:
    """A stop of everything is told to every owner."""
    if not any(chapter.hold.scope == "all" for chapter in story.chapters) or story.drill:
        return None
    owners = list(dict.fromkeys(line.owner for line in story.now.lines if line.owner))
    more = f" and {len(owners) - _OWNERS:,} more" if len(owners) > _OWNERS else ""
    names = " ".join(wording.user(owner) for owner in owners[:_OWNERS])
    return context(f"Owners of the stopped agents: {names}{more}") if owners else None


def _closed(story: Story) -> list[Block | None]:
    if story.closed is None:
        return []
    owned = story.closed.owned
    held = sum(1 for line in story.now.lines if line.held is not None and line.outcome not in wording.GIVEN_BACK)
    words = f"*Closed* by {wording.person(story.closed.by)}, {wording.when(story.closed.at)}."
    if not owned:
        return [section(f"{words} {'The holds stay until they are lifted.' if held else ''}".strip())]
    rows = [f"• {wording.name(item.surface)}, owned by {wording.user(item.owner)}" for item in owned]
    return [
        section(f"{words} Still held, each with its owner:"),
        *listing(rows, room=1500, more="ask `/agent-status`"),
    ]


def _small_print(story: Story, moved_from: str | None, reported_at: float | None) -> Block:
    where = "What was measured is" if story.drill else "Every surface is confirmed"
    parts = [f"Incident `{escape(story.now.incident, NAME)}`. {where} in this thread."]
    if moved_from:
        parts.append(f"It belongs to {wording.channel(moved_from)}, where the bot cannot post: invite it there.")
    opened = story.now.opened_at
    if reported_at is not None and reported_at - opened > _LATE:
        parts.append(f"First reported here {(reported_at - opened) / 60:.0f} min after the stop.")
    return context(*parts)
