"""What is particular to programs under supervisord: what they leave behind, how they end, and what is started again."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.base import Mode, Shared
from adapters.conformance import Keeper, Stopped, ticks
from adapters.conformance.bounds import bounded
from adapters.supervisor_process import SupervisorProcess, SupervisorProcessConfig
from adapters.supervisor_process.manual import EXTENSION, MANUAL
from tests.contract.rigs.running import Running
from tests.contract.rigs.supervisor_process import SupervisorRig, opened


@pytest.fixture
async def rig(servers: Running) -> AsyncIterator[SupervisorRig]:
    """A fresh group."""
    async with opened(servers) as there:
        yield there


async def test_without_the_extension_nothing_is_proven(rig: SupervisorRig) -> None:
    """What a program left behind goes on, and neither the cut nor the look after it claims that it does not."""
    adapter, _ = await rig.unarmed()
    complete = await rig.prepare()
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert cut.left is None
    assert "not seen" in cut.why
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, None)
    await complete()
    os.kill(_late(rig), signal.SIGKILL)
    await adapter.aclose()


async def test_what_was_seen_to_belong_to_it_still_does(rig: SupervisorRig) -> None:
    """A child without environment, in a session of its own, whose parent ended meanwhile, is counted and ended."""
    adapter = rig.adapter()
    complete = await rig.left("bare")
    await adapter.observe()
    await asyncio.to_thread(rig.there.stop, "main")
    await asyncio.to_thread(rig.there.stop, "helper")
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, 1)
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left, cut.changed) == (1, 0, ())
    with pytest.raises(Stopped):
        await complete()
    await adapter.aclose()


async def test_a_program_that_has_just_ended_is_not_started_again(rig: SupervisorRig) -> None:
    """Supervisord was about to: the cut comes between, and is not taken for needless."""
    adapter = rig.adapter()
    session = await rig.session()
    with suppress(Stopped):
        await session.order("quit")
    await session.close()
    await Keeper(adapter).held(Mode.FULL_STOP)
    for _ in ticks(2.5):
        assert (await asyncio.to_thread(rig.there.states))["main"] == "STOPPED"
        await asyncio.sleep(0.05)
    await adapter.aclose()


async def test_one_process_of_a_group(rig: SupervisorRig) -> None:
    """`group:process` leaves the others of the group alone."""
    adapter = rig.made(programs=(f"{rig.there.name}:main",))
    await Keeper(adapter).held(Mode.FULL_STOP)
    assert await rig.authority() == {"main": "STOPPED", "helper": "RUNNING", "spare": "STOPPED"}
    await adapter.aclose()


async def test_a_drain_lets_programs_end_by_themselves(rig: SupervisorRig) -> None:
    """They get their SIGTERM and the time; one that minds it makes the cut no longer than it takes."""
    adapter, loop = rig.adapter(), asyncio.get_running_loop()
    await (await rig.session()).close()
    began, logged = loop.time(), len(_log(rig))
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP, drain=20)
    assert loop.time() - began < 10
    assert (cut.ended, cut.left) == (2, 0)
    assert b"SIGKILL" not in _log(rig)[logged:]
    await adapter.aclose()


async def test_a_drain_that_is_not_minded_ends_in_a_kill(rig: SupervisorRig) -> None:
    """After its time what is left is killed, be it in a session of its own."""
    adapter = rig.adapter()
    await rig.stubborn()
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP, drain=0.3)
    assert cut.left == 0
    before = await rig.effects()
    await asyncio.sleep(0.2)
    assert await rig.effects() == before
    await adapter.aclose()


async def test_a_frozen_program_is_ended(rig: SupervisorRig) -> None:
    """SIGSTOP does not save it."""
    adapter = rig.adapter()
    pid = await asyncio.to_thread(rig.there.pid)
    os.kill(pid, signal.SIGSTOP)
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert cut.left == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await adapter.aclose()


async def test_a_program_that_breeds_is_ended(rig: SupervisorRig) -> None:
    """None of the processes is missed that start another one and end."""
    adapter = rig.adapter()
    session = await rig.session()
    await session.order("breed")
    await session.close()
    for _ in ticks():
        if await rig.effects() > 5:
            break
        await asyncio.sleep(0.01)
    await Keeper(adapter).held(Mode.FULL_STOP)
    before = await rig.effects()
    await asyncio.sleep(0.3)
    assert await rig.effects() == before
    await adapter.aclose()


async def test_programs_are_started_in_supervisords_order(rig: SupervisorRig) -> None:
    """The helper, of the smaller priority, comes first."""
    adapter = rig.adapter()
    keeper = Keeper(adapter)
    await keeper.held(Mode.FULL_STOP)
    before = _log(rig).count(b"spawned")
    relaxed = await keeper.relax(Mode.NORMAL)
    names = [change.key.partition(":")[2] for change in relaxed.changed]
    assert names == ["helper", "main"]
    spawned = [line.split(b"'")[1] for line in _log(rig).splitlines() if b"spawned" in line][before:]
    assert spawned == [b"helper", b"main"]
    await adapter.aclose()


async def test_a_start_that_was_given_up_is_waited_for(rig: SupervisorRig) -> None:
    """The stop after it ends what it started, and owes nothing."""
    adapter = rig.adapter()
    keeper = Keeper(adapter)
    await keeper.held(Mode.FULL_STOP)
    expect, keeper.before_answer = keeper.token, rig.freeze
    try:
        await bounded(keeper.relax(Mode.NORMAL))
        assert adapter._wire.owed
    finally:
        await rig.thaw()
    keeper.token, keeper.before_answer = expect, None
    await keeper.held(Mode.FULL_STOP)
    assert not adapter._wire.owed
    await asyncio.sleep(0.2)
    assert (await asyncio.to_thread(rig.there.states))["main"] == "STOPPED"
    await adapter.aclose()


async def test_a_unix_socket(rig: SupervisorRig) -> None:
    """The same over the socket of the host, here without a login."""
    config = SupervisorProcessConfig(url=f"unix://{rig.there.server.folder}/s.sock", programs=(rig.there.name,))
    adapter = SupervisorProcess(config=config, canary=None, shared=Shared())
    await Keeper(adapter).held(Mode.FULL_STOP)
    assert adapter.target_key() == f"supervisor_process:unix://{rig.there.server.folder}/s.sock/{rig.there.name}"
    await adapter.aclose()


@pytest.mark.parametrize("url", ["ftp://host", "unix://s.sock", "http://", "localhost:9001", "http://a:b@host"])
def test_an_address_that_is_none(url: str) -> None:
    """It is refused where the configuration is read."""
    with pytest.raises(ValidationError, match=r"unix:///path"):
        SupervisorProcessConfig(url=url, programs=("a",))


def test_the_set_up_has_the_extension(tmp_path: Path) -> None:
    """What is pasted into a shell makes the very file that these tests run."""
    text = MANUAL.setup.replace("<folder on supervisord's PYTHONPATH>", str(tmp_path))
    start = text.index("cat >")
    subprocess.run(["sh", "-c", text[start : text.index("\nEND\n") + 5]], check=True)
    assert (tmp_path / EXTENSION.name).read_text() == EXTENSION.read_text()


def _log(rig: SupervisorRig) -> bytes:
    """What supervisord wrote."""
    return rig._log.read_bytes()


def _late(rig: SupervisorRig) -> int:
    """What was left behind."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"{rig.there.name}-0-kept.trigger".encode() in entry.read_bytes():
                return int(entry.parent.name)
    raise AssertionError("nothing was left behind")
