"""How the status page says things."""

from bot.domain.armed import Armed, State
from bot.domain.status import StatusRow

WORDS = {
    "pending": "asked, no answer yet",
    "verified": "cut and proven",
    "applied": "NOT PROVEN: the surface's own word only",
    "failed": "NOT CUT: failed",
    "absent": "NOT CUT: the target does not exist",
    "unknown": "NOT CUT: unknown",
    "drifted": "NOT CUT: somebody loosened it",
    "contested": "NOT CUT: loosened again and again",
    "relaxing": "being given back",
    "probation": "given back, on probation",
    "restored": "given back",
    "quarantined": "NOT CUT: configuration",
    "left_alone": "NOT CUT: left alone",
}
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def ago(seconds: float | None) -> str:
    """An age as people read it; "never" where there is none."""
    if seconds is None:
        return "never"
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return "now"


def since(seconds: float | None) -> str:
    """When something was, as people read it."""
    return ago(seconds) if seconds is None or seconds < 1 else f"{ago(seconds)} ago"


def outcome_words(row: StatusRow) -> str:
    """What the outcome means; empty where nothing is asked."""
    return WORDS[row.outcome] if row.outcome else ""


def armed_words(item: Armed) -> str:
    """Whether the button works, and when somebody last looked."""
    if item.ok:
        return f"armed, checked {since(item.age)}"
    return "NOT ARMED" + ("" if item.state is State.NOT_ARMED else f": {item.state}")


def css_class(row: StatusRow) -> str:
    """Which colour the row has; the words say the same without it."""
    if row.not_cut:
        return "bad"
    if row.not_proven:
        return "amber"
    return "good" if row.outcome else "quiet"
