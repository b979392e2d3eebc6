"""What is known of the tests without any mutant: how long each takes, and which lines it runs."""

import json
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

SLOW = 1.5  # seconds of the processor


@dataclass(slots=True)
class Known:
    """Seconds by test; tests by module and line, both by their names; what failed; the digests of what was read."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def renew(self, texts: Mapping[str, str]) -> None:
        """Forgets what is no longer so: of tests whose file changed, or a module that they ran, and what failed.

        Args:
            texts: digests of the mutated modules and of the test files by path, and of all else that tests use as "".
        """
        changed = {path for path, digest in texts.items() if self.texts.get(path) != digest}
        stale = {test for path in changed for tests in self.lines.get(path, {}).values() for test in tests}
        stale |= {test for test in self.seconds if "" in changed or test.partition("::")[0] in changed}
        self.forget(stale | {*self.failed})
        self.seconds = {test: took for test, took in self.seconds.items() if test not in stale | {*self.failed}}
        self.failed, self.texts = [], dict(texts)

    def tests(self, path: str, of: Collection[int] | None) -> list[str]:
        """Those that run any of these lines, or any at all of the module, the quickest first.

        A slow one tries only the module that it is named after.
        """
        lines = self.lines.get(path, {})
        found = (tests for line, tests in lines.items() if of is None or int(line) in of)
        named = f"/test_{Path(path).stem}.py"
        quick = (test for test in set[str]().union(*found) if self.seconds[test] < SLOW or named in test)
        return sorted(quick, key=self.seconds.__getitem__)

    def quick(self) -> list[str]:
        """Every quick test, the quickest first."""
        quick = (test for test, took in self.seconds.items() if took < SLOW and test not in self.failed)
        return sorted(quick, key=self.seconds.__getitem__)

    def forget(self, gone: Collection[str]) -> None:
        """What lines these ran. A test that fails without a mutant kills none."""
        if not gone:
            return
        for lines in self.lines.values():
            for line, tests in lines.items():
                lines[line] = [it for it in tests if it not in gone]

    def save(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Known":
        """What `save` wrote; nothing where it never did."""
        return cls() if not path.exists() else cls(**json.loads(path.read_text()))


class Tracer:
    """Notes the lines of some files that run, in every thread.

    Args:
        paths: of the modules from the project's root, by file name.
    """

    def __init__(self, paths: dict[str, str]) -> None:
        self._paths = paths
        self._lines: set[tuple[str, int]] = set()

    @contextmanager
    def noting(self, known: Known, test: str) -> Iterator[None]:
        """Notes one test."""
        self._lines.clear()
        begun = time.process_time()
        sys.settrace(self._enter)
        threading.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)
            known.seconds[test] = time.process_time() - begun
            _note(known, test, self._lines)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002  # as settrace calls it
        path = self._paths.get(frame.f_code.co_filename)
        if path is None:
            return None
        self._lines.add((path, frame.f_lineno))
        return self._step

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002  # as settrace calls it
        self._lines.add((self._paths[frame.f_code.co_filename], frame.f_lineno))
        return self._step


def _note(known: Known, test: str, lines: Collection[tuple[str, int]]) -> None:
    for path, line in lines:
        known.lines.setdefault(path, {}).setdefault(str(line), []).append(test)
