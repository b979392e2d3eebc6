"""Does a status say, of every surface, what is held and how sure that is?"""

from adapters.base import Config, Mode, SurfaceClass
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Place, Quarantined, Surface
from bot.domain.outcome import Outcome
from bot.domain.plan import Inventoried
from bot.domain.status import StatusRow, StatusView, status, status_view

NOW = 1_000.0
BY = events.Person(kind="slack", id="U0ONCALL")


def surface(name: str, target: str) -> Inventoried:
    """A usable surface."""
    agent, _, ident = name.partition("/")
    made = Surface(agent=agent, id=ident, adapter="memory", surface_class=SurfaceClass.QUEUE, settings=Config())
    return Inventoried(surface=made, target=target, enforceable=frozenset({Mode.FULL_STOP}))


def stop(
    board: Board,
    *targets: tuple[str, str],
    mode: Mode = Mode.FULL_STOP,
    hold: str = "h1",
    left: tuple[events.LeftAlone, ...] = (),
) -> None:
    """Adds a hold on (surface, target) pairs."""
    held = tuple(events.HeldTarget(key=key, surfaces=(name,), round_to=mode) for name, key in targets)
    board.apply(
        events.HoldAdded(at=900.0, hold=hold, incident="i1", mode=mode, by=BY, targets=held, left=left, reason="why")
    )


def prove(board: Board, target: str, outcome: Outcome, asked: Mode = Mode.FULL_STOP, at: float = 990.0) -> None:
    """Adds a proof."""
    proof = events.Proof(target=target, outcome=outcome, asked=asked, held=asked, detail="seen", next="act")
    board.apply(events.Outcomes(at=at, proofs=(proof,)))


def only(rows: tuple[StatusRow, ...]) -> StatusRow:
    """The one row."""
    (row,) = rows
    return row


def test_a_surface_that_nothing_holds_is_normal_and_has_no_outcome() -> None:
    """Nothing asked, nothing claimed."""
    row = only(status(Board(), [surface("billing/ledger", "t")], [], NOW))
    assert (row.effective, row.outcome, row.not_cut, row.holds) == (Mode.NORMAL, None, False, ())


def test_a_held_surface_without_a_proof_is_pending_and_not_cut() -> None:
    """A hold alone proves nothing."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    row = only(status(board, [surface("billing/ledger", "t")], [], NOW))
    assert (row.effective, row.outcome, row.not_cut, row.holds) == (Mode.FULL_STOP, Outcome.PENDING, True, ("h1",))


def test_a_proof_tells_the_outcome_and_its_age() -> None:
    """The age of the last proof counts from its own time."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    prove(board, "t", Outcome.VERIFIED)
    row = only(status(board, [surface("billing/ledger", "t")], [], NOW))
    assert (row.outcome, row.proof_age, row.detail, row.next) == (Outcome.VERIFIED, 10.0, "seen", "act")


def test_a_proof_of_a_looser_mode_does_not_prove_a_stricter_hold() -> None:
    """read_only was proven, full_stop is asked now: pending."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    prove(board, "t", Outcome.VERIFIED, asked=Mode.READ_ONLY)
    row = only(status(board, [surface("billing/ledger", "t")], [], NOW))
    assert (row.outcome, row.held) == (Outcome.PENDING, Mode.READ_ONLY)


def test_a_lifted_hold_leaves_the_surface_normal() -> None:
    """A proof of the past says nothing once nothing is asked."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    prove(board, "t", Outcome.VERIFIED)
    board.apply(events.PairsLifted(at=NOW, ballot="b", pairs=(("h1", "t"),)))
    row = only(status(board, [surface("billing/ledger", "t")], [], NOW))
    assert (row.effective, row.outcome) == (Mode.NORMAL, None)


def test_what_a_vote_gave_back_has_no_outcome_though_it_was_read_since() -> None:
    """The last step's proof is no proof of a cut."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    board.apply(events.PairsLifted(at=950.0, ballot="b", pairs=(("h1", "t"),)))
    prove(board, "t", Outcome.PROBATION, asked=Mode.NORMAL)
    row = only(status(board, [surface("billing/ledger", "t")], [], NOW))
    assert (row.effective, row.outcome, row.detail, row.next) == (Mode.NORMAL, None, "", "")


def test_what_was_never_read_has_neither_mode_nor_age() -> None:
    """Null in the document, not an empty word."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    row = only(status(board, [surface("billing/ledger", "t")], [], NOW))
    assert (row.held, row.attempt, row.proof_age) == (None, None, None)
    broken = only(status(Board(), [], [Quarantined(agent="a", id="b", why="unknown key")], NOW))
    assert (broken.held, broken.attempt, broken.proof_age, broken.earned, broken.target) == (None,) * 5


