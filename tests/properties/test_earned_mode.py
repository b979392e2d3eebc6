"""Does bad news never give more back, and does every rule end?"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.trust import CALM, OFTEN, QUIET, REMEMBERED, SETTLED, Trust, earned, stops_by_target, trust

NOW = 100 * 86_400.0
KEY = "memory:ledger"
BY = events.Person(kind="slack", id="U0ONCALL")
HELD = [mode for mode in Mode if mode is not Mode.NORMAL]
BAD = [Outcome.FAILED, Outcome.UNKNOWN, Outcome.ABSENT, Outcome.APPLIED]

times = st.floats(NOW - REMEMBERED - 10, NOW + 3600, allow_nan=False)
recent = st.one_of(st.none(), times, st.floats(NOW - 2 * QUIET, NOW), st.floats(NOW - CALM - 10, NOW))
abilities = st.sampled_from([frozenset({Mode.FULL_STOP}), frozenset({Mode.READ_ONLY, Mode.FULL_STOP}), frozenset(HELD)])
records = st.builds(
    Trust,
    key=st.just(KEY),
    held=st.sampled_from(HELD),
    modes=st.one_of(st.just(frozenset[Mode]()), abilities),
    proven=st.booleans(),
    outcome=st.sampled_from([None, *Outcome]),
    stops=st.lists(times, max_size=6).map(lambda found: tuple(sorted(found))),
    last_drift=recent,
    last_contested=recent,
)
pacts = st.sampled_from(Mode)
failures = st.lists(st.just("the evaluation a/b was allowed"), max_size=2)
worse: list[Callable[[Trust, float], Trust]] = [
    lambda record, _: replace(record, proven=False),
    lambda record, at: replace(record, last_drift=max(at, record.last_drift or at)),
    lambda record, at: replace(record, last_contested=max(at, record.last_contested or at)),
    lambda record, at: replace(record, stops=tuple(sorted((*record.stops, at)))),
]


@given(record=records, loosest=pacts, failing=failures, at=times, news=st.sampled_from(worse))
def test_bad_news_never_gives_more_back(
    record: Trust, loosest: Mode, failing: list[str], at: float, news: Callable[[Trust, float], Trust]
) -> None:
    """One drift, stop, lost proof or contest more leaves the earned mode where it was, or makes it stricter."""
    before = earned(record, NOW, loosest=loosest, failing=failing).mode
    assert earned(news(record, at), NOW, loosest=loosest, failing=failing).mode >= before


@given(record=records, loosest=pacts, failing=failures, stricter=pacts)
def test_a_failing_evaluation_or_a_stricter_pact_never_gives_more_back(
    record: Trust, loosest: Mode, failing: list[str], stricter: Mode
) -> None:
    """What is said beside the record is no different."""
    before = earned(record, NOW, loosest=loosest, failing=failing).mode
    assert earned(record, NOW, loosest=max(loosest, stricter), failing=failing).mode >= before
    assert earned(record, NOW, loosest=loosest, failing=[*failing, "one more"]).mode >= before


@given(record=records, loosest=pacts, failing=failures)
def test_no_rule_asks_for_more_than_is_held(record: Trust, loosest: Mode, failing: list[str]) -> None:
    """A rule is no stop: what is held already is always earned."""
    found = earned(record, NOW, loosest=loosest, failing=failing)
    assert found.mode <= record.held
    assert found.mode is max((bound.mode for bound in found.bounds), default=Mode.NORMAL)


@given(record=records, loosest=pacts, failing=failures)
def test_every_rule_ends(record: Trust, loosest: Mode, failing: list[str]) -> None:
    """By the time that it names, or once its cause is mended; then everything is earned again."""
    found = earned(record, NOW, loosest=loosest, failing=failing)
    for bound in found.bounds:
        if bound.until is not None:
            assert bound.until > NOW
            later = earned(record, bound.until, loosest=loosest, failing=failing)
            assert bound.rule not in {other.rule for other in later.bounds}
            assert " more" in bound.why
        else:
            assert " until " in bound.why
    end = max((bound.until for bound in found.bounds if bound.until), default=NOW)
    assert earned(replace(record, proven=True), end).bounds == ()


@given(record=records, loosest=pacts, failing=failures, later=st.floats(0, 40 * 86_400.0))
def test_time_alone_never_takes_anything_back(record: Trust, loosest: Mode, failing: list[str], later: float) -> None:
    """Without news the earned mode only grows looser."""
    before = earned(record, NOW, loosest=loosest, failing=failing).mode
    assert earned(record, NOW + later, loosest=loosest, failing=failing).mode <= before


def test_the_bounds_are_those_of_the_page() -> None:
    """Ten minutes, a day, three incidents: the page gives the reason for each."""
    assert (QUIET, CALM, SETTLED, OFTEN) == (600.0, 86_400.0, 86_400.0, 3)


steps = st.lists(
    st.tuples(st.sampled_from(["stop", "drifted", "contested", *BAD]), st.floats(1, 20_000)), min_size=1, max_size=8
)


@given(history=steps)
def test_news_in_the_journal_never_gives_more_back(history: list[tuple[str, float]]) -> None:
    """The same through the board: each event, at the moment when it arrives, earns nothing."""
    board, now = _held_board(), NOW
    for number, (what, pause) in enumerate(history):
        now += pause
        before = _earned(board, now)
        board.apply(_event(what, number, now))
        assert _earned(board, now) >= before


@pytest.mark.parametrize("origin", ["drill", "restore"])
def test_what_is_no_stop_is_no_incident(origin: str) -> None:
    """Drills and what a restore holds do not count."""
    board = _held_board()
    for number in range(5):
        event = _event("stop", number, NOW + number)
        board.apply(event.model_copy(update={"origin": origin}))
    assert len(stops_by_target(board, NOW + 10)[KEY]) == 1


def test_a_stop_that_was_a_mistake_is_no_incident() -> None:
    """Undone within its time, it says nothing about the agent."""
    board = _held_board()
    board.apply(_event("stop", 1, NOW + 1))
    item = events.Return(key=KEY, surfaces=("billing/ledger",), now=Mode.FULL_STOP, to=Mode.NORMAL, modes=())
    board.apply(
        events.BallotOpened(
            at=NOW + 2,
            ballot="b",
            incident="i1",
            channel="C",
            kind="undo",
            by=BY,
            scope="billing",
            mode=Mode.NORMAL,
            pairs=(("h1", KEY),),
            returns=(item,),
            electorate=(),
            quorum=1,
            expires_at=NOW + 60,
            dwell=0,
            step=0,
            configuration="d",
        )
    )
    assert len(stops_by_target(board, NOW + 10)[KEY]) == 2
    board.apply(events.PairsLifted(at=NOW + 3, ballot="b", pairs=(("h1", KEY),)))
    assert len(stops_by_target(board, NOW + 10)[KEY]) == 1


def test_many_stops_of_one_incident_are_one() -> None:
    """Who types the same stop ten times in a bad hour makes nothing harder to give back."""
    board = _held_board()
    for number in range(10):
        board.apply(_event("stop", number, NOW + number).model_copy(update={"incident": "i"}))
    assert len(stops_by_target(board, NOW + 60)[KEY]) == 1


def test_an_incident_leaves_the_record_after_a_month() -> None:
    """Thirty days."""
    board = _held_board()
    assert stops_by_target(board, NOW + REMEMBERED) == {KEY: (NOW,)}
    assert stops_by_target(board, NOW + REMEMBERED + 1) == {}


def _held_board() -> Board:
    board = Board()
    board.apply(_hold("h", "i", Mode.READ_ONLY, NOW))
    board.apply(_proof(Outcome.VERIFIED, NOW + 0.5))
    return board


def _earned(board: Board, now: float) -> Mode:
    record = trust(board, KEY, now, stops=stops_by_target(board, now), modes=HELD)
    return earned(record, now).mode


def _event(what: str, number: int, at: float) -> events.AnyEvent:
    if what == "stop":
        return _hold(f"h{number}", f"i{number}", Mode.READ_ONLY, at)
    return _proof(Outcome(what), at)


def _hold(hold: str, incident: str, mode: Mode, at: float) -> events.HoldAdded:
    target = events.HeldTarget(key=KEY, surfaces=("billing/ledger",), round_to=mode)
    return events.HoldAdded(at=at, hold=hold, incident=incident, mode=mode, by=BY, targets=(target,))


def _proof(outcome: Outcome, at: float) -> events.Outcomes:
    return events.Outcomes(at=at, proofs=(events.Proof(target=KEY, outcome=outcome, asked=Mode.READ_ONLY),))
