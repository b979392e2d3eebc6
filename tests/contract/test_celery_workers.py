"""What is particular to Celery: nodes that are silent, others' or plain, and tasks that are fetched or put off."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from pydantic import SecretStr, ValidationError

from adapters.base import Mode
from adapters.celery_workers import CeleryWorkersConfig
from adapters.celery_workers.manual import EXTENSION, MANUAL
from adapters.conformance import Keeper, Stopped, ticks
from adapters.errors import AdapterError, Unreachable
from tests.contract.rigs.celery_workers import NODE, QUEUE, CeleryRig, left, opened
from tests.contract.rigs.running import Running

PLAIN = "plain@agents"


@pytest.fixture
async def rig(servers: Running) -> AsyncIterator[CeleryRig]:
    """An agent with the worker of the set-up."""
    async with opened(servers) as there:
        yield there


@pytest.fixture
async def plain(rig: CeleryRig) -> AsyncIterator[CeleryRig]:
    """The same, with a second node that Celery brings as it is, and the first one at rest."""
    await asyncio.to_thread(rig.workers.serve, PLAIN, QUEUE)
    await rig.narrow()
    yield rig
    await asyncio.to_thread(rig.workers.end, PLAIN)


async def test_a_frozen_node_is_not_taken_for_rest(rig: CeleryRig) -> None:
    """Its pool acts on while it is silent: the cut is not proven, a look is no look, and after the thaw it is cut."""
    adapter = rig.adapter()
    keeper = Keeper(adapter)
    await rig.stubborn()
    for _ in ticks():
        if await rig.effects():
            break
        await asyncio.sleep(0.01)
    pid = rig.workers.processes[NODE].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert cut.left is None
        assert f"{NODE} did not answer" in cut.why
        with pytest.raises(Unreachable, match="a silent node may work"):
            await adapter.observe()
    finally:
        os.kill(pid, signal.SIGCONT)
    await keeper.held(Mode.FULL_STOP)
    before = await rig.effects()
    await asyncio.sleep(0.2)
    assert await rig.effects() == before
    await adapter.aclose()


async def test_a_node_that_is_not_there(rig: CeleryRig) -> None:
    """It is told by `check --probe`, and a cut without it is not proven."""
    adapter = rig.made(nodes=(NODE, "two@agents"))
    assert [text for text in await adapter.preflight() if "two@agents" in text]
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert cut.left is None
    assert "two@agents did not answer" in cut.why
    with pytest.raises(Stopped):
        await rig.acted()
    await adapter.aclose()


async def test_a_node_without_the_module_is_cut_and_not_proven(plain: CeleryRig) -> None:
    """It takes no task more and what runs is killed; what tasks left is told as not seen."""
    adapter = plain.made(nodes=(PLAIN,))
    assert [text for text in await adapter.preflight() if "agent_kill_celery" in text]
    session = await plain.session()
    await session.begin()
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left) == (1, None)
    assert "left is not seen" in cut.why
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, None)
    with pytest.raises(Stopped):
        await session.finish()
    with pytest.raises(Stopped):
        await plain.acted()
    await adapter.aclose()


async def test_anybody_s_node_takes_no_task_of_the_agent(plain: CeleryRig) -> None:
    """One that is not listed and takes from the agent's queue is cut as well, and given back what it took from."""
    adapter = plain.adapter()
    session = await plain.session()
    await session.begin()  # on the other node, since the agent's own takes none
    keeper = Keeper(adapter)
    await keeper.held(Mode.FULL_STOP)
    with pytest.raises(Stopped):
        await session.finish()
    assert await asyncio.to_thread(plain.taken, PLAIN) == []
    await keeper.relax(Mode.NORMAL)
    assert await asyncio.to_thread(plain.taken, PLAIN) == [QUEUE]
    assert await asyncio.to_thread(plain.taken, NODE) == []
    await adapter.aclose()


async def test_a_node_that_starts_again_is_seen(plain: CeleryRig) -> None:
    """It takes tasks as it was started to, and the cut is made again."""
    adapter = plain.made(nodes=(PLAIN,))
    keeper = Keeper(adapter)
    await keeper.restrict(Mode.FULL_STOP)
    await asyncio.to_thread(plain.workers.end, PLAIN)
    await asyncio.to_thread(plain.workers.serve, PLAIN, QUEUE)
    for _ in ticks():
        with suppress(Unreachable):
            if (await adapter.observe()).mode is Mode.NORMAL:
                break
    await keeper.restrict(Mode.FULL_STOP)
    assert (await adapter.observe()).mode is Mode.FULL_STOP
    await adapter.aclose()