def test_a_restriction_that_nothing_explains_is_shown_with_its_surfaces() -> None:
    """What it reads, what its holds explain, and the next step; by its target where no surface points there."""
    board = Board()
    stop(board, ("b/two", "t2"), mode=Mode.READ_ONLY)
    found = [
        events.OrphanSeen(target="t1", mode=Mode.READ_ONLY, held=Mode.NORMAL, marked=True),
        events.OrphanSeen(target="t2", mode=Mode.FULL_STOP, held=Mode.READ_ONLY, marked=False),
        events.OrphanSeen(target="t3", mode=Mode.FULL_STOP, held=Mode.NORMAL, marked=False),
    ]
    board.apply(events.OrphansSeen(at=950.0, orphans=tuple(found)))
    surfaces = [surface("b/one", "t1"), surface("a/one", "t1"), surface("b/two", "t2"), surface("b/none", "t9")]
    lost = "look for a lost journal with `agent-kill status`; it stays until a restore of it is voted"
    strange = "it bears no mark of agent-kill: ask whoever restricted it; nothing here loosens it"
    view = status_view(board, surfaces, [], NOW)
    assert [str(row) for row in view.orphans] == [
        f"a/one, b/one reads read_only, and nothing holds it: {lost}",
        f"b/two reads full_stop, and its holds explain read_only: {strange}",
        f"t3 reads full_stop, and nothing holds it: {strange}",
    ]
    first = {"surfaces": ["a/one", "b/one"], "mode": "read_only", "explained": "normal", "marked": True, "next": lost}
    assert view.json()["orphans"][0] == first  # type: ignore[index]  # a list in this document
    assert [row.surfaces for row in view.orphans] == [("a/one", "b/one"), ("b/two",), ()]
    assert status_view(Board(), surfaces, [], NOW).json()["orphans"] == []


def test_a_status_says_what_a_restore_needs() -> None:
    """As a sentence, which its caller has; nothing where none was given."""
    assert status_view(Board(), [], [], NOW, restores="2 votes").json()["restores"] == "2 votes"
    assert status_view(Board(), [], [], NOW).restores == StatusView(at=NOW, rows=()).restores == ""


def test_a_surface_left_alone_stands_under_not_cut_until_its_incident_closes() -> None:
    """`unsupported: leave` is said as long as the stop runs."""
    board = Board()
    stop(board, left=(events.LeftAlone(surface="billing/ledger", why="left alone, as configured"),))
    inventory = [surface("billing/ledger", "t")]
    row = only(status(board, inventory, [], NOW))
    assert (row.effective, row.asked, row.outcome) == (Mode.NORMAL, Mode.FULL_STOP, Outcome.LEFT)
    board.apply(events.IncidentClosed(at=NOW, incident="i1", by=BY))
    assert only(status(board, inventory, [], NOW)).outcome is None


def test_a_quarantined_surface_names_its_line() -> None:
    """A surface that could not be cut is never shown as well."""
    broken = Quarantined(agent="billing", id="crm", why="unknown adapter", place=Place(file="a.yaml", line=7))
    row = only(status(Board(), [], [broken], NOW))
    assert (row.outcome, row.detail) == (Outcome.QUARANTINED, "configuration: unknown adapter (a.yaml:7)")
    assert row.not_cut


def test_a_quarantined_surface_whose_last_good_configuration_serves_is_one_row() -> None:
    """The row of the usable one, with the reason beside it."""
    board = Board()
    stop(board, ("billing/ledger", "t"))
    prove(board, "t", Outcome.VERIFIED)
    broken = Quarantined(agent="billing", id="ledger", why="bad dsn")
    row = only(status(board, [surface("billing/ledger", "t")], [broken], NOW))
    assert row.outcome is Outcome.VERIFIED
    assert row.detail == "seen; configuration: bad dsn; its last good configuration serves"


def test_a_held_target_that_left_the_configuration_is_shown_as_unknown() -> None:
    """A proof of the past is not trusted where nobody can look any more."""
    board = Board()
    stop(board, ("billing/ledger", "old"))
    prove(board, "old", Outcome.VERIFIED)
    rows = status(board, [surface("billing/ledger", "new")], [], NOW)
    found = [(row.target, row.effective, row.outcome) for row in rows]
    assert found == [("old", Mode.FULL_STOP, Outcome.UNKNOWN), ("new", Mode.NORMAL, None)]


def test_the_worst_stands_first_and_owners_are_named() -> None:
    """NOT CUT, NOT PROVEN, held, the rest."""
    board = Board()
    stop(board, ("a/one", "t1"), ("b/two", "t2"), ("c/three", "t3"))
    for target, outcome in (("t1", Outcome.VERIFIED), ("t2", Outcome.APPLIED), ("t3", Outcome.FAILED)):
        prove(board, target, outcome)
    inventory = [surface(name, f"t{index}") for index, name in enumerate(["a/zero", "a/one", "b/two", "c/three"])]
    view = status_view(board, inventory, [], NOW, owners={"c": "U0OWNER"}, problems=["the database is down"])
    assert [row.surface for row in view.rows] == ["c/three", "b/two", "a/one", "a/zero"]
    assert view.rows[0].owner == "U0OWNER"
    shown = view.json()
    assert (shown["not_cut"], shown["not_proven"]) == (["c/three"], ["b/two"])
    assert (shown["incidents"], shown["problems"]) == (["i1"], ["the database is down"])
    assert [hold.reason for hold in view.holds] == ["why"]


def test_ten_thousand_held_surfaces_are_listed_in_one_pass() -> None:
    """The work grows with the surfaces, not with their square (which would take minutes)."""
    board = Board()
    pairs = [(f"a/s{index}", f"t{index}") for index in range(10_000)]
    stop(board, *pairs)
    assert len(status_view(board, [surface(*pair) for pair in pairs], [], NOW).rows) == len(pairs)
