"""Is whoever repeats a signed stop, having had no answer, told truly whether anything is held by it?"""

import asyncio
import secrets
import time

import pytest
from aiohttp import ClientError

from bot.web.signed import CALLER, SIGNATURE, sign
from tests.faults.conftest import Make
from tests.faults.crash_points import holds
from tests.faults.estate import SECRET, Estate, until
from tests.faults.tracer import inject, strace


class Caller:
    """A monitor that keeps the bytes of its call."""

    def __init__(self) -> None:
        self.body = b'{"mode": "full_stop", "all": true, "reason": "%s"}' % secrets.token_hex(4).encode()
        self.headers = {CALLER: "monitor", SIGNATURE: sign(SECRET, self.body, time.time())}

    async def posts(self, estate: Estate, port: int) -> tuple[int, str]:
        """The very same bytes; returns the status and the words, 0 where no answer came."""
        try:
            async with estate.client.post(
                f"http://127.0.0.1:{port}/v1/stop", data=self.body, headers=self.headers
            ) as reply:
                return reply.status, await reply.text()
        except (ClientError, OSError) as error:
            return 0, str(error)


@pytest.fixture
def caller() -> Caller:
    """One call."""
    return Caller()


async def test_nothing_came_of_a_call_whose_bot_was_killed_before_the_record(make: Make, caller: Caller) -> None:
    """F01, P3 P5: killed with the signature marked and no hold on disk: the repeat says so, and a new call works."""
    estate = make()
    program = await estate.serve()
    port = await estate.port(program)
    used, own = estate.state / "http-used", estate.state / "journal" / "bot.jsonl"
    before = used.read_text()
    async with strace(program, estate.folder / "trace", *inject("write", "delay_enter=10000000", path=own)):
        asking = asyncio.create_task(caller.posts(estate, port))
        await until(lambda: used.read_text() != before, 5, "the signature on disk")
        program.kill()
        await program.ended()
        await asking
    assert holds(estate) == []

    port = await estate.port(await estate.serve())
    status, words = await caller.posts(estate, port)

    assert status == 401
    assert "no hold came of it" in words
    assert "sign the stop anew and send it" in words
    assert await estate.post_stop(port)
    await estate.all_cut(within=4)


async def test_a_call_that_was_recorded_is_named_when_it_is_repeated(make: Make, caller: Caller) -> None:
    """F02, P2 P5: killed after the record: the repeat is told which hold it is, and the start carried it out."""
    estate = make()
    program = await estate.serve()
    assert (await caller.posts(estate, await estate.port(program)))[0] == 202
    program.kill()
    await program.ended()
    (hold,) = holds(estate)

    port = await estate.port(await estate.serve())
    status, words = await caller.posts(estate, port)

    assert status == 401
    assert f"that call is {hold.hold} of {hold.incident}" in words
    await estate.all_cut(within=4)
