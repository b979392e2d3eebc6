"""On real servers: does a scheduled drill run at its time across the change of clocks, measure truly and give back?"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from redis.exceptions import RedisError

from adapters.base import Adapter
from adapters.memory import Canary
from bot.domain.model import Surface
from bot.domain.practice import Run
from bot.sandbox.servers import ValkeyServer
from bot.service.dispatch import BATCH
from tests.contract import redis_rig
from tests.contract.rigs.postgres_role import GONE, PostgresRig
from tests.contract.servers import Database
from tests.unit.drills.drill_rig import DrillRig, drill
from tests.unit.service.rig import surface

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {"schedule": "0 10 * * *", "surfaces": ("billing/it",), "accept_loss": True}
PACE = 0.005  # seconds between two actions of the agent
TURN = 0.05  # seconds that a loaded machine may take until a future that is done is looked at


@dataclass
class Witness:
    """What the agent did, by the loop's time, and how long the cut's own calls took."""

    act: Callable[[], Awaitable[None]]
    effects: list[float] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    began: float = 0.0
    read_back: float = 0.0

    async def work(self) -> None:
        """Acts as fast as it may, and notes each effect once it saw it; a session that is lost is opened again."""
        while True:
            self.tried.append(asyncio.get_running_loop().time())
            with contextlib.suppress(*GONE, RedisError):
                await self.act()
                self.effects.append(asyncio.get_running_loop().time())
            await asyncio.sleep(PACE)

    def time(self, adapter: Adapter) -> None:
        """Notes when the cut's call begins, and when the last look at what it did ends."""
        restrict, attempt = adapter.restrict, adapter.attempt

        async def restricting(**order: Any) -> Any:
            self.began = asyncio.get_running_loop().time()
            return await restrict(**order)

        async def attempting(**order: Any) -> Any:
            answer = await attempt(**order)
            self.read_back = asyncio.get_running_loop().time()
            return answer

        vars(adapter).update(restrict=restricting, attempt=attempting)


class Drilled(DrillRig):
    """Drills over one adapter of a real server."""

    def __init__(self, adapter: Adapter) -> None:
        self._made = adapter
        super().__init__(surface("billing/it", canary=Canary(), deadline=20.0), drills=[drill(**DAILY)])

    def at(self, text: str) -> None:
        """Sets the clock to a time in Berlin."""
        moment = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()
        self.clock.start = moment - asyncio.get_running_loop().time()

    async def ticked(self) -> Run:
        """Ticks as the schedule does, until a run came to its end."""
        known = set(self.board.practice.runs)
        async with asyncio.timeout(60):
            while True:
                await self.drills.tick()
                new = [run for name, run in self.board.practice.runs.items() if name not in known and run.ended]
                if new:
                    return new[0]
                await asyncio.sleep(0.02)

    def _build(self, item: Surface) -> Adapter:  # noqa: ARG002  # there is one
        return self._made


async def _weekend(adapter: Adapter, act: Callable[[], Awaitable[None]]) -> None:
    """Saturday and the Sunday on which the clocks fall back, at ten o'clock, with the agent at work."""
    rig, witness = Drilled(adapter), Witness(act)
    witness.time(adapter)
    rig.at("2026-10-24T09:59:59")
    rig.drills._since = rig.clock.now()
    working = asyncio.create_task(witness.work())
    try:
        for moment, offset in (("2026-10-24T09:59:59.5", "+02:00"), ("2026-10-25T09:59:59.5", "+01:00")):
            rig.at(moment)
            run = await rig.ticked()
            assert run.claimed is not None
            due = datetime.fromtimestamp(run.claimed.due, BERLIN).isoformat(timespec="seconds")
            assert due == f"{moment[:10]}T10:00:00{offset}"
            await _measured_truly(rig, run, witness)
            await _works_again(witness)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await rig.aclose()


async def _measured_truly(rig: Drilled, run: Run, witness: Witness) -> None:
    """Never before the agent saw its last effect; later by at most the cut's read-back and one action of the agent."""
    assert run.ended is not None
    assert run.ended.how == "passed", run.ended.why
    (score,) = run.ended.card.surfaces
    assert score.cut_ms is not None
    assert run.ended.card.asked_at is not None
    cut = run.ended.card.asked_at + score.cut_ms / 1000 - rig.clock.start  # in the loop's time, to 0.1 ms
    released = run.released[0].at - rig.clock.start
    last = max(at for at in witness.effects if at < released)
    assert last <= cut + 0.0002
    before = [at for at in witness.tried if at <= cut]
    interval = max(later - at for at, later in pairwise(before))
    assert cut - last <= (witness.read_back - witness.began) + interval + BATCH + TURN


async def _works_again(witness: Witness) -> None:
    count = len(witness.effects)
    async with asyncio.timeout(10):
        while len(witness.effects) < count + 3:  # noqa: ASYNC110  # the effect is on a server
            await asyncio.sleep(PACE)


async def test_a_drill_on_postgresql(postgres_database: Database) -> None:
    """A role, with a session that writes: cut at ten on both days, given back as it was."""
    role = PostgresRig(postgres_database)
    adapter, before, sessions = role.adapter(), await role.authority(), list[asyncpg.Connection]()

    async def act() -> None:
        if not sessions or sessions[-1].is_closed():
            sessions.append(await asyncpg.connect(postgres_database.dsn(postgres_database.agent), timeout=2.0))
        await sessions[-1].execute("INSERT INTO effects VALUES (1)")

    try:
        await _weekend(adapter, act)
        assert await role.authority() == before
    finally:
        for session in sessions:
            session.terminate()
        await adapter.aclose()


async def test_a_drill_on_redis(valkey_server: ValkeyServer) -> None:
    """A user, with a session that writes: as above."""
    there = await redis_rig.rig(valkey_server)
    before, sessions = await there.line(), list[Any]()

    async def act() -> None:
        if not sessions:
            sessions.append(await there.login())
        try:
            await sessions[-1].rpush("work", "1")
        except RedisError:
            await sessions.pop().aclose()
            raise

    try:
        await _weekend(there.adapter(), act)
        assert await there.line() == before
    finally:
        for session in sessions:
            await session.aclose()
        await there.close()
