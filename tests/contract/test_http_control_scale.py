"""Endpoints that accept and never answer: what they cost the others."""

import asyncio
import time
from collections.abc import Sequence

from aiohttp import ClientSession
from pydantic import SecretStr

from adapters.base import Mode, Shared
from adapters.http_control import HttpControl, HttpControlConfig
from tests.contract.http_rig import Farm, farm, no
from tests.contract.receiver import SECRET

ENDPOINTS = 300
HUNG = 45
DEADLINE = 4.0  # seconds


async def cut(adapter: HttpControl) -> float | None:
    """Stops one target and reads it back, within its deadline. Returns when that was done."""
    try:
        async with asyncio.timeout(DEADLINE):
            await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
            assert (await adapter.observe()).mode is Mode.FULL_STOP
    except TimeoutError:
        return None
    return time.monotonic()


async def cut_all(running: Farm, names: Sequence[str]) -> tuple[float, int]:
    """Cuts every target at once. Returns the seconds until the last that answered, and how many never did."""
    shared = Shared()
    secret = SecretStr(SECRET)
    adapters = [
        HttpControl(
            config=HttpControlConfig(url=f"http://127.0.0.1:{port}/{name}/control", secret=secret),
            canary=None,
            shared=shared,
        )
        for port, name in zip(running.ports, names, strict=True)
    ]
    start = time.monotonic()
    done = await asyncio.gather(*map(cut, adapters))
    for adapter in adapters:
        await adapter.aclose()
    return max(at for at in done if at is not None) - start, done.count(None)


async def test_hung_endpoints_cost_the_healthy_ones_nothing() -> None:
    """With 15 % of 300 endpoints hung, every healthy one is cut, the last within twice the time with none hung."""
    with farm(ENDPOINTS) as running:
        healthy = [f"healthy{number}" for number in range(ENDPOINTS)]
        best, missed = min([await cut_all(running, healthy) for _ in range(3)])
        assert missed == 0
        async with ClientSession() as client:
            for number in range(HUNG):
                await client.post(f"http://127.0.0.1:{running.ports[0]}/hung{number}/fault", data="hang")
        mixed = [f"hung{number}" if number < HUNG else f"mixed{number}" for number in range(ENDPOINTS)]
        last, missed = await cut_all(running, mixed)
    assert missed == HUNG
    assert last < 2 * best + 0.1, f"{last:.3f} s with {HUNG} hung, {best:.3f} s with none"
