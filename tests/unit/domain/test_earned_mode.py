"""What has a surface earned, which rule holds it back, and until when?"""

from typing import Any

import pytest

from adapters.base import Attempt, Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.trust import Earned, Trust, age, earned, held_since, loosest_of, stops_by_target, trust

DAY, HOUR = 86_400.0, 3_600.0
NOW = 1_000 * DAY
KEY = "memory:ledger"
BY = events.Person(kind="slack", id="U0ONCALL")
BALLOT: dict[str, Any] = {
    "incident": "i",
    "channel": "C1",
    "scope": "billing",
    "mode": Mode.NORMAL,
    "quorum": 2,
    "configuration": "",
    "by": BY,
    "returns": (),
    "electorate": (),
    "expires_at": NOW,
    "dwell": 60.0,
    "step": 300.0,
}
MODES = frozenset(mode for mode in Mode if mode is not Mode.NORMAL)


def record(**more: object) -> Trust:
    """A proven target that is fully stopped and can be held at any mode, but for what is said."""
    facts: dict[str, object] = {"key": KEY, "held": Mode.FULL_STOP, "modes": MODES, "outcome": Outcome.VERIFIED} | more
    return Trust(**facts)  # type: ignore[arg-type]  # what the tests say


def only(found: Earned) -> tuple[Mode, str]:
    """The earned mode, and the only rule that holds it back."""
    (bound,) = found.bounds
    return found.mode, bound.why


def test_a_record_says_nothing_of_what_is_not_known() -> None:
    """Neither an outcome nor a time; and a bound without a time ends with its cause."""
    bare = Trust(key=KEY, held=Mode.READ_ONLY)
    known = (bare.outcome, bare.attempt, bare.proof_age, bare.last_drift, bare.last_contested)
    assert known == (None, None, None, None, None)
    assert (bare.modes, bare.proven, bare.stops) == (frozenset(), True, ())
    (bound,) = earned(record(proven=False), NOW).bounds
    assert bound.until is None


def test_whoever_is_quiet_and_proven_has_earned_everything() -> None:
    """No rule holds back."""
    assert earned(record(), NOW) == Earned(mode=Mode.NORMAL)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(None, "no proof yet"), (Outcome.APPLIED, "applied"), (Outcome.LEFT, "left alone")],
)
def test_what_is_not_proven_cut_stays(outcome: Outcome | None, state: str) -> None:
    """It says what is known, and both ways out."""
    found = earned(record(proven=False, outcome=outcome), NOW)
    mode, why = only(found)
    assert (mode, found.bounds[0].rule) == (Mode.FULL_STOP, "proven")
    assert why == (
        f"it is not proven cut ({state}): nothing looser than full_stop until it is, or two people go without the proof"
        " by name"
    )


@pytest.mark.parametrize(("ago", "left"), [(0, "10 min"), (61, "8 min"), (599, "1 s")])
def test_a_drift_holds_for_ten_minutes(ago: float, left: str) -> None:
    """The time that is left is said."""
    mode, why = only(earned(record(last_drift=NOW - ago), NOW))
    assert mode is Mode.FULL_STOP
    assert why == f"it came back by itself {age(ago)} ago: nothing looser than full_stop for {left} more"
    (bound,) = earned(record(last_drift=NOW - ago), NOW).bounds
    assert (bound.rule, bound.until) == ("quiet", NOW - ago + 600)
    assert earned(record(last_drift=NOW - 600), NOW).mode is Mode.NORMAL


def test_a_drift_ahead_of_the_clock_holds() -> None:
    """A clock that was set back makes nothing look old."""
    mode, why = only(earned(record(last_drift=NOW + HOUR), NOW))
    assert mode is Mode.FULL_STOP
    assert why.startswith("it came back by itself at a time that lies ahead of the clock: ")


