"""Does a status say of each held surface what it has earned, and what holds it back?"""

from adapters.base import Config, Mode, SurfaceClass
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Surface
from bot.domain.outcome import Outcome
from bot.domain.plan import Inventoried
from bot.domain.status import StatusRow, status

NOW = 1_000_000.0
BY = events.Person(kind="slack", id="U0ONCALL")
MODES = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


def surface(name: str, target: str) -> Inventoried:
    """A usable surface."""
    agent, _, ident = name.partition("/")
    made = Surface(agent=agent, id=ident, adapter="memory", surface_class=SurfaceClass.QUEUE, settings=Config())
    return Inventoried(surface=made, target=target, enforceable=MODES)


def held(*targets: str, at: float = NOW - 3_600, outcome: Outcome = Outcome.VERIFIED) -> Board:
    """A board on which these targets are fully stopped and seen."""
    board = Board()
    items = tuple(events.HeldTarget(key=key, surfaces=(f"a/{key}",), round_to=Mode.FULL_STOP) for key in targets)
    hold = events.HoldAdded(at=at, hold="h", incident="i", mode=Mode.FULL_STOP, by=BY, targets=items)
    board.apply(hold)
    see(board, *targets, outcome=outcome, at=at + 1)
    return board


def see(board: Board, *targets: str, outcome: Outcome, at: float) -> None:
    """Adds a proof of each."""
    proofs = tuple(events.Proof(target=key, outcome=outcome, asked=Mode.FULL_STOP) for key in targets)
    board.apply(events.Outcomes(at=at, proofs=proofs))


def rows(board: Board, *surfaces: Inventoried, pacts: dict[str, Mode] | None = None) -> dict[str, StatusRow]:
    """The rows by surface."""
    return {row.surface: row for row in status(board, surfaces, [], NOW, pacts=pacts or {})}


def test_what_is_not_held_has_nothing_to_earn() -> None:
    """And its document says null."""
    row = rows(Board(), surface("a/x", "x"))["a/x"]
    assert (row.earned, row.held_back) == (None, ())
    assert (row.json()["earned"], row.json()["held_back"], row.json()["attempt"]) == (None, [], "untried")


def test_a_quiet_and_proven_surface_has_earned_normal() -> None:
    """Nothing holds it back."""
    row = rows(held("x"), surface("a/x", "x"))["a/x"]
    assert (row.earned, row.held_back) == (Mode.NORMAL, ())
    assert row.json()["earned"] == "normal"


def test_each_surface_is_judged_by_its_own_record() -> None:
    """One drifted, one was contested, one is not proven, one is well."""
    board = held("drifted", "contested", "well", "applied")
    see(board, "drifted", outcome=Outcome.DRIFTED, at=NOW - 120)
    see(board, "contested", outcome=Outcome.CONTESTED, at=NOW - 3_000)
    see(board, "drifted", "contested", outcome=Outcome.VERIFIED, at=NOW - 100)
    see(board, "applied", outcome=Outcome.APPLIED, at=NOW - 100)
    found = rows(board, *(surface(f"a/{key}", key) for key in ("drifted", "contested", "well", "applied")))
    assert {name: row.earned for name, row in found.items()} == {
        "a/drifted": Mode.FULL_STOP,
        "a/contested": Mode.READ_ONLY,
        "a/well": Mode.NORMAL,
        "a/applied": Mode.FULL_STOP,
    }
    assert found["a/drifted"].held_back == (
        "it came back by itself 2 min ago: nothing looser than full_stop for 8 min more",
    )
    assert found["a/contested"].held_back[0].startswith("it was contested 50 min ago: nothing looser than read_only")


def test_surfaces_that_differ_in_one_thing_are_not_taken_for_alike() -> None:
    """In what is held, in how often they were stopped, in the last of their drifts."""
    board = held("full", "quiet", "often", "once", "drifted")
    for number in range(2):
        item = events.HeldTarget(key="often", surfaces=("a/often",), round_to=Mode.FULL_STOP)
        more = {"incident": f"i{number}", "mode": Mode.FULL_STOP, "by": BY, "targets": (item,)}
        board.apply(events.HoldAdded(at=NOW - 3_600, hold=f"h{number}", **more))
    item = events.HeldTarget(key="read", surfaces=("a/read",), round_to=Mode.READ_ONLY)
    more = {"incident": "i", "mode": Mode.READ_ONLY, "by": BY, "targets": (item,)}
    board.apply(events.HoldAdded(at=NOW - 3_600, hold="r", **more))
    see(board, "full", "read", "drifted", "once", outcome=Outcome.DRIFTED, at=NOW - 3_000)
    see(board, "full", "read", "drifted", outcome=Outcome.DRIFTED, at=NOW - 120)
    see(board, "full", "read", "drifted", "once", "quiet", "often", outcome=Outcome.VERIFIED, at=NOW - 100)
    found = rows(board, *(surface(f"a/{key}", key) for key in ("once", "drifted", "full", "read", "quiet", "often")))
    assert {name: row.earned for name, row in found.items()} == {
        "a/once": Mode.NORMAL,
        "a/drifted": Mode.FULL_STOP,
        "a/full": Mode.FULL_STOP,
        "a/read": Mode.READ_ONLY,
        "a/quiet": Mode.NORMAL,
        "a/often": Mode.READ_ONLY,
    }


def test_the_strictest_pact_counts_in_any_order() -> None:
    """Whichever agent stands first in the file."""
    surfaces = [surface("a/x", "x"), surface("b/x", "x"), surface("a/own", "own")]
    for pacts in ({"a": Mode.DRAFT_ONLY, "b": Mode.FULL_STOP}, {"a": Mode.FULL_STOP, "b": Mode.DRAFT_ONLY}):
        found = rows(held("x", "own"), *surfaces, pacts=pacts)
        assert (found["a/x"].earned, found["b/x"].earned) == (Mode.FULL_STOP, Mode.FULL_STOP)


def test_the_strictest_pact_of_a_shared_target_counts() -> None:
    """Two agents, one target: what either of them may never have back, neither gets through it."""
    board = held("x", "own")
    found = rows(
        board,
        surface("a/x", "x"),
        surface("b/x", "x"),
        surface("b/own", "own"),
        pacts={"a": Mode.DRAFT_ONLY, "b": Mode.NORMAL},
    )
    assert {name: row.earned for name, row in found.items()} == {
        "a/x": Mode.READ_ONLY,
        "b/x": Mode.READ_ONLY,
        "b/own": Mode.NORMAL,
    }


def test_a_held_target_that_nothing_points_at_is_judged_too() -> None:
    """The configuration lost it, the journal did not."""
    row = rows(held("x"))["a/x"]
    assert (row.outcome, row.earned) == (Outcome.UNKNOWN, Mode.NORMAL)
