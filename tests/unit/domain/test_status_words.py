"""What exactly does a status say, as text and as JSON, of every sort of surface?"""

from typing import Any

from adapters.base import Attempt, Config, Mode, SurfaceClass
from bot.domain import events
from bot.domain.armed import Armed, State
from bot.domain.board import Board
from bot.domain.model import Place, Quarantined, Surface
from bot.domain.outcome import Outcome
from bot.domain.plan import Inventoried
from bot.domain.status import StatusRow, status, status_view
from tests.unit.domain.facts import ALICE, board, held_target, hold, lift, seen

NOW = 1_000.0


def usable(name: str, target: str = "") -> Inventoried:
    """A surface of class queue, on a target of its own name unless another is given."""
    agent, _, ident = name.partition("/")
    made = Surface(agent=agent, id=ident, adapter="memory", surface_class=SurfaceClass.QUEUE, settings=Config())
    return Inventoried(surface=made, target=target or name, enforceable=frozenset(Mode) - {Mode.NORMAL})


def rows(made: Board, *names: str, broken: tuple[Quarantined, ...] = (), **more: Any) -> dict[str, StatusRow]:
    """The rows by surface; fails where a surface has two."""
    found = status(made, [usable(name) for name in names], broken, NOW, **more)
    assert len({row.surface for row in found}) == len(found)
    return {row.surface: row for row in found}


def _left(surface: str, why: str = "left alone, as configured") -> tuple[events.LeftAlone, ...]:
    return (events.LeftAlone(surface=surface, why=why),)


def test_a_proven_row_says_everything_that_was_found() -> None:
    """What is held and asked, by which holds, how it was proven and how long ago, and whose it is."""
    proof = seen(990.0, "a/1", asked=Mode.FULL_STOP, attempt=Attempt.REFUSED, detail="what", next="do")
    made = board(hold("h1", 900.0, "a/1", mode=Mode.READ_ONLY), hold("h2", 950.0, "a/1"), proof)
    row = rows(made, "a/1", owners={"a": "U0OWNER", "b": "U0OTHER"})["a/1"]
    assert row.json() | {"earned": None, "held_back": None} == {
        "surface": "a/1",
        "adapter": "memory",
        "class": "queue",
        "effective": "full_stop",
        "asked": "full_stop",
        "outcome": "verified",
        "held": "full_stop",
        "attempt": "refused",
        "proof_age": 10.0,
        "detail": "what",
        "next": "do",
        "owner": "U0OWNER",
        "holds": ["h1", "h2"],
        "earned": None,
        "held_back": None,
    }
    assert (row.agent, row.target, row.not_cut, row.not_proven) == ("a", "a/1", False, False)


def test_a_row_that_nothing_is_known_of_says_nothing() -> None:
    """Normal, without an outcome, an age or an owner."""
    said = rows(Board(), "a/1")["a/1"].json()
    assert (said["effective"], said["asked"], said["outcome"], said["held"]) == ("normal", "normal", None, None)
    assert (said["attempt"], said["proof_age"], said["detail"], said["next"]) == ("untried", None, "", "")
    assert (said["owner"], said["holds"]) == (None, [])
    assert (said["earned"], said["held_back"]) == (None, [])
    bare = StatusRow(surface="a/1/x")
    assert (bare.agent, bare.adapter, bare.surface_class, bare.effective) == ("a", "", None, Mode.NORMAL)
    assert (bare.asked, bare.outcome, bare.held, bare.attempt) == (Mode.NORMAL, None, None, None)
    assert (bare.proof_age, bare.detail, bare.next, bare.owner, bare.target) == (None, "", "", None, None)
    assert bare.holds == ()


def test_what_was_read_is_said_of_a_surface_that_nothing_holds() -> None:
    """Its mode and age; a proof of the past is no outcome."""
    made = board(hold("h", 900.0, "a/1"), seen(950.25, "a/1", detail="what"), lift(960.0, ("h", "a/1")))
    said = rows(made, "a/1")["a/1"].json()
    assert (said["outcome"], said["held"], said["proof_age"], said["detail"]) == (None, "full_stop", 49.75, "")
    later = board(hold("h", 900.0, "a/1"), seen(NOW + 5.0, "a/1"))
    assert rows(later, "a/1")["a/1"].proof_age == 0.0
    third = board(seen(NOW - 1 / 3, "a/1"))
    assert rows(third, "a/1")["a/1"].json()["proof_age"] == 0.333


def test_a_proof_from_before_the_last_change_is_pending() -> None:
    """P3: and so is one that could not be read back as strict as asked; one of a stricter mode proves the milder."""
    older = board(seen(800.0, "a/1"), hold("h", 900.0, "a/1"))
    assert rows(older, "a/1")["a/1"].outcome is Outcome.PENDING
    stricter = board(hold("h", 900.0, "a/1", mode=Mode.READ_ONLY), seen(950.0, "a/1"))
    assert rows(stricter, "a/1")["a/1"].outcome is Outcome.VERIFIED
    assert rows(board(hold("h", 900.0, "a/1"), seen(950.0, "a/1", held=None)), "a/1")["a/1"].json()["held"] is None