@pytest.mark.parametrize(
    ("modes", "held", "bound"),
    [
        (MODES, Mode.FULL_STOP, Mode.READ_ONLY),
        (frozenset({Mode.FULL_STOP}), Mode.FULL_STOP, Mode.FULL_STOP),
        (MODES, Mode.DRAFT_ONLY, Mode.DRAFT_ONLY),
        (frozenset[Mode](), Mode.FULL_STOP, Mode.READ_ONLY),
        (frozenset({Mode.DRAFT_ONLY}), Mode.FULL_STOP, Mode.FULL_STOP),
    ],
)
def test_a_contested_surface_gets_back_reading_at_most(modes: frozenset[Mode], held: Mode, bound: Mode) -> None:
    """For a day; rounded to what can be held there, and never beyond what is held."""
    found = earned(record(modes=modes, held=held, last_contested=NOW - 3 * HOUR), NOW)
    assert only(found) == (bound, f"it was contested 3 h ago: nothing looser than {bound} for 21 h more")
    assert (found.bounds[0].rule, found.bounds[0].until) == ("calm", NOW + 21 * HOUR)
    assert earned(record(last_contested=NOW - DAY), NOW).mode is Mode.NORMAL


def test_a_third_incident_in_a_week_holds_for_a_day() -> None:
    """Counted from the latest of them."""
    found = earned(record(stops=(NOW - 6 * DAY, NOW - 20 * HOUR, NOW - 4 * HOUR)), NOW)
    assert only(found) == (
        Mode.APPROVAL_GATED,
        "it was stopped in 3 incidents within 7 days: nothing looser than approval_gated for 20 h more",
    )
    assert (found.bounds[0].rule, found.bounds[0].until) == ("settled", NOW + 20 * HOUR)
    assert earned(record(stops=(NOW - 6 * DAY, NOW - 4 * HOUR)), NOW).mode is Mode.NORMAL
    assert earned(record(stops=(NOW - 8 * DAY, NOW - 5 * DAY, NOW - 4 * HOUR)), NOW).mode is Mode.NORMAL


def test_a_later_stop_does_not_end_what_an_earlier_one_began() -> None:
    """Three in a week, then one more as the first of them leaves the week: still held."""
    three = (NOW - 7.8 * DAY, NOW - 7.7 * DAY, NOW - 0.9 * DAY)
    assert earned(record(stops=three), NOW).mode is Mode.APPROVAL_GATED
    assert earned(record(stops=(*three, NOW)), NOW).mode is Mode.APPROVAL_GATED


def test_a_week_and_a_day_are_over_when_they_are_over() -> None:
    """An incident of exactly a week before is no longer of that week; a day later nothing is held back."""
    assert earned(record(stops=(NOW - 8 * DAY, NOW - 3 * DAY, NOW - DAY)), NOW).mode is Mode.NORMAL
    week = (NOW - HOUR - 7 * DAY, NOW - 2 * HOUR, NOW - HOUR)
    assert earned(record(stops=week), NOW).mode is Mode.NORMAL
    four = (NOW - HOUR - 7 * DAY, NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR)
    assert only(earned(record(stops=four), NOW))[1].startswith("it was stopped in 3 incidents")
    three = (NOW - 3 * DAY, NOW - 2 * DAY, NOW - DAY)
    assert earned(record(stops=three), NOW - 1).mode is Mode.APPROVAL_GATED
    assert earned(record(stops=three), NOW).mode is Mode.NORMAL


def test_the_latest_of_many_stops_counts() -> None:
    """Each further incident begins the day anew."""
    four = (NOW - 5 * DAY, NOW - 4 * DAY, NOW - 20 * HOUR, NOW - HOUR)
    assert only(earned(record(stops=four), NOW))[1] == (
        "it was stopped in 4 incidents within 7 days: nothing looser than approval_gated for 23 h more"
    )


def test_an_evaluation_holds_what_is_held() -> None:
    """The first is named, the others are counted."""
    (alone,) = earned(record(held=Mode.READ_ONLY), NOW, failing=["a was allowed"]).bounds
    assert (alone.rule, alone.why) == (
        "evaluations",
        "a was allowed: nothing looser than read_only until it comes out as expected",
    )
    mode, why = only(earned(record(held=Mode.READ_ONLY), NOW, failing=["a was allowed", "b was allowed"]))
    assert mode is Mode.READ_ONLY
    assert why == "a was allowed (and 1 more): nothing looser than read_only until it comes out as expected"


