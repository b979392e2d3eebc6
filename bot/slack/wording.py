"""The words of the reports: short, plain, unambiguous; read by a person who was asleep two minutes ago."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from adapters.base import Attempt, Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.domain.report import Line
from bot.slack.limits import NAME, USER_TEXT, escape, shorten

EVERYTHING = "Everything in scope is cut and proven"

GIVEN_BACK = frozenset({Outcome.RELAXING, Outcome.PROBATION, Outcome.RESTORED})

# Emoji is a second signal, never the only one.
OUTCOMES = {
    Outcome.PENDING: (":hourglass_flowing_sign:", "PENDING"),
    Outcome.VERIFIED: (":white_check_mark:", "VERIFIED"),
    Outcome.APPLIED: (":warning:", "APPLIED, NOT PROVEN"),
    Outcome.FAILED: (":x:", "FAILED"),
    Outcome.ABSENT: (":ghost:", "ABSENT"),
    Outcome.UNKNOWN: (":grey_question:", "UNKNOWN"),
    Outcome.DRIFTED: (":leftwards_arrow_with_hook:", "DRIFTED"),
    Outcome.CONTESTED: (":crossed_swords:", "CONTESTED"),
    Outcome.RELAXING: (":arrow_up_small:", "RELAXING"),
    Outcome.PROBATION: (":eyes:", "GIVEN BACK, ON PROBATION"),
    Outcome.RESTORED: (":arrow_up:", "GIVEN BACK"),
    Outcome.QUARANTINED: (":no_entry:", "CONFIGURATION IS WRONG"),
    Outcome.LEFT: (":no_entry_sign:", "LEFT ALONE"),
}

_NEXT = {
    Outcome.PENDING: "wait for the bot, which goes on trying, or cut it by hand",
    Outcome.APPLIED: "look at the surface yourself; a canary in its configuration would prove the next cut",
    Outcome.FAILED: "cut it by hand; the bot goes on trying",
    Outcome.ABSENT: "check that its settings name the right target; the bot goes on looking",
    Outcome.UNKNOWN: "check that the bot can reach it, or cut it by hand; the bot goes on trying",
    Outcome.DRIFTED: "find out who loosened it; the bot cuts it again",
    Outcome.CONTESTED: "stop whoever loosens it; the bot goes on cutting it again, more slowly",
    Outcome.QUARANTINED: "mend its configuration and run `agent-kill check`, or cut it by hand",
    Outcome.LEFT: "cut it by hand, or stop it with a stricter mode",
}

_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_SLACK_GROUP = re.compile(r"S[A-Z0-9]{2,30}")
_SLACK_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,30}")
_OURS = re.compile(r"(<@[UW][A-Z0-9]{2,30}>|<!subteam\^S[A-Z0-9]{2,30}>|<#[CGD][A-Z0-9]{2,30}>)")


def plural(count: int, noun: str) -> str:
    """`1 surface`, `2 surfaces`, `1,000 surfaces`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def when(at: float) -> str:
    """A time that Slack shows in each reader's own zone. `at` is Unix time in seconds."""
    utc = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time_secs}}|{utc}>"


def minute(at: float) -> str:
    """As `when`, to the minute: for what nobody has to compare by the second."""
    utc = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{utc}>"


def user(user_id: str) -> str:
    """A mention, where it is a Slack user; else the escaped text."""
    return f"<@{user_id}>" if _SLACK_USER.fullmatch(user_id) else escape(user_id, NAME)


def group(group_id: str) -> str:
    """A mention, where it is a user group's id; a handle stays a word."""
    return f"<!subteam^{group_id}>" if _SLACK_GROUP.fullmatch(group_id) else escape(group_id, NAME)


def channel(channel_id: str) -> str:
    """A link to a channel."""
    return f"<#{channel_id}>" if _SLACK_CHANNEL.fullmatch(channel_id) else escape(channel_id, NAME)


def person(by: events.Person) -> str:
    """Who asked, and through which door."""
    match by.kind:
        case "slack":
            return user(by.id)
        case "cli":
            name, at, host = by.id.rpartition("@")
            if at:
                return f"{escape(name, NAME)}, from the command line on host {escape(host, NAME)}"
            return f"{escape(by.id, NAME)}, from the command line"
        case "http":
            return f"the signed HTTP caller {escape(by.id, NAME)}"
        case _:
            return "the bot itself"


def name(surface: str) -> str:
    """A surface's name, set off from the sentence around it."""
    return f"`{escape(surface, NAME)}`"


