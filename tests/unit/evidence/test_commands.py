"""What does a command of an evaluation prove, and what may it cost?"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.domain.evidence import Answer
from bot.service import evaluate
from bot.service.evaluate import AT_ONCE, OUTPUT, Evaluator, Progress
from tests.unit.evidence.rig import gone, job, only, python

Make = Callable[..., Evaluator]


@pytest.mark.parametrize(
    ("code", "answer"),
    [(0, Answer.ALLOWED), (10, Answer.REFUSED), (1, Answer.UNKNOWN), (2, Answer.UNKNOWN), (127, Answer.UNKNOWN)],
)
async def test_the_exit_code_is_the_answer(make: Make, code: int, answer: Answer) -> None:
    """0 is allowed, 10 is refused; every other code proves nothing."""
    found = await only(make(), job(command=python(f"raise SystemExit({code})")))
    assert (found.answer, found.passed) == (answer, answer is Answer.REFUSED)


async def test_an_answer_that_is_not_expected_does_not_pass(make: Make) -> None:
    """Allowed at read_only, where refused is expected: said in a sentence."""
    found = await only(make(), job(command=python("pass")))
    assert not found.passed
    assert found.sentence == ("the evaluation billing/refund was allowed at read_only, where refused is expected")


@pytest.mark.parametrize("wanted", ["allowed", "refused"])
async def test_a_signal_proves_nothing(make: Make, wanted: str) -> None:
    """A command that crashes never passes, whatever is expected of it."""
    found = await only(make(), job(wanted, command=python("import os; os.kill(os.getpid(), 11)")))
    assert (found.answer, found.passed) == (Answer.UNKNOWN, False)
    assert found.why == "it was ended by signal 11; 0 means allowed and 10 refused"


async def test_a_command_that_does_not_exist_proves_nothing(make: Make) -> None:
    """The sentence names the kind of error, and no path of this machine."""
    found = await only(make(), job(command=("./no-such-program",)))
    assert (found.answer, found.why) == (Answer.UNKNOWN, "it could not be run (FileNotFoundError)")


async def test_a_hung_command_is_ended_with_everything_that_it_started(make: Make, tmp_path: Path) -> None:
    """At the time limit the whole process group is killed, the grandchild too."""
    source = (
        "import os, pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('pids.new').write_text(f'{os.getpid()} {child.pid}')\n"
        "os.rename('pids.new', 'pids')\n"
        "time.sleep(600)\n"
    )
    found = await only(make(), job(command=python(source), timeout=2.0))
    assert (found.answer, found.why) == (Answer.UNKNOWN, "no answer within 2 s")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        assert await gone(pid)


async def test_what_a_command_leaves_behind_is_ended(make: Make, tmp_path: Path) -> None:
    """A child that outlives the command and keeps its output open neither lives on nor delays the answer."""
    source = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "raise SystemExit(10)\n"
    )
    found = await only(make(), job(command=python(source), timeout=20.0))
    assert found.passed
    assert found.seconds < 10.0
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_what_leaves_the_group_delays_nothing(make: Make, tmp_path: Path) -> None:
    """A child in a session of its own cannot be found; and holds up no answer by what it prints."""
    source = (
        "import pathlib, subprocess, sys\n"
        "loud = 'import time\\nwhile True: print(\"x\" * 999, flush=True); time.sleep(0.001)'\n"
        "child = subprocess.Popen([sys.executable, '-c', loud], start_new_session=True)\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "raise SystemExit(10)\n"
    )
    found = await only(make(), job(command=python(source), timeout=20.0))
    assert found.passed
    assert found.seconds < 10.0
    assert await gone(int((tmp_path / "pid").read_text()))  # its output was closed, which ends a child that prints


async def test_a_cancelled_run_ends_its_command(make: Make, tmp_path: Path) -> None:
    """Who waits for the evidence may give up, at shutdown for one: nothing goes on."""
    source = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)"
    running = asyncio.create_task(make().run([job(command=python(source))]))
    async with asyncio.timeout(10):
        while not _text(tmp_path / "pid"):  # noqa: ASYNC110  # the command tells nobody but by its file
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_a_command_starts_beside_the_configuration(make: Make, tmp_path: Path) -> None:
    """A relative program is found in the configuration's folder, and runs there."""
    program = tmp_path / "refund"
    program.write_text('#!/bin/sh\n[ "$(pwd -P)" = "$(dirname "$(readlink -f "$0")")" ] && exit 10\nexit 1\n')
    program.chmod(0o700)
    assert (await only(make(), job(command=("./refund",)))).passed


