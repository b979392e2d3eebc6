"""What ends a stop's report: NOT CUT and NOT PROVEN, each line with its next step; and what changes after it."""

from collections.abc import Iterable, Sequence

from adapters.base import Attempt
from bot.domain.outcome import Outcome
from bot.domain.practice import Practised
from bot.domain.report import Line
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, button, context, listing, message, quoted, section
from bot.slack.blocks.parent import not_recorded
from bot.slack.blocks.surface import FILE_ABOVE
from bot.slack.limits import NAME, escape
from bot.slack.story import Chapter, Story

GIVE_REASON = "agent_kill:give_reason"
_ROOM = 5000  # characters for both lists
_DETAIL = 140
_MENTIONS = 20
_NAMED = 5  # surfaces that were not drilled
_NO_FILE = (
    "The full list could not be shared as a file: ask `/agent-status`, or run `agent-kill status` on the bot's host."
)


Gap = tuple[float, float] | None


def closing(
    chapter: Chapter,
    *,
    groups: Iterable[str],
    ask: bool = False,
    filed: bool = False,
    gap: Gap = None,
    practice: Practised | None = None,
) -> Message:
    """The end of one stop's report.

    Args:
        chapter: the stop, settled.
        groups: ids of the user groups to call when something is NOT CUT.
        ask: whether the missing reason is asked for here, and not in a reply of its own.
        filed: whether the full list is in a file.
        gap: an outage of Slack that kept this back; from, to, Unix times.
        practice: how well a stop of these surfaces was practised.
    """
    lines = chapter.everything
    not_cut = [line for line in lines if line.not_cut]
    hold = chapter.hold
    blocks: list[Block | None] = [
        section(f"*Report of {hold.mode} on {escape(hold.scope, NAME) or 'the named surfaces'}*: {_sum(lines)}."),
        _kept_back(gap),
        _again(chapter),
        _tripped(chapter),
        section(not_recorded(chapter)) if not chapter.recorded else None,
        *(_ask(chapter) if ask else ()),
        calls(not_cut, groups) if hold.origin != "drill" else None,
        _practised(practice) if practice and hold.origin != "drill" else None,
        *endings(lines, filed=filed),
        context(_NO_FILE) if len(chapter.fresh) > FILE_ABOVE and not filed else None,
    ]
    return message(f"{hold.mode} on {escape(hold.scope, NAME) or 'the named surfaces'}: {_verdict(lines)}.", blocks)


def late(changed: Sequence[Line], story: Story, *, groups: Iterable[str], calling: bool, gap: Gap = None) -> Message:
    """What changed after a report was closed, gathered.

    Args:
        changed: the surfaces that changed; empty where it is not known which (after a restart).
        story: the incident.
        groups: as in `closing`.
        calling: whether owners and groups are called: something that was cut no longer is.
        gap: as in `closing`.
    """
    lines = story.now.lines
    news = [_change(line) for line in changed]
    title = f"*{wording.plural(len(changed), 'change')} since the last report*" if changed else "*The state now*"
    words = "" if changed else "; changes since the last report were not told one by one"
    slipped = [line for line in changed if line.not_cut]
    filed = len(lines) > FILE_ABOVE
    return message(
        f"{wording.plural(len(changed), 'surface')} changed; now {_verdict(lines)}." if changed else _verdict(lines),
        [
            section(f"{title}{words}. {_sum(lines)}."),
            _kept_back(gap),
            *listing(news, room=2500, more="ask `/agent-status`"),
            calls(slipped, groups) if calling else None,
            *endings(lines, filed=filed, room=4000),
        ],
    )


def reason(chapter: Chapter) -> Message:
    """Asks for the reason that was not given, or says which was given."""
    hold = chapter.hold
    if hold.reason:
        return message("The reason of the stop was given.", [section("*Why:*"), quoted(hold.reason)])
    return message("Why was this stop made? The stop is being carried out meanwhile.", _ask(chapter))


def endings(lines: Sequence[Line], *, filed: bool, room: int = _ROOM) -> list[Block | None]:
    """The last words of every report."""
    if _everything(lines):
        return [section(f":white_check_mark: *{wording.EVERYTHING}*")]
    not_cut = [line for line in lines if line.not_cut]
    not_proven = [line for line in lines if line.not_proven]
    more = "see the file" if filed else "ask `/agent-status`"
    share = room if not not_proven else room * 2 // 3
    given = wording.given(lines)
    return [
        section(f":arrow_up: *{given}*") if given else None,
        *_list("NOT CUT", not_cut, room=share, more=more),
        *_list("NOT PROVEN", not_proven, room=room if not not_cut else room - share, more=more),
    ]


