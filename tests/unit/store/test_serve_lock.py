"""Is one `serve` active per SQLite file, and does the lock die with its process?"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.core import SystemClock
from bot.store.lock import AlreadyServedError, make_lock

CLOCK = SystemClock()


class Quick(SystemClock):
    """Waits for nothing."""

    async def sleep(self, _seconds: float) -> None:
        """Lets others go on."""
        await asyncio.sleep(0)


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
    said = (
        r"pid \d+ on \S+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. Stop it first: .* `agent-kill stop` works beside it"
    )
    with pytest.raises(AlreadyServedError, match=said) as caught:
        await second.acquire()
    assert "of its own" not in str(caught.value)
    await first.release()
    await second.acquire()
    await second.release()
    assert first.problems() == []


@pytest.mark.parametrize("since", ["1e999", "soon", "nan", "9" * 30])
async def test_a_lock_file_that_somebody_wrote_into_still_names_the_holder(url: str, since: str) -> None:
    """A time that is none is shown as it stands."""
    first, second = make_lock(url, CLOCK), make_lock(url, CLOCK)
    await first.acquire()
    (file,) = Path(url.removeprefix("sqlite:///")).parent.glob("*.serve")
    file.write_text(json.dumps({"pid": "7", "host": "h", "since": since}))
    with pytest.raises(AlreadyServedError, match=f"pid 7 on h since {since}"):
        await second.acquire()
    await first.release()


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


async def test_what_a_disk_refused_at_the_start_is_taken_later(tmp_path: Path) -> None:
    """The problem lasts as long as the disk refuses, and a second `serve` is refused from then on."""
    state = tmp_path / "state"
    state.write_text("a file where the folder should be")
    url = f"sqlite:///{state / 'ledger.sqlite3'}"
    lock = make_lock(url, Quick())
    await lock.acquire()
    keeping = asyncio.create_task(lock.keep())
    state.unlink()
    async with asyncio.timeout(5):
        while lock.problems():  # noqa: ASYNC110  # the effect itself
            await asyncio.sleep(0)
    with pytest.raises(AlreadyServedError):
        await make_lock(url, CLOCK).acquire()
    keeping.cancel()
    await asyncio.wait({keeping})
    await lock.release()
