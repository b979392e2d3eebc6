"""Which buttons work: what the armed check found of each surface and of the bot's own parts. Pure.

A *subject* is a surface (`agent/surface`) or a part of the bot itself (`slack scopes`, `disk state`, …; no slash).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain import armed_events

STALE_AFTER = 2.0  # periods without a check after which nothing is called armed any more
_AHEAD = 5.0  # seconds
_NEVER = (-math.inf, True)


class State(StrEnum):
    """What may be said of a button."""

    ARMED = "armed"
    NOT_ARMED = "not_armed"
    STALE = "stale"  # it was armed when somebody last looked, and that is too long ago
    UNCHECKED = "unchecked"  # nobody has looked yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """One subject as it stands.

    Args:
        state: only `armed` is good.
        why: why it is not; empty where it is.
        next: what a person should do.
        since: when it was found so, Unix time; None where that was not recorded.
        age: seconds since it was last checked; None where it never was.
    """

    subject: str
    state: State
    why: str = ""
    next: str = ""
    since: float | None = None
    age: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it could be cut now, as far as anybody knows."""
        return self.state is State.ARMED

    def json(self) -> dict[str, object]:
        """As `agent-kill status --json` and `/status.json` print it; times are Unix time and ages are seconds."""
        return {
            "subject": self.subject,
            "state": str(self.state),
            "why": self.why,
            "next": self.next,
            "since": self.since,
            "age": None if self.age is None else round(self.age, 3),
        }


@dataclass(slots=True)
class Roll:
    """The fold of what was found and of what was told, in any order of the events."""

    _seen: dict[str, tuple[float, armed_events.ArmedSeen]] = field(default_factory=dict)
    _told: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def apply(self, event: armed_events.ArmedChanged | armed_events.ArmedTold) -> None:
        """Keeps the newest of each subject; of two that were found at once, the one that is not armed."""
        if isinstance(event, armed_events.ArmedTold):
            for subject, armed in event.told:
                said = (event.at, armed)
                self._told[subject] = max(said, self._told.get(subject, said), key=lambda it: (it[0], not it[1]))
            return
        for change in event.changes:
            found = (event.at, change)
            self._seen[change.subject] = max(found, self._seen.get(change.subject, found), key=_newer)

    def stamp(self, subjects: Iterable[str], now: float) -> float:
        """The time to record something new about these under: `now`, or just after all that is known of them.

        A clock that is set back must not make what was found before it hide what is found after it.
        """
        known = [at for name in subjects for at in (self._at(name), self._told.get(name, _NEVER)[0])]
        return max([now, *(math.nextafter(at, math.inf) for at in known if at >= now)])

    def last(self, subject: str) -> armed_events.ArmedSeen | None:
        """What was last found; None where nothing ever was amiss."""
        return self._seen[subject][1] if subject in self._seen else None

    def is_armed(self, subject: str) -> bool:
        """Whether nothing is known against it."""
        return subject not in self._seen or self._seen[subject][1].armed

    def since(self, subject: str) -> float | None:
        """When that was found, Unix time."""
        return self._seen[subject][0] if subject in self._seen else None

    def told_armed(self, subject: str) -> bool:
        """What people in Slack believe of it: that it is armed, where nobody told them otherwise."""
        return self._told.get(subject, _NEVER)[1]

    def is_news(self) -> bool:
        """Whether `news` may have any, whoever is there; costs nothing where nothing was ever amiss."""
        told = (armed for _, armed in self._told.values())
        found = (change.armed for _, change in self._seen.values())
        return not (all(told) and all(found))

    def news(self, subjects: Iterable[str]) -> tuple[str, ...]:
        """Whom people have to be told of: who is not as they believe, and who is gone and was NOT ARMED."""
        here = dict.fromkeys(subjects)
        gone = [name for name, (_, armed) in self._told.items() if not armed and name not in here]
        return (*(name for name in here if self.told_armed(name) is not self.is_armed(name)), *sorted(gone))

    def _at(self, subject: str) -> float:
        return self._seen[subject][0] if subject in self._seen else -math.inf


def _newer(found: tuple[float, armed_events.ArmedSeen]) -> tuple[float, bool, str]:
    return found[0], not found[1].armed, found[1].model_dump_json()


def standing(roll: Roll, subject: str, checked_at: float | None, now: float, period: float) -> Armed:
    """What may be said of one subject; pure.

    Args:
        roll: the fold of the journals.
        subject: whom it is about.
        checked_at: when it was last checked, Unix time; None: never.
        now: Unix time.
        period: seconds within which everything is to be checked once.
    """
    age, last, since = None, roll.last(subject), roll.since(subject)
    if checked_at is not None and checked_at <= now + _AHEAD:  # a clock that was set back makes nothing fresh
        age = max(0.0, now - checked_at)
    if last is not None and not last.armed:
        return Armed(subject=subject, state=State.NOT_ARMED, why=last.why, next=last.next, since=since, age=age)
    if age is None:
        return Armed(subject=subject, state=State.UNCHECKED, why="it was not checked yet", next=_LOOK)
    if age > STALE_AFTER * period:
        why = f"it was last checked {words(age)} ago, and every {words(period)} is asked for"
        return Armed(subject=subject, state=State.STALE, why=why, next=_LOOK, since=since, age=age)
    return Armed(subject=subject, state=State.ARMED, since=since, age=age)


_LOOK = "see that `agent-kill serve` runs, and look into its log"


def not_armed(found: Mapping[str, Armed]) -> tuple[Armed, ...]:
    """What could not be cut now, or is not known to be; what was found amiss first."""
    return tuple(
        sorted((it for it in found.values() if not it.ok), key=lambda it: (_WORST.index(it.state), it.subject))
    )


_WORST = (State.NOT_ARMED, State.STALE, State.UNCHECKED)


def is_part(subject: str) -> bool:
    """Whether it is a part of the bot itself, and no surface."""
    return "/" not in subject


def words(seconds: float) -> str:
    """A duration as people read it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
