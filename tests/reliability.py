"""Runs what reliability is judged by and writes `docs/reliability.md`: each figure with its command, commit and seed.

    python -m tests.reliability                      everything: about an hour on two idle processors
    python -m tests.reliability --only model audit   these anew; the others stay as their last run left them

What each command printed is kept in `build/reliability/`, with the commit that it ran on.
"""

import argparse
import datetime as dt
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
LOGS = ROOT / "build" / "reliability"
FAULTS = "pytest --long tests/faults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that is judged.

    Args:
        name: for `--only`, and of its log.
        title: the heading.
        asked: what has to be so.
        module: the arguments of `python -m`.
        figures: matches the lines that are figures.
        seed: what chance there is in it.
    """

    name: str
    title: str
    asked: str
    module: str
    figures: str
    seed: str = "none: there is no chance in it"

    @property
    def log(self) -> Path:
        """What the last run printed."""
        return LOGS / f"{self.name}.log"


ITEMS = (
    Item(
        name="crash",
        title="Killed at every system call",
        asked="No acknowledged stop is lost over all SIGKILL points of the stop and recovery paths; a restart has "
        "everything cut within 5 s. CI samples 128 points (seed 20).",
        module=f"{FAULTS}/test_crash_points.py -k any_call",
        figures=r"^test_a_kill_at_any_call_loses_nothing\[.*",
        seed="none: every point of a recorded trace",
    ),
    Item(
        name="explore",
        title="30,000 stop demands under random faults",
        asked="None is lost. CI plays 3,000.",
        module="tests.properties.explore --demands 30000 --seed 1",
        figures=r"^\d+ lost of .*",
        seed="1, one more for each scenario",
    ),
    Item(
        name="stops",
        title="A hundred stops at once with the database, Slack and one surface dead",
        asked="The 99th percentile of the first surface call stays under 500 ms, and every healthy surface is cut.",
        module="pytest tests/faults/test_many_stops.py",
        figures=r"^test_a_hundred_\w+: .*",
    ),
    Item(
        name="database",
        title="The database frozen in mid-stop",
        asked="The stop takes at most 1.2 times its normal time; everything is recorded after SIGCONT.",
        module="pytest tests/faults/test_database.py -k frozen",
        figures=r"^test_a_frozen_database\w+: .*",
    ),
    Item(
        name="drift",
        title="A PostgreSQL role that is re-enabled by hand",
        asked="It is cut again within the period and said once; ten times in a row it is contested, people are called, "
        "and the hold stays.",
        module=f"{FAULTS}/test_drift.py",
        figures=r"^test_(?:it_is_cut|a_contested)\w+: .*",
    ),
    Item(
        name="restores",
        title="100,000 steps of restores under stops, faults and crashes",
        asked="No vote of somebody without a say counts, nothing is looser than its holds, and every stop wins.",
        module="tests.properties.explore_restores --steps 100000 --seed 1",
        figures=r"^\d+ violations in .*",
        seed="1, one more for each scenario",
    ),
    Item(
        name="restore-crash",
        title="Killed at every system call of a restore",
        asked="No surface is looser than its holds at the kill or after the next start, and no announced lift is"
        " lost. CI samples 24 points (seed 20).",
        module=f"{FAULTS}/test_restore_crashes.py -k anywhere",
        figures=r"^test_a_kill_anywhere_in_a_restore\w+: .*",
        seed="none: every point of a recorded trace",
    ),
    Item(
        name="audit",
        title="The audit log altered",
        asked="Every change of a single byte in 200 entries and every structured attack is found; a complete re-hash "
        "is found through the anchors.",
        module="pytest tests/unit/journal/test_verify.py",
        figures=r"^test_(?:every|a_chain_that_was_computed)[\w ]+(?:\[[\w ]+\])?: .*",
    ),
    Item(
        name="model",
        title="The protocol's model",
        asked="No interleaving of 3 stops, 2 restores, 2 targets, a crash and a lift retry breaks an assertion, and "
        "every design that is known to be broken is caught. All searches are exhaustive.",
        module="model.run",
        figures=r"^(?:ok|WRONG) .*",
    ),
)


def main() -> int:
    """Runs, writes the page; exits 1 where a command failed or a figure is missing."""
    parser = argparse.ArgumentParser(description="Runs what reliability is judged by and writes docs/reliability.md.")
    parser.add_argument("--only", nargs="*", default=None, choices=[item.name for item in ITEMS])
    only = parser.parse_args().only
    LOGS.mkdir(parents=True, exist_ok=True)
    for item in ITEMS:
        if only is None or item.name in only:
            sys.stdout.write(f"{item.name}: python -m {item.module}\n")
            sys.stdout.flush()
            run(item)
    PAGE.write_text(page(), encoding="utf-8")
    failed = [item.name for item in ITEMS if _code(item) != "0" or not figures(item)]
    if failed:
        sys.stdout.write(f"failed, or not run: {', '.join(failed)}; see {LOGS.relative_to(ROOT)}/\n")
    return 1 if failed else 0


def run(item: Item) -> None:
    """Runs one command; its log begins with the commit and the load, and ends with its exit code and its time."""
    load, began = os.getloadavg()[0], time.monotonic()
    command = [sys.executable, "-m", *item.module.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    head = f"commit {_commit()}\nload {load:.2f}\n"
    took = f"seconds {time.monotonic() - began:.0f}\nexit {done.returncode}\n"
    item.log.write_text(head + done.stdout + done.stderr + "\n" + took, encoding="utf-8")


def figures(item: Item) -> list[str]:
    """The lines that its last run told."""
    said = item.log.read_text(encoding="utf-8") if item.log.exists() else ""
    return [match.group(0).rstrip() for match in re.finditer(item.figures, said, re.MULTILINE)]


def page() -> str:
    """The page, in Markdown."""
    return "\n\n".join(
        [_HEAD.format(machine=_machine(), today=dt.datetime.now(dt.UTC).date()), *map(_section, ITEMS)]
    ) + (
        "\n\nThe benchmark of many surfaces is on [its own page](performance.md), the faults one by one are in the "
        "[catalogue](faults.md), what the model says is [here](model.md), and what no test notices is "
        "[there](mutants.md).\n"
    )


_HEAD = """# Reliability

Generated by `make reliability` on {today}; do not edit. Each part is what the last run of its command printed, on the
commit that stands beside it. Faults are those of a test machine, and the simulated mix of faults is one that we chose:
these are measurements, no certificate.

Machine: {machine}. The load average before each command says how much else ran there."""


def _section(item: Item) -> str:
    found = figures(item)
    state = "met" if found and _code(item) == "0" else "**not met, or not finished**" if found else "**not run**"
    return f"""## {item.title}

{item.asked}

| | |
|---|---|
| result | {state} |
| command | `python -m {item.module}` |
| commit | `{_told(item, "commit")}` |
| seed | {item.seed} |
| load before | {_told(item, "load")} |

```
{chr(10).join(found) or "no figures"}
```"""


def _code(item: Item) -> str:
    return _told(item, "exit")


def _told(item: Item, word: str) -> str:
    said = item.log.read_text(encoding="utf-8") if item.log.exists() else ""
    values = re.findall(rf"^{word} (\S+)$", said, re.MULTILINE)
    return values[-1] if values and word == "exit" else values[0] if values else "?"


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def _machine() -> str:
    cpu = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", cpu.read_text(), re.MULTILINE) if cpu.exists() else []
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Linux {platform.release()}, CPython {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
