"""Is a restriction that no live hold explains shown wherever a person looks, and left as it is?"""

import asyncio
import json
import time

from bot.sandbox.simulator import Simulator
from tests.faults.conftest import Make

WITHIN = 40.0  # seconds: two looks of the sweep, on a machine that is shared


async def test_an_orphan_is_shown_on_the_page_in_slack_and_on_the_command_line(make: Make, sandbox: Simulator) -> None:
    """Interleaving 6, P3 P4: read_only that nobody here asked for is named with what to do, and nothing loosens it."""
    estate = make(environ=dict(sandbox.environment))
    await estate.tell("mail", "set", '{"mode": "read_only"}')
    program = await estate.serve()
    await estate.port(program)
    await sandbox.connected()

    end = time.monotonic() + WITHIN
    while not (shown := (await estate.status(program))["orphans"]):
        assert time.monotonic() < end, estate.logs()
        await asyncio.sleep(0.1)
    (orphan,) = shown
    assert (orphan["surfaces"], orphan["mode"], orphan["explained"]) == (["desk/mail"], "read_only", "normal")
    port = await estate.port(program, "private")
    async with estate.client.get(f"http://127.0.0.1:{port}/") as page:
        assert "desk/mail reads read_only, and nothing holds it" in await page.text()
    answer = await sandbox.person("oncall").slash("/agent-status", "")
    assert answer.answer is not None
    assert "desk/mail reads read_only, and nothing holds it" in json.dumps(answer.answer.blocks)
    command = await estate.start("status", "--json")
    assert await command.ended() == 0, estate.logs()
    assert json.loads(command.said)["orphans"] == shown
    assert await estate.modes("mail") == ["read_only"]
