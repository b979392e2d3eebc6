"""What is a flag worth? It is switched and read back, and never taken for proof, for agents mind it as they like."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import yaml

from adapters.advisory_flag import AdvisoryFlag
from adapters.base import Attempt, Mode, Shared
from adapters.conformance import Keeper, Stopped, driven, ticks
from adapters.errors import Refused
from bot.domain.outcome import Outcome
from bot.domain.verdict import Evidence, judge
from bot.settings import load_text
from tests.contract.flag_program import CLIENT
from tests.contract.rigs.advisory_flag import FlagRig, opened
from tests.contract.rigs.running import Running

MODES = sorted(set(Mode) - {Mode.NORMAL})


@pytest.fixture
async def rig(servers: Running) -> AsyncIterator[FlagRig]:
    """Four fresh flags."""
    async with opened(servers) as there:
        yield there


@pytest.mark.parametrize("mode", MODES)
async def test_a_flag_is_never_proof(rig: FlagRig, mode: Mode) -> None:
    """Switched, read back and minded by the agent, it is applied: NOT PROVEN, in every mode, and says why."""
    async with driven(rig) as keeper:
        cut = await keeper.restrict(mode)
        seen = await keeper.settled(mode)
        attested = keeper.adapter.attests == "self"
        verdict = judge(Evidence(asked=mode, token=keeper.token, cut=cut, seen=seen, self_attested=attested))
        assert verdict.outcome is Outcome.APPLIED
        assert "Advice" in verdict.detail
        tried = Evidence(asked=mode, token=keeper.token, cut=cut, seen=seen, attempts=(Attempt.REFUSED,))
        assert judge(tried).outcome is Outcome.APPLIED, "a canary would make it look proven"
        assert await keeper.adapter.attempt(mode=mode) is Attempt.UNTRIED


def test_a_canary_is_refused_by_the_configuration() -> None:
    """That one agent obeyed once is no proof, so there is nothing to configure."""
    settings = {"url": "https://flags.example", "token": "t", "environment": "e", "flags": {"full_stop": "f"}}
    surface = {"adapter": "advisory_flag", "class": "worker", "settings": settings, "canary": {"url": "x"}}
    text = yaml.safe_dump({"policy": {"stop": {"users": ["U0A"]}}, "agents": {"a": {"surfaces": {"s": surface}}}})
    assert "canary" in str(load_text(text, file="f", environ={}).errors)


@asynccontextmanager
async def caching(rig: FlagRig) -> AsyncIterator[asyncio.Event]:
    """An agent as Unleash's SDKs make it: acts by what it read last. It reads again once the event is set."""
    refresh, on = asyncio.Event(), await rig.on()

    async def read() -> None:
        nonlocal on
        while True:
            await refresh.wait()
            with suppress(Stopped):
                on = await rig.on()
            await asyncio.sleep(0.01)

    async def work() -> None:
        while True:
            rig.done += rig.flags[Mode.FULL_STOP] in on
            await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(read()), asyncio.create_task(work())]
    try:
        yield refresh
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def rests(rig: FlagRig) -> bool:
    """Whether the agent does nothing for 50 ms, which are ten steps."""
    before = rig.done
    await asyncio.sleep(0.05)
    return rig.done == before


async def test_an_agent_that_looks_late_goes_on_after_the_read_back(rig: FlagRig) -> None:
    """This is why: with the flag off and read back, the agent acts on until its next look, whenever that is."""
    async with caching(rig) as refresh, driven(rig) as keeper:
        await keeper.restrict(Mode.FULL_STOP)
        seen = await keeper.settled(Mode.FULL_STOP)
        assert seen.in_flight is None
        assert not await rests(rig)
        refresh.set()
        for _ in ticks():
            if await rests(rig):
                return
        raise AssertionError("the agent never minded its flag")


