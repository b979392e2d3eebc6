"""Does a full stop of a PostgreSQL role win against the agent, against a full server and against another loosening?"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from adapters.base import Attempt, Change, Mode, Shared
from adapters.conformance import Keeper, ticks
from adapters.errors import AdapterError, Refused
from adapters.postgres_role import Canary, PostgresRole, Settings
from tests.contract.rigs.postgres_role import GONE, PostgresRig
from tests.contract.servers import PASSWORD, Database, PostgresServer, database


@pytest.fixture
async def keeper(postgres_database: Database) -> AsyncIterator[Keeper]:
    """Drives the agent's role."""
    adapter = PostgresRig(postgres_database).adapter()
    yield Keeper(adapter)
    await adapter.aclose()


async def _agent(there: Database) -> Any:
    return await asyncpg.connect(there.dsn(there.agent))


async def test_an_agent_cannot_hold_its_own_stop_up(postgres_database: Database, keeper: Keeper) -> None:
    """An open transaction in which the agent alters its own role is ended, and the stop goes through at once."""
    agent = await _agent(postgres_database)
    await agent.execute(f"BEGIN; ALTER ROLE {postgres_database.agent} PASSWORD 'mine'")
    begun = time.monotonic()
    await keeper.held(Mode.FULL_STOP)
    assert time.monotonic() - begun < 2
    agent.terminate()
    await keeper.relax(Mode.NORMAL)
    await (await _agent(postgres_database)).close()


async def test_a_stranger_who_locks_the_role_is_named_and_left_alone(
    postgres_database: Database, keeper: Keeper
) -> None:
    """Somebody else's open ALTER ROLE is not ended; the error says whose it is, and the agent's sessions end anyway."""
    agent = await _agent(postgres_database)
    stranger = await asyncpg.connect(postgres_database.dsn())
    await stranger.execute(f"BEGIN; ALTER ROLE {postgres_database.agent} CONNECTION LIMIT 3")
    with pytest.raises(AdapterError, match=rf"locked by postgres \(pid {stranger.get_server_pid()}\)"):
        await keeper.restrict(Mode.FULL_STOP)
    with pytest.raises(GONE):
        await agent.execute("SELECT 1")
    await stranger.execute("ROLLBACK")
    await keeper.held(Mode.FULL_STOP)
    agent.terminate()
    await stranger.close()


async def test_a_prepared_transaction_that_cannot_be_ended_is_counted(postgres_database: Database) -> None:
    """Without the right to speak for the agent its prepared transaction stays, and is left and in flight."""
    begin = "BEGIN; INSERT INTO effects VALUES (1);"
    await postgres_database.run(
        f"{begin} PREPARE TRANSACTION 'stays-{postgres_database.name}'", user=postgres_database.agent
    )
    await postgres_database.run(f"REVOKE {postgres_database.agent} FROM {postgres_database.bot}")
    weak = f"GRANT {postgres_database.agent} TO {postgres_database.bot} WITH ADMIN TRUE, INHERIT TRUE, SET FALSE"
    await postgres_database.run(weak)
    adapter = PostgresRig(postgres_database).adapter()
    cut = await Keeper(adapter).restrict(Mode.READ_ONLY)
    assert (cut.held, cut.left) == (Mode.FULL_STOP, 1)
    assert "prepared" in cut.why
    assert (await adapter.observe()).in_flight == 1
    assert await adapter.preflight() == (
        f'GRANT "{postgres_database.agent}" TO "{postgres_database.bot}" WITH SET TRUE',
    )
    await postgres_database.run(f"ROLLBACK PREPARED 'stays-{postgres_database.name}'")
    await adapter.aclose()


@pytest.mark.parametrize("mode", [Mode.FULL_STOP, Mode.READ_ONLY])
async def test_what_was_prepared_as_a_group_is_rolled_back(
    postgres_database: Database, keeper: Keeper, mode: Mode
) -> None:
    """A prepared transaction belongs to the role that was set then; a member could commit it in a milder mode."""
    there, group = postgres_database, f"{postgres_database.owner}_group"
    await there.run(f"CREATE ROLE {group}; GRANT {group} TO {there.agent}; GRANT SELECT ON effects TO {group}")
    await there.run(
        f"SET ROLE {group}; BEGIN; LOCK TABLE effects IN ACCESS SHARE MODE; PREPARE TRANSACTION '{group}'",
        user=there.agent,
    )
    assert await there.value("SELECT count(*) FROM pg_prepared_xacts WHERE gid = $1", group) == 1
    assert (await keeper.restrict(mode)).left == 0
    assert await there.value("SELECT count(*) FROM pg_prepared_xacts WHERE gid = $1", group) == 0
    await there.run(f"DROP OWNED BY {group}; DROP ROLE {group}")