def test_what_a_stop_left_is_said_while_it_is_stricter_than_what_is_held() -> None:
    """With the reason and what to do; the strictest of several counts, and a milder hold does not hide it."""
    stops = [
        hold("h1", 900.0, mode=Mode.READ_ONLY, left=_left("a/1", "first")),
        hold("h2", 910.0, mode=Mode.FULL_STOP, left=_left("a/1", "second")),
        hold("h3", 920.0, mode=Mode.FULL_STOP, left=_left("a/1", "third")),
        hold("h4", 930.0, mode=Mode.DRAFT_ONLY, left=_left("a/1", "fourth")),
        hold("h5", 940.0, "a/1", mode=Mode.READ_ONLY),
    ]
    row = rows(board(*stops), "a/1")["a/1"]
    assert (row.effective, row.asked, row.outcome) == (Mode.READ_ONLY, Mode.FULL_STOP, Outcome.LEFT)
    assert (row.detail, row.next) == ("second", "cut a/1 by hand, or stop it with a stricter mode")
    held = rows(board(*stops, hold("h6", 950.0, "a/1")), "a/1")["a/1"]
    assert (held.outcome, held.asked) == (Outcome.PENDING, Mode.FULL_STOP)
    closed = events.IncidentClosed(at=960.0, incident="i", by=ALICE)
    assert rows(board(*stops, closed), "a/1")["a/1"].outcome is Outcome.PENDING


def test_a_quarantined_row_says_what_to_mend_and_what_still_holds_it() -> None:
    """The strictest that is held on any of its targets or was asked of it."""
    place = Place(file="a.yaml", line=7)
    broken = Quarantined(
        agent="a", id="1", why="bad dsn", place=place, adapter="postgres_role", surface_class=SurfaceClass.DATABASE
    )
    one = hold("h1", 900.0, held_target("t1", "a/1"), mode=Mode.DRAFT_ONLY)
    two = hold("h2", 900.0, held_target("t2", "a/1"), mode=Mode.READ_ONLY)
    row = rows(board(one, two), broken=(broken,), owners={"a": "U0OWNER"})["a/1"]
    assert row == StatusRow(
        surface="a/1",
        adapter="postgres_role",
        surface_class=SurfaceClass.DATABASE,
        effective=Mode.READ_ONLY,
        asked=Mode.READ_ONLY,
        outcome=Outcome.QUARANTINED,
        detail="configuration: bad dsn (a.yaml:7)",
        next="mend the line and run `agent-kill check`, or cut a/1 by hand",
        owner="U0OWNER",
    )
    asked = rows(board(one, hold("h3", 900.0, left=_left("a/1"))), broken=(broken,))["a/1"]
    assert (asked.effective, asked.asked) == (Mode.DRAFT_ONLY, Mode.FULL_STOP)
    assert rows(Board(), broken=(Quarantined(agent="a", id="1", why="x"),))["a/1"].asked is Mode.NORMAL


def test_a_usable_surface_with_a_bad_line_says_that_its_last_good_one_serves() -> None:
    """Beside what else is said of it; other rows say nothing of it."""
    broken = Quarantined(agent="a", id="1", why="bad dsn")
    note = "configuration: bad dsn; its last good configuration serves"
    quiet = rows(Board(), "a/1", "a/2", broken=(broken,))
    assert (quiet["a/1"].detail, quiet["a/2"].detail) == (note, "")
    spoken = rows(board(hold("h", 900.0, "a/1"), seen(950.0, "a/1", detail="what")), "a/1", broken=(broken,))
    assert spoken["a/1"].detail == f"what; {note}"


def test_a_held_target_that_no_surface_points_at_has_a_row_of_its_own() -> None:
    """What to do, and nothing green; one whose surface is quarantined is told there."""
    stops = hold("h", 900.0, held_target("t9", "a/1", "b/1"), held_target("t1", "c/1"))
    moved = status(board(stops, seen(950.0, "t9")), [usable("a/1", "t1")], (), NOW, owners={"b": "U0OWNER"})
    told = {(row.surface, row.target): row for row in moved}
    assert set(told) == {("a/1", "t1"), ("a/1", "t9"), ("b/1", "t9")}
    row = told["b/1", "t9"]
    assert (row.outcome, row.effective, row.asked) == (Outcome.UNKNOWN, Mode.FULL_STOP, Mode.FULL_STOP)
    assert row.detail == "the configuration no longer points at t9, which is still held"
    assert row.next == "put b/1 back into the configuration until its holds are lifted"
    assert (row.owner, row.adapter, row.surface_class, row.holds) == ("U0OWNER", "", None, ("h",))
    broken = Quarantined(agent="b", id="1", why="bad dsn")
    assert [r.surface for r in status(board(stops), [usable("a/1", "t1")], (broken,), NOW)] == ["a/1", "a/1", "b/1"]
    assert rows(board(stops, lift(960.0, ("h", "t9"), ("h", "t1")))) == {}


