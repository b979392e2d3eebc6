"""Mutates the stop path and names the mutants that no quick test notices; writes `docs/mutants.md`.

    make mutants                                        everything that is not known yet
    make mutants ARGS="--only bot/domain/holds.py"      some modules; the page is written by a run of all alone
    make mutants ARGS="--fresh"                         all of it again

What was found out is kept in `build/mutants.jsonl`, so that a run goes on where the last one ended: a mutant stays
killed while its function is as it was, and one that lives is tried again with the tests whose file changed.

Why not mutmut or cosmic-ray: one start of pytest per mutant is more than a second here, and there are five thousand.
mutmut had not come past its own trial runs after a quarter of an hour. A fork of one session takes a tenth of that.
"""

import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from tests.properties.mutating import page, session
from tests.properties.mutating.known import Known
from tests.properties.mutating.mutation import Module, Mutant
from tests.properties.mutating.trial import in_fork

ROOT = Path(__file__).parents[2]
PATHS = ("bot/domain", "bot/service/stop.py", "bot/service/dispatch.py", "bot/service/lane.py", "bot/journal")
TESTS = ("tests/unit/domain", "tests/unit/service", "tests/unit/drills", "tests/unit/journal", "tests/properties")
LEFT_OUT = ("tests/properties/test_model.py",)  # runs no code of ours
_KILLERS = 4  # test files that are tried before all others
KEPT = ROOT / "build" / "mutants.jsonl"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a mutant: "killed", "time" or "alive", the test that killed it, and the test files it outlived."""

    state: str
    by: str
    digest: str
    tried: Sequence[str] = ()


class Findings:
    """The file of what was found out, one JSON line for each trial; the last of a mutant counts.

    Args:
        texts: the digest of every test file by its path, of all that may kill.
        files: those that are to kill now.
    """

    def __init__(self, texts: Mapping[str, str], files: Collection[str]) -> None:
        self._texts = texts
        self._marks = {path: f"{path} {digest}" for path, digest in texts.items()}
        self._files = files
        self.of: dict[str, Finding] = {}
        lines = KEPT.read_text().splitlines() if KEPT.exists() else []
        for name, *rest in map(json.loads, lines):
            self.of[name] = Finding(*rest)

    def again(self) -> "Findings":
        """As the file says now."""
        return Findings(self._texts, self._files)

    def add(self, mutant: Mutant, state: str, by: str) -> None:
        """Appended at once, by whichever process found it."""
        tried = self._outlived(mutant) | {self._marks[path] for path in self._files} if state == "alive" else ()
        finding = Finding(state, by, mutant.digest, sorted({*tried} & {*self._marks.values()}))
        with KEPT.open("a") as file:
            file.write(json.dumps([mutant.id, finding.state, finding.by, finding.digest, finding.tried]) + "\n")
        self.of[mutant.id] = finding

    def state(self, mutant: Mutant) -> str:
        """As it was found for the function as it is; empty where it was not tried, or with other tests alone."""
        found = self.of.get(mutant.id)
        if found is None or found.digest != mutant.digest or found.state == "anew":
            return ""
        return found.state

    def untried(self, mutant: Mutant, tests: Sequence[str]) -> list[str]:
        """Those of the tests that are to kill now which the mutant has not outlived as they are."""
        files = {path for path in self._files if self._marks[path] not in self._outlived(mutant)}
        return [test for test in tests if test.partition("::")[0] in files]

    def todo(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        """The mutants that are to be tried."""
        marks = {self._marks[path] for path in self._files}
        return [it for it in mutants if self.state(it) in {"", "alive"} and not marks <= self._outlived(it)]

    def killers(self, path: str) -> list[str]:
        """The test files that killed most of a module."""
        found = Counter(
            finding.by.partition("::")[0] for name, finding in self.of.items() if name.startswith(f"{path} ")
        )
        return [file for file, _ in found.most_common(_KILLERS) if file]

    def _outlived(self, mutant: Mutant) -> set[str]:
        return {*self.of[mutant.id].tried} if self.state(mutant) == "alive" else set()


def _modules(paths: Sequence[str]) -> dict[str, Module]:
    found: list[Path] = []
    for path in paths:
        found += sorted((ROOT / path).rglob("*.py")) if (ROOT / path).is_dir() else [ROOT / path]
    names = [str(path.relative_to(ROOT)) for path in found]
    return {name: module for name in names if (module := Module(ROOT, name)).mutants}


def _under(path: str, modules: dict[str, Module]) -> list[Mutant]:
    return [
        it for name, module in modules.items() if name == path or name.startswith(f"{path}/") for it in module.mutants
    ]


def _files(paths: Sequence[str]) -> list[str]:
    """Every module below them, by its path from the root."""
    found = (ROOT / path for path in paths)
    files = {file for path in found for file in (path.rglob("*.py") if path.is_dir() else [path])}
    names = (str(file.relative_to(ROOT)) for file in files if "mutating" not in file.parts and file != Path(__file__))
    return sorted({*names} - {*LEFT_OUT})


def _is_test(path: str) -> bool:
    return Path(path).name.startswith("test_")


def _digest(*paths: str) -> str:
    return hashlib.sha256(b"".join((ROOT / path).read_bytes() for path in paths)).hexdigest()[:16]


def _run(modules: dict[str, Module], todo: Sequence[Mutant], findings: Findings, tests: Sequence[str]) -> None:
    """Tries what is to be tried; says how far it is."""
    begun, count = time.monotonic(), [0]

    def found(mutant: Mutant, state: str, by: str) -> None:
        findings.add(mutant, state, by)
        count[0] += state != "anew"
        if state == "alive" or count[0] % 50 == 0:
            click.echo(f"{count[0]}/{len(todo)} {time.monotonic() - begun:.0f} s  {state}: {mutant.id}", err=True)

    arguments = [f"--ignore={ROOT / path}" for path in LEFT_OUT]
    beside = KEPT.with_name("tests.json")
    others = [path for path in _files(TESTS) if not _is_test(path)]
    texts = {path: _digest(path) for path in [*modules, *filter(_is_test, _files(TESTS))]} | {"": _digest(*others)}
    with tempfile.TemporaryDirectory(prefix="agent-kill-mutants-") as folder:
        trials = session.Trials(modules, todo, beside=beside, texts=texts, untried=findings.untried, found=found)
        in_fork(lambda: session.run([*arguments, f"--basetemp={folder}/pytest", *tests], trials))
        known = Known.load(beside)
        if known.failed:
            click.echo(f"left out, for they fail without a mutant: {', '.join(known.failed)}", err=True)
        now = findings.again()
        count[0] = sum(bool(now.state(mutant)) for mutant in todo)
        for mutant in todo:
            if not mutant.owner or not now.state(mutant):
                session.try_anew(
                    modules[mutant.path],
                    mutant,
                    known,
                    arguments,
                    first=now.killers(mutant.path),
                    untried=findings.untried,
                    found=found,
                )


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--only", multiple=True, help="a module or a folder; all of them where none is given")
@click.option("--tests", multiple=True, help="test files that are to kill; all quick ones where none is given")
@click.option("--fresh", is_flag=True, help="forgets what was found out before")
@click.option("--part", default="", help="only mutants whose name contains this")
@click.option("--only-page", is_flag=True, help="tries nothing and writes the page of what is known")
def main(only: tuple[str, ...], tests: tuple[str, ...], part: str, *, fresh: bool, only_page: bool) -> None:
    """Exits 1 where a mutant lives that is not known to be equivalent, or was not tried."""
    KEPT.parent.mkdir(exist_ok=True)
    if fresh:
        KEPT.unlink(missing_ok=True)
    modules = _modules(PATHS)
    texts = {path: _digest(path) for path in _files(TESTS) if _is_test(path)}
    findings = Findings(texts, [path for path in _files(tests or TESTS) if _is_test(path)])
    mutants = [mutant for path in only or PATHS for mutant in _under(path, modules) if part in mutant.id]
    todo = findings.todo(mutants)
    if todo and not only_page:
        _run(modules, todo, findings, tests or TESTS)
    equal = page.equivalents()
    now = findings.again()
    states = {it.id: now.state(it) for it in mutants if now.state(it)}
    wrong = page.wrong(equal, states, mutants, whole=not only and not part)
    alive = [mutant for mutant in mutants if states.get(mutant.id) == "alive" and mutant.id not in equal]
    for mutant in alive:
        click.echo(f"{mutant.path}:{mutant.line}: {mutant.id.partition(' ')[2]}")
    for sentence in wrong:
        click.echo(sentence)
    if only_page or not (only or part or tests):
        page.write(ROOT, mutants, states, equal)
    untried = sum(mutant.id not in states for mutant in mutants)
    click.echo(f"{len(alive)} of {len(mutants)} mutants live, {untried} were not tried")
    sys.exit(bool(alive or wrong or untried))


if __name__ == "__main__":
    main()
