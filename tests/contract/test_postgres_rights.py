"""What does a bot with too few rights over a PostgreSQL role still do, and what does it say?"""

import os
import signal

import asyncpg
import pytest

from adapters.base import Mode, Shared
from adapters.conformance import Keeper
from adapters.errors import AdapterError, Refused
from adapters.postgres_role import Canary, PostgresRole, Settings
from adapters.postgres_role.line import told
from bot.sandbox.servers import free_port
from bot.service.redact import redact
from tests.contract.rigs.postgres_role import PostgresRig
from tests.contract.servers import Database


async def test_a_superuser_is_told_from_a_member_of_the_bot(postgres_database: Database) -> None:
    """An agent with SUPERUSER is to lose it, not to be kept apart from the bot; a bot with SUPERUSER misses nothing."""
    agent, bot = postgres_database.agent, postgres_database.bot
    await postgres_database.run(f"ALTER ROLE {agent} SUPERUSER")
    adapter = PostgresRig(postgres_database).adapter()
    assert await adapter.preflight() == (
        f'ALTER ROLE "{agent}" NOSUPERUSER: only a superuser may stop one; or ALTER ROLE "{bot}" SUPERUSER',
    )
    await postgres_database.run(f"ALTER ROLE {bot} SUPERUSER")
    assert await adapter.preflight() == ()
    await postgres_database.run(f"ALTER ROLE {agent} NOSUPERUSER; REVOKE {agent} FROM {bot}; GRANT {bot} TO {agent}")
    assert await adapter.preflight() == (
        f'another login for the bot: the agent\'s role "{agent}" is, or is a member of, "{bot}"',
    )
    await adapter.aclose()


async def _prepared(there: Database) -> str:
    """A prepared transaction of the agent; returns its name."""
    name = f"waits-{there.name}"
    begin = "BEGIN; INSERT INTO effects VALUES (1);"
    await there.run(f"{begin} PREPARE TRANSACTION '{name}'", user=there.agent)
    return name


async def test_a_bot_that_may_not_signal_does_the_rest_and_names_the_grant(postgres_database: Database) -> None:
    """Login taken and recorded, the other database's and this one's prepared work tried, the living counted."""
    agent, bot = postgres_database.agent, postgres_database.bot
    session = await asyncpg.connect(postgres_database.dsn(agent))
    name = await _prepared(postgres_database)
    await postgres_database.run(
        f"REVOKE pg_signal_backend FROM {bot}; REVOKE {agent} FROM {bot};"
        f"GRANT {agent} TO {bot} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
    )
    adapter = PostgresRig(postgres_database).adapter()
    cut = await Keeper(adapter).restrict(Mode.READ_ONLY)
    assert (cut.held, cut.ended, cut.left) == (Mode.FULL_STOP, 0, 2)
    assert [change.key for change in cut.changed] == ["login"]
    assert cut.why.startswith(f'run GRANT pg_signal_backend TO "{bot}"; GRANT "{agent}" TO "{bot}" WITH SET TRUE: ')
    assert "1 sessions and 1 prepared transactions" in cut.why
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, 2)
    await session.execute("SELECT 1")
    await postgres_database.run(f"GRANT pg_signal_backend TO {bot}")
    await postgres_database.run(f"ROLLBACK PREPARED '{name}'")
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left, cut.why) == (1, 0, "")
    session.terminate()
    await adapter.aclose()


async def test_a_prepared_transaction_is_rolled_back_although_sessions_stay(postgres_database: Database) -> None:
    """A session that ignores its end keeps no prepared transaction alive, and no grant is asked for."""
    session = await asyncpg.connect(postgres_database.dsn(postgres_database.agent))
    await _prepared(postgres_database)
    adapter = PostgresRig(postgres_database).adapter()
    os.kill(session.get_server_pid(), signal.SIGSTOP)
    try:
        cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
        assert (cut.ended, cut.left) == (1, 1)
        assert "GRANT" not in cut.why
        assert f"end {session.get_server_pid()}" in cut.why
    finally:
        os.kill(session.get_server_pid(), signal.SIGCONT)
    await Keeper(adapter).restrict(Mode.FULL_STOP)
    session.terminate()
    await adapter.aclose()


async def test_a_bot_that_may_act_as_the_agent_needs_no_right_to_signal(postgres_database: Database) -> None:
    """With SET on the agent's role alone, its sessions are ended under its own name, whoever locks the role."""
    agent, bot = postgres_database.agent, postgres_database.bot
    session = await asyncpg.connect(postgres_database.dsn(agent))
    await session.execute(f"BEGIN; ALTER ROLE {agent} PASSWORD 'mine'")
    await postgres_database.run(
        f"REVOKE pg_signal_backend FROM {bot}; GRANT {agent} TO {bot} WITH ADMIN TRUE, INHERIT FALSE, SET TRUE"
    )
    adapter = PostgresRig(postgres_database).adapter()
    assert await adapter.preflight() == ()
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.left, cut.why) == (0, "")
    assert (await adapter.observe()).in_flight == 0
    session.terminate()
    await adapter.aclose()


