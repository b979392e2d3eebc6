"""Does the suite's own harness keep its programs apart?"""

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path

from tests.faults.programs import programs


async def test_an_order_that_was_given_up_is_not_taken_for_the_next(
    nursery: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    """A test that ended while a program was being started leaves its answer behind; the next test ignores it."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with programs(nursery) as given_up:
        starting = asyncio.create_task(given_up.start("schema", env=env, folder=tmp_path, name="given-up", held=True))
        await asyncio.sleep(0)  # the order is out, its answer is not read
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting

    async with programs(nursery) as after, asyncio.timeout(30):
        program = await after.start("schema", env=env, folder=tmp_path, name="next")
        assert await program.ended() == 0, program.log

    assert '"properties"' in program.said