def test_a_surface_on_two_held_targets_that_left_has_a_row_for_each() -> None:
    """Each target is held on its own."""
    stops = hold("h", 900.0, held_target("t1", "a/1"), held_target("t2", "a/1"), held_target("t1", "a/1"))
    assert sorted(str(row.target) for row in status(board(stops), (), (), NOW)) == ["t1", "t2"]


def test_rows_are_sorted_by_urgency_and_then_by_name() -> None:
    """NOT CUT, NOT PROVEN, held, the rest."""
    made = board(
        hold("h", 900.0, "d/1", "c/1", "b/2", "b/1", "a/9"),
        seen(950.0, "b/2", "b/1"),
        seen(950.0, "c/1", outcome=Outcome.APPLIED),
        seen(950.0, "d/1", outcome=Outcome.FAILED),
        seen(950.0, "a/9", outcome=Outcome.UNKNOWN),
    )
    found = status(made, [usable(name) for name in ("b/2", "a/2", "a/1", "c/1", "d/1", "b/1", "a/9")], (), NOW)
    assert [row.surface for row in found] == ["a/9", "d/1", "c/1", "b/1", "b/2", "a/1", "a/2"]


def test_a_view_lists_live_holds_and_open_incidents() -> None:
    """The oldest hold first; what was lifted or closed, and an incident without a stop, are left out."""
    made = board(
        hold("h2", 920.0, "a/1", incident="i2", reason="second", scope="a", mode=Mode.READ_ONLY),
        hold("h1", 910.0, "a/1", "a/2", incident="i1", reason="first", scope="all"),
        hold("h0", 905.0, "a/2", incident="i0"),
        events.Posted(at=930.0, incident="post", slot="parent", channel="C1", ts="1", digest=""),
        events.IncidentClosed(at=940.0, incident="i0", by=ALICE),
        lift(940.0, ("h0", "a/2")),
    )
    view = status_view(made, [usable("a/1"), usable("a/2")], [], NOW, problems=iter(["the disk is full"]))
    assert (view.at, view.incidents, view.problems) == (NOW, ("i2", "i1"), ("the disk is full",))
    assert [row.surface for row in view.not_cut()] == ["a/1", "a/2"]
    said = view.json()
    first = {
        "hold": "h1",
        "incident": "i1",
        "mode": "full_stop",
        "at": 910.0,
        "by": "slack:U0ALICE",
        "reason": "first",
        "scope": "all",
    }
    assert said["holds"] == [
        first,
        {**first, "hold": "h2", "incident": "i2", "mode": "read_only", "at": 920.0, "reason": "second", "scope": "a"},
    ]
    assert (said["at"], said["incidents"], said["problems"]) == (NOW, ["i2", "i1"], ["the disk is full"])
    assert (said["not_cut"], said["not_proven"]) == (["a/1", "a/2"], [])
    assert said["surfaces"] == [row.json() | {"armed": None} for row in view.rows]
    empty = status_view(Board(), [usable("a/1")], [], NOW, owners={"a": "U0OWNER"})
    assert (empty.holds, empty.incidents, empty.problems, empty.rows[0].owner) == ((), (), (), "U0OWNER")


def test_the_document_says_of_every_button_whether_it_works() -> None:
    """At each surface its state, where somebody checks; what does not work, the worst first; the bot's own parts."""
    down = Armed(subject="a/1", state=State.NOT_ARMED, why="it is down", next="start it", since=5.0, age=1.0)
    good = Armed(subject="a/2", state=State.ARMED, age=1.0)
    disk = Armed(subject="disk state", state=State.STALE, why="it is too old", next="look")
    armed = {"disk state": disk, "a/1": down, "a/2": good}
    inventory = [usable(name) for name in ("a/1", "a/2", "a/3")]
    said = status_view(board(), inventory, [], NOW, armed=armed).json()
    assert {row["surface"]: row["armed"] for row in said["surfaces"]} == {  # type: ignore[attr-defined]  # a list
        "a/1": "not_armed",
        "a/2": "armed",
        "a/3": None,
    }
    assert said["not_armed"] == [down.json(), disk.json()]
    assert said["switch"] == [disk.json()]
    unasked = status_view(board(), inventory, [], NOW).json()
    assert (unasked["not_armed"], unasked["switch"]) == ([], [])
