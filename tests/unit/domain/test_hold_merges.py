"""What does a hold set make of one hold that comes twice, late, or after its own lift?"""

import itertools

from adapters.base import Mode
from bot.domain.holds import HoldSet


def _set(*holds: tuple[str, Mode, str]) -> HoldSet:
    """A hold set of (hold, mode, targets by letter)."""
    made = HoldSet()
    for hold, mode, targets in holds:
        made.add(hold, mode, targets)
    return made


def test_the_stricter_of_two_tellings_counts_in_any_order() -> None:
    """On a target that has it alone, and on one that others hold as well."""
    told = [("h", Mode.READ_ONLY, "ab"), ("h", Mode.FULL_STOP, "ab"), ("i", Mode.DRAFT_ONLY, "b")]
    for order in itertools.permutations([*told, ("h", Mode.DRAFT_ONLY, "ab")]):
        made = _set(*order)
        assert made.live("a") == {"h": Mode.FULL_STOP}
        assert made.live("b") == {"h": Mode.FULL_STOP, "i": Mode.DRAFT_ONLY}
        assert made.effective("b") is Mode.FULL_STOP


def test_targets_of_one_hold_go_their_own_ways() -> None:
    """A further hold on one of them, or a lift there, is nothing to the others."""
    made = _set(("h", Mode.READ_ONLY, "abc"), ("i", Mode.FULL_STOP, "a"))
    before = made.live("a")
    made.lift([("h", "b")])
    assert [made.effective(target) for target in "abc"] == [Mode.FULL_STOP, Mode.NORMAL, Mode.READ_ONLY]
    made.lift([("i", "a")])
    assert made.live("a") == {"h": Mode.READ_ONLY}
    assert before == {"h": Mode.READ_ONLY, "i": Mode.FULL_STOP}
    assert sorted(made.targets()) == ["a", "c"]


def test_a_pair_that_was_lifted_never_holds_again() -> None:
    """Not when its hold comes after its lift, nor when it comes once more; its other targets are held."""
    made = HoldSet()
    made.lift([("h", "a"), ("h", "x"), ("other", "b")])
    for _ in range(2):
        made.add("h", Mode.FULL_STOP, "ab")
        assert [made.effective(target) for target in "ab"] == [Mode.NORMAL, Mode.FULL_STOP]
    assert (made.is_lifted("h", "a"), made.is_lifted("h", "b"), made.is_lifted("i", "a")) == (True, False, False)
    assert made.live("a") == {}
