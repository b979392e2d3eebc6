"""The bot's own parts of the armed check that are no door: its disks, its clock, its audit."""

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.domain.armed import words
from bot.journal import folders
from bot.service.armed import Looked

LEAST_FREE = 64 * 1024 * 1024  # bytes: some fifty stops of ten thousand surfaces each
_LEAST_FILES = 100  # that can still be made
_PATIENCE = 3.0  # seconds for a disk; the journal gives one up after 2
MOST_SKEW = 20.0  # seconds; signatures and codes of the second factor allow 30
_TROUBLE = (
    "by a difference of 30 s signed requests (Slack's in HTTP mode, POST /v1/stop) and codes of the second factor are"
    " refused"
)
_SYNC = "set this machine's clock by NTP (`timedatectl`, `chronyc tracking`)"


class Disks:
    """The state directory and the journal's second folder: whether each takes what a stop writes.

    Args:
        journals: the folders of the journal, first choice first.
        chain: which chain is being written; None while no disk takes any.
    """

    def __init__(self, journals: Sequence[Path], chain: Callable[[], str | None]) -> None:
        self._journals, self._chain = tuple(journals), chain
        self._asking: dict[Path, threading.Thread] = {}

    async def __call__(self) -> Sequence[Looked]:
        """Asks every disk; one that hangs is waited for three seconds."""
        whys = await asyncio.gather(*map(self._ask, self._journals))
        found = [
            Looked(subject=name, why=why, next=step if why else "")
            for (name, step), why in zip(_DISKS, whys, strict=False)
        ]
        lost = "" if self._chain() else "no disk takes the journal: a stop would be answered NOT RECORDED"
        return [*found, Looked(subject="disk journal", why=lost, next="free or mend the disks" if lost else "")]

    async def _ask(self, folder: Path) -> str:
        """Why the disk of this folder cannot be relied on; empty where it can."""
        before = self._asking.get(folder)
        if before is not None and before.is_alive():
            return f"the disk of {folder.name} does not answer"
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()

        def settle(why: str) -> None:
            if not done.done():
                done.set_result(why)

        def ask() -> None:
            why = trouble_of(folder)
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(settle, why)

        self._asking[folder] = threading.Thread(target=ask, name="disk", daemon=True)  # nothing waits for it at the end
        self._asking[folder].start()
        await asyncio.wait({done}, timeout=_PATIENCE)
        return done.result() if done.done() else f"the disk of {folder.name} does not answer within {_PATIENCE:g} s"


_DISKS = (
    ("disk state", "free or mend the disk of the state directory; until then stops are journaled in the second folder"),
    ("disk second", "free or mend the disk of the journal's second folder; it is for when the first one fails"),
)


def trouble_of(folder: Path) -> str:
    """Why a disk cannot be relied on, or nothing: looks how much room is left, and where that is enough, writes a file.

    Where room is scarce nothing is written: the last of it is the journal's.
    """
    try:
        folders.make(folder)
        scarce = _scarce(folder, os.statvfs(folder))
        return scarce or _written(folder)
    except OSError as error:
        return f"{folder} takes no file: {error.strerror or error}"


def _scarce(folder: Path, room: os.statvfs_result) -> str:
    if room.f_bavail * room.f_frsize < LEAST_FREE:
        return f"{folder} has less than {LEAST_FREE // 1024 // 1024} MiB left"
    if room.f_files and room.f_favail < _LEAST_FILES:
        return f"{folder} can take less than {_LEAST_FILES} further files"
    return ""


def _written(folder: Path) -> str:
    handle, name = tempfile.mkstemp(dir=folder, prefix=".armed.")
    try:
        os.write(handle, b"\0" * 4096)
        os.fsync(handle)
    finally:
        os.close(handle)
        Path(name).unlink()
    return ""


def one_disk(journals: Sequence[Path]) -> bool:
    """Whether the journal's folders, which stand in for each other, are on one disk. Makes neither."""
    found = {_device(folder) for folder in journals}
    return len(journals) > 1 and len(found) == 1 and None not in found


def _device(folder: Path) -> int | None:
    """The device of the nearest folder that there is."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return place.stat().st_dev
    return None


def clock_trouble(whose: str, skew: float) -> str:
    """What is wrong with a clock that `whose` is ahead of by so many seconds; empty where it is near enough."""
    if abs(skew) <= MOST_SKEW:
        return ""
    behind = "behind" if skew > 0 else "ahead of"
    return f"this machine's clock is {words(abs(skew))} {behind} {whose}: {_TROUBLE}"


def clock_looked(subject: str, whose: str, skew: float | None) -> Looked:
    """The same as a look; not sure where nothing is known."""
    why = "" if skew is None else clock_trouble(whose, skew)
    return Looked(subject=subject, why=why, next=_SYNC if why else "", sure=skew is not None)


class Audit:
    """Whether the journals are anchored.

    Args:
        problems: of the checkpoints.
    """

    def __init__(self, problems: Callable[[], Sequence[str]]) -> None:
        self._problems = problems

    async def __call__(self) -> Sequence[Looked]:
        """One look."""
        why = "; ".join(self._problems())
        return [Looked(subject="audit anchors", why=why, next="see docs/audit.md" if why else "")]


class DatabaseClock:
    """The clock of the ledger's database against this machine's.

    Args:
        skew: seconds that it is ahead; None where it is not known.
    """

    def __init__(self, skew: Callable[[], float | None]) -> None:
        self._skew, self._has_one = skew, False

    async def __call__(self) -> Sequence[Looked]:
        """One look; a database without a clock of its own is no part of the check."""
        skew = self._skew()
        self._has_one = self._has_one or skew is not None
        return [clock_looked("clock database", "the ledger's database", skew)] if self._has_one else []