async def test_a_lock_that_the_bot_may_not_end_is_refused_with_the_grant(postgres_database: Database) -> None:
    """An agent that locks its own role against a bot that may not signal leads to an error with the remedy first."""
    agent, bot = postgres_database.agent, postgres_database.bot
    await postgres_database.run(
        f"REVOKE pg_signal_backend FROM {bot}; REVOKE {agent} FROM {bot};"
        f"GRANT {agent} TO {bot} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
    )
    session = await asyncpg.connect(postgres_database.dsn(agent))
    await session.execute(f"BEGIN; ALTER ROLE {agent} PASSWORD 'mine'")
    adapter = PostgresRig(postgres_database).adapter()
    with pytest.raises(Refused, match=f'^run GRANT pg_signal_backend TO "{bot}"; '):
        await Keeper(adapter).restrict(Mode.FULL_STOP)
    session.terminate()
    await adapter.aclose()


SERVER_SAYS = "so says the server " * 30
REMEDIES = {
    asyncpg.ClientConfigurationError: "correct the setting dsn",
    asyncpg.TooManyConnectionsError: "reserve one for the bot",
    asyncpg.CannotConnectNowError: "check that it runs",
    asyncpg.InvalidPasswordError: "correct the login in the setting dsn",
    asyncpg.InvalidCatalogNameError: "correct the database in the setting dsn",
    asyncpg.InsufficientPrivilegeError: "agent-kill check --probe",
}


@pytest.mark.parametrize("error", REMEDIES, ids=lambda error: error.__name__)
def test_a_shortened_error_still_holds_its_remedy(error: type[Exception]) -> None:
    """However much the server says, what to do stands before it, where a report that is cut short still has it."""
    with pytest.raises(AdapterError) as caught, told("PostgreSQL at db.example:5432"):
        raise error(SERVER_SAYS)
    text = redact(str(caught.value))
    assert text.endswith("…")
    assert REMEDIES[error] in text[:220]
    assert "db.example:5432" in text[:220]


async def test_every_missing_right_fits_into_a_shortened_error(postgres_database: Database) -> None:
    """A refused cut names each statement that would change the answer within what a report shows."""
    agent, bot = postgres_database.agent, postgres_database.bot
    await postgres_database.run(
        f"REVOKE {agent} FROM {bot}; REVOKE pg_signal_backend FROM {bot}; ALTER ROLE {bot} NOCREATEROLE"
    )
    adapter = PostgresRig(postgres_database).adapter()
    with pytest.raises(Refused) as caught:
        await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert len(caught.value.missing) == 4
    assert redact(str(caught.value)).startswith(f"run {'; '.join(caught.value.missing)}: ")
    await adapter.aclose()


async def test_many_grants_of_one_grantor_are_one_sentence(postgres_database: Database) -> None:
    """The grant that would make read_only possible comes first, however many tables and obstacles there are."""
    agent, bot, owner = postgres_database.agent, postgres_database.bot, postgres_database.owner
    await postgres_database.run(f"REVOKE {owner} FROM {bot}; ALTER ROLE {agent} CREATEDB BYPASSRLS")
    adapter = PostgresRig(postgres_database).adapter()
    cut = await Keeper(adapter).restrict(Mode.READ_ONLY)
    assert cut.held is Mode.FULL_STOP
    start = f'read_only is not possible here: GRANT "{owner}" TO the bot, which may not revoke DELETE on table '
    assert cut.why.startswith(start)
    assert cut.why.count("may not revoke") == 1
    assert "and 5 more" in cut.why
    await adapter.aclose()


async def test_preflight_tries_the_canarys_login(postgres_database: Database) -> None:
    """A stale password, another login and a database that is gone are set-up that is missing; a stopped role is not."""
    there, agent = postgres_database, postgres_database.agent

    shared, made = Shared(), list[PostgresRole]()

    def canary(dsn: str) -> PostgresRole:
        config = Settings.model_validate({"dsn": there.dsn(there.bot), "role": agent})
        made.append(PostgresRole(config=config, canary=Canary.model_validate({"dsn": dsn}), shared=shared))
        return made[-1]

    good = canary(there.dsn(agent))
    assert await good.preflight() == ()
    assert await canary(there.dsn(agent, password="stale")).preflight() == (f"canary: wrong password for role {agent}",)
    other = f"canary logs in as {there.owner}, not as role {agent}"
    assert await canary(there.dsn(there.owner)).preflight() == (other,)
    (gone,) = await canary(there.dsn(agent, database="nowhere")).preflight()
    assert gone.startswith("canary: correct its dsn, the login fails: ")
    away = f"postgresql://{agent}:x@127.0.0.1:{free_port()}/{there.name}"
    (silent,) = await canary(away).preflight()
    assert silent.startswith("canary: correct its dsn, the login fails: ")
    await Keeper(good).restrict(Mode.FULL_STOP)
    assert await good.preflight() == ()
    for adapter in made:
        await adapter.aclose()
