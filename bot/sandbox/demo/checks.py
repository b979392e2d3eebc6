"""How the play judges: by waiting for an effect with a bound, and by counting what the agents really did."""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable
from typing import Any

from bot.sandbox.demo.cast import Place
from bot.sandbox.demo.scene import Scene

_POLL = 0.02
PATIENCE = 60.0  # seconds after which something is taken never to come; it says nothing about how fast it should be
_TRIES = 20  # attempts of an agent, on each surface, that must all be in vain


class NotSo(Exception):
    """Something that the play promises did not happen; the text says what."""


def insist(so: object, otherwise: str) -> None:
    """Raises `NotSo` unless it is so."""
    if not so:
        raise NotSo(otherwise)


async def until(ask: Callable[[], Any], seconds: float, otherwise: str) -> Any:
    """Asks (an awaitable answer is awaited) until the answer is true; returns it. Raises `NotSo` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        insist(time.monotonic() < end, f"{otherwise} (waited {seconds:g} s)")
        await asyncio.sleep(_POLL)


async def working(scene: Scene, places: Iterable[Place], times: int = 10) -> dict[str, float]:
    """Waits until each surface has seen so many more effects; returns effects per second. Raises `NotSo`."""
    places = tuple(places)
    before, began = await scene.witness.counts(places), time.monotonic()

    still: list[str] = []

    async def all_rose() -> bool:
        now = await scene.witness.counts(places)
        still[:] = [name for name, count in before.items() if now[name] < count + times]
        return not still

    try:
        await until(all_rose, PATIENCE, f"the agents did not get {times} more actions through")
    except NotSo as error:
        errors = {place.name: scene.estate.tally(place).error for place in places if place.name in still}
        raise NotSo(f"{error}: {errors}") from error
    after, took = await scene.witness.counts(places), time.monotonic() - began
    return {name: (after[name] - before[name]) / took for name in before}


async def in_vain(scene: Scene, places: Iterable[Place], tries: int = _TRIES) -> dict[str, int]:
    """Waits until the agents tried so many times more on each surface; returns the attempts.

    Raises:
        NotSo: an attempt had an effect, or the agents gave up trying (then nothing would be shown).
    """
    places = tuple(places)
    before = await scene.witness.counts(places)
    tried = {place.name: scene.estate.tally(place).attempts for place in places}

    def made() -> dict[str, int]:
        return {place.name: scene.estate.tally(place).attempts - tried[place.name] for place in places}

    await until(
        lambda: min(made().values()) >= tries, PATIENCE, f"the agents did not try {tries} times on each surface"
    )
    attempts, after = made(), await scene.witness.counts(places)
    worked = {name: after[name] - count for name, count in before.items() if after[name] != count}
    insist(not worked, f"the witness saw effects after the proof: {worked}")
    return attempts