async def test_a_session_that_ignores_its_end_is_counted(postgres_database: Database, keeper: Keeper) -> None:
    """A frozen backend of the agent is left and in flight, the role is not reopened, and the next cut ends it."""
    agent = await _agent(postgres_database)
    os.kill(agent.get_server_pid(), signal.SIGSTOP)
    try:
        cut = await keeper.restrict(Mode.READ_ONLY)
        assert (cut.held, cut.ended, cut.left) == (Mode.FULL_STOP, 0, 1)
        assert "still alive" in cut.why
        assert (await keeper.adapter.observe()).in_flight == 1
    finally:
        os.kill(agent.get_server_pid(), signal.SIGCONT)
    await keeper.held(Mode.READ_ONLY)
    agent.terminate()


async def test_work_may_end_during_the_drain(postgres_database: Database, keeper: Keeper) -> None:
    """A transaction that ends within the drain counts; idle sessions are ended at once, new logins are refused."""
    busy, idle = await _agent(postgres_database), await _agent(postgres_database)
    await busy.execute("BEGIN; INSERT INTO effects VALUES (1)")
    cut = asyncio.create_task(keeper.restrict(Mode.FULL_STOP, drain=10))
    for _ in ticks():
        with suppress(*GONE):
            await idle.execute("SELECT 1")
            continue
        break
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await _agent(postgres_database)
    await busy.execute("COMMIT")
    assert (await cut).ended == 2
    assert await postgres_database.value("SELECT count(*) FROM effects") == 1
    busy.terminate()
    idle.terminate()


async def test_work_that_outlasts_the_drain_is_ended(postgres_database: Database, keeper: Keeper) -> None:
    """When the drain is over, an open transaction is rolled back."""
    busy = await _agent(postgres_database)
    await busy.execute("BEGIN; INSERT INTO effects VALUES (1)")
    cut = await keeper.restrict(Mode.FULL_STOP, drain=0.1)
    assert (cut.ended, cut.left) == (1, 0)
    assert await postgres_database.value("SELECT count(*) FROM effects") == 0
    busy.terminate()


async def test_a_full_server_can_still_be_stopped() -> None:
    """With every connection taken by the agent the warm connection stops it, also for two targets at once."""
    with PostgresServer(settings={"max_connections": "12", "superuser_reserved_connections": "1"}) as server:
        there = await database(server)
        await there.run(f"ALTER ROLE {there.owner} LOGIN; GRANT {there.owner} TO {there.bot} WITH ADMIN OPTION")
        shared = Shared()
        rig = PostgresRig(there)
        agent, owner = rig.adapter(shared=shared), rig.adapter(shared=shared, role=there.owner)
        await agent.observe()
        taken = []
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                taken.append(await _agent(there))
        keepers = [Keeper(agent), Keeper(owner)]
        cuts = await asyncio.gather(*(keeper.restrict(Mode.FULL_STOP) for keeper in keepers))
        assert [cut.left for cut in cuts] == [0, 0]
        assert cuts[0].ended == len(taken)
        for adapter in (agent, owner):
            assert (await adapter.observe()).mode is Mode.FULL_STOP
            await adapter.aclose()
        for line in taken:
            line.terminate()


async def test_a_dead_warm_connection_is_replaced(postgres_database: Database, keeper: Keeper) -> None:
    """When the warm connection was ended at the server, the next call opens another one."""
    await keeper.adapter.observe()
    await postgres_database.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{postgres_database.bot}'"  # noqa: S608  # our own name
    )
    await keeper.held(Mode.FULL_STOP)


async def test_people_keep_their_comment(postgres_database: Database, keeper: Keeper) -> None:
    """The mark stands behind a comment, survives an edit before it, and leaves the edited text behind."""
    read = f"SELECT shobj_description('{postgres_database.agent}'::regrole, 'pg_authid')"
    await postgres_database.run(f"COMMENT ON ROLE {postgres_database.agent} IS 'Ask Ada''s team'")
    await keeper.held(Mode.FULL_STOP)
    assert await postgres_database.value(read) == f"Ask Ada's team [agent-kill {keeper.token}]"
    edited = f"Ask Bob [agent-kill {keeper.token}] please"
    await postgres_database.run(f"COMMENT ON ROLE {postgres_database.agent} IS '{edited}'")
    await keeper.relax(Mode.NORMAL)
    assert await postgres_database.value(read) == "Ask Bob please"


