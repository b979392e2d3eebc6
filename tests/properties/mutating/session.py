"""A pytest session that tries mutants instead of running every test once.

The tests are collected once; every mutant is a fork of that, in which the function gets the changed code in place, so
that a trial costs neither imports nor a collection. A mutant outside any function (a constant, a field, a default)
cannot be put in place: it is imported anew, by the fork of a process that has imported nothing of ours.
"""

import gc
import importlib.machinery
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import NoReturn

import hypothesis
import pytest

from tests.properties.mutating.known import Known, Tracer
from tests.properties.mutating.mutation import Module, Mutant
from tests.properties.mutating.trial import in_fork, limited, watch

EXAMPLES = 60  # of a property, at the most
_BY_IMPORT = {"__get_pydantic_core_schema__"}  # what these return was kept when their class was made
_STEPS = 25  # of a state machine, at the most
QUIET = (
    *("-q", "-s", "-o", "timeout=0", "--no-header", "--no-summary"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
Untried = Callable[[Mutant, Sequence[str]], list[str]]
Found = Callable[[Mutant, str, str], None]  # the mutant; "killed", "time", "alive" or "anew"; the test that killed it


def run(arguments: Sequence[str], trials: "Trials") -> int:
    """One session; its exit code."""
    return int(pytest.main([*QUIET, *arguments], plugins=[trials]))


class Trials:
    """Takes pytest's loop over: measures, then tries every mutant that stands inside a function.

    Args:
        modules: by path.
        mutants: to be tried.
        beside: where `Known` is kept; what is not known is measured.
        texts: as `Known.renew` takes them.
        untried: which of the tests that run a mutant's lines it has not outlived yet.
        found: told what became of each.
    """

    def __init__(
        self,
        modules: dict[str, Module],
        mutants: Sequence[Mutant],
        *,
        beside: Path,
        texts: Mapping[str, str],
        untried: Untried,
        found: Found,
    ) -> None:
        self._modules = modules
        self._mutants = [mutant for mutant in mutants if mutant.owner]
        self._beside = beside
        self._texts = texts
        self._untried = untried
        self._found = found
        self._recent: dict[str, list[str]] = defaultdict(list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measures in a fork of its own, so that no test leaves anything behind for a trial."""
        items = {item.nodeid: item for item in session.items}
        for item in items.values():
            _make_small(item)
        in_fork(lambda: self._measure(items))
        known = Known.load(self._beside)
        functions = _functions(self._modules)
        gc.collect()
        gc.freeze()
        for mutant in self._mutants:
            self._try(mutant, items, known, functions.get((self._modules[mutant.path].file, mutant.owner), []))
        return True

    def _measure(self, items: dict[str, pytest.Item]) -> int:
        known = Known.load(self._beside)
        known.renew(self._texts)
        tracer = Tracer({module.file: path for path, module in self._modules.items()})
        watched = _First(known.failed.append)
        for item in items.values():
            if item.nodeid not in known.seconds:
                with tracer.noting(known, item.nodeid):
                    _run(item, watched)
        known.forget(known.failed)
        known.save(self._beside)
        return 0

    def _try(self, mutant: Mutant, items: dict[str, pytest.Item], known: Known, functions: list[FunctionType]) -> None:
        recent = self._recent[f"{mutant.path} {mutant.owner}"]
        able = [test for test in known.tests(mutant.path, mutant.lines) if test in items]
        tests = sorted(self._untried(mutant, able), key=lambda test: test not in recent[-3:])
        if not tests:  # it has outlived them all, or no test runs it, but maybe an import
            self._found(mutant, "alive" if able else "anew", "")
            return
        code = _code(self._modules[mutant.path].code(mutant), mutant.owner)
        if mutant.owner.rpartition(".")[2] in _BY_IMPORT:
            functions = []
        if not functions or code is None or any(_cells(function.__code__) != _cells(code) for function in functions):
            self._found(mutant, "anew", "")
            return

        def work(say: Callable[[str], NoReturn]) -> None:
            for function in functions:
                function.__code__ = code
            _run_all([items[test] for test in tests], known, say)

        state, by = watch(work)
        if by and by not in recent[-3:]:
            recent.append(by)
        self._found(mutant, state, by)


class _First:
    """Hears of every test that fails."""

    def __init__(self, heard: Callable[[str], object]) -> None:
        self._heard = heard

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Setup and teardown count too."""
        if report.failed:
            self._heard(report.nodeid)


class Anew:
    """Runs only these tests in their order, until one fails."""

    def __init__(self, tests: Sequence[str], known: Known, say: Callable[[str], NoReturn]) -> None:
        self._tests, self._known, self._say = tests, known, say

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own."""
        items = {item.nodeid: item for item in session.items}
        if any(test not in items for test in self._tests):
            self._say("the collection of the tests")
        for item in items.values():
            _make_small(item)
        _run_all([items[test] for test in self._tests], self._known, self._say)
        return True


def try_anew(
    module: Module,
    mutant: Mutant,
    known: Known,
    arguments: Sequence[str],
    *,
    first: Collection[str],
    untried: Untried,
    found: Found,
) -> None:
    """Tries a mutant by importing everything anew, in the fork of a process that has imported nothing of ours.

    The files of `first` are tried before all others are even collected.
    """
    ran = known.tests(mutant.path, mutant.lines) if mutant.owner else []
    tests = ran or known.tests(mutant.path, None)
    if not ran:  # constants and classes run with no test, but with an import
        tests += [test for test in known.quick() if test not in tests and _imports(test, mutant.path)]
    tests = untried(mutant, tests)
    changed = module.code(mutant)
    near = [test for test in tests if test.partition("::")[0] in first]
    state, by = "alive", ""
    for some in (near, [test for test in tests if test not in near]):
        if some and state == "alive":
            state, by = watch(partial(_anew, module.file, changed, arguments, some, known))
    found(mutant, state, by)


def _anew(  # noqa: PLR0917  # all that a trial needs
    file: str,
    changed: CodeType,
    arguments: Sequence[str],
    tests: Sequence[str],
    known: Known,
    say: Callable[[str], NoReturn],
) -> None:
    _import_instead(file, changed)
    files = sorted({test.partition("::")[0] for test in tests})
    with limited(30.0):
        code = pytest.main([*QUIET, *arguments, *files], plugins=[Anew(tests, known, say)])
    if code:
        say("the collection of the tests")


@cache
def _imports(test: str, path: str) -> bool:
    """Whether a test's file names the module."""
    dotted = path.removesuffix(".py").replace("/", ".")
    package, _, name = dotted.rpartition(".")
    text = Path(test.partition("::")[0]).read_text()
    return dotted in text or re.search(rf"from {re.escape(package)} import .*\b{name}\b", text) is not None


def _import_instead(file: str, changed: CodeType) -> None:
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        return changed if self.path == file else original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]  # for this process alone


def _run_all(items: Sequence[pytest.Item], known: Known, say: Callable[[str], NoReturn]) -> None:
    """Runs tests with a temporary folder of their own, and says the first that fails."""
    factory = items[0].config._tmp_path_factory  # type: ignore[attr-defined]  # pytest gives no other way
    with tempfile.TemporaryDirectory(prefix="agent-kill-mutant-") as folder:
        factory._basetemp = Path(folder)

        def fail(test: str) -> NoReturn:
            shutil.rmtree(folder, ignore_errors=True)
            say(test)

        heard = _First(fail)
        for item in items:
            with limited(known.seconds[item.nodeid]):
                _run(item, heard)


def _run(item: pytest.Item, heard: _First) -> None:
    manager = item.config.pluginmanager
    if not manager.is_registered(heard):
        manager.register(heard)
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _make_small(item: pytest.Item) -> None:
    """Fewer examples of a property, the same ones each time, and no deadline: the machine is shared."""
    function = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    own = getattr(function, "_hypothesis_internal_use_settings", None)
    if own is not None:
        function._hypothesis_internal_use_settings = _smaller(own)  # type: ignore[union-attr]  # own is one of its
    machine = getattr(getattr(item, "cls", None), "settings", None)
    if isinstance(machine, hypothesis.settings):
        item.cls.settings = _smaller(machine)  # type: ignore[attr-defined]  # as above


def _smaller(own: hypothesis.settings) -> hypothesis.settings:
    return hypothesis.settings(
        own,
        max_examples=min(own.max_examples, EXAMPLES),
        stateful_step_count=min(own.stateful_step_count, _STEPS),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),  # tracing and a shared machine are slow
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    )


def _functions(modules: dict[str, Module]) -> dict[tuple[str, str], list[FunctionType]]:
    """Every function of the modules that is alive, by file and qualified name: also those under a decorator."""
    files = {module.file for module in modules.values()}
    found: dict[tuple[str, str], list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in files:
            found[thing.__code__.co_filename, thing.__code__.co_qualname].append(thing)
    return found


def _code(whole: CodeType, owner: str) -> CodeType | None:
    """The code of the function of that qualified name."""
    for inner in _codes(whole):
        if inner.co_qualname == owner:
            return inner
    return None


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _cells(code: CodeType) -> int:
    return len(code.co_freevars)
