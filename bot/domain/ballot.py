"""A ballot: what it would give back, who may vote on it, how the reactions are counted, when it passes. Pure."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapters.base import Mode
from bot.domain import events

FOR = frozenset({"+1", "thumbsup", "white_check_mark"})
VETO = frozenset({"-1", "thumbsdown", "x", "no_entry"})
COOL_DOWN = 900.0  # seconds after a veto until the same targets may be voted on again
A_DAY = 3  # ballots that may fail on the same targets in 24 hours; one more would be fishing for a tired quorum
_DAY = 86_400.0
_TONE = "::skin-tone-"
_WAVES = ("low", "medium", "high")  # the reverse of the cut: what can do most harm comes back last


@dataclass(slots=True)
class Ballot:
    """What the journal says of one ballot, folded in any order."""

    id: str
    opened: events.BallotOpened | None = None
    votes: events.VotesCounted | None = None
    tallies: list[events.VotesCounted] = field(default_factory=list)  # every one, `votes` too
    codes: list[events.CodeEntered] = field(default_factory=list)
    ended: events.BallotEnded | None = None
    lifts: dict[int, list[events.PairsLifted]] = field(default_factory=dict)  # by step
    done: set[tuple[int, str]] = field(default_factory=set)  # (step, target)
    done_at: dict[tuple[int, str], float] = field(default_factory=dict)  # when each of them was read back

    @property
    def committed(self) -> bool:
        """Whether its named holds are tombstoned: from here on it is a matter of steps, not of votes."""
        return bool(self.lifts)

    @property
    def voting(self) -> bool:
        """Whether reactions still count."""
        return self.opened is not None and self.ended is None and not self.committed

    @property
    def restoring(self) -> bool:
        """Whether its steps are under way."""
        return self.opened is not None and self.ended is None and self.committed

    @property
    def step(self) -> int:
        """The last step that was begun; 0 before any."""
        return max(self.lifts, default=0)

    def fold(self, event: events.AnyEvent) -> None:
        """Takes one of its events in; the latest tally and the first end count."""
        match event:
            case events.BallotOpened():
                self.opened = event
            case events.VotesCounted() | events.CodeEntered():
                self._fold_vote(event)
            case events.PairsLifted():
                lifts = self.lifts.setdefault(event.step, [])
                if event not in lifts:
                    lifts.append(event)
            case events.StepDone():
                for pair in ((event.step, target) for target in event.targets):
                    self.done.add(pair)
                    self.done_at[pair] = min(event.at, self.done_at.get(pair, event.at))
            case events.BallotEnded():
                if self.ended is None or (event.at, event.how) < (self.ended.at, self.ended.how):
                    self.ended = event
            case _:
                pass  # not about a ballot

    def _fold_vote(self, event: events.VotesCounted | events.CodeEntered) -> None:
        if isinstance(event, events.CodeEntered):
            self.codes += [] if event in self.codes else [event]
            return
        self.tallies += [] if event in self.tallies else [event]
        if self.votes is None or event.at >= self.votes.at:
            self.votes = event

    def confirmed(self) -> frozenset[str]:
        """Who confirmed their vote with a code, and did not take that vote back since."""
        if self.opened is None or not self.codes:
            return frozenset()
        digest = ballot_digest(self.opened)
        taken = (code for code in self.codes if code.step is not None and code.digest == digest)
        return frozenset(code.by.id for code in taken if self._stood(code))

    def _stood(self, code: events.CodeEntered) -> bool:
        later = (tally for tally in self.tallies if tally.at >= code.at)
        return all(any(person.id == code.by.id for person in tally.approvals) for tally in later)

    def stamp(self, now: float) -> float:
        """The time to record a tally or a code under: after all of them, though the clock was set back."""
        last = max((event.at for event in (*self.tallies, *self.codes)), default=-math.inf)
        return now if now > last else math.nextafter(last, math.inf)

    def own_holds(self) -> set[str]:
        """The ids of every hold that its steps added."""
        return {hold.hold for lifts in self.lifts.values() for lift in lifts for hold in lift.holds}


def ballot_digest(opened: events.BallotOpened) -> str:
    """Names everything that a ballot is bound to; short enough to be read aloud."""
    text = json.dumps(opened.model_dump(), default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def meaning(reaction: str) -> Literal["for", "veto"] | None:
    """What a reaction says on a ballot: skin tones and aliases are one, look-alikes are none."""
    name, _, tone = reaction.partition(_TONE)
    if tone and tone not in {"2", "3", "4", "5", "6"}:
        return None
    if name in FOR:
        return "for"
    return "veto" if name in VETO else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The reactions on a ballot's message, read afresh.

    Args:
        users: who reacted with what, by Slack's name of the reaction.
        complete: whether every list was as long as Slack's own count; where not, nothing passes.
    """

    users: Mapping[str, frozenset[str]]
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Distinct people, after everybody without a say was left out. A person who does both vetoes.

    `others` reacted without a say; `confirmed` are those of the approvals that a code confirmed.
    """

    approvals: frozenset[str] = frozenset()
    vetoes: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    complete: bool = True
    confirmed: frozenset[str] = frozenset()


def tally(reading: Reading, eligible: frozenset[str], confirmed: frozenset[str] = frozenset()) -> Tally:
    """Counts people, not reactions. `confirmed` are the people whose code was taken."""
    said: dict[str, set[str]] = {"for": set(), "veto": set()}
    for reaction, users in reading.users.items():
        word = meaning(reaction)
        if word is not None:
            said[word] |= users
    approvals = frozenset((said["for"] - said["veto"]) & eligible)
    return Tally(
        approvals=approvals,
        vetoes=frozenset(said["veto"] & eligible),
        others=frozenset((said["for"] | said["veto"]) - eligible),
        complete=reading.complete,
        confirmed=approvals & confirmed,
    )


def passes(opened: events.BallotOpened, counted: Tally) -> bool:
    """Whether the quorum stands at this reading, confirmed as needed; the dwell is the caller's to wait."""
    enough = len(counted.approvals) >= opened.quorum and len(counted.confirmed) >= opened.confirmations
    return enough and counted.complete and not counted.vetoes


