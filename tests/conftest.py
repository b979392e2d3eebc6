"""For all tests: nothing may be left running, in CI nothing may be skipped, and some tests need the machine alone.

Plain `pytest` leaves the tests marked `long` out; `make faults` and `make witness` run theirs with `--long`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

# Whole files that judge milliseconds or fill both processors; single tests are marked `alone` where they stand.
ALONE = {
    "tests/acceptance/test_benchmark.py": "measures what it measures only undisturbed",
    "tests/acceptance/test_drill_demo.py": "judges milliseconds by the demo's own witness",
    "tests/acceptance/test_thousand_surfaces.py": "judges milliseconds under a thousand cuts",
    "tests/contract/test_drill_servers.py": "judges milliseconds by the agent's own witness",
    "tests/contract/test_http_control_scale.py": "judges milliseconds under a thousand cuts",
    "tests/faults/test_blocking_adapter.py": "judges the seconds of a cold start",
    "tests/faults/test_crash_points.py": "runs as many programs as there are processors",
    "tests/faults/test_disk.py": "judges milliseconds",
    "tests/faults/test_many_stops.py": "judges the 99th percentile",
    "tests/faults/test_starved.py": "takes the processors from all others",
}
_TOLD = "told"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`."""
    parser.addoption("--long", action="store_true", help="run every point, every defect and the long faults too")


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "long: minutes; left out without --long")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """In the second run, leaves out the files that have none of its tests: importing them all takes many seconds."""
    if config.option.markexpr != "alone" or collection_path.suffix != ".py":
        return None
    return None if _may_be_alone(collection_path, config) else True


def _may_be_alone(path: Path, config: pytest.Config) -> bool:
    listed = path.relative_to(config.rootpath).as_posix() in ALONE
    return listed or not path.name.startswith("test_") or "mark.alone" in path.read_text(encoding="utf-8")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks every test of the files above, and leaves the long ones out unless they are asked for."""
    for item in items:
        if item.path.relative_to(config.rootpath).as_posix() in ALONE:
            item.add_marker(pytest.mark.alone)
        elif item.get_closest_marker("alone") and not _may_be_alone(item.path, config):
            raise pytest.UsageError(
                f"{item.nodeid} is marked, but not by `mark.alone` in its own file: no run takes it"
            )
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(autouse=True)
async def _nothing_left_running(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fails a test that leaves tasks behind in its loop: they would go on in somebody's production."""
    if not asyncio.iscoroutinefunction(getattr(request.node, "obj", None)):
        yield
        return
    before = asyncio.all_tasks()
    yield
    for _ in range(300):  # a loaded machine takes its time to close connections
        left = {task for task in asyncio.all_tasks() - before if not task.done()} - {asyncio.current_task()}
        if not left:
            return
        await asyncio.sleep(0.01)
    pytest.fail("left running: " + "; ".join(sorted(_where(task) for task in left)), pytrace=False)


def _where(task: asyncio.Task[object]) -> str:
    """The task and the line that it waits at, which its name alone does not tell."""
    frames = task.get_stack(limit=1)
    at = f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "no frame"
    return f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')} at {at})"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # noqa: ANN201, ARG001  # pluggy's wrapper
    """In CI a skip is a failure: a test that could not run proves nothing."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints what was measured; a report carries it here from whichever process ran the test."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, line in report.user_properties if report.when == "call" else ():
            if name == _TOLD:
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {line}")


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says a measured figure at the end of the run."""
    return lambda line: request.node.user_properties.append((_TOLD, line))
