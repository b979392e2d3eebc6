"""On a real server: is waiting work counted, held, dropped and replayed exactly, whatever fails in the middle?"""

import contextlib
from collections.abc import AsyncIterator
from typing import cast

import pytest
from pydantic import SecretStr

from adapters.base import BacklogPolicy, Mode, Shared
from adapters.errors import Refused, Unreachable
from adapters.redis_acl import RedisAcl, RedisAclCanary, RedisAclConfig
from adapters.redis_acl.line import Command, Line
from bot.sandbox.servers import ValkeyServer
from bot.service import restore, stepping
from tests.contract import redis_rig
from tests.contract.rigs.redis_acl import QUEUE_RIGHTS
from tests.contract.served_restore import Served

Read = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]  # of a stream group


@pytest.fixture
async def there(valkey_server: ValkeyServer) -> AsyncIterator[redis_rig.Rig]:
    """An agent's user on the server, and a bot with the rights that the page names."""
    rig = await redis_rig.rig(valkey_server)
    await rig.witness.flushall()
    await rig.acl("SETUSER", rig.bot, *QUEUE_RIGHTS)
    yield rig
    await rig.witness.flushall()
    await rig.close()


def _adapter(there: redis_rig.Rig, *queues: str) -> RedisAcl:
    url = SecretStr(there.server.url(user=there.bot, password=redis_rig.BOT))
    own = SecretStr(there.server.url(user=there.user, password=redis_rig.PASSWORD))
    config = RedisAclConfig(url=url, user=there.user, queues=queues)
    made = RedisAcl(config=config, canary=RedisAclCanary(url=own), shared=Shared())
    there.made.append(made)
    return made


async def _jobs(there: redis_rig.Rig, *numbers: int) -> None:
    for number in numbers:
        await there.witness.rpush("jobs", str(number))


async def _list(there: redis_rig.Rig, key: str = "jobs") -> list[bytes]:
    return cast("list[bytes]", await there.witness.lrange(key, 0, -1))


def test_a_surface_without_queues_tells_no_waiting_work() -> None:
    """Only what the settings name is anybody's work."""
    config = RedisAclConfig(url=SecretStr("redis://localhost"), user="u")
    assert RedisAcl.policies(config) == frozenset()
    assert RedisAcl.policies(config.model_copy(update={"queues": ("q",)})) == frozenset(BacklogPolicy)


async def test_the_rights_of_the_page_are_enough_and_a_lacking_one_is_named(there: redis_rig.Rig) -> None:
    """`check --probe` says it ahead of the restore."""
    assert not [right for right in await _adapter(there, "jobs").preflight() if "jobs" in right]
    await there.acl("SETUSER", there.bot, "-rename")
    assert "+rename on ~jobs and ~agent-kill:*" in await _adapter(there, "jobs").preflight()
    await _jobs(there, 1)
    with pytest.raises(Refused, match="rename"):
        await _adapter(there, "jobs").hold(label="one")


async def test_what_waits_is_held_and_what_comes_later_stays(there: redis_rig.Rig) -> None:
    """Under a key of ours, told in words that a person can type; repeated, nothing more is taken."""
    adapter = _adapter(there, "jobs", "jobs-empty")
    await _jobs(there, 1, 2, 3)
    first = await adapter.hold(label="one")
    await _jobs(there, 4)
    again = await adapter.hold(label="one")

    assert (first.number, again.number) == (3, 3)
    assert first.where.startswith("agent-kill:held:one:jobs on ")
    assert first.replay == "RENAMENX agent-kill:held:one:jobs jobs"
    assert await _list(there) == [b"4"]
    assert await _list(there, "agent-kill:held:one:jobs") == [b"1", b"2", b"3"]
    waits = await adapter.count()
    assert (waits.number, waits.held) == (1, 3)


async def test_what_waits_is_dropped_once(there: redis_rig.Rig) -> None:
    """What came after the drop is not dropped by its repetition, whose number is then not known."""
    adapter = _adapter(there, "jobs")
    await _jobs(there, 1, 2)
    first = await adapter.drop(label="one")
    await _jobs(there, 3)

    assert (first.number, (await adapter.drop(label="one")).number) == (2, None)
    assert await _list(there) == [b"3"]
    assert (await adapter.drop(label="two")).number == 1


async def test_what_was_held_is_given_back_behind_what_waits(there: redis_rig.Rig) -> None:
    """By renaming where the queue is empty, else one by one; repeated, it gives nothing."""
    adapter = _adapter(there, "jobs")
    await _jobs(there, 1, 2)
    await adapter.hold(label="one")
    assert (await adapter.replay(label="one")).number == 2
    assert await _list(there) == [b"1", b"2"]
    await adapter.hold(label="two")
    await _jobs(there, 3)

    assert (await adapter.replay(label="two")).number == 2
    assert (await adapter.replay(label="two")).number == 0
    assert await _list(there) == [b"3", b"1", b"2"]
    assert (await adapter.count()).held == 0


async def test_sets_and_sorted_sets_are_held_too(there: redis_rig.Rig) -> None:
    """Delayed jobs lie in a sorted set; a text is no work."""
    adapter = _adapter(there, "jobs-later", "jobs-set")
    await there.witness.zadd("jobs-later", {"a": 1, "b": 2})
    await there.witness.sadd("jobs-set", "c")
    assert (await adapter.hold(label="one")).number == 3
    await there.witness.set("jobs-set", "text")
    with pytest.raises(Refused, match=r"holds no work: correct settings\.queues"):
        await adapter.hold(label="two")


