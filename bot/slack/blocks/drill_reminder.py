"""Reminders of drills, with the three ways to answer; and what is said when people put a drill off. Pure."""

from collections.abc import Iterable, Sequence

from bot.domain import drill_events as drills
from bot.domain.model import Drill
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, context, message, section
from bot.slack.limits import NAME, escape

ANSWER = "agent_kill:drill"  # with the answer behind a colon
EMOJI: dict[str, drills.Answer] = {
    "white_check_mark": "acknowledged",
    "arrow_right": "handed_over",
    "calendar": "postponed",
}
_LABELS: dict[drills.Answer, str] = {
    "acknowledged": "Acknowledge",
    "handed_over": "Hand over",
    "postponed": "Postpone by a day",
}
_OFTEN = 5  # people, and backstops, that are named


def reminder(
    drill: Drill, called: drills.DrillCalled, unpractised: Sequence[str], backstops: Sequence[str] = ()
) -> Message:
    """Calls the operator on turn.

    Args:
        drill: as it is configured.
        called: the call.
        unpractised: people who have not pulled the switch within the drill's period.
        backstops: surfaces that are cut too where the drill's own are not proven in their time.
    """
    name = escape(drill.id, NAME)
    who = wording.user(called.operator.id) if called.operator else "Nobody may stop, so nobody"
    when = _when(drill, called)
    if drill.by == "operator":
        step = f"type `/agent-drill run {name}` then; it is measured from that moment"
    else:
        step = "it begins by itself: watch it, and be ready to stop for real"
    surfaces = ", ".join(wording.name(surface) for surface in drill.surfaces[:5])
    more = f" and {len(drill.surfaces) - 5} more" if len(drill.surfaces) > 5 else ""  # noqa: PLR2004  # as named
    emoji = "Or react: :white_check_mark: acknowledge, :arrow_right: hand over, :calendar: postpone."
    return message(
        f"The drill {name} {'is due' if called.offset else 'is to begin now'}.",
        [
            section(f":alarm_clock: {who} is on turn: the {drill.kind} drill *{name}* {when}. *Next:* {step}."),
            section(f"*{drill.mode}* on {surfaces}{more}, given back by itself."),
            backstops_of(backstops),
            _buttons(called),
            context(emoji, _people(unpractised)),
        ],
    )


def backstops_of(names: Sequence[str]) -> Block | None:
    """What a drill may cut beside its own surfaces; no drill gives it back."""
    if not names:
        return None
    more = f" and {len(names) - _OFTEN:,} more" if len(names) > _OFTEN else ""
    said = ", ".join(wording.name(name) for name in names[:_OFTEN])
    return context(
        f"Backstops: {said}{more}. Cut too where a cut is not proven in its time, and given back by a vote alone."
    )


def _when(drill: Drill, called: drills.DrillCalled) -> str:
    if drill.surprise:
        last = wording.minute(called.begins + drill.surprise)
        return f"begins at some moment between {wording.minute(called.begins)} and {last}"
    return f"begins {wording.minute(called.begins)}" if called.offset else "is to begin now"


def answered(drill: Drill, answer: drills.DrillAnswered, times: int, groups: Iterable[str]) -> Message:
    """What somebody answered; a drill that is put off again and again is told to everybody."""
    by, name = wording.user(answer.by.id), escape(drill.id, NAME)
    if answer.answer == "handed_over" and answer.to is not None:
        said = f"{by} handed the drill *{name}* over: {wording.user(answer.to.id)} is on turn"
    elif answer.answer == "postponed" and answer.until is not None:
        said = f"{by} postponed the drill *{name}*: it begins {wording.minute(answer.until)}"
    else:
        said = f"{by} has the drill *{name}*"
    if answer.answer == "postponed" and times > 1:
        called = " ".join(wording.group(group) for group in groups)
        said = f":warning: {said}. That is the {_nth(times)} time: somebody should run it. {called}".rstrip()
    return message(f"The drill {name}: {answer.answer.replace('_', ' ')}.", [section(said)])


def overdue(drill: str, since: float, days: int, groups: Iterable[str]) -> Message:
    """A drill that was missed, and that nobody ran since; told every day."""
    name, called = escape(drill, NAME), " ".join(wording.group(group) for group in groups)
    said = (
        f":rotating_light: *The drill {name} is overdue* since {wording.minute(since)}, {wording.plural(days, 'day')}"
    )
    step = f"run it with `/agent-drill run {name}`"
    return message(f"The drill {name} is overdue.", [section(f"{said}. *Next:* {step}. {called}".rstrip())])


def value(called: drills.DrillCalled) -> str:
    """What a button says of the reminder that it stands under."""
    return f"{called.drill}|{called.due!r}|{called.begins!r}"


def parsed(text: str) -> tuple[str, float, float] | None:
    """Drill, due time and beginning out of a button's value; None where it is none of ours."""
    drill, due, begins = (*text.split("|"), "", "", "")[:3]
    try:
        return drill, float(due), float(begins)
    except ValueError:
        return None


def _buttons(called: drills.DrillCalled) -> Block:
    elements = [
        {
            "type": "button",
            "action_id": f"{ANSWER}:{answer}",
            "value": value(called),
            "text": {"type": "plain_text", "text": label, "emoji": False},
        }
        for answer, label in _LABELS.items()
    ]
    return {"type": "actions", "elements": elements}


def _people(unpractised: Sequence[str]) -> str:
    if not unpractised:
        return ""
    more = f" and {len(unpractised) - _OFTEN} more" if len(unpractised) > _OFTEN else ""
    names = ", ".join(wording.user(person) for person in unpractised[:_OFTEN])
    return f"Have not pulled the switch within the drill's period: {names}{more}."


def _nth(times: int) -> str:
    return {2: "second", 3: "third"}.get(times, f"{times}th")
