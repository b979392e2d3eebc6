"""Is a stop recorded, acknowledged and carried out while other programs take the processors?"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.faults.conftest import Make
from tests.faults.crash_points import holds

STOPS = 30
HUNGRY = 3  # programs for each processor, each with a session of its own, so that the kernel counts each by itself
SPIN = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
ANSWER = 3.0  # seconds that Slack and a monitor wait for


@asynccontextmanager
async def starving() -> AsyncIterator[None]:
    """Takes every processor; ends by itself after a minute, whatever happens to the test."""
    count = HUNGRY * (os.cpu_count() or 1)
    hungry = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", SPIN, start_new_session=True) for _ in range(count)
    ]
    try:
        yield
    finally:
        for program in hungry:
            program.kill()
        await asyncio.gather(*(program.wait() for program in hungry))


async def test_stops_come_through_on_a_starved_machine(make: Make, tell: Callable[[str], None]) -> None:
    """F63, P1 P2 P5: three programs for each processor; every stop is on disk before it is answered, and in time."""
    estate = make()
    agents = [f"a{number}" for number in range(STOPS)]
    estate.configure({name: {"name": name, "surfaces": {"api": estate.surface(name)}} for name in agents})
    port = await estate.port(await estate.serve())
    answered: list[float] = []
    cut: list[float] = []

    async with starving():
        for name in agents:
            sent = time.monotonic()
            told = await estate.post_stop(port, all=False, agents=[name])
            answered.append(time.monotonic() - sent)
            assert told["hold"] in {hold.hold for hold in holds(estate)}
            await estate.all_cut(name, within=10)
            cut.append(time.monotonic() - sent)

    answered.sort()
    cut.sort()
    worst = f"answered within {answered[-1] * 1000:.0f} ms, cut within {cut[-1] * 1000:.0f} ms at worst"
    tell(f"{STOPS} stops beside {HUNGRY} busy programs per processor: {worst}")
    assert answered[-1] < ANSWER
