"""Does the gate's benchmark still measure, and say so where a bound is not met?"""

from benchmarks.gate import Found, Way, measure, page


async def test_a_run_times_every_way() -> None:
    """Each call came back, and the gate's processor time was read."""
    found = await measure(rate=60, seconds=0.5, turns=1)
    assert [len(way.times) for way in found.ways] == [30, 30, 30]
    assert found.gate_cpu > 0
    assert all(way.at(50) > 0 for way in found.ways)


def test_the_page_says_what_is_not_met() -> None:
    """The difference to the direct way is what counts."""

    def ways(added: float) -> tuple[Way, ...]:
        times = {"direct": 0.001, "through": 0.001 + added}
        return tuple(Way(name, 0, "", (), times=[seconds] * 100) for name, seconds in times.items())

    assert ": met." in page(Found(ways(0.0019), 0.0005, 300), "x")
    assert "**not met**" in page(Found(ways(0.0021), 0.0005, 300), "x")
