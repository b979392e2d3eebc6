"""What is particular to RQ: workers that wait, are frozen, missing or RQ's own, and what was suspended before."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from adapters.base import Mode
from adapters.conformance import Keeper, Stopped, ticks
from adapters.errors import AdapterError
from adapters.rq_queue import RqQueue, RqQueueConfig
from adapters.rq_queue.manual import EXTENSION, MANUAL
from tests.contract import rq_jobs
from tests.contract.rigs.rq_queue import QUEUE, WORKER, RqRig, opened
from tests.contract.rigs.running import Running
from tests.contract.rq_worker import RqWorkers

STOCK = 6  # a database of its own, for RQ's own workers


@pytest.fixture
async def rig(servers: Running) -> AsyncIterator[RqRig]:
    """An agent with the worker of the set-up."""
    async with opened(servers) as there:
        yield there


@pytest.fixture
async def stock(servers: Running, rig: RqRig) -> AsyncIterator[RqRig]:
    """An agent with a worker as RQ brings it."""
    with RqWorkers(servers.valkey, STOCK, "rq.worker.Worker") as workers, workers.client() as client:
        await asyncio.to_thread(workers.serve, "stock", QUEUE)
        yield RqRig(workers, rig.folder, client)
        client.flushdb()


async def _cut(adapter: RqQueue) -> tuple[int | None, str]:
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    return cut.left, cut.why


async def test_a_worker_of_rqs_own_is_cut_and_not_proven(stock: RqRig) -> None:
    """It takes nothing up any more, what runs is ended, and what its jobs left is told as not seen."""
    adapter = stock.adapter()
    session = await stock.session()
    await session.begin()
    left, why = await _cut(adapter)
    assert left is None
    assert "left is not seen" in why
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, None)
    with pytest.raises(Stopped):
        await session.finish()
    with pytest.raises(Stopped):
        await stock.acted()
    await adapter.aclose()


async def test_what_a_job_left_is_not_seen_of_rqs_own_worker(stock: RqRig) -> None:
    """It has its effect, and nothing claimed that it would not."""
    adapter = stock.adapter()
    complete = await stock.prepare()
    assert (await _cut(adapter))[0] is None
    await complete()
    await adapter.aclose()
    for pid in _left(str(stock.folder)):
        os.kill(pid, signal.SIGKILL)


async def test_a_worker_that_waits_takes_no_job_more(stock: RqRig) -> None:
    """`rq suspend` lets it have one, as RQ is made; a cut does not."""
    await stock.narrow()
    await stock.acted()  # what the cut must not allow
    await stock.loosen()
    for _ in ticks():
        if stock.client.hget("rq:worker:stock", "state") == b"idle":
            break
        await asyncio.sleep(0.01)
    adapter = stock.adapter()
    await Keeper(adapter).restrict(Mode.FULL_STOP)
    with pytest.raises(Stopped):
        await stock.acted()
    assert stock.client.keys("*agent-kill-*") == [], "something of ours was left"
    await adapter.aclose()


async def test_a_frozen_worker_is_not_taken_for_rest(rig: RqRig) -> None:
    """It is named and counted, while its job goes on or not; after the thaw it is cut."""
    adapter = rig.adapter()
    keeper = Keeper(adapter)
    await rig.stubborn()
    for _ in ticks():
        if await rig.effects():
            break
        await asyncio.sleep(0.01)
    pid = rig.workers.serve_pid(WORKER)
    os.kill(pid, signal.SIGSTOP)
    try:
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert cut.left == 1
        assert f"{WORKER} (busy)" in cut.why
        assert (await adapter.observe()).in_flight == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    await keeper.held(Mode.FULL_STOP)
    await adapter.aclose()


async def test_a_worker_that_falls_silent_at_rest_is_not_proven(rig: RqRig) -> None:
    """Its word is good for seconds: frozen or gone, what it said before is no proof any more."""
    adapter = rig.adapter()
    await Keeper(adapter).held(Mode.FULL_STOP)
    pid = rig.workers.serve_pid(WORKER)
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in ticks():
            seen = await adapter.observe()
            if seen.in_flight is None:
                break
            await asyncio.sleep(0.1)
        assert seen.in_flight is None
        assert WORKER in seen.why
    finally:
        os.kill(pid, signal.SIGCONT)
    for _ in ticks():
        if (await adapter.observe()).in_flight == 0:
            break
        await asyncio.sleep(0.05)
    assert (await adapter.observe()).in_flight == 0
    await adapter.aclose()


async def test_fewer_workers_than_there_should_be(rig: RqRig) -> None:
    """Silence is not rest: the cut is made, and is not proven; `check --probe` says it before."""
    adapter = rig.made(workers=2)
    assert "1 of 2 RQ workers" in (await adapter.preflight())[0]
    left, why = await _cut(adapter)
    assert left is None
    assert "1 of 2 RQ workers" in why
    await adapter.aclose()


async def test_jobs_may_come_to_their_end(rig: RqRig) -> None:
    """`drain` lets them, while nothing else is taken up."""
    adapter = rig.adapter()
    session = await rig.session()
    await session.begin()
    cut = asyncio.ensure_future(Keeper(adapter).restrict(Mode.FULL_STOP, drain=20))
    for _ in ticks():
        if await rig.authority():
            break
        await asyncio.sleep(0.01)
    with pytest.raises(Stopped):
        await rig.acted()
    await session.finish()
    done = await cut
    assert (done.ended, done.left) == (0, 0)
    await adapter.aclose()


async def test_a_person_s_suspension_comes_back_with_its_end(rig: RqRig) -> None:
    """`rq suspend --duration` goes on to its own end after a restore, and is not prolonged."""
    adapter = rig.adapter()
    rig.client.set("rq:suspended", 1, ex=100)
    keeper = Keeper(adapter)
    await keeper.held(Mode.FULL_STOP)
    assert rig.client.ttl("rq:suspended") == -1
    await keeper.relax(Mode.NORMAL)
    assert rig.client.get("rq:suspended") == b"1"
    assert 90 <= int(str(rig.client.ttl("rq:suspended"))) <= 100
    rig.client.set("rq:suspended", 1, px=300)
    await keeper.adapter.aclose()
    second = Keeper(rig.adapter())
    await second.held(Mode.FULL_STOP)
    await asyncio.sleep(0.4)  # longer than it was to last
    await second.relax(Mode.NORMAL)
    assert rig.client.get("rq:suspended") is None
    await second.adapter.aclose()


async def test_a_switch_that_changes_while_the_gate_is_asked(rig: RqRig) -> None:
    """Another cut came: RQ is not resumed."""
    adapter, other = rig.adapter(), rig.adapter()
    keeper, second = Keeper(adapter), Keeper(other)
    await keeper.held(Mode.FULL_STOP)

    async def cut() -> None:
        await second.restrict(Mode.FULL_STOP)

    keeper.before_answer = cut
    with pytest.raises(AdapterError, match="somebody else"):
        await keeper.relax(Mode.NORMAL)
    await second.settled(Mode.FULL_STOP)
    await adapter.aclose()
    await other.aclose()


@pytest.mark.parametrize("url", ["http://host", "redis", "amqp://host/0"])
def test_an_address_that_is_none(url: str) -> None:
    """It is refused where the configuration is read, and not repeated."""
    with pytest.raises(ValidationError, match="starts with redis://"):
        RqQueueConfig(url=SecretStr(url), queues=("a",), workers=1)


def test_the_set_up_has_the_worker_class() -> None:
    """What is pasted is the very file that these tests run."""
    text = MANUAL.setup.partition("<<'END'\n")[2].partition("END\n# Then")[0]
    assert text == EXTENSION.read_text()


async def test_a_job_that_starts_another_process_again_and_again(rig: RqRig) -> None:
    """None of them is missed while they are ended."""
    adapter = rig.adapter()
    await rig.asked(rq_jobs.breeding)
    for _ in ticks():
        if await rig.effects() > 5:
            break
        await asyncio.sleep(0.01)
    await Keeper(adapter).held(Mode.FULL_STOP)
    before = await rig.effects()
    await asyncio.sleep(0.3)
    assert await rig.effects() == before
    await adapter.aclose()


def _left(word: str) -> list[int]:
    """The processes whose command has the word in it."""
    return [int(one.parent.name) for one in Path("/proc").glob("[0-9]*/cmdline") if word.encode() in one.read_bytes()]
