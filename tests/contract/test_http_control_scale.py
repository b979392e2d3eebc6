"""Endpoints that accept and never answer: what they cost the others."""

import asyncio
import gc
import time

from aiohttp import ClientSession
from pydantic import SecretStr

from adapters.base import Mode, Shared
from adapters.http_control import HttpControl, HttpControlConfig
from tests.contract.http_rig import Farm, farm, no
from tests.contract.receiver import SECRET

ENDPOINTS = 300
HUNG = 45
TIMES = 4  # each way, in turn: the best of one way is compared with the best of the other
DEADLINE = 4.0  # seconds


async def cut(adapter: HttpControl) -> None:
    """Stops one target and reads it back."""
    await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
    assert (await adapter.observe()).mode is Mode.FULL_STOP


async def cut_all(running: Farm, name: str, *, hung: int) -> float:
    """Cuts every target at once; the first `hung` of them never answer. Returns the seconds until all others are."""
    shared = Shared()
    secret = SecretStr(SECRET)
    adapters = [
        HttpControl(
            config=HttpControlConfig(url=f"http://127.0.0.1:{port}/{name}-{number}/control", secret=secret),
            canary=None,
            shared=shared,
        )
        for number, port in enumerate(running.ports)
    ]
    gc.collect()
    start = time.monotonic()
    tasks = [asyncio.create_task(cut(adapter)) for adapter in adapters]
    try:
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*tasks[hung:])
        took = time.monotonic() - start
        assert not any(task.done() for task in tasks[:hung]), "who was to hang answered"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for adapter in adapters:
            await adapter.aclose()
    return took


async def test_hung_endpoints_cost_the_healthy_ones_nothing() -> None:
    """With 15 % of 300 endpoints hung, every other one is cut about as soon as with none hung."""
    healthy, mixed = [], []
    with farm(ENDPOINTS) as running:
        async with ClientSession() as client:
            for turn in range(TIMES):
                for number in range(HUNG):
                    place = f"http://127.0.0.1:{running.ports[0]}/mixed{turn}-{number}/fault"
                    async with client.post(place, data="hang") as reply:
                        assert reply.status == 200
        for turn in range(TIMES):
            healthy.append(await cut_all(running, f"healthy{turn}", hung=0))
            mixed.append(await cut_all(running, f"mixed{turn}", hung=HUNG))
    assert min(mixed) < 1.5 * min(healthy) + 0.05, f"with {HUNG} hung {mixed} s, with none {healthy} s"