def state(line: Line) -> str:
    """Emoji and words of the outcome."""
    emoji, word = OUTCOMES[line.outcome]
    return f"{emoji} *{word}*"


def held(line: Line) -> str:
    """What was asked and what is held, and what a vote gave back of it."""
    if line.outcome in GIVEN_BACK:
        still = line.held is not None and line.held > Mode.NORMAL
        return f"given back by {_giver([line])}" + (f", and it reads as {line.held}" if still else "")
    return _held(line) + (f"; a vote gave back part of {line.eased}" if line.eased else "")


def _held(line: Line) -> str:
    if line.outcome in {Outcome.LEFT, Outcome.QUARANTINED}:
        return f"{line.asked} asked, nothing was done"
    if line.outcome is Outcome.PENDING:
        return f"{line.asked} asked"
    if line.held is None:
        return f"{line.asked} asked, what is held could not be read"
    if line.held is line.asked:
        return f"{line.asked} asked and held"
    if line.held > line.asked:
        return f"{line.asked} asked, held as {line.held}"
    return f"{line.asked} asked, only {line.held} is held"


def work(line: Line) -> str:
    """What became of the work in flight; nothing to say of what was given back."""
    if line.outcome in GIVEN_BACK:
        return ""
    if line.outcome in {Outcome.LEFT, Outcome.QUARANTINED, Outcome.PENDING, Outcome.ABSENT}:
        return "work in flight: unknown"
    ended = f"{line.ended:,} ended" if line.ended else "none had to be ended"
    if not line.unknown:
        return f"work in flight: {ended}, none left"
    seen = "may still run (unknown)" if line.unknown == 1 else f"{line.unknown:,} may still run"
    return f"work in flight: {ended}, {seen}"


def proof(line: Line) -> str:
    """How it was proven, or what stands in the way; nothing is claimed of what was given back."""
    if line.outcome in GIVEN_BACK:
        return ""
    if line.outcome not in {Outcome.VERIFIED, Outcome.APPLIED}:
        if line.attempt is Attempt.ALLOWED:
            return "not proven: the agent's own credential still works"
        return "not proven"
    match line.attempt:
        case Attempt.REFUSED:
            tried = "refused under the agent's own credential"
        case Attempt.ALLOWED:
            tried = "NOT refused under the agent's own credential"
        case Attempt.UNTRIED:
            tried = "the canary could not be tried"
        case _:
            tried = "no canary"
    if line.outcome is Outcome.VERIFIED:
        where = "read back" if line.attempt is Attempt.REFUSED else "read back from the system's own catalogue"
        return f"proof: {where}; {tried}"
    return f"only the surface's own word; {tried}"


def given(lines: Iterable[Line]) -> str:
    """How many a vote, or a drill's own release, gave back, wholly or in part; empty where it gave back nothing."""
    back, part = [], 0
    for line in lines:
        back += [line] if line.outcome in GIVEN_BACK else []
        part += line.eased is not None
    parts = [f"{len(back):,} given back by {_giver(back)}"] if back else []
    parts += [f"{part:,} given back in part by a vote"] if part else []
    return ", ".join(parts)


def _giver(lines: Sequence[Line]) -> str:
    return "the drill" if all(line.drilled for line in lines) else "a vote"


def took(line: Line) -> str:
    """Milliseconds from the surface's own start; empty where nothing was done."""
    if line.outcome in {Outcome.LEFT, Outcome.QUARANTINED} or not line.elapsed_ms:
        return ""
    return f"{line.elapsed_ms:,.0f} ms" if line.elapsed_ms >= 10 else f"{line.elapsed_ms:.1f} ms"  # noqa: PLR2004  # a digit more where it says something


def next_step(line: Line, limit: int = USER_TEXT) -> str:
    """What a person should do; never empty for a line that stands under NOT CUT or NOT PROVEN."""
    own = line.next.strip()
    return escape(own, limit) if own else _NEXT.get(line.outcome, "nothing")


def own(sentence: str, limit: int = 600, *, only: Collection[str] | None = None) -> str:
    """A sentence of the product's own: code and mentions of people, groups and channels stay; no other mark-up does.

    Where foreign words are part of it, `only` lists the ids of the people whose mentions stay, and no group's does.
    """
    parts = _OURS.split(shorten(" ".join(sentence.split()), limit))
    kept = [place % 2 == 1 and (only is None or part[2:-1] in only) for place, part in enumerate(parts)]
    return "".join(part if keep else _harmless(part) for part, keep in zip(parts, kept, strict=True))


def _harmless(text: str) -> str:
    shown = "".join(char for char in text if unicodedata.category(char)[0] != "C")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
