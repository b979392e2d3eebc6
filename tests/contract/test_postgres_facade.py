"""Does a bot that may call functions, and nothing else, cut as one that may alter roles?"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.base import Mode
from adapters.conformance import Keeper, Stopped
from adapters.postgres_role import facade
from tests.contract.rigs.postgres_role import PostgresRig, set_up
from tests.contract.servers import Database


@pytest.fixture
async def there(postgres_database: Database) -> Database:
    """The bot is no member of anything, may alter no role, and calls the facade."""
    made = postgres_database
    await set_up(made)
    await made.run(facade.CUTTING_SETUP.replace("<agent>", made.agent).replace("kill_bot", made.bot))
    await made.run(
        f"ALTER ROLE {made.bot} NOCREATEROLE; REVOKE {made.agent}, {made.owner}, pg_signal_backend FROM {made.bot}"
    )
    return made


@pytest.fixture
async def keeper(there: Database) -> AsyncIterator[Keeper]:
    """Drives the agent's role."""
    adapter = PostgresRig(there, parks=True).adapter()
    yield Keeper(adapter)
    await adapter.aclose()


async def test_every_mode_is_held_and_given_back(there: Database, keeper: Keeper) -> None:
    """An open session is ended, the agent's try is refused, and from each mode the way to each looser one is exact."""
    rig = PostgresRig(there, parks=True)
    before = await rig.authority()
    modes = sorted(keeper.adapter.modes)
    for mode in modes:
        session = await rig.session()
        await keeper.held(mode)
        with pytest.raises(Stopped):
            await session.act(Mode.FULL_STOP)
        await session.close()
        for looser in reversed(modes[: modes.index(mode)]):
            await keeper.relax(looser)
            await keeper.settled(looser)
            await keeper.refused(looser)
        await keeper.relax(Mode.NORMAL)
        assert await rig.authority() == before, f"after {mode} and back"


async def test_an_agent_that_locks_its_role_is_ended(there: Database, keeper: Keeper) -> None:
    """The lock is not waited for: the agent's session goes, and the fence comes."""
    agent = await asyncpg.connect(there.dsn(there.agent))
    await agent.execute("BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'test-password'")
    await keeper.held(Mode.FULL_STOP)
    agent.terminate()


async def test_what_no_function_can_do_is_named(there: Database, keeper: Keeper) -> None:
    """Prepared work needs the agent's role: preflight asks for it where the server allows any, and it is counted."""
    grant = f'GRANT "{there.agent}" TO "{there.bot}"'
    assert [text.removesuffix(" WITH SET TRUE") for text in await keeper.adapter.preflight()] == [grant]
    complete = await PostgresRig(there, parks=True).prepare()
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert cut.left == 1
    assert grant in cut.why
    await complete()


async def test_the_facade_reaches_the_admitted_role_alone(there: Database) -> None:
    """Another role can neither be altered nor ended by it, and the agent may call none of it."""
    calls = (
        f"SELECT agent_kill.set_role('{there.owner}', false, '')",
        f"SELECT agent_kill.end_sessions('{there.owner}', true)",
        f"ALTER ROLE {there.owner} NOLOGIN",
        f"ALTER ROLE {there.agent} NOLOGIN",
    )
    for call in calls:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await there.run(call, user=there.bot)
    for name in ("set_role('{0}', true, '')", "end_sessions('{0}', true)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await there.run(f"SELECT agent_kill.{name}".format(there.agent), user=there.agent)


async def test_a_function_that_was_replaced_is_seen(there: Database, keeper: Keeper) -> None:
    """The cutting half of the facade is compared as the parking half is."""
    await there.run("ALTER FUNCTION agent_kill.set_role SECURITY INVOKER")
    assert "agent_kill.set_role missing, altered" in (await keeper.adapter.observe()).why
