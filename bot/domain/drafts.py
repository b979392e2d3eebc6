"""Writes that agents proposed and surfaces parked: what is known of each, and when an approval counts. Pure.

Folded in any order, as the rest of the board: journals are read chain by chain, and the command line has its own.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.base import Mode
from adapters.base.parked import Draft
from bot.domain import draft_events as events
from bot.domain.model import ApprovePolicy

PROMPT = 60.0  # seconds in which an approval is carried out; one that is older is void
_FINAL = frozenset({"released", "dropped", "gone"})
_NAME, _DIGEST = 10, 32  # hexadecimal digits


def draft_name(target: str, draft_id: str) -> str:
    """What people and events call it: short, the same over restarts, told apart from those of all other targets."""
    return f"d{_sha(target, draft_id)[:_NAME]}"


def draft_digest(draft: Draft) -> str:
    """Names what would be done, to the last character that the surface tells. When it was parked is no part of it."""
    return _sha(draft.id, draft.what, draft.arguments)[:_DIGEST]


def _sha(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(slots=True)
class Proposal:
    """Everything that is known of one parked write. What changes under its id has another digest, and is shown anew."""

    name: str
    seen: dict[str, tuple[float, events.DraftSeen]] = field(default_factory=dict)  # the first time, by digest
    last_seen: float | None = None  # when it was last recorded as parked
    gone_at: float | None = None
    shown: dict[str, events.DraftShown] = field(default_factory=dict)  # by digest
    asked: dict[str, events.DraftAsked] = field(default_factory=dict)  # by digest, the first
    decided: dict[str, events.DraftDecided] = field(default_factory=dict)  # by decision
    settled: dict[str, events.DraftSettled] = field(default_factory=dict)  # by decision

    def standing(self) -> events.DraftDecided | None:
        """The decision that is being carried out, the first where there are several; None where none is."""
        unsettled = [it for it in self.decided.values() if it.decision not in self.settled]
        return min(unsettled, key=lambda it: (it.at, it.decision), default=None)

    def ended(self) -> events.DraftSettled | None:
        """How it ended; None while it is parked, as far as is known."""
        ends = [it for it in self.settled.values() if it.how in _FINAL]
        return min(ends, key=lambda it: (it.how != "released", it.at, it.decision), default=None)

    def last(self) -> events.DraftSettled | None:
        """What came of the last decision that left it parked; None where none did."""
        left = [it for it in self.settled.values() if it.how not in _FINAL]
        return max(left, key=lambda it: (it.at, it.decision), default=None)

    @property
    def open(self) -> bool:
        """Whether it waits for people: nobody's decision ended it or is under way, and it is not known to be gone."""
        return self.standing() is None and self.ended() is None and not self.vanished

    @property
    def vanished(self) -> bool:
        """Whether it was found to be parked no more, without a decision, and was not seen since."""
        return self.gone_at is not None and (self.last_seen is None or self.gone_at > self.last_seen)

    def expires_at(self, digest: str, policy: ApprovePolicy) -> float | None:
        """When it can no longer be released, Unix seconds; None where it was never seen so.

        Reckoned by the bot's own clock from when it was first seen: a surface's clock must not drop what is fresh.
        """
        if digest not in self.seen:
            return None
        at, seen = self.seen[digest]
        return at + (policy.ttl if seen.waits else policy.keep)


class Proposals:
    """All of them by name."""

    def __init__(self) -> None:
        self.all: dict[str, Proposal] = {}
        self._live: dict[str, Proposal] = {}  # without those that ended, of which a long life gathers many

    def fold(self, event: events.AnyDraft) -> None:
        """Takes one event in; the same one twice is one."""
        match event:
            case events.DraftsSeen():
                for seen in event.drafts:
                    self._see(event.at, seen)
            case events.DraftsGone():
                for name in event.drafts:
                    known = self._of(name)
                    known.gone_at = max(event.at, known.gone_at or event.at)
            case events.DraftShown():
                known = self._of(event.draft)
                known.shown[event.digest] = min(event, known.shown.get(event.digest, event), key=_in_order)
            case events.DraftAsked():
                known = self._of(event.draft)
                known.asked[event.digest] = min(event, known.asked.get(event.digest, event), key=_in_order)
            case events.DraftDecided():
                self._of(event.draft).decided[event.decision] = event
            case events.DraftSettled():
                known = self._of(event.draft)
                known.settled[event.decision] = _surest(event, known.settled.get(event.decision))
                if known.ended() and known.name in self._live:
                    del self._live[known.name]

    def known(self, targets: Iterable[str] = ()) -> dict[str, list[Proposal]]:
        """Those that are not over, by target: what is to be looked at there, whatever is held."""
        found: dict[str, list[Proposal]] = {target: [] for target in targets}
        for proposal in self._live.values():
            if not proposal.vanished:
                for target in {seen.target for _, seen in proposal.seen.values()}:
                    found.setdefault(target, []).append(proposal)
        return found

    def _see(self, at: float, seen: events.DraftSeen) -> None:
        known = self._of(seen.draft)
        known.last_seen = max(at, known.last_seen or at)
        before = known.seen.get(seen.digest, (at, seen))
        known.seen[seen.digest] = min((at, seen), before, key=lambda it: (it[0], it[1].model_dump_json()))

    def _of(self, name: str) -> Proposal:
        if name not in self.all:
            self.all[name] = self._live[name] = Proposal(name=name)
        return self.all[name]


def _in_order(event: events.AnyDraft) -> tuple[float, str]:
    return event.at, event.model_dump_json()


def _surest(event: events.DraftSettled, known: events.DraftSettled | None) -> events.DraftSettled:
    """What is known beats what is not; of two that know the same much, the earlier."""
    return min(event, known or event, key=lambda it: (it.how not in _FINAL, it.at, it.model_dump_json()))


def why_no_release(effective: Mode) -> str:
    """Why nothing may be released on a target whose holds ask this; empty where it may."""
    return f"{effective} is held there, and nothing is released under it" if effective > Mode.DRAFT_ONLY else ""


def why_void(
    decided: events.DraftDecided, *, effective: Mode, listed: str | None, expires_at: float | None, now: float
) -> str:
    """Why an approval is not carried out; empty where it is.

    Args:
        decided: the approval.
        effective: what the holds of its target ask now.
        listed: digest of what the surface lists under its id now; None where it lists nothing.
        expires_at: see `Proposal.expires_at`.
        now: Unix time in seconds.
    """
    if effective > decided.mode:
        return f"{effective} came after the approval, and a stricter hold voids it"
    if listed is None:
        return "it is not parked any more"
    if listed != decided.digest:
        return "what is parked is not what was shown: it changed since"
    if expires_at is None or now >= expires_at:
        return "it has expired"
    if not 0 <= now - decided.at <= PROMPT:
        return f"the approval could not be carried out within {PROMPT:.0f} s, or the clock was set"
    return why_no_release(effective)
