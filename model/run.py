"""Checks the stop protocol's model and its known-broken variants with Spin, and says states, time and memory.

    python -m model.run            every variant, and the protocol at full size: minutes, 4 GB
    python -m model.run --small    the same verdicts at a size that takes seconds

Every search is exhaustive: an exact table of all reachable states, no partial-order reduction, no bits instead of
states. Exits 1 where a verdict is not the expected one: an error in the protocol, none in a design that is known to
fail, a search that did not end, or a run over several targets that the model of one target among others does not have.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("holds.pml")
INSTALL = "apt-get install spin gcc"
SMALL = {"STOPS": 2, "RESTORES": 1, "TARGETS": 1}
MEMORY = 8000  # megabytes that a run may take
DEPTH = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One check. `caught` is a part of the assertion that must be violated; empty where none may be."""

    name: str
    says: str
    sizes: dict[str, int]
    defines: tuple[str, ...] = ()
    caught: str = ""
    long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What Spin said. `seconds` and `megabytes` are of the search alone."""

    violated: str
    states: int
    seconds: float
    megabytes: float
    complete: bool


PROTOCOL = [
    Run(name="hold set", says="the protocol, small", sizes=SMALL),
    Run(name="hold set, 2 ballots", says="3 stops, 2 restores", sizes={"STOPS": 3, "RESTORES": 2, "TARGETS": 1}),
    Run(
        name="hold set, any targets",
        says="3 stops, 1 restore; one target of any number",
        sizes={"STOPS": 3, "RESTORES": 1, "TARGETS": 1},
        defines=("OTHERS",),
    ),
]
COMPARED = {"STOPS": 2, "RESTORES": 1, "TARGETS": 2}
COMPARED_WHOLE = {"STOPS": 3, "RESTORES": 1, "TARGETS": 2}
BROKEN = [
    ("FLAG", "last-writer flag: a restore clears what was stopped meanwhile", "asked"),
    ("EPOCH", "epoch only: an offline stop has an old epoch and is undone by a restore that never saw it", "asked"),
    ("BY_MODE", "verified by mode only: a loosening that is still open lands after the proof", "proven"),
    ("NO_RERUN", "no second cut after an overlap: it landed before the loosening and is taken for proof", "proven"),
    ("BLIND_GATE", "the gate does not read the holds again: a stop since the step's intent is loosened", "journal"),
    ("LIFT_ALL", "a lift, or its retry, ends what is live now instead of what its ballot named", "named"),
    ("RESURRECT", "tombstones in the database alone: an old backup revives what was lifted", "forgotten"),
    ("NO_JOURNAL", "answered before it is journaled: a crash loses the stop", "asked"),
    ("NO_STEP_BACK", "a start goes on with the step that was under way, instead of back to what it left", "rfrom"),
    ("LATE_AFTER_CRASH", "a dead process's loosening lands after the start's proof: known limit, see README", "proven"),
]
FULL = [
    Run(
        name="hold set, 2 targets",
        says="3 stops, 1 restore",
        sizes={"STOPS": 3, "RESTORES": 1, "TARGETS": 2},
        long=True,
    ),
    Run(
        name="hold set, any targets",
        says="3 stops, 2 restores; one target of any number",
        sizes={"STOPS": 3, "RESTORES": 2, "TARGETS": 1},
        defines=("OTHERS",),
        long=True,
    ),
    Run(
        name="hold set, any targets",
        says="3 stops, 2 restores, 2 crashes, 2 lift retries; one target of any number",
        sizes={"STOPS": 3, "RESTORES": 2, "TARGETS": 1, "CRASHES": 2, "RETRIES": 2},
        defines=("OTHERS",),
        long=True,
    ),
    Run(
        name="hold set, full size",
        says="3 stops, 2 restores, 2 targets",
        sizes={"STOPS": 3, "RESTORES": 2, "TARGETS": 2},
        long=True,
    ),
]


def broken() -> list[Run]:
    """The designs that must be caught, each by the assertion that its fault breaks."""
    return [
        Run(name=define, says=says, sizes=SMALL, defines=(define,), caught=caught) for define, says, caught in BROKEN
    ]


def check(run: Run, limit: float) -> Found:
    """Compiles the verifier and searches, for `limit` seconds at most. Raises CalledProcessError where Spin fails."""
    with tempfile.TemporaryDirectory(prefix="agent-kill-model-") as folder:
        _compile(run, folder)
        began = time.monotonic()
        try:
            said = _call(_SEARCH, folder, limit)
        except subprocess.TimeoutExpired as error:
            return _found((error.stdout or b"").decode(), limit, complete=False)
        return _found(said, time.monotonic() - began, complete=True)


def beyond(sizes: dict[str, int]) -> tuple[int, int]:
    """How many states that a target has in runs over all of them the model of one among others lacks; and of how many.

    What is compared is every variable that the target's rules read; the first figure has to be 0, which is what makes
    that model stand for all the others.
    """
    whole = _seen(Run(name="", says="", sizes=sizes, defines=("PROJECT",)), sizes)
    single = {**sizes, "TARGETS": 1}
    one = _seen(Run(name="", says="", sizes=single, defines=("PROJECT", "OTHERS")), single)
    return len(whole - one), len(whole)


def _seen(run: Run, sizes: dict[str, int]) -> set[bytes]:
    length = sizes["STOPS"] + 6 * sizes["RESTORES"] + 14  # as seen.h writes them
    with tempfile.TemporaryDirectory(prefix="agent-kill-model-") as folder:
        _compile(run, folder)
        searched = subprocess.run(_SEARCH, cwd=folder, capture_output=True, check=True)  # noqa: S603  # our own
    return {searched.stderr[at : at + length] for at in range(0, len(searched.stderr), length)}


_SEARCH = ["./pan", "-n", f"-m{DEPTH}"]


def _compile(run: Run, folder: str) -> None:
    defines = [f"-D{name}={value}" for name, value in run.sizes.items()] + [f"-D{name}" for name in run.defines]
    _call(["spin", "-a", *defines, str(MODEL)], folder)
    effort = "-O2" if run.long else "-O0"  # of the others compiling is what takes time
    flags = ["-w", "-DSAFETY", "-DNOREDUCE", "-DCOLLAPSE", f"-DMEMLIM={MEMORY}", f"-I{MODEL.parent}"]
    _call(["gcc", effort, *flags, *defines, "-o", "pan", "pan.c"], folder)


def _call(command: list[str], folder: str, limit: float | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit, check=True)  # noqa: S603  # our own
    return done.stdout


def _found(said: str, seconds: float, *, complete: bool) -> Found:
    violated = re.search(r"^pan:\d+: .*|max search depth too small", said, re.MULTILINE)
    states = re.findall(r"States=\s*([0-9.e+]+)|([0-9.e+]+) states, stored", said)
    memory = re.search(r"([0-9.]+)\s+total actual memory", said)
    return Found(
        violated=violated.group(0) if violated else "",
        states=int(float(next(filter(None, states[-1])))) if states else 0,
        seconds=seconds,
        megabytes=float(memory.group(1)) if memory else 0.0,
        complete=complete and "out of memory" not in said and "errors:" in said,
    )


def _is_expected(run: Run, found: Found) -> bool:
    if run.caught:
        return run.caught in found.violated
    return found.complete and not found.violated


def main() -> int:
    """Prints a line per run."""
    parser = argparse.ArgumentParser(description="Checks the stop protocol's model and its known-broken variants.")
    parser.add_argument("--small", action="store_true", help="without the runs that take minutes")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds that one search may take")
    arguments = parser.parse_args()
    if not shutil.which("spin") or not shutil.which("gcc"):
        sys.stderr.write(f"spin and a C compiler are needed: {INSTALL}\n")
        return 2
    wrong = 0
    for run in (*PROTOCOL, *broken(), *([] if arguments.small else FULL)):
        found = check(run, arguments.limit)
        expected = _is_expected(run, found)
        wrong += not expected
        verdict = "violated" if found.violated else "holds" if found.complete else "NOT FINISHED"
        _say(
            f"{_word(expected)} {run.name:22} {verdict:12} {found.states:>12,} states "
            f"{found.seconds:7.1f} s {found.megabytes:7,.0f} MB  {run.says}"
        )
    lacking, states = beyond(COMPARED if arguments.small else COMPARED_WHOLE)
    wrong += bool(lacking)
    _say(f"{_word(not lacking)} one target stands for all: it lacks {lacking} of {states:,} states of a target among 2")
    return 1 if wrong else 0


def _word(expected: bool) -> str:  # noqa: FBT001  # the only thing that it says
    return "ok   " if expected else "WRONG"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