async def test_a_full_stop_that_came_meanwhile_wins(postgres_database: Database, keeper: Keeper) -> None:
    """A full_stop between the gate's yes and the reopening of a read_only cut, or of a relaxation, stays."""
    rival = PostgresRig(postgres_database).adapter()

    async def overtaken(_: tuple[Change, ...]) -> bool:
        await rival.restrict(mode=Mode.FULL_STOP, token="rival", drain=0, undo=(), gate=keeper.gate)
        return True

    adapter = keeper.adapter
    cut = await adapter.restrict(mode=Mode.READ_ONLY, token="first", drain=0, undo=(), gate=overtaken)
    assert cut.held is Mode.FULL_STOP
    assert "mark of another stop" in cut.why
    for to in (Mode.READ_ONLY, Mode.NORMAL):
        await keeper.held(Mode.FULL_STOP)
        with pytest.raises(Refused, match="another stop"):
            await adapter.relax(to=to, expect=keeper.token, token="next", undo=cut.changed, gate=overtaken)
        seen = await adapter.observe()
        assert (seen.mode, seen.token) == (Mode.FULL_STOP, "rival")
    await rival.aclose()


async def test_a_write_that_appears_meanwhile_keeps_the_role_stopped(
    postgres_database: Database, keeper: Keeper
) -> None:
    """A privilege that PUBLIC gets between the look and the reopening is found by the second look."""

    async def given(_: tuple[Change, ...]) -> bool:
        await postgres_database.run("GRANT INSERT ON effects TO PUBLIC", user=postgres_database.owner)
        return True

    cut = await keeper.adapter.restrict(mode=Mode.READ_ONLY, token="one", drain=0, undo=(), gate=given)
    assert cut.held is Mode.FULL_STOP
    assert "still writable after every REVOKE: PUBLIC has INSERT" in cut.why


async def test_a_loosening_that_was_abandoned_half_way_is_ended_by_the_next_stop(
    postgres_database: Database, keeper: Keeper
) -> None:
    """A relaxation cancelled while the server was frozen in its middle leaves nothing that could act later."""
    await keeper.held(Mode.FULL_STOP)

    async def freezing(_: tuple[Change, ...]) -> bool:
        postgres_database.server.freeze()
        return True

    try:
        call = keeper.adapter.relax(to=Mode.NORMAL, expect=keeper.token, token="next", undo=keeper.undo, gate=freezing)
        task = asyncio.create_task(call)
        done, _ = await asyncio.wait({task}, timeout=0.3)
        assert not done
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=3)
        assert done
    finally:
        postgres_database.server.thaw()
    await keeper.held(Mode.FULL_STOP)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await _agent(postgres_database)
    bots = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
    assert await postgres_database.value(bots, postgres_database.bot) == 1


async def test_the_end_of_a_cancelled_call_is_the_end_of_its_effect(
    postgres_database: Database, keeper: Keeper
) -> None:
    """A cut that is cancelled while the server runs its statement ends that statement at the server first."""
    await postgres_database.run(
        "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); END';"
        "CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('REVOKE') EXECUTE FUNCTION slow()"
    )
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'"
    cut = asyncio.create_task(keeper.restrict(Mode.READ_ONLY))
    for _ in ticks():
        if await postgres_database.value(sleeping, postgres_database.bot):
            break
    cut.cancel()
    done, _ = await asyncio.wait({cut}, timeout=3)
    assert done
    assert await postgres_database.value(sleeping, postgres_database.bot) == 0
    await keeper.held(Mode.FULL_STOP)


async def test_a_cut_whose_answer_was_lost_records_no_login_twice(postgres_database: Database) -> None:
    """A second cut of a marked role records nothing, even without the first one's record."""
    adapter = PostgresRig(postgres_database).adapter()
    first = await Keeper(adapter).restrict(Mode.FULL_STOP)
    await postgres_database.run(f"ALTER ROLE {postgres_database.agent} LOGIN")
    second = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert [change.key for change in first.changed] == ["login"]
    assert second.changed == ()
    await adapter.aclose()


async def test_a_role_that_could_not_log_in_is_never_opened(postgres_database: Database, keeper: Keeper) -> None:
    """A role that was NOLOGIN before stays so in read_only and after the relaxation."""
    await postgres_database.run(f"ALTER ROLE {postgres_database.agent} NOLOGIN")
    cut = await keeper.restrict(Mode.READ_ONLY)
    assert (cut.held, cut.changed) == (Mode.FULL_STOP, ())
    await keeper.relax(Mode.NORMAL)
    assert (await keeper.adapter.observe()).state["login"] == "NOLOGIN"


