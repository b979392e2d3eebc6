"""The ledger's side of `serve`: the lock, the migrations and the follower, none of which a stop ever waits for."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.service.ports import Clock
from bot.store.claims import SqlClaims
from bot.store.engine import default_url
from bot.store.follower import Follower, Tail
from bot.store.ledger import open_ledger
from bot.store.lock import AlreadyServedError, make_lock

_POLL = 0.05  # seconds
_PATIENCE = 1.0  # seconds that a start waits for the lock's answer


class Serving:
    """Runs beside the bot from its start to its end.

    Args:
        url: of the database; None: SQLite in the state directory.
        state_dir: of this bot.
        folders: the journal folders.
        clock: time.
        taken: called when another `serve` turns out to have the database, later than the start waited.
    """

    def __init__(
        self,
        url: str | None,
        state_dir: Path,
        folders: Sequence[Path],
        clock: Clock,
        taken: Callable[[AlreadyServedError], None],
    ) -> None:
        self._clock = clock
        self._url = url or default_url(state_dir)
        self._lock = make_lock(self._url, clock)
        self._follower = Follower(Tail(folders), lambda: open_ledger(self._url), clock)
        self._taken = taken
        self._locking: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def claims(self) -> SqlClaims:
        """The claims of drills, in the same database."""
        return SqlClaims(self._url)

    def refuse(self, why: Callable[[], str]) -> None:
        """Lets a drill rehearse an outage: for as long as there is a reason, the database is told nothing."""
        self._follower.refused = why

    async def start(self) -> None:
        """Takes the lock, for one second at the most, and starts to follow.

        Raises:
            AlreadyServedError: another live `serve` has this database.
        """
        self._locking = asyncio.create_task(self._lock.acquire(), name="ledger lock")
        done, _ = await asyncio.wait({self._locking}, timeout=_PATIENCE)
        if done:
            self._locking.result()
        self._tasks = [
            asyncio.create_task(self._keep(self._locking), name="keep the ledger lock"),
            asyncio.create_task(self._follower.run(), name="follow the journals"),
        ]

    async def stop(self) -> None:
        """Gives the lock back; what the database lacks is followed by the next start."""
        tasks = [task for task in (self._locking, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._lock.release()

    async def has(self, heads: Mapping[str, int], within: float) -> str:
        """Waits until the database has these entries; why it has not after `within` seconds, empty where it has."""
        end = self._clock.monotonic() + within
        while not self._follower.has(heads):
            if self._clock.monotonic() >= end:
                return "; ".join(self.problems()) or f"it did not follow within {within:g} s"
            await self._clock.sleep(_POLL)
        return ""

    def problems(self) -> list[str]:
        """Why the ledger is behind or not held, a sentence each."""
        return [*self._lock.problems(), *self._follower.problems()]

    def skew(self) -> float | None:
        """Seconds that the database's clock is ahead of this machine's; None where it has none, or is away."""
        return self._lock.skew()

    def sources(self) -> dict[str, Callable[[], float | None]]:
        """Metrics by name."""
        return {
            "ledger_lag_entries": self._lag_entries,
            "ledger_lag_seconds": self._follower.lag_seconds,
            "ledger_failures": lambda: float(self._follower.failures),
        }

    def _lag_entries(self) -> float | None:
        return None if self._follower.lag_entries is None else float(self._follower.lag_entries)

    async def _keep(self, locking: "asyncio.Task[None]") -> None:
        try:
            await locking
        except AlreadyServedError as error:
            self._taken(error)
            return
        await self._lock.keep()
