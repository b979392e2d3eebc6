"""Is one `serve` active per SQLite file, and does the lock die with its process?"""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.core import SystemClock
from bot.store.lock import AlreadyServedError, make_lock

CLOCK = SystemClock()
_HOLD = """
import asyncio, sys
from bot.core import SystemClock
from bot.store.lock import make_lock
asyncio.run(make_lock(sys.argv[1], SystemClock()).acquire())
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_second_serve_is_told_who_holds_the_first(url: str) -> None:
    """Host, pid, since, and the next step."""
    first, second = make_lock(url, CLOCK), make_lock(url, CLOCK)
    await first.acquire()
    with pytest.raises(AlreadyServedError, match=r"pid \d+ on \S+ since \d+ .* `agent-kill stop` works beside it"):
        await second.acquire()
    await first.release()
    await second.acquire()
    await second.release()
    assert first.problems() == []


async def test_a_killed_process_leaves_no_lock_behind(url: str) -> None:
    """`kill -9` needs no cleaning up."""
    with subprocess.Popen(  # noqa: ASYNC220  # the test has nothing else to do
        [sys.executable, "-c", _HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        lock = make_lock(url, CLOCK)
        with pytest.raises(AlreadyServedError, match=f"pid {other.pid} "):
            await lock.acquire()
        other.kill()
        other.wait()
        await lock.acquire()
        await lock.release()


async def test_a_disk_that_refuses_does_not_keep_the_bot_from_starting(tmp_path: Path) -> None:
    """The lock is a problem that is said, no error."""
    (tmp_path / "state").write_text("a file where the folder should be")
    lock = make_lock(f"sqlite:///{tmp_path / 'state' / 'ledger.sqlite3'}", CLOCK)
    await lock.acquire()
    assert "could not be taken: File exists" in lock.problems()[0]
    await lock.release()