async def test_a_command_gets_no_shell_no_input_and_none_of_the_bots_secrets(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is a short list; nothing is expanded; standard input is at its end."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    source = "import json, os, sys; json.dump([sys.argv[1], sys.stdin.read(), sorted(os.environ)], open('seen', 'w'))"
    environ = {**os.environ, "AGENT_KILL_STATE_KEY": "secret"}
    with _standard_input(b"typed secret"):
        await only(make(environ=environ), job(command=(*python(source), "$HOME; touch owned")))
    seen = (tmp_path / "seen").read_text()
    assert "secret" not in seen
    assert "SLACK" not in seen
    assert "STATE_KEY" not in seen
    assert '"EVALUATION"' in seen
    assert seen.startswith('["$HOME; touch owned", "", ')


async def test_a_command_that_prints_without_end_costs_little(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Little of its output is kept, for the log alone; secrets in it are replaced; the event loop goes on."""
    source = "import sys\nprint('token=hunter2')\nwhile True: sys.stdout.write('x' * 65536)"
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        clock = asyncio.get_running_loop()
        while True:
            before = clock.time()
            await asyncio.sleep(0.005)
            longest = max(longest, clock.time() - before)

    beating = asyncio.create_task(beat())
    endless = [job(command=python(source), timeout=1.0, id=f"e{number}") for number in range(AT_ONCE)]
    talking = job(command=python("print('token=hunter2', 'y' * 9000); raise SystemExit(3)"), id="talks")
    found = await make().run([*endless, talking])
    beating.cancel()
    assert {item.answer for item in found} == {Answer.UNKNOWN}
    assert longest < 1.0
    (said,) = [record.getMessage() for record in caplog.records if "talks" in record.getMessage()]
    assert "hunter2" not in said
    assert len(said) < OUTPUT
    assert not any("hunter2" in item.why or "yyy" in item.why for item in found)


async def test_little_of_the_output_is_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is printed, the memory of the bot holds 2 KB of it."""
    kept: list[str] = []

    def note(text: str) -> str:
        kept.append(text)
        return text

    monkeypatch.setattr(evaluate, "redact", note)
    source = (
        "import sys, time\nfor _ in range(9): print('x' * 9000, flush=True); time.sleep(0.02)\nraise SystemExit(10)"
    )
    assert (await only(make(), job(command=python(source)))).passed
    mine = [text for text in kept if text.startswith("x")]  # a command that another test gave up on may end now
    assert [len(text) for text in mine] == [OUTPUT]


async def test_only_a_few_run_at_once_and_each_is_told(make: Make, tmp_path: Path) -> None:
    """Twelve evaluations never have more than `AT_ONCE` commands alive; progress counts to the end."""
    source = (
        "import os, time, pathlib\n"
        "mark = pathlib.Path(f'alive.{os.getpid()}'); mark.touch()\n"
        "time.sleep(0.1)\n"
        "pathlib.Path(f'count.{os.getpid()}').write_text(str(len(list(pathlib.Path('.').glob('alive.*')))))\n"
        "mark.unlink()\n"
        "raise SystemExit(10)\n"
    )
    told: list[Progress] = []
    found = await make(progress=told.append).run([job(command=python(source), id=f"e{n}") for n in range(12)])
    assert [item.id for item in found] == [f"e{number}" for number in range(12)]
    assert all(item.passed for item in found)
    counts = _counts(tmp_path)
    assert len(counts) == 12
    assert max(counts) <= AT_ONCE
    assert [item.done for item in told] == list(range(1, 13))
    assert {item.total for item in told} == {12}


async def test_all_of_them_together_are_bounded_in_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never got its turn is unknown, and says so; nothing waits for it."""
    monkeypatch.setattr(evaluate, "BUDGET", 1.0)
    monkeypatch.setattr(evaluate, "_GRACE", 0.2)
    hung = [job(command=python("import time; time.sleep(600)"), timeout=1.0, id=f"e{n}") for n in range(AT_ONCE + 1)]
    found = await make().run(hung)
    assert [item.answer for item in found] == [Answer.UNKNOWN] * len(hung)
    assert [item.why for item in found] == [
        *["no answer within 1 s"] * AT_ONCE,
        "all evaluations together may take 1 s, and it was not done",
    ]


async def test_the_mode_held_is_in_the_result(make: Make) -> None:
    """A result says at which mode it was run."""
    found = await only(make(), job(held=Mode.FULL_STOP, command=python("raise SystemExit(10)")))
    assert (found.held, found.expected, found.name) == (Mode.FULL_STOP, "refused", "billing/refund")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _counts(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in folder.glob("count.*")]


@contextlib.contextmanager
def _standard_input(text: bytes) -> Iterator[None]:
    """Lets this process have something to read, which nothing that it starts may take."""
    before = os.dup(0)
    reading, writing = os.pipe()
    try:
        os.write(writing, text)
        os.close(writing)
        os.dup2(reading, 0)
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)