async def test_a_mode_without_a_flag_is_held_as_the_next_stricter(rig: FlagRig) -> None:
    """With flags for full_stop and read_only alone, a draft_only is held as read_only, and the modes say so."""
    two = {mode: rig.flags[mode] for mode in (Mode.FULL_STOP, Mode.READ_ONLY)}
    keeper = Keeper(rig.made(flags=two))
    assert (await keeper.restrict(Mode.DRAFT_ONLY)).held is Mode.READ_ONLY
    seen = await keeper.settled(Mode.READ_ONLY)
    assert seen.enforceable == frozenset(two)
    assert "full_stop" in seen.why
    assert rig.flags[Mode.DRAFT_ONLY] in await rig.on(), "a flag that is not ours was switched"
    await keeper.adapter.aclose()


async def test_the_other_environment_is_another_target(rig: FlagRig) -> None:
    """A stop in production leaves the flags of development, and their names differ."""
    development = rig.made(environment="development")
    async with driven(rig) as keeper:
        assert development.target_key() != keeper.adapter.target_key()
        for flag in rig.flags.values():
            await rig.call("POST", flag, "environments", "development", "on")
        await keeper.restrict(Mode.FULL_STOP)
        assert (await development.observe()).mode is Mode.NORMAL
    await development.aclose()


async def test_a_flag_that_is_missing_spares_none_of_the_others(rig: FlagRig) -> None:
    """One that is mistyped makes the surface absent; those that exist are switched off all the same."""
    adapter = rig.made(flags={**rig.flags, Mode.READ_ONLY: "mistyped"})
    assert "mistyped" in str(await adapter.preflight())
    await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert not (await adapter.observe()).exists
    assert rig.flags[Mode.FULL_STOP] not in await rig.on()
    await adapter.aclose()


async def test_an_archived_flag_is_absent(rig: FlagRig) -> None:
    """It is off for everybody and switches nothing."""
    await rig.call("DELETE", rig.flags[Mode.FULL_STOP])
    async with driven(rig) as keeper:
        assert not (await keeper.adapter.observe()).exists


async def test_a_token_that_may_not_change_flags_is_refused(rig: FlagRig) -> None:
    """What the agent itself has is named as no use for the bot."""
    adapter = rig.made(token=CLIENT)
    with pytest.raises(Refused, match=r"settings\.token") as caught:
        await adapter.observe()
    assert caught.value.missing
    assert CLIENT not in str(caught.value)
    await adapter.aclose()


async def test_a_loosening_that_was_given_up_never_undoes_a_later_stop(rig: FlagRig) -> None:
    """One that the server carries out late is waited for, and cut again, before the next cut returns."""
    async with driven(rig) as keeper:
        await keeper.held(Mode.FULL_STOP)
        await rig.held(held=True)
        relaxing = asyncio.ensure_future(keeper.relax(Mode.NORMAL))
        await asyncio.wait({relaxing}, timeout=0.2)
        relaxing.cancel()
        await asyncio.wait({relaxing}, timeout=1)
        assert relaxing.cancelled()
        cutting = asyncio.ensure_future(keeper.restrict(Mode.FULL_STOP))
        done, _ = await asyncio.wait({cutting}, timeout=0.2)
        assert not done, "the cut counts although a loosening of ours is still open"
        await rig.held(held=False)
        await cutting
        await keeper.settled(Mode.FULL_STOP)
        assert not set(rig.flags.values()) & await rig.on()


def test_no_secret_is_in_the_name_of_a_target() -> None:
    """A login in the address, and the token, stay out."""
    settings = {
        "url": "https://me:hidden@flags.example/x", "token": "hidden", "environment": "e", "flags": {"full_stop": "f"},
    }  # fmt: skip
    config = AdvisoryFlag.config_type.model_validate(settings)
    adapter = AdvisoryFlag(config=config, canary=None, shared=Shared())  # type: ignore[arg-type]  # the kind's own
    assert adapter.target_key() == "advisory_flag:https://flags.example/x/default/e/f"
