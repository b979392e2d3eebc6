"""The page of a run: every figure with its command, commit, machine and seed."""

import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.trial import Result

NOTES = Path(__file__).parent / "notes.md"
_QUIET = (0.9, 1.1)  # of the null pair's median; outside it, times of that size say little
_EDGE = 10.0  # ms that the first cut may take beyond the surface's own latency
_FASTER = 10.0
_ACK = 250.0  # ms
_CALLS = 8
_HUNG = 1.1
Pick = Callable[[Result], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the results were made. `load` is the load average before it began."""

    command: str
    seed: int
    farm: str
    load: float


class Results:
    """All trials, by contender, size and share that hangs."""

    def __init__(self, found: Sequence[Result]) -> None:
        self._found = found
        self.sizes = sorted({one.case.surfaces for one in found})

    def of(self, contender: str, size: int, hung: int = 0) -> list[Result]:
        """The trials of one contender."""
        wanted = (contender, size, hung)
        return [one for one in self._found if (one.contender, one.case.surfaces, one.case.hung_per_mille) == wanted]

    def middle(self, contender: str, size: int, pick: Pick, hung: int = 0) -> float | None:
        """The median."""
        values = _values(self.of(contender, size, hung), pick)
        return median(values) if values else None

    def ratios(self, one: tuple[str, int], other: tuple[str, int], size: int) -> list[float]:
        """Times of the last read-back of one contender to another's, pair by pair."""
        pairs = zip(self.of(one[0], size, one[1]), self.of(other[0], size, other[1]), strict=False)
        return [a.last_read_back / b.last_read_back for a, b in pairs if a.last_read_back and b.last_read_back]


def page(found: Sequence[Result], run: Run) -> str:
    """The whole page, in Markdown."""
    results = Results(found)
    parts = ["# Performance", _head(run), _goals(results), _times(results), _noise(results), NOTES.read_text()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _head(run: Run) -> str:
    commit = _said("git", "rev-parse", "--short", "HEAD")
    model = next((line.split(": ")[1] for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    return f"""Generated; do not edit (`benchmarks/README.md` says how it is measured).

| | |
|---|---|
| command | `{run.command}` |
| commit | `{commit}` |
| machine | {model.strip()}, {os.cpu_count()} cores, Linux {platform.release()}, CPython {platform.python_version()} |
| seed | {run.seed}, one more in each pair |
| farm | {run.farm}, on a core of its own; its clock and its table are the truth |
| load average before | {run.load:.2f} |

Times are milliseconds from the signed slash command, as medians with least and most; processor time is that of the
contender's process per surface, in microseconds, until the last healthy surface was read back."""


def _goals(results: Results) -> str:
    size = results.sizes[-1]
    rows = "\n".join(
        f"| {what} | {goal} | {value} | {_met(met)} |" for what, goal, value, met in _judged(results, size)
    )
    return f"## What is asked of {size:,} surfaces\n\n| | asked | measured | |\n|---|---|---|---|\n{rows}"


def _judged(results: Results, size: int) -> Iterable[tuple[str, str, str, bool | None]]:
    bots = [one for hung in (0, 50, 200) for one in results.of("agent-kill", size, hung)]
    calm = results.of("agent-kill", size)
    uncut, twice = sum(one.healthy_uncut for one in bots), sum(one.cut_twice for one in bots)
    yield "healthy surfaces uncut, all trials", "0", f"{uncut:,}", uncut == 0
    yield "healthy surfaces cut twice, all trials", "0", f"{twice:,}", twice == 0
    first = _values(calm, lambda one: one.first_cut and one.first_cut - one.case.latency * 1000)
    yield "first cut, beyond the surface's own latency", f"{_EDGE:g} ms", _span(first), _under(first, _EDGE)
    recorded = all(one.recorded_first for one in calm)
    yield "the hold on disk before it", "always", "always" if recorded else "not always", recorded
    slow = results.ratios(("obvious unlimited", 0), ("agent-kill", 0), size)
    faster = bool(median(slow) >= _FASTER) if slow else None
    yield "faster than the obvious program without a timeout", f"{_FASTER:g}x", _span(slow, "x"), faster
    acks = _values(bots, lambda one: one.ack_p99)
    yield "acknowledgement of other commands meanwhile, p99", f"{_ACK:g} ms", _span(acks), _under(acks, _ACK)
    calls = _values(calm, lambda one: one.slack_calls)
    yield "calls to Slack until the report is closed", f"{_CALLS}", _span(calls, ""), _under(calls, _CALLS)
    for hung in (50, 200):
        cost = results.ratios(("agent-kill", hung), ("agent-kill", 0), size)
        limit = (f"{_HUNG:g}x", _under(cost, _HUNG)) if hung == 50 else ("", None)  # noqa: PLR2004  # 5 %
        yield f"last healthy cut with {hung // 10} % hanging, to none", limit[0], _span(cost, "x"), limit[1]


def _times(results: Results) -> str:
    head = (
        "| N | contender | hanging | first cut | last cut read back | healthy uncut | processor µs | MiB | ack | "
        "others' ack p99 | Slack calls |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    rows = [
        row
        for size in results.sizes
        for contender, hung in (
            ("floor", 0),
            ("agent-kill", 0),
            ("agent-kill", 50),
            ("agent-kill", 200),
            ("obvious unlimited", 0),
            ("obvious 10 s", 0),
        )
        if (row := _row(results.of(contender, size, hung)))
    ]
    return "\n".join(["## All of it", "", head, *rows])


def _row(trials: list[Result]) -> str:
    if not trials:
        return ""
    case = trials[0].case
    picks: list[Pick] = [
        lambda one: one.first_cut,
        lambda one: one.last_read_back,
        lambda one: one.healthy_uncut,
        lambda one: one.cpu_us,
        lambda one: one.memory,
        lambda one: one.ack_ms,
        lambda one: one.ack_p99,
        lambda one: one.slack_calls,
    ]
    cells = [_span(_values(trials, pick), "") for pick in picks]
    return f"| {case.surfaces:,} | {trials[0].contender} | {case.hung_per_mille / 10:g} % | {' | '.join(cells)} |"


def _noise(results: Results) -> str:
    lines = []
    for size in results.sizes:
        null = results.ratios(("floor again", 0), ("floor", 0), size)
        bot = results.ratios(("agent-kill", 0), ("floor", 0), size)
        quiet = null and _QUIET[0] <= median(null) <= _QUIET[1]
        word = "quiet" if quiet else "NOISY: times of this size say little"
        lines.append(f"| {size:,} | {_span(null, '')} | {word} | {_span(bot, '')} |")
    head = "| N | the floor to itself | | the bot to the floor |\n|---|---|---|---|"
    return "\n".join(["## How far the times can be trusted", "", head, *lines])


def _values(trials: Sequence[Result], pick: Pick) -> list[float]:
    return [value for one in trials if (value := pick(one)) is not None]


def _span(values: Sequence[float], unit: str = " ms") -> str:
    if not values:
        return "-"
    low, middle, high = map(_digits, (min(values), median(values), max(values)))
    return f"{middle}{unit}" if low == high else f"**{middle}**{unit} ({low} to {high})"


def _digits(value: float) -> str:
    """Three of them say enough."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004  # see above


def _under(values: Sequence[float], limit: float) -> bool | None:
    return bool(median(values) <= limit) if values else None


def _met(met: bool | None) -> str:  # noqa: FBT001  # three-valued, and local
    return {True: "met", False: "**NOT MET**", None: ""}[met]


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"  # noqa: S603  # git
