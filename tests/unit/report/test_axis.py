"""Is the time axis of the picture in order, and readable from a second to weeks?"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.report.axis import Axis

times = st.lists(st.floats(1.7e9, 1.8e9), min_size=1, max_size=30)


@given(times, times)
def test_later_is_never_to_the_left(marks: list[float], asked: list[float]) -> None:
    """Whatever is placed, in the order of the times and within the width."""
    axis = Axis(marks, 900)
    places = [axis.place(at) for at in sorted(asked)]
    assert places == sorted(places)
    assert all(0 <= place <= 900.0001 for place in places)


def test_the_first_second_is_seen_beside_weeks() -> None:
    """The proof after half a second is not on top of the stop."""
    axis = Axis([0.0, 0.5, 3 * 7 * 86_400.0], 900)
    assert 80 < axis.place(0.5) < 450


@given(times)
def test_labels_never_meet(marks: list[float]) -> None:
    """Each has its room, the last one too."""
    places = [place for place, _, _ in Axis(marks, 900).ticks()]
    assert all(after - before >= 100 for before, after in pairwise(places)) or len(places) <= 2
