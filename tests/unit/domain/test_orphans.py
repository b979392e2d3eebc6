"""Which restriction does no live hold explain, and when is a surface contested?"""

import itertools

from adapters.base import Mode, Observation
from bot.domain import drift, events
from bot.domain.drift import Orphan, Recuts, known_orphans, orphans
from tests.unit.domain.facts import board, held_target, hold, lift, seen

MARKED = "look for a lost journal with `agent-kill status`; it stays until a restore of it is voted"
STRANGE = "it bears no mark of agent-kill: ask whoever restricted it; nothing here loosens it"


def _reads(mode: Mode, *, token: str | None = "ours", exists: bool = True) -> Observation:
    return Observation(exists=exists, mode=mode, enforceable=frozenset(), token=token)


def test_a_restriction_that_nothing_explains_is_named_with_its_mark() -> None:
    """What to do depends on whether a cut of ours is the likely cause."""
    found = orphans(board(), {"t1": _reads(Mode.READ_ONLY), "t2": _reads(Mode.FULL_STOP, token=None)})
    assert found == (
        Orphan(target="t1", mode=Mode.READ_ONLY, held=Mode.NORMAL, marked=True, next=MARKED),
        Orphan(target="t2", mode=Mode.FULL_STOP, held=Mode.NORMAL, marked=False, next=STRANGE),
    )


def test_what_was_not_seen_or_is_not_there_is_no_orphan() -> None:
    """And hides none that comes after it."""
    story = {"t1": None, "t2": _reads(Mode.FULL_STOP, exists=False), "t3": _reads(Mode.NORMAL)}
    assert orphans(board(), story) == ()
    assert [it.target for it in orphans(board(), {**story, "t4": _reads(Mode.FULL_STOP)})] == ["t4"]


def test_a_live_hold_explains_its_mode_its_rounding_and_what_was_read_back() -> None:
    """Of its own target alone, and only while it lives."""
    rounded = hold(
        "h", 10.0, held_target("t0", "a/0"), held_target("t1", "a/1", round_to=Mode.READ_ONLY), mode=Mode.DRAFT_ONLY
    )
    made = board(rounded)
    assert orphans(made, {"t1": _reads(Mode.DRAFT_ONLY)}) == ()
    assert orphans(made, {"t1": _reads(Mode.READ_ONLY)}) == ()
    (found,) = orphans(made, {"t1": _reads(Mode.FULL_STOP)})
    assert (found.held, found.mode) == (Mode.READ_ONLY, Mode.FULL_STOP)
    made.apply(seen(20.0, "t1", asked=Mode.DRAFT_ONLY, held=Mode.FULL_STOP))
    assert orphans(made, {"t1": _reads(Mode.FULL_STOP)}) == ()
    made.apply(hold("h2", 30.0, held_target("t1", "a/1", round_to=Mode.DRAFT_ONLY), mode=Mode.DRAFT_ONLY))
    assert len(orphans(made, {"t1": _reads(Mode.FULL_STOP)})) == 1
    made.apply(lift(40.0, ("h", "t1"), ("h2", "t1")))
    (found,) = orphans(made, {"t1": _reads(Mode.READ_ONLY)})
    assert found.held is Mode.NORMAL


def test_a_hold_that_is_stricter_than_its_plan_explains_its_own_mode() -> None:
    """A second writer may have planned milder; what could not be read back explains nothing more."""
    made = board(hold("h", 10.0, held_target("t1", "a/1", round_to=Mode.DRAFT_ONLY), mode=Mode.READ_ONLY))
    assert orphans(made, {"t1": _reads(Mode.READ_ONLY)}) == ()
    made.apply(seen(20.0, "t1", asked=Mode.READ_ONLY, held=None))
    assert len(orphans(made, {"t1": _reads(Mode.FULL_STOP)})) == 1


def _swept(at: float, *seen: events.OrphanSeen) -> events.OrphansSeen:
    return events.OrphansSeen(at=at, orphans=seen)


def _orphan(target: str, mode: Mode = Mode.READ_ONLY, **more: object) -> events.OrphanSeen:
    fields = {"target": target, "mode": mode, "held": Mode.NORMAL, "marked": True, **more}
    return events.OrphanSeen.model_validate(fields)


def test_the_newest_sweep_says_which_orphans_there_are() -> None:
    """In any order of the journals; of two of one instant the same one everywhere."""
    assert board().orphans is None
    assert known_orphans(board()) == ()
    sweeps = [_swept(10.0, _orphan("t1")), _swept(20.0, _orphan("t2")), _swept(20.0, _orphan("t3"))]
    for story in itertools.permutations(sweeps):
        assert [it.target for it in known_orphans(board(*story))] == ["t3"]
        assert known_orphans(board(*story, _swept(30.0))) == ()


def test_a_known_orphan_is_told_as_it_was_seen_until_a_hold_explains_it() -> None:
    """Of its own target, as strict as it reads; a lift makes it one again."""
    strange = _orphan("t2", Mode.FULL_STOP, held=Mode.READ_ONLY, marked=False)
    made = board(_swept(10.0, _orphan("t1"), strange))
    first = Orphan(target="t1", mode=Mode.READ_ONLY, held=Mode.NORMAL, marked=True, next=MARKED)
    second = Orphan(target="t2", mode=Mode.FULL_STOP, held=Mode.READ_ONLY, marked=False, next=STRANGE)
    assert known_orphans(made) == (first, second)
    made.apply(hold("h1", 20.0, held_target("t2", "a/2", round_to=Mode.READ_ONLY), mode=Mode.READ_ONLY))
    assert known_orphans(made) == (first, second)
    made.apply(hold("h2", 30.0, held_target("t1", "a/1", round_to=Mode.READ_ONLY), mode=Mode.READ_ONLY))
    assert known_orphans(made) == (second,)
    made.apply(lift(40.0, ("h2", "t1")))
    assert known_orphans(made) == (first, second)


def test_more_than_three_recuts_in_ten_minutes_are_contested() -> None:
    """The fourth within the window, and no longer once the first is out of it."""
    assert (drift.WINDOW, drift.ALLOWED) == (600.0, 3)
    recuts = Recuts()
    assert not recuts.contested(0.0)
    for number in range(3):
        recuts.add(100.0 + number)
        assert not recuts.contested(100.0 + number)
    recuts.add(103.0)
    assert recuts.contested(103.0)
    assert recuts.contested(700.0)
    assert not recuts.contested(700.5)
    recuts.add(700.75)
    assert recuts.contested(700.75)
    assert not recuts.contested(702.5)
