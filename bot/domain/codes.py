"""What codes of the second factor were used for, and how often they were wrong: over all ballots, of all time. Pure."""

from dataclasses import dataclass, field

from bot.domain import events

TRIES = 5  # codes that a person may get wrong on one ballot
A_DAY = 10  # and on all ballots in a day: opening one ballot after the other gives no more guesses
_DAY = 86_400.0


@dataclass(slots=True)
class Codes:
    """The codes that people entered, folded in any order."""

    used: dict[str, int] = field(default_factory=dict)  # the last time step whose code was taken, by person
    _wrong: dict[str, dict[tuple[str, int], float]] = field(default_factory=dict)  # by person, ballot and attempt

    def fold(self, event: events.CodeEntered) -> None:
        """Takes an attempt in; the same one twice is one."""
        person = event.by.id
        if event.step is not None:
            self.used[person] = max(event.step, self.used.get(person, event.step))
            return
        known = self._wrong.setdefault(person, {})
        place = (event.ballot, event.attempt)
        known[place] = max(event.at, known.get(place, event.at))

    def locked(self, person: str, ballot: str, now: float) -> str:
        """Why no further code of this person is looked at now; empty where one is."""
        wrong = self._wrong.get(person, {})
        if sum(on == ballot for on, _ in wrong) >= TRIES:
            return f"{TRIES} codes were wrong on this ballot, so no further one of yours is taken on it"
        if sum(now - at < _DAY for at in wrong.values()) >= A_DAY:
            return f"{A_DAY} codes of yours were wrong in the last 24 hours, so none is taken before that is over"
        return ""
