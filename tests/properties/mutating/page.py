"""The page of mutants: counts, which are equivalent and why, which live."""

import subprocess
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tests.properties.mutating.mutation import Mutant

_LISTED = Path(__file__).with_name("equivalents.toml")
_HEAD = """# Mutants of the stop path

One small change at a time is made in `bot/domain`, `bot/service/{{stop,dispatch,lane}}.py` and `bot/journal`, and the
quick tests that run the changed line are run against it: those of `tests/unit/{{domain,service,drills,journal}}` and
`tests/properties`, properties with at most 60 examples, the same ones each time. A mutant is *killed* where a test
fails, or uses far more time than it does otherwise; *equivalent* where no trial can notice it, for the reason that
stands below; and else *alive*. Docstrings, annotations, decorators and log lines are not changed.

`make mutants` tries what it does not know yet, writes this page, and exits 1 where one is alive or was not tried. What
was found out is kept in `build/mutants.jsonl` while the text of the function stays, so that the numbers may be of
several runs: one that is alive here may be killed by a test that changed since it was tried.
*Not tried* is mostly code that changed since. Commit {commit}.

"""
_BY_HAND = """
## By hand

Rules of the lane were broken one at a time, and the schedule explorer was run against each:

| broken rule | demands | noticed |
|---|---|---|
| the gate does not compare with the holds | 3,000 | yes |
| an overlapped or open loosening does not hold the proof back | 3,000 | yes |
| the gate does not read other journals again | 3,000 | yes |
| an abandoned looser call is never given up | 3,000 | yes |
| a look is not interrupted by a further stop | 3,000 | yes |
| a cut that begins beside an open loosening is not marked as overlapped | 3,000 | no; yes in 30,000 |
| a yes of the gate does not mark the calls beside it | 3,000 | no: without lifts it says yes to no looser call |
"""


def equivalents() -> dict[str, str]:
    """The reason of every mutant that is listed as equivalent."""
    listed = tomllib.loads(_LISTED.read_text())["equivalent"] if _LISTED.exists() else []
    return {mutant: group["why"] for group in listed for mutant in group["mutants"]}


def wrong(
    equal: Mapping[str, str], states: Mapping[str, str], mutants: Collection[Mutant], *, whole: bool
) -> list[str]:
    """What is not as the list says: a sentence each."""
    names = {mutant.id for mutant in mutants}
    killed = [f"listed as equivalent, but killed: {name}" for name in equal if states.get(name) in {"killed", "time"}]
    gone = [f"listed as equivalent, but there is no such mutant: {name}" for name in equal if name not in names]
    return killed + (gone if whole else [])


def write(root: Path, mutants: Sequence[Mutant], states: Mapping[str, str], equal: Mapping[str, str]) -> None:
    """Writes `docs/mutants.md`."""
    git = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    alive = [mutant for mutant in mutants if _state(mutant, states, equal) == "alive"]
    parts = [
        _HEAD.format(commit=commit),
        _table(mutants, states, equal),
        "\n## Equivalent\n",
        _reasons(mutants, states, equal),
    ]
    parts += ["\n## Alive\n", *(_items(alive) if alive else ["\nNone.\n"])]
    (root / "docs" / "mutants.md").write_text("".join([*parts, _BY_HAND]))


def _state(mutant: Mutant, states: Mapping[str, str], equal: Mapping[str, str]) -> str:
    state = states.get(mutant.id, "not tried")
    return "equivalent" if state == "alive" and mutant.id in equal else state


def _table(mutants: Sequence[Mutant], states: Mapping[str, str], equal: Mapping[str, str]) -> str:
    rows = [
        "| module | mutants | killed | by time | equivalent | alive | not tried |\n",
        "|---|---|---|---|---|---|---|\n",
    ]
    for path in [*dict.fromkeys(mutant.path for mutant in mutants), ""]:
        count = Counter(_state(mutant, states, equal) for mutant in mutants if path in {mutant.path, ""})
        killed = count["killed"] + count["time"]
        name = f"`{path}`" if path else "all"
        counts = (count.total(), killed, *(count[state] for state in ("time", "equivalent", "alive", "not tried")))
        rows.append(f"| {name} | {' | '.join(map(str, counts))} |\n")
    return "".join(rows)


def _reasons(mutants: Sequence[Mutant], states: Mapping[str, str], equal: Mapping[str, str]) -> str:
    by_reason: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        if _state(mutant, states, equal) == "equivalent":
            by_reason.setdefault(equal[mutant.id], []).append(mutant)
    return "".join(f"\n{why}\n{''.join(_items(group))}" for why, group in by_reason.items())


def _items(mutants: Sequence[Mutant]) -> list[str]:
    by_path: dict[str, list[str]] = {}
    for mutant in mutants:
        by_path.setdefault(mutant.path, []).append(mutant.id.removeprefix(f"{mutant.path} "))
    return [
        line
        for path, names in by_path.items()
        for line in (f"\n`{path}`:\n\n", "```text\n", *(f"{name}\n" for name in names), "```\n")
    ]