async def _stream(there: redis_rig.Rig) -> None:
    """A history of one job that is done, one in hand and two that wait."""
    witness = there.witness
    await witness.xgroup_create("jobs", "workers", mkstream=True)
    for number in range(2):
        await witness.xadd("jobs", {"n": str(number)})
    ((_, read),) = cast("Read", await witness.xreadgroup("workers", "w1", {"jobs": ">"}, count=2))
    await witness.xack("jobs", "workers", read[0][0])
    for number in range(2, 4):
        await witness.xadd("jobs", {"n": str(number)})


async def _next(there: redis_rig.Rig) -> list[bytes]:
    """What the group is given."""
    found = cast("Read", await there.witness.xreadgroup("workers", "w2", {"jobs": ">"}))
    return [fields[b"n"] for _, rows in found for _, fields in rows]


@pytest.mark.parametrize("verb", ["hold", "drop"])
async def test_a_stream_keeps_its_history_and_its_groups(there: redis_rig.Rig, verb: str) -> None:
    """What is in hand waits as well; the group goes on with what comes later, and no consumer gets an error."""
    adapter = _adapter(there, "jobs")
    await _stream(there)
    assert (await adapter.count()).number == 3
    moved = await (adapter.hold(label="one") if verb == "hold" else adapter.drop(label="one"))
    await there.witness.xadd("jobs", {"n": "9"})

    assert moved.number == 3
    assert (await adapter.count()).number == 1
    assert await _next(there) == [b"9"]
    assert await there.witness.xlen("jobs") == 5
    if verb == "hold":
        assert (await adapter.replay(label="one")).number == 3
        assert await _next(there) == [b"1", b"2", b"3"]


class Cut:
    """Loses the connection before or after the n-th exchange of a call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, *, sent: bool) -> None:
        self._number, self._sent, self._ask = number, sent, Line.ask
        self.cut = False

        async def counted(line: Line, *commands: Command) -> list[object]:
            return await self._counted(line, commands)

        monkeypatch.setattr(Line, "ask", counted)

    async def _counted(self, line: Line, commands: tuple[Command, ...]) -> list[object]:
        self._number -= 1
        if self._number == 0:
            self.cut = True
            if self._sent:
                await self._ask(line, *commands)
            await line.close()
            raise Unreachable("cut by the test")
        return await self._ask(line, *commands)


@pytest.mark.parametrize("sent", ["before", "after"])
@pytest.mark.parametrize("verb", ["hold", "drop"])
async def test_a_crash_after_any_exchange_loses_nothing_and_takes_nothing_twice(
    there: redis_rig.Rig, verb: str, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeated under the same label: what waited at the move is moved once, and what came after it never."""
    for number in range(1, 20):
        await there.witness.flushall()
        adapter, label = _adapter(there, "jobs"), f"n{number}"
        await _jobs(there, 1, 2)
        with monkeypatch.context() as patch:
            cut = Cut(patch, number, sent=sent == "after")
            with contextlib.suppress(Unreachable):
                await getattr(adapter, verb)(label=label)
        moved = not await there.witness.exists("jobs")
        await _jobs(there, 3)
        await getattr(adapter, verb)(label=label)
        kept = await _list(there, f"agent-kill:held:{label}:jobs")
        assert await _list(there) == ([b"3"] if moved else [])
        assert kept == ([] if verb == "drop" else [b"1", b"2"] if moved else [b"1", b"2", b"3"])
        if not cut.cut:
            return
    raise AssertionError("a call has more exchanges than this test cuts")


async def test_a_stop_of_the_user_touches_no_queue(there: redis_rig.Rig) -> None:
    """The backlog is a restore's business alone."""
    adapter = _adapter(there, "jobs")
    await _jobs(there, 1)
    await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0.0, undo=(), gate=redis_rig.no)
    assert await _list(there) == [b"1"]


async def test_a_restore_holds_what_waits_before_the_agent_pops_again(
    there: redis_rig.Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way back: in read_only it waits on, with the last step it lies aside, and the proof says where."""
    monkeypatch.setattr(restore, "TICK", 0.01)
    monkeypatch.setattr(stepping, "_LOOK", 0.01)
    adapter = _adapter(there, "jobs")
    looked: list[tuple[str, list[bytes]]] = []

    async def look() -> str:
        async with there.agent() as agent:
            popped = await redis_rig.refused(agent, "LPOP", "jobs")
        looked.append(("refused" if popped else "nothing to pop", await _list(there)))
        return ""

    url = SecretStr(there.server.url(user=there.bot, password=redis_rig.BOT))
    config = RedisAclConfig(url=url, user=there.user, queues=("jobs",))
    rig = Served({"billing/queue": adapter}, look, {"billing/queue": config})
    await rig.held()
    await _jobs(there, 1, 2)
    ballot = await rig.given_back()

    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    assert looked == [("refused", [b"1", b"2"]), ("nothing to pop", [])]
    place = f"agent-kill:held:{ballot.id}.billing.queue:jobs"
    assert await _list(there, place) == [b"1", b"2"]
    detail = rig.board.proofs[rig.key("billing/queue")].detail
    assert detail.startswith(f"2 jobs held under {place} on "), detail
    assert detail.endswith(f"replay with RENAMENX {place} jobs"), detail
    await rig.aclose()