async def test_tasks_that_were_fetched_or_put_off_are_ended(rig: CeleryRig) -> None:
    """Neither acts, although nodes hold them: those behind the pool, and those with a countdown."""
    adapter = rig.adapter()
    for _ in range(2):
        await rig.asked("stubborn")  # the pool is full
    for _ in range(2):
        await rig.asked("act", "fetched")
    await asyncio.to_thread(
        lambda: rig.app.send_task(
            "tests.contract.celery_jobs.act", (str(rig.effect_file), "put off"), queue=QUEUE, countdown=1
        )
    )
    for _ in ticks():
        if await rig.effects() > 1 and not await asyncio.to_thread(rig.client.llen, QUEUE):
            break
        await asyncio.sleep(0.01)
    await Keeper(adapter).held(Mode.FULL_STOP)
    before = rig.lines()
    await asyncio.sleep(1.2)
    assert rig.lines() == before
    assert {"fetched", "put off"}.isdisjoint(before)
    await adapter.aclose()


async def test_what_a_dead_node_had_fetched_is_counted_and_held(rig: CeleryRig) -> None:
    """It is in no queue, and would come back after the visibility timeout: it waits as well, and is put aside."""
    adapter = rig.adapter()
    await Keeper(adapter).held(Mode.FULL_STOP)
    task = await rig.asked("act", "again")
    for _ in ticks():  # a node may be about to hand back what it had already asked for
        if message := rig.client.rpop(QUEUE):
            break
        await asyncio.sleep(0.01)
    assert isinstance(message, bytes)
    fetched = b'[%s, "", "%s"]' % (message, QUEUE.encode())  # as a node leaves it
    rig.client.hset("unacked", mapping={"one": fetched, "two": fetched.replace(QUEUE.encode(), b"other")})
    rig.client.zadd("unacked_index", {"one": 1.0, "two": 1.0})  # long ago
    assert (await adapter.count()).number == 1
    assert (await adapter.hold(label="one")).number == 1
    assert (await adapter.count()).number == 0
    assert (await adapter.replay(label="one")).number == 1
    (waits,) = rig.client.lrange(QUEUE, 0, -1)
    assert task.encode() in waits
    assert rig.client.hkeys("unacked") == [b"two"], "what was fetched from another queue was moved"
    rig.client.delete("unacked", "unacked_index")
    assert "again" not in rig.lines()
    await adapter.aclose()


async def test_a_task_that_breeds(rig: CeleryRig) -> None:
    """None of the processes is missed that start another one and end."""
    adapter = rig.adapter()
    await rig.asked("breeding")
    for _ in ticks():
        if await rig.effects() > 5:
            break
        await asyncio.sleep(0.01)
    await Keeper(adapter).held(Mode.FULL_STOP)
    before = await rig.effects()
    await asyncio.sleep(0.3)
    assert await rig.effects() == before
    assert not left(str(rig.folder))
    await adapter.aclose()


async def test_tasks_may_come_to_their_end(rig: CeleryRig) -> None:
    """`drain` lets them, while nothing else is taken up."""
    adapter = rig.adapter()
    session = await rig.session()
    await session.begin()
    cut = asyncio.ensure_future(Keeper(adapter).restrict(Mode.FULL_STOP, drain=20))
    for _ in ticks():
        if not await rig.authority():
            break
        await asyncio.sleep(0.01)
    with pytest.raises(Stopped):
        await rig.acted()
    await session.finish()
    done = await cut
    assert (done.ended, done.left) == (0, 0)
    await adapter.aclose()


async def test_tasks_of_every_priority_are_counted_and_held(rig: CeleryRig) -> None:
    """Redis keeps each priority in a list of its own."""
    adapter = rig.adapter()
    await Keeper(adapter).held(Mode.FULL_STOP)
    for priority in (0, 4, 9):
        await rig.asked("act", priority=priority)
    for _ in ticks():  # a node may be about to hand one back that it had already asked for
        if (await adapter.count()).number == 3:
            break
        await asyncio.sleep(0.01)
    assert (await adapter.hold(label="one")).number == 3
    assert (await adapter.count()).number == 0
    assert (await adapter.replay(label="one")).number == 3
    assert (await adapter.drop(label="two")).number == 3
    assert (await adapter.count()).number == 0
    await adapter.aclose()


async def test_a_mark_that_changes_while_the_gate_is_asked(rig: CeleryRig) -> None:
    """Another cut came: no node is told to take tasks."""
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


@pytest.mark.parametrize(
    "wrong", [{"url": SecretStr("amqp://host/0")}, {"nodes": ("nobody",)}, {"nodes": ()}, {"queues": ()}]
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    """They are refused where the configuration is read."""
    right = {"url": SecretStr("redis://host/0"), "queues": ("a",), "nodes": ("celery@host",)}
    with pytest.raises(ValidationError):
        CeleryWorkersConfig.model_validate({**right, **wrong})


def test_the_set_up_has_the_module() -> None:
    """What is pasted is the very file that these tests run."""
    text = MANUAL.setup.partition("<<'END'\n")[2].partition("END\n# Then")[0]
    assert text == EXTENSION.read_text()