def calls(lines: Sequence[Line], groups: Iterable[str]) -> Block | None:
    """Mentions the owners of what is NOT CUT and the groups that may stop."""
    if not lines:
        return None
    owners = dict.fromkeys(wording.user(line.owner) for line in lines if line.owner)
    names = [*owners, *dict.fromkeys(wording.group(group) for group in groups)][:_MENTIONS]
    return section(f":rotating_light: {' '.join(names)} please act: something is NOT CUT.") if names else None


def _list(title: str, lines: Sequence[Line], *, room: int, more: str) -> list[Block | None]:
    if not lines:
        return [section(f"*{title}*: nothing")]
    return [section(f"*{title}* ({len(lines):,})"), *listing([_row(line) for line in lines], room=room, more=more)]


def _row(line: Line) -> str:
    detail = f" “{escape(line.detail, _DETAIL)}”" if line.detail else ""
    works = " The agent's own credential still works." if line.attempt is Attempt.ALLOWED else ""
    return (
        f"• {wording.state(line)} {wording.name(line.surface)}: {wording.held(line)}.{works}{detail} "
        f"*Next:* {wording.next_step(line, 160)}"
    )


def _change(line: Line) -> str:
    now = f"{wording.state(line)}: {wording.held(line)} · {wording.proof(line)}"
    if line.outcome is Outcome.VERIFIED and line.drifts:
        often = f", {len(line.drifts):,} times by now" if len(line.drifts) > 1 else ""
        return f"• {wording.name(line.surface)} {escape(line.drifts[-1], _DETAIL)} and was cut again{often}: now {now}"
    return f"• {wording.name(line.surface)} is now {now}".removesuffix(" · ")


def _sum(lines: Sequence[Line]) -> str:
    proven = sum(1 for line in lines if line.outcome is Outcome.VERIFIED)
    given = wording.given(lines)
    every = wording.plural(len(lines), "surface")
    if given and not proven:
        return f"{given}, of {every}"
    return f"{proven:,} of {every} cut and proven{f', {given}' if given else ''}"


def _everything(lines: Sequence[Line]) -> bool:
    """Whether all that a stop asked is cut and proven, and nothing of it was given back."""
    return all(line.outcome is Outcome.VERIFIED and line.eased is None for line in lines)


def _verdict(lines: Sequence[Line]) -> str:
    not_cut = sum(1 for line in lines if line.not_cut)
    not_proven = sum(1 for line in lines if line.not_proven)
    if _everything(lines):
        return f"{wording.EVERYTHING} ({wording.plural(len(lines), 'surface')})"
    given = wording.given(lines)
    first = f"{given}, " if given else ""
    return f"{first}{not_cut:,} NOT CUT, {not_proven:,} NOT PROVEN, of {wording.plural(len(lines), 'surface')}"


def _practised(practice: Practised) -> Block | None:
    """What was never rehearsed, or not for too long, and how many people know the switch."""
    parts = [
        f"*Never drilled* ({len(practice.never):,}): {_some(practice.never)}." if practice.never else "",
        f"*Drill overdue* ({len(practice.overdue):,}): {_some(practice.overdue)}." if practice.overdue else "",
    ]
    if practice.people is not None:
        people = "1 person" if practice.people == 1 else f"{practice.people:,} people"
        parts.append(f"{practice.pulled:,} of {people} who may stop have ever pulled the switch.")
    return context(" ".join(part for part in parts if part)) if any(parts) else None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(wording.name(name) for name in names[:_NAMED])}{more}"


def _kept_back(gap: Gap) -> Block | None:
    if gap is None:
        return None
    return context(
        f"Slack could not be reached from {wording.when(gap[0])} to {wording.when(gap[1])}. This is the state as it is "
        "now; the stop itself waited for nothing."
    )


def _again(chapter: Chapter) -> Block | None:
    fresh = {line.surface for line in chapter.fresh}
    again = [line for line in chapter.lines if line.surface not in fresh]
    if not again:
        return None
    names = ", ".join(wording.name(line.surface) for line in again[:5])
    more = f" and {len(again) - 5:,} more" if len(again) > 5 else ""  # noqa: PLR2004  # as many as were named
    count = wording.plural(len(again), "surface")
    return context(f"{count} already held as strictly by an earlier stop, reported above: {names}{more}")


def _tripped(chapter: Chapter) -> Block | None:
    if not chapter.tripped:
        return None
    rows = [f"{wording.name(line.surface)} {wording.state(line)}" for line in chapter.tripped[:5]]
    more = f" and {len(chapter.tripped) - 5:,} more" if len(chapter.tripped) > 5 else ""  # noqa: PLR2004  # see above
    return section(f"Backstops tripped, since a deadline passed without proof: {', '.join(rows)}{more}")


def _ask(chapter: Chapter) -> list[Block | None]:
    hold = chapter.hold
    return [
        section(f"{wording.person(hold.by)}: why was this stop made? Nothing waits for the answer."),
        button("Give the reason", action=GIVE_REASON, value=hold.hold),
    ]
