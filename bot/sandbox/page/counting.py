"""What the witness saw over time: rates, totals, and what came after a proof. Each source is asked apart."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack

from bot.sandbox.demo.background import background
from bot.sandbox.demo.cast import Place
from bot.sandbox.demo.witness import Sight, Witness

PERIOD = 0.25  # seconds between two looks
_SPAN = 1.0  # seconds over which a rate is taken
_STALE = 1.5  # seconds after which a source that does not answer is said not to


class Source:
    """Surfaces that are counted at one place; a frozen one makes the others no slower."""

    def __init__(self, witness: Witness, places: Iterable[Place], proofs: Callable[[], Mapping[str, float]]) -> None:
        self.places = tuple(places)
        self._witness, self._proofs = witness, proofs
        self._seen: deque[tuple[float, dict[str, Sight]]] = deque(maxlen=int(_SPAN / PERIOD) + 2)

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            since = {name: at for name, at in self._proofs().items() if any(p.name == name for p in self.places)}
            found = await self._witness.see(self.places, since)
            self._seen.append((time.monotonic(), found))
            await asyncio.sleep(PERIOD)

    def rate(self, name: str) -> float | None:
        """Effects per second; None while the source does not answer."""
        if len(self._seen) < 2 or self._age() > _STALE:  # noqa: PLR2004  # a difference needs two looks
            return None
        end, latest = self._seen[-1]
        start, first = next((one for one in self._seen if end - one[0] <= _SPAN), self._seen[-2])
        if end <= start:
            start, first = self._seen[-2]
        return round((latest[name].total - first[name].total) / (end - start), 1)

    def sight(self, name: str) -> Sight:
        """As last seen."""
        return self._seen[-1][1][name] if self._seen else Sight()

    def _age(self) -> float:
        return time.monotonic() - self._seen[-1][0]


class Counting:
    """The witness, four times a second.

    Args:
        witness: open.
        places: the surfaces.
        proofs: when each surface was last proven, in Unix seconds, while its proof stands.
    """

    def __init__(self, witness: Witness, places: Iterable[Place], proofs: Callable[[], Mapping[str, float]]) -> None:
        places = tuple(places)
        self._proofs = proofs
        groups = [[p for p in places if p.kind == "sql"], [p for p in places if p.kind == "queue"]]
        groups.append([p for p in places if p.guard])
        self._sources = [Source(witness, group, proofs) for group in groups]
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Begins to look."""
        for number, source in enumerate(self._sources):
            await self._stack.enter_async_context(background(source.run, f"witness {number}"))

    async def stop(self) -> None:
        """Looks no more."""
        await self._stack.aclose()

    def total(self, name: str) -> int:
        """Effects ever."""
        return self._of(name).sight(name).total

    def rates(self, names: Iterable[str]) -> dict[str, float | None]:
        """Effects per second, by surface."""
        return {name: self._of(name).rate(name) for name in names}

    def after_verified(self) -> dict[str, int]:
        """Effects that came after the proof, of each surface whose proof stands."""
        return {name: self._of(name).sight(name).after for name in self._proofs()}

    def _of(self, name: str) -> Source:
        return next(source for source in self._sources if any(place.name == name for place in source.places))
