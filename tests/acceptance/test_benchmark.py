"""Does the benchmark still measure: the real bot over Slack's HTTP mode, the floor and the obvious program?"""

from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.farm import hangs
from benchmarks.farms import Farm, Seen
from benchmarks.trial import Case, Result, run

SURFACES, PER_MILLE = 50, 100


def _case(hung: int = 0) -> Case:
    return Case(surfaces=SURFACES, hung_per_mille=hung, latency=0.02, seed=3)


@pytest.mark.parametrize("contender", ["agent-kill", "floor", "obvious 10 s"])
async def test_a_trial_sees_every_surface_cut_and_read_back(contender: str, tmp_path: Path) -> None:
    """Once each, none before its latency; the bot's hold was on disk first, and Slack was called few times."""
    farm = Farm(pinned=False)
    try:
        done = await run(contender, _case(), farm, tmp_path / "trial")
    finally:
        farm.close()
    assert (done.healthy_uncut, done.cut_twice) == (0, 0)
    assert done.first_cut is not None
    assert done.last_read_back is not None
    assert 20 <= done.first_cut < done.last_read_back
    assert done.cpu_us > 0
    if contender == "agent-kill":
        assert done.recorded_first
        assert done.slack_calls is not None
        assert 3 <= done.slack_calls <= 8
        assert done.ack_p99 is not None
        assert done.ack_p99 < 3000


async def test_what_hangs_is_chosen_by_seed_and_number_and_delays_no_other(tmp_path: Path) -> None:
    """By the same rule in both farms."""
    farm = Farm(pinned=False)
    try:
        done = await run("agent-kill", _case(PER_MILLE), farm, tmp_path / "trial")
        table = farm.table(tmp_path / "table")
    finally:
        farm.close()
    hung = [one.number for one in table if one.hung]
    assert hung == [number for number in range(SURFACES) if hangs(number, 3, PER_MILLE)]
    assert hung
    assert [one for one in table if one.hung and one.cuts] == list[Seen]()
    assert done.healthy_uncut == 0
    assert done.last_read_back is not None
    assert done.last_read_back < 3000


def test_the_page_says_what_is_not_met() -> None:
    """And names command, machine and noise."""

    def result(contender: str, last: float, **more: float) -> Result:
        numbers = {"healthy_uncut": 0, "cut_twice": 0, "cpu_us": 10.0, "memory": 1.0, **more}
        return Result(
            contender=contender,
            case=_case(),
            first_cut=45.0,
            last_cut=last,
            last_read_back=last,
            **numbers,  # type: ignore[arg-type]  # numbers of the right fields
        )

    found = [
        result("floor", 100.0),
        result("agent-kill", 200.0, healthy_uncut=2, ack_p99=251.0, slack_calls=9),
        result("floor again", 150.0),
        result("obvious unlimited", 2500.0),
    ]
    text = page.page(found, page.Run(command="the command", seed=3, farm="C", load=0.5))
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in text.splitlines() if row.startswith("| ")}
    assert "NOT MET" in rows["healthy surfaces uncut, all trials"]
    assert "| 2 |" in rows["healthy surfaces uncut, all trials"]
    assert "NOT MET" in rows["first cut, beyond the surface's own latency"]
    assert rows["faster than the obvious program without a timeout"].endswith("| 12.5x | met |")
    assert "NOT MET" in rows["acknowledgement of other commands meanwhile, p99"]
    assert "NOT MET" in rows["calls to Slack until the report is closed"]
    assert "NOISY" in text
    assert "`the command`" in text