def round_up(item: events.Return, mode: Mode) -> Mode:
    """What the target is held at when `mode` is asked of it; a full stop where nothing weaker can be held."""
    able = [candidate for candidate in (*item.modes, Mode.NORMAL) if candidate >= mode]
    return min(able, default=Mode.FULL_STOP)


def steps(opened: events.BallotOpened) -> tuple[Mode, ...]:
    """The modes of the steps, each looser than the one before; one that would change nothing anywhere is left out.

    The undo of a mistake is one step: nothing was meant to be held in the first place.
    """
    if opened.kind == "undo":
        return (opened.mode,)
    found: list[Mode] = []
    at = {item.key: item.now for item in opened.returns}
    for mode in sorted((mode for mode in Mode if mode >= opened.mode), reverse=True):
        after = {item.key: min(at[item.key], round_up(item, mode)) for item in opened.returns}
        if after != at:
            found.append(mode)
            at = after
    return tuple(found)


def waves(opened: events.BallotOpened, mode: Mode) -> tuple[tuple[events.Return, ...], ...]:
    """Who takes the step to `mode`, low risk first; within a wave all at once."""
    moved = [item for item in opened.returns if item.now > mode]
    found = (tuple(item for item in moved if item.risk == risk) for risk in _WAVES)
    return tuple(wave for wave in found if wave)


def hold_id(ballot: str, step: int, mode: Mode) -> str:
    """The id of a restore hold: of its ballot, step and mode, so that a repeated step adds nothing."""
    return f"{ballot}.{step}.{mode}"


def fishing(ballots: Iterable[Ballot], keys: Iterable[str], now: float) -> str:
    """Why the same targets may not be voted on again yet; empty where they may."""
    wanted = set(keys)
    past = [it for it in ballots if it.opened and wanted & {item.key for item in it.opened.returns}]
    if any(it.ended is None for it in past):
        return "a ballot on them is open already: vote there, or withdraw it"
    ends = [it.ended for it in past if it.ended]
    vetoed = max((end.at for end in ends if end.how == "vetoed"), default=None)
    if vetoed is not None and now - vetoed < COOL_DOWN:
        return f"a ballot on them was vetoed: wait {_minutes(COOL_DOWN - (now - vetoed))} and say what changed"
    failed = [end.at for end in ends if end.how in {"vetoed", "expired"} and now - end.at < _DAY]
    if len(failed) >= A_DAY:
        return (
            f"{len(failed)} ballots on them failed in the last 24 hours: the next may be opened in "
            f"{_minutes(_DAY - (now - min(failed)))}"
        )
    return ""


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} h"


def by_mode(returns: Sequence[events.Return]) -> Mapping[Mode, tuple[events.Return, ...]]:
    """The targets by what they are held at, the strictest first."""
    modes = sorted({item.now for item in returns}, reverse=True)
    return {mode: tuple(item for item in returns if item.now is mode) for mode in modes}
