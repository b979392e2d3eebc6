"""The page of mutants: counts, which are equivalent and why, which live."""

import subprocess
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.properties.mutating.mutation import Mutant

_LISTED = Path(__file__).with_name("equivalents.toml")
_HEAD = """# Mutants of the stop path

One small change at a time is made in `bot/domain`, `bot/service/{{stop,dispatch,lane}}.py` and `bot/journal`, and the
quick tests that run the changed line are run against it: those of `tests/unit/domain`, `tests/unit/service`,
`tests/unit/journal` and `tests/properties`, properties with at most 60 examples, the same ones each time. A mutant is
*killed* where a test fails or runs far longer than it does otherwise, *equivalent* where no test could notice it, for
the reason that stands below, and else *alive*. Docstrings, annotations, decorators and log lines are not changed.

`make mutants` writes this page and exits 1 where one is alive. Commit {commit}.

"""


def equivalents() -> dict[str, str]:
    """The reason of every mutant that is listed as equivalent."""
    listed = tomllib.loads(_LISTED.read_text())["equivalent"] if _LISTED.exists() else []
    return {mutant: group["why"] for group in listed for mutant in group["mutants"]}


def wrong(equal: Mapping[str, str], states: Mapping[str, str], *, whole: bool) -> list[str]:
    """What is not as the list says: a sentence each."""
    killed = [f"listed as equivalent, but killed: {name}" for name in equal if states.get(name) in {"killed", "time"}]
    gone = [f"listed as equivalent, but there is no such mutant: {name}" for name in equal if name not in states]
    return killed + (gone if whole else [])


def write(root: Path, mutants: Sequence[Mutant], states: Mapping[str, str], equal: Mapping[str, str]) -> None:
    """Writes `docs/mutants.md`."""
    git = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    alive = [mutant for mutant in mutants if _state(mutant, states, equal) == "alive"]
    parts = [_HEAD.format(commit=commit), _table(mutants, states, equal), "\n## Equivalent\n", _reasons(mutants, equal)]
    parts += ["\n## Alive\n", *(_items(alive) if alive else ["\nNone.\n"])]
    (root / "docs" / "mutants.md").write_text("".join(parts))


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


def _reasons(mutants: Sequence[Mutant], equal: Mapping[str, str]) -> str:
    by_reason: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        if mutant.id in equal:
            by_reason.setdefault(equal[mutant.id], []).append(mutant)
    return "".join(f"\n{why}\n{''.join(_items(group))}" for why, group in by_reason.items())


def _items(mutants: Sequence[Mutant]) -> list[str]:
    return ["\n", *(f"- `` {mutant.id.removeprefix('bot/')} ``\n" for mutant in mutants)]