def test_the_pact_is_a_bound_where_it_is_one() -> None:
    """Rounded; and silent where it asks for no more than is held."""
    reading = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
    found = earned(record(modes=reading), NOW, loosest=Mode.DRAFT_ONLY)
    assert only(found) == (
        Mode.READ_ONLY,
        "the pact gives back draft_only at most: nothing looser than read_only until `pact.loosest` is changed",
    )
    assert loosest_of([Mode.NORMAL, Mode.DRAFT_ONLY, Mode.APPROVAL_GATED]) is Mode.DRAFT_ONLY
    assert loosest_of([]) is Mode.NORMAL


def test_where_nothing_is_held_nothing_is_held_back() -> None:
    """No rule asks for more than there is."""
    free = record(held=Mode.NORMAL, last_drift=NOW - 60, last_contested=NOW - 60, stops=(NOW, NOW, NOW))
    assert earned(free, NOW, loosest=Mode.DRAFT_ONLY, failing=["a was allowed"]) == Earned(mode=Mode.NORMAL)


def test_a_stricter_pact_comes_before_a_milder_rule() -> None:
    """And decides."""
    found = earned(record(last_contested=NOW - HOUR), NOW, loosest=Mode.FULL_STOP)
    assert found.mode is Mode.FULL_STOP
    assert [bound.rule for bound in found.bounds] == ["pact", "calm"]


def test_the_strictest_rule_comes_first() -> None:
    """The ballot has room for one sentence."""
    found = earned(record(last_drift=NOW - 60, last_contested=NOW - HOUR), NOW, loosest=Mode.APPROVAL_GATED)
    assert [bound.rule for bound in found.bounds] == ["quiet", "calm", "pact"]
    assert [bound.rule for bound in found.against(Mode.READ_ONLY)] == ["quiet"]
    assert [bound.rule for bound in found.against(Mode.DRAFT_ONLY)] == ["quiet", "calm"]


def hold(board: Board, at: float, name: str = "h", mode: Mode = Mode.READ_ONLY, **more: Any) -> None:
    """A stop of the target, an incident of its own unless it is said."""
    target = events.HeldTarget(key=KEY, surfaces=("billing/ledger",), round_to=mode)
    fields = {"incident": f"i-{name}", **more}
    board.apply(events.HoldAdded(at=at, hold=name, mode=mode, by=BY, targets=(target,), **fields))


def ballot(board: Board, kind: str, *holds: str, committed: bool = True) -> None:
    """A vote on these holds, which were lifted where it was `committed`."""
    pairs = tuple((name, KEY) for name in holds)
    name = f"{kind}-{'-'.join(holds)}"
    opened = {"at": NOW, "ballot": name, "kind": kind, "pairs": pairs, **BALLOT}
    board.apply(events.BallotOpened.model_validate(opened))
    if committed:
        board.apply(events.PairsLifted(at=NOW, ballot=name, pairs=pairs))


def see(board: Board, outcome: Outcome, at: float, asked: Mode = Mode.READ_ONLY) -> None:
    """A proof of the target."""
    proof = events.Proof(target=KEY, outcome=outcome, asked=asked, attempt=Attempt.REFUSED)
    board.apply(events.Outcomes(at=at, proofs=(proof,)))


def read(board: Board, now: float = NOW) -> Trust:
    """Its record."""
    return trust(board, KEY, now, stops=stops_by_target(board, now), modes=MODES)


def test_the_record_is_read_from_the_journal() -> None:
    """Stops, proofs and their ages."""
    board = Board()
    hold(board, NOW - 100)
    see(board, Outcome.DRIFTED, NOW - 90)
    see(board, Outcome.VERIFIED, NOW - 80)
    assert read(board) == Trust(
        key=KEY,
        held=Mode.READ_ONLY,
        modes=MODES,
        proven=True,
        outcome=Outcome.VERIFIED,
        attempt=Attempt.REFUSED,
        proof_age=80.0,
        stops=(NOW - 100,),
        last_drift=NOW - 90,
    )
    assert held_since(board, KEY) == NOW - 100


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.FULL_STOP])
def test_a_proof_from_before_the_last_stop_proves_nothing(mode: Mode) -> None:
    """Neither where more is asked now nor where the same is asked anew."""
    board = Board()
    hold(board, NOW - 100)
    see(board, Outcome.VERIFIED, NOW - 80)
    hold(board, NOW - 10, "h2", mode)
    found = read(board)
    assert (found.held, found.proven, found.outcome, found.attempt) == (mode, False, None, None)


