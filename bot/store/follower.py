"""Lets the database follow the journals. It may refuse, hang or rot: nothing else ever waits for it."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bot.journal.reader import Entry, Reader
from bot.service.ports import Clock, Ledger
from bot.service.redact import redact
from bot.store.engine import PATIENCE

_log = logging.getLogger(__name__)
_POLL = 0.25  # seconds between two looks at the journals
_REST, _LONGEST_REST = 4, 1.0  # times what a batch took, and seconds at the most: the core belongs to the cuts
_BACKOFF = 30.0  # seconds at the most between two tries
_BATCH_ENTRIES, _BATCH_CHARS = 1_000, 4_000_000  # of one transaction, so that it ends within the patience

Read = Callable[[dict[str, int]], Sequence[Entry]]


class Follower:
    """Tells the ledger what it does not have yet, for as long as the bot runs.

    Args:
        read: yields entries after the given heads, all of them or the first of them; called in a thread.
        ledger_factory: opens the ledger; called again after every failure.
        clock: sleeps.
    """

    def __init__(self, read: Read, ledger_factory: Callable[[], Awaitable[Ledger]], clock: Clock) -> None:
        self._read, self._open, self._clock = read, ledger_factory, clock
        self._ledger: Ledger | None = None
        self._heads: dict[str, int] = {}
        self._problem = ""
        self._conflicts: list[str] = []
        self._whole_at = clock.monotonic()
        self._closing: set[asyncio.Task[None]] = set()
        self.refused: Callable[[], str] = str  # why the ledger is told nothing, where a drill rehearses its outage
        self.failures = 0
        self.lag_entries: int | None = None  # known to be missing in the database; None before the first look

    def problems(self) -> list[str]:
        """Why the database is behind, and what it contradicts, a sentence each."""
        return ([self._problem] if self._problem else []) + self._conflicts

    def lag_seconds(self) -> float:
        """Seconds since the database last had every entry."""
        return 0.0 if self.lag_entries == 0 else self._clock.monotonic() - self._whole_at

    async def run(self) -> None:
        """Follows until it is cancelled."""
        tries = 0
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    more = await self._step()
                    tries, self._problem = 0, ""
                    rest = min(_LONGEST_REST, _REST * (self._clock.monotonic() - began))
                    await self._clock.sleep(rest if more else max(_POLL, rest))
                except Exception as error:  # noqa: BLE001  # whatever a database does, it is tried again
                    self._fail(error)
                    tries += 1
                    longest = min(_BACKOFF, 0.5 * 2.0**tries)
                    await self._clock.sleep(random.uniform(longest / 2, longest))  # noqa: S311  # jitter, no secret
        finally:
            self._drop()
            await asyncio.gather(*self._closing, return_exceptions=True)

    def has(self, heads: Mapping[str, int]) -> bool:
        """Whether the database has every chain up to these entries, as far as this follower told it."""
        return self._ledger is not None and all(self._heads.get(chain, 0) >= seq for chain, seq in heads.items())

    async def _step(self) -> bool:
        """One batch; says whether there may be more."""
        if self._ledger is None:
            await self._connect()
        entries = await asyncio.to_thread(self._read, dict(self._heads))
        batch = _batch(entries)
        self.lag_entries = len(entries)
        if not batch:
            self._whole_at = self._clock.monotonic()
            return False
        await self._tell(batch)
        self.lag_entries = len(entries) - len(batch)
        return True

    async def _connect(self) -> None:
        """Begins one entry before each head, so that a journal that was replaced meanwhile is noticed."""
        async with asyncio.timeout(2 * PATIENCE):
            self._ledger = await self._open()
            heads = await self._ledger.heads()
        self._heads = {chain: seq - 1 for chain, seq in heads.items()}

    async def _tell(self, batch: Sequence[Entry]) -> None:
        if self._ledger is None:
            return
        if why := self.refused():
            raise ConnectionError(why)
        async with asyncio.timeout(PATIENCE):
            await self._ledger.follow(batch)
        for entry in batch:
            self._heads[entry.chain] = max(entry.seq, self._heads.get(entry.chain, 0))
        self._conflicts = list(getattr(self._ledger, "conflicts", list)())

    def _fail(self, error: Exception) -> None:
        self.failures += 1
        reason = "no answer" if isinstance(error, TimeoutError) else redact(str(getattr(error, "orig", error)))
        problem = (
            f"the database does not follow the journal: {reason or type(error).__name__}; stops do not wait for it"
        )
        if problem != self._problem:
            _log.warning("%s", problem)
        self._problem = problem
        self._drop()

    def _drop(self) -> None:
        """Forgets the ledger; closing it may take as long as it likes, beside."""
        ledger, self._ledger = self._ledger, None
        if ledger is None:
            return
        task = asyncio.ensure_future(_close(ledger))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Tail:
    """Reads the journal folders for a `Follower`, and keeps what the database does not have.

    Args:
        folders: the journal folders, as for `Reader`.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._reader = Reader(self._folders)
        self._kept: list[Entry] = []
        self._dropped: dict[str, int] = {}

    def __call__(self, heads: dict[str, int]) -> Sequence[Entry]:
        """Entries after these heads, chain by chain in their order."""
        if any(heads.get(chain, 0) < seq for chain, seq in self._dropped.items()):  # an older database
            self._reader, self._kept, self._dropped = Reader(self._folders), [], {}
        self._kept += self._reader.new()
        kept: list[Entry] = []
        for entry in self._kept:
            if entry.seq > heads.get(entry.chain, 0):
                kept.append(entry)
            else:
                self._dropped[entry.chain] = max(entry.seq, self._dropped.get(entry.chain, 0))
        self._kept = kept
        return kept


def _batch(entries: Iterable[Entry]) -> list[Entry]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.line)
        if batch and (size > _BATCH_CHARS or len(batch) >= _BATCH_ENTRIES):
            break
        batch.append(entry)
    return batch


async def _close(ledger: Ledger) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(PATIENCE):
            await ledger.aclose()
