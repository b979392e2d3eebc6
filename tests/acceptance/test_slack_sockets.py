"""Socket Mode under everything that happens to sockets: no command is lost that Slack had a way to deliver."""

import asyncio
from pathlib import Path

from bot.sandbox.simulator import Simulator
from tests.unit.slack.door_rig import MANIFEST, Rig, configuration, door_at, rig

LISTED = configuration(groups=(), users=("U0ONCALL",))


async def burst(running: Rig, count: int = 100) -> list[str]:
    """Stops at a steady pace; yields the errors."""
    person = running.simulator.person("oncall")

    async def one(number: int) -> str:
        await asyncio.sleep(number * 0.01)
        return (await person.slash("/agent-kill", f"full_stop billing number {number}")).error

    return [error for error in await asyncio.gather(*map(one, range(count))) if error]


async def test_a_refresh_in_the_middle_of_a_hundred_commands_loses_none(tmp_path: Path) -> None:
    """Every socket is told to go at once; each stays until its successor is there."""
    async with rig(tmp_path, mode="socket", made=LISTED) as running:
        await running.simulator.connected(2)
        running.simulator.socket.grace = 0.3
        running.stops.delay = 0.2  # so that receipts are under way on every socket that is told to go
        going = asyncio.create_task(burst(running))
        await running.simulator.wait_for(lambda: len(running.holds) >= 20)
        await running.simulator.socket.disconnect("refresh_requested")
        await running.simulator.wait_for(lambda: len(running.holds) >= 60)
        await running.simulator.socket.disconnect("warning")
        assert await going == []
        assert len(running.holds) == 100
        assert len({hold.reason for hold in running.holds.values()}) == 100
        await running.simulator.wait_for(lambda: len(running.simulator.socket.connections) == 2)
        assert not running.simulator.violations


async def test_a_socket_that_is_closed_without_notice_is_replaced(tmp_path: Path) -> None:
    """One of two breaks: the other goes on, and soon there are two again."""
    async with rig(tmp_path, mode="socket", made=LISTED) as running:
        await running.simulator.connected(2)
        running.simulator.socket.cut(count=1)
        await running.simulator.wait_for(lambda: running.simulator.socket.hellos >= 3, timeout=20)
        await running.simulator.connected(2)
        assert await burst(running, 10) == []


async def test_the_bot_reconnects_after_slack_was_away(tmp_path: Path) -> None:
    """For ever, and it says meanwhile that no command can come in."""
    async with rig(tmp_path, mode="socket", made=LISTED) as running:
        await running.simulator.connected(2)
        await running.simulator.wait_for(lambda: running.door.ready()["slack_socket"] is True)
        await running.simulator.go_down()
        await running.simulator.wait_for(lambda: running.door.ready()["slack_socket"] is False, timeout=20)
        assert any("Socket Mode" in problem for problem in running.door.problems())
        await running.simulator.start()
        await running.simulator.connected(1, timeout=40)
        assert await burst(running, 10) == []


async def test_the_start_does_not_wait_for_slack(tmp_path: Path) -> None:
    """Slack's API fails at start; the bot is up, and connects when Slack is back."""
    async with Simulator(MANIFEST) as slack:
        slack.faults.status("apps.connections.open", 503, times=3)
        began = asyncio.get_running_loop().time()
        async with door_at(slack, tmp_path, mode="socket", made=LISTED) as running:
            assert asyncio.get_running_loop().time() - began < 10
            assert await burst(running, 5) == []


async def test_the_end_leaves_no_task_and_no_socket_behind(tmp_path: Path) -> None:
    """Also when it comes in the middle of a refresh."""
    async with rig(tmp_path, mode="socket", made=LISTED) as running:
        await running.simulator.connected(2)
        await running.simulator.socket.disconnect("refresh_requested")
        await running.door.stop()
        names = {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        assert not [name for name in names if name.startswith(("socket", "retire", "serve", "roster", "auth"))]
        await running.simulator.wait_for(lambda: not running.simulator.socket.connections)
