"""Bringing the demo's world up, told step by step."""

import asyncio

from bot.sandbox.demo.checks import until
from bot.sandbox.demo.child import Ended
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.scene import Scene


async def prepare(scene: Scene, tell: Narrator) -> None:
    """Brings everything up. Raises `ServerError`, `Ended`, `NotSo`."""
    with tell.waiting("starting PostgreSQL and Valkey, the guards and the billing agent"):
        await asyncio.gather(scene.start_slack(), scene.start_company())
    tell.true(
        f"PostgreSQL on port {scene.estate.postgres.port}, Valkey on port {scene.estate.valkey.port}, "
        f"{len(scene.estate.guards)} guards and {len(scene.estate.agents)} agent process"
    )
    with tell.waiting("starting the bot"):
        await _start_bot(scene)
    tell.true(f"agent-kill serve (pid {scene.product.pid}) is connected to the simulated Slack")


async def _start_bot(scene: Scene) -> None:
    await scene.start_bot()
    simulator = scene.simulator
    await until(
        lambda: simulator.socket.connections or not scene.product.running, 30, "the bot did not connect to Slack"
    )
    if not scene.product.running:
        raise Ended(f"the bot ended at once; see {scene.product.log.name}")
    await until(lambda: _groups_read(scene), 30, "the bot did not read the user groups")


def _groups_read(scene: Scene) -> bool:
    return any(call.ok and call.method.startswith("usergroups.") for call in scene.simulator.calls)