async def test_a_canary_proves_only_what_it_can(postgres_database: Database) -> None:
    """A wrong password, somebody else's login and a missing database are untried; a login that works is allowed."""

    def adapter(dsn: str) -> PostgresRole:
        config = {"dsn": postgres_database.dsn(postgres_database.bot), "role": postgres_database.agent}
        canary = Canary.model_validate({"dsn": dsn})
        return PostgresRole(config=Settings.model_validate(config), canary=canary, shared=Shared())

    agent, owner = postgres_database.agent, postgres_database.owner
    cases = {
        postgres_database.dsn(agent, password="stale"): Attempt.UNTRIED,
        postgres_database.dsn(owner): Attempt.UNTRIED,
        postgres_database.dsn(agent, database="nowhere"): Attempt.UNTRIED,
        postgres_database.dsn(agent): Attempt.ALLOWED,
    }
    for dsn, expected in cases.items():
        for mode in (Mode.FULL_STOP, Mode.READ_ONLY):
            assert await adapter(dsn).attempt(mode=mode) is expected, (dsn, mode)
    await postgres_database.run(f"REVOKE INSERT, UPDATE, DELETE ON effects, notes FROM {agent}", user=owner)
    assert await adapter(postgres_database.dsn(agent)).attempt(mode=Mode.READ_ONLY) is Attempt.REFUSED
    await postgres_database.run(f"REVOKE ALL ON effects, notes FROM {agent}", user=owner)
    assert await adapter(postgres_database.dsn(agent)).attempt(mode=Mode.READ_ONLY) is Attempt.UNTRIED


async def test_a_refusal_by_address_proves_nothing(postgres_database: Database) -> None:
    """A login that pg_hba.conf turns away is untried, although its error has the code of a role without login."""
    there, server = postgres_database, postgres_database.server
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text(f"host {there.name} {there.agent} 127.0.0.1/32 reject\n{rules.read_text()}")
    await there.run("SELECT pg_reload_conf()")
    for _ in ticks():
        try:
            await (await _agent(there)).close()
        except asyncpg.InvalidAuthorizationSpecificationError:
            break
    adapter = PostgresRig(there).adapter()
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED
    await adapter.aclose()


async def test_the_bots_own_login_is_never_cut(postgres_database: Database) -> None:
    """A surface that names the bot's own role is refused before anything changes."""
    adapter = PostgresRig(postgres_database).adapter(role=postgres_database.bot)
    with pytest.raises(Refused, match="bot's own login"):
        await Keeper(adapter).restrict(Mode.FULL_STOP)
    await adapter.observe()
    await adapter.aclose()


async def test_preflight_names_each_missing_right(postgres_database: Database) -> None:
    """Without its rights the bot says which statements would give them, and the cut is refused by name."""
    agent, bot, owner = postgres_database.agent, postgres_database.bot, postgres_database.owner
    await postgres_database.run(
        f"REVOKE {agent} FROM {bot}; REVOKE pg_signal_backend FROM {bot}; REVOKE {owner} FROM {bot};"
        f"ALTER ROLE {bot} NOCREATEROLE"
    )
    adapter = PostgresRig(postgres_database).adapter()
    wanted = [
        f'ALTER ROLE "{bot}" CREATEROLE',
        f'GRANT "{agent}" TO "{bot}" WITH ADMIN OPTION',
        f'GRANT pg_signal_backend TO "{bot}"',
        f'GRANT "{agent}" TO "{bot}" WITH SET TRUE',
        f'GRANT "{owner}" TO the bot, for read_only',
    ]
    assert list(await adapter.preflight()) == wanted
    with pytest.raises(Refused) as caught:
        await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert list(caught.value.missing) == wanted[:-1]
    await adapter.aclose()


async def test_one_target_is_one_name_however_it_is_written() -> None:
    """The database, the bot's login and the way to write this machine do not make another target; a port does."""

    def key(dsn: str) -> str:
        config = Settings.model_validate({"dsn": dsn, "role": "agent"})
        return PostgresRole(config=config, canary=None, shared=Shared()).target_key()

    same = {key(f"postgresql://{rest}") for rest in ("a:b@localhost:5432/x", "127.0.0.1/y", "c@/z?host=localhost")}
    assert same == {"postgres_role:localhost:5432/agent"}
    assert key("postgresql://a@DB.example:6000/x") == "postgres_role:db.example:6000/agent"
    assert PASSWORD not in key(f"postgresql://a:{PASSWORD}@h/x")


def test_a_dsn_of_another_kind_is_refused_without_repeating_it() -> None:
    """The error of a wrong address does not show the address."""
    with pytest.raises(ValueError, match=r"starts with postgresql://") as caught:
        Settings.model_validate({"dsn": "mysql://u:hush@h/x", "role": "agent"})
    assert "hush" not in str(caught.value)