def test_a_target_that_nothing_holds_needs_no_proof() -> None:
    """An orphan is held back by nothing that is missing."""
    found = trust(Board(), KEY, NOW, stops={}, held=Mode.FULL_STOP)
    assert (found.held, found.proven, earned(found, NOW).mode) == (Mode.FULL_STOP, True, Mode.NORMAL)


def test_a_surface_that_is_contested_now_is_contested_now() -> None:
    """The day begins when it ends; what the journal saw of it stays known after the next proof."""
    board = Board()
    hold(board, NOW - 100)
    see(board, Outcome.CONTESTED, NOW - 90)
    assert read(board).last_contested == NOW
    see(board, Outcome.VERIFIED, NOW - 10)
    assert read(board).last_contested == NOW - 90


def test_a_proof_of_less_than_what_is_asked_proves_nothing() -> None:
    """A milder cut that ended after the stricter stop came."""
    board = Board()
    hold(board, NOW - 100, mode=Mode.FULL_STOP)
    see(board, Outcome.VERIFIED, NOW - 80, asked=Mode.READ_ONLY)
    assert (read(board).proven, read(board).outcome) == (False, None)
    see(board, Outcome.VERIFIED, NOW - 70, asked=Mode.FULL_STOP)
    assert (read(board).proven, read(board).outcome) == (True, Outcome.VERIFIED)


def test_a_target_that_was_never_seen_has_no_age() -> None:
    """And one that was seen at a time ahead of the clock was seen just now."""
    board = Board()
    assert (read(board).proof_age, read(board).last_drift, held_since(board, KEY)) == (None, None, None)
    hold(board, NOW - 100)
    see(board, Outcome.VERIFIED, NOW + 80)
    assert read(board).proof_age == 0.0


def test_the_last_drift_and_the_oldest_hold_count() -> None:
    """Of all there are."""
    board = Board()
    hold(board, NOW - 100)
    hold(board, NOW - 50, "h2")
    for ago in (40, 20, 30):
        see(board, Outcome.DRIFTED, NOW - ago)
    assert read(board).last_drift == NOW - 20
    assert held_since(board, KEY) == NOW - 100


def test_incidents_of_thirty_days_count_once_each() -> None:
    """From the first stop of each, oldest first; neither drills nor what a restore holds, nor older ones."""
    board = Board()
    hold(board, NOW - 30 * DAY - 1, "older")
    hold(board, NOW - 5 * DAY, "drill", origin="drill")
    hold(board, NOW - 4 * DAY, "b.1", origin="restore")
    hold(board, NOW - 2 * DAY, "second", incident="i-twice")
    hold(board, NOW - 3 * DAY, "first", incident="i-twice")
    hold(board, NOW - 1.5 * DAY, "third", incident="i-twice")
    hold(board, NOW - 30 * DAY, "oldest")
    hold(board, NOW - DAY, "backstop", origin="backstop")
    assert stops_by_target(board, NOW) == {KEY: (NOW - 30 * DAY, NOW - 3 * DAY, NOW - DAY)}


def test_only_a_stop_that_was_undone_was_a_mistake() -> None:
    """Not one that was restored, nor one whose undo nobody confirmed yet."""
    board = Board()
    for number, name in enumerate(("undone", "restored", "asked", "held")):
        hold(board, NOW - 10 + number, name)
    ballot(board, "undo", "undone")
    ballot(board, "restore", "restored")
    ballot(board, "undo", "asked", committed=False)
    assert stops_by_target(board, NOW) == {KEY: (NOW - 9, NOW - 8, NOW - 7)}


def test_ages_are_short() -> None:
    """One unit, never "1 h" for 119 minutes."""
    ages = {
        0.4: "0 s",
        59: "59 s",
        60: "1 min",
        7_199: "119 min",
        7_200: "2 h",
        2 * DAY - 1: "47 h",
        2 * DAY: "2 d",
        30 * DAY: "30 d",
    }
    assert {seconds: age(seconds) for seconds in ages} == ages
