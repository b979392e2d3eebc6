"""What may a drill give back, what makes that void, and what takes the place of a release that failed?"""

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.practice import Run
from bot.domain.release import begun, own_holds, pairs, put_back_hold, why_void
from tests.unit.domain.facts import board, held_target, hold, lift
from tests.unit.domain.runs import claimed, cut, ended, gave_back, released, started, the_run

OS_USER = events.Person(kind="cli", id="root")
STARTED = started(10.0, "a/1", "a/2")
CUT = cut(10.5, "a/1", "a/2")
RUN = the_run(claimed(9.0), STARTED)


def test_it_gives_back_what_it_cut_and_nothing_else() -> None:
    """The pairs of its own holds that are live still; an older stop of another target is nobody's concern here."""
    made = board(hold("older", 1.0, "a/3"), STARTED, CUT)
    assert why_void(made, RUN) == ""
    assert pairs(made, RUN) == (("cut", "a/1"), ("cut", "a/2"))
    made.apply(released(11.0, ("cut", "a/1")))
    assert pairs(made, RUN) == (("cut", "a/2"),)


def test_what_put_it_back_is_its_own_too() -> None:
    """And what another run, or a stop that only has the same parent, put back is not."""
    mine = cut(12.0, "a/1", name="r.back1")
    made = board(STARTED, CUT, mine, cut(12.0, "a/9", name="s.back1", parent="s"), hold("x", 12.0, "a/9", parent="r"))
    assert own_holds(made, RUN) == {"cut", "r.back1"}
    assert pairs(made, RUN) == (("cut", "a/1"), ("r.back1", "a/1"), ("cut", "a/2"))


def test_a_run_without_a_plan_has_nothing() -> None:
    """It was claimed, and the process ended."""
    made, run = board(CUT), the_run(claimed(9.0))
    assert own_holds(made, run) == frozenset()
    assert why_void(made, run) == "the drill never began"
    assert (pairs(made, run), begun(made, run)) == ((), ())


def test_what_is_over_gives_nothing_back() -> None:
    """Whatever is held by its hold still waits for a vote."""
    run = the_run(STARTED, ended(20.0))
    made = board(STARTED, CUT)
    assert why_void(made, run) == "the drill is over"
    assert pairs(made, run) == ()


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (hold("real", 11.0, "a/2"), "a real stop by <@U0ALICE> came, and it wins"),
        (hold("real", 11.0, "a/2", by=OS_USER), "a real stop came, and it wins"),
        (hold("b.1", 11.0, "a/2", origin="restore"), "a vote has taken it over"),
        (hold("real", 10.0, "a/2"), "a real stop by <@U0ALICE> came, and it wins"),
        (hold("real", 1.0, "a/1"), "a real stop by <@U0ALICE> came, and it wins"),  # read late: it is live
        (cut(11.0, "a/1", name="s", parent="s", by=OS_USER), "a real stop came, and it wins"),
    ],
)
def test_whatever_else_holds_a_target_of_it_makes_it_void(other: events.HoldAdded, why: str) -> None:
    """Nothing is given back then, not even what only the drill holds."""
    made = board(STARTED, CUT, other)
    assert why_void(made, RUN) == why
    assert pairs(made, RUN) == ()


def test_a_stop_that_was_lifted_again_makes_it_void_for_good() -> None:
    """From the drill's start on, that moment included; what came and went before it does not."""
    for at, why in ((10.0, "a real stop by <@U0ALICE> came, and it wins"), (9.9, "")):
        made = board(STARTED, CUT, hold("real", at, "a/9", "a/2"), lift(12.0, ("real", "a/2")))
        assert why_void(made, RUN) == why
    elsewhere = board(STARTED, CUT, hold("real", 11.0, "a/9"))
    assert why_void(elsewhere, RUN) == ""


def test_a_hold_of_which_only_a_lift_was_read_does_not_count() -> None:
    """It binds nothing, and nobody knows when it came."""
    assert why_void(board(STARTED, CUT, lift(12.0, ("unread", "a/1"))), RUN) == ""


def test_what_is_put_back_says_everything_that_the_cut_said() -> None:
    """Of the targets that are named, at the mode of the cut, as a stop of the bot's own, after all that is known."""
    whole = hold(
        "cut",
        10.5,
        held_target("a/1", "a/1", "b/1", round_to=Mode.READ_ONLY),
        "a/2",
        mode=Mode.READ_ONLY,
        scope="billing",
        channel="C1",
        origin="drill",
    )
    made = board(STARTED, whole, released(15.0, ("cut", "a/1"), ("cut", "a/2")))
    back = put_back_hold(made, RUN, ("a/1",), why="it did not loosen", now=12.0)
    assert back.model_dump() == {
        **whole.model_dump(),
        "at": back.at,
        "hold": "r.back1",
        "by": {"kind": "bot", "id": "drill"},
        "reason": "it did not loosen",
        "parent": "r",
        "targets": (held_target("a/1", "a/1", "b/1", round_to=Mode.READ_ONLY).model_dump(),),
    }
    assert 15.0 < back.at < 15.1
    assert put_back_hold(made, RUN, ("a/1",), why="", now=16.0).at == 16.0


def test_every_put_back_has_an_id_of_its_own() -> None:
    """A tombstone of the first would undo the second, too."""
    made = board(STARTED, CUT)
    for number in (1, 2, 3):
        back = put_back_hold(made, RUN, ("a/1",), why="", now=20.0 + number)
        assert back.hold == f"r.back{number}"
        made.apply(back)
    assert own_holds(made, RUN) == {"cut", "r.back1", "r.back2", "r.back3"}


RELEASED = released(15.0, ("cut", "a/1"), ("cut", "a/2"))


@pytest.mark.parametrize(
    ("story", "open_"),
    [
        ((STARTED, CUT, RELEASED), ("a/1", "a/2")),
        ((STARTED, CUT, released(15.0, ("cut", "a/2")), released(16.0, ("cut", "a/1"))), ("a/1", "a/2")),
        ((STARTED, CUT, released(15.0, ("cut", "a/2"))), ("a/2",)),
        ((STARTED, CUT, RELEASED, gave_back(16.0, "a/1")), ("a/2",)),
        ((STARTED, CUT, RELEASED, hold("real", 16.0, "a/1")), ("a/2",)),
        ((STARTED, CUT), ()),
        ((STARTED, CUT, RELEASED, ended(17.0)), ()),
        ((STARTED, RELEASED), ()),
        ((claimed(9.0), CUT, RELEASED), ()),
    ],
    ids=["all", "in parts", "one", "given back", "held again", "unreleased", "over", "no cut", "no plan"],
)
def test_a_release_is_open_until_it_was_read_back_or_held_again(story: tuple[events.Event, ...], open_: object) -> None:
    """After a restart this is what nobody knows the state of."""
    made = board(*story)
    assert begun(made, _run_of(made.practice.runs)) == open_


def _run_of(runs: dict[str, Run]) -> Run:
    (run,) = runs.values()
    return run
