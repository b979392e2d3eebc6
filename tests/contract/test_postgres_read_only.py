"""Does read_only leave any way to write, by whatever means the role had?"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.base import Attempt, Cut, Mode, Observation
from adapters.conformance import Keeper
from tests.contract.rigs.postgres_role import PostgresRig
from tests.contract.servers import PASSWORD, Database, PostgresServer, database

DENIED = (asyncpg.InsufficientPrivilegeError,)
# in words: (how the owner gives it, what the agent then does with it)
WAYS = {
    "a table": ("SELECT 1", "INSERT INTO effects VALUES (1)"),
    "an update": ("SELECT 1", "UPDATE notes SET body = 'two'"),
    "a delete": ("SELECT 1", "DELETE FROM notes"),
    "a truncate": ("GRANT TRUNCATE ON notes TO {agent}", "TRUNCATE notes"),
    "a transaction that asks": ("SELECT 1", "BEGIN READ WRITE; INSERT INTO effects VALUES (1); COMMIT"),
    "a transaction that asks later": (
        "SELECT 1",
        "BEGIN; SET TRANSACTION READ WRITE; INSERT INTO effects VALUES (1); COMMIT",
    ),
    "a setting put back": (
        "SELECT 1",
        "RESET default_transaction_read_only; SET default_transaction_read_only = off; INSERT INTO effects VALUES (1)",
    ),
    "a setting of its own": (
        "SELECT 1",
        "ALTER ROLE {agent} RESET default_transaction_read_only; INSERT INTO effects VALUES (1)",
    ),
    "a prepared transaction": (
        "SELECT 1",
        "BEGIN; INSERT INTO effects VALUES (1); PREPARE TRANSACTION '{agent}-later'",
    ),
    "a copy": ("SELECT 1", "COPY effects FROM STDIN"),
    "a column": (
        "REVOKE UPDATE ON notes FROM {agent}; GRANT UPDATE (body) ON notes TO {agent}",
        "UPDATE notes SET body = 'two'",
    ),
    "a sequence": (
        "CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO {agent}",
        "SELECT nextval('numbers')",
    ),
    "a sequence set": (
        "CREATE SEQUENCE numbers; GRANT UPDATE ON SEQUENCE numbers TO {agent}",
        "SELECT setval('numbers', 9)",
    ),
    "a view": (
        "CREATE VIEW v AS SELECT * FROM effects; GRANT INSERT ON v TO {agent}",
        "INSERT INTO v VALUES (1)",
    ),
    "a schema": ("CREATE SCHEMA s; GRANT USAGE, CREATE ON SCHEMA s TO {agent}", "CREATE TABLE s.t (i int)"),
    "a database": ("GRANT CREATE ON DATABASE {name} TO {agent}", "CREATE SCHEMA mine"),
    "a temporary table": (
        "REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; GRANT TEMPORARY ON DATABASE {name} TO {agent}",
        "CREATE TEMPORARY TABLE t (i int)",
    ),
    "a large object": (
        "SELECT lo_create({number}); GRANT SELECT, UPDATE ON LARGE OBJECT {number} TO {agent}",
        "SELECT lo_put({number}, 0, 'x')",
    ),
    "a function of its owner's rights": (
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO effects VALUES (1)';"
            "REVOKE EXECUTE ON FUNCTION f FROM PUBLIC; GRANT EXECUTE ON FUNCTION f TO {agent}"
        ),
        "SELECT f()",
    ),
    "a procedure that says it only reads": (
        (
            "CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS "
            "'BEGIN INSERT INTO effects VALUES (1); RETURN 1; END';"
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS 'BEGIN RETURN g(); END';"
            "REVOKE EXECUTE ON FUNCTION f, g FROM PUBLIC; GRANT EXECUTE ON FUNCTION f TO {agent}"
        ),
        "SELECT f()",
    ),
}

CLOSED = """
DO $$ DECLARE f regprocedure; BEGIN
FOR f IN SELECT oid FROM pg_proc
         WHERE proname IN ('pg_logical_emit_message', 'lo_creat', 'lo_create', 'lo_from_bytea') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
END LOOP; END $$
"""


@pytest.fixture
async def keeper(postgres_database: Database) -> AsyncIterator[Keeper]:
    """Drives the agent's role."""
    adapter = PostgresRig(postgres_database).adapter()
    yield Keeper(adapter)
    await adapter.aclose()


def filled(sql: str, database: Database) -> str:
    """Puts the names of this test's database in."""
    number = 70000 + int(database.name.removeprefix("db"))
    return sql.format(agent=database.agent, name=database.name, owner=database.owner, bot=database.bot, number=number)


@pytest.mark.parametrize("way", WAYS)
async def test_a_way_to_write_is_closed_and_given_back(way: str, postgres_database: Database, keeper: Keeper) -> None:
    """In read_only the agent reads and cannot write in this way; afterwards it can again."""
    give, write = WAYS[way]
    await postgres_database.run(filled(give, postgres_database), user=postgres_database.owner)
    state = (await keeper.adapter.observe()).state
    await keeper.held(Mode.READ_ONLY)
    assert await postgres_database.value("SELECT count(*) FROM notes", user=postgres_database.agent) == 1
    with pytest.raises(DENIED):
        await postgres_database.run(filled(write, postgres_database), user=postgres_database.agent)
    assert await postgres_database.value("SELECT count(*) FROM effects") == 0
    relaxed = await keeper.relax(Mode.NORMAL)
    assert relaxed.kept == ()
    assert (await keeper.adapter.observe()).state == state
    if way not in {"a copy", "a prepared transaction"}:
        await postgres_database.run(filled(write, postgres_database), user=postgres_database.agent)


async def test_a_prepared_transaction_cannot_wait_for_later(postgres_database: Database, keeper: Keeper) -> None:
    """What the agent prepared before the cut is rolled back and cannot be committed in read_only."""
    await postgres_database.run(
        "BEGIN; INSERT INTO effects VALUES (1); PREPARE TRANSACTION 'later'", user=postgres_database.agent
    )
    cut = await keeper.restrict(Mode.READ_ONLY)
    assert (cut.held, cut.left) == (Mode.READ_ONLY, 0)
    assert cut.ended >= 1
    with pytest.raises(asyncpg.UndefinedObjectError):
        await postgres_database.run("COMMIT PREPARED 'later'", user=postgres_database.agent)
    assert await postgres_database.value("SELECT count(*) FROM effects") == 0


async def test_future_grants_are_closed(postgres_database: Database, keeper: Keeper) -> None:
    """Default privileges give the agent nothing on a table that is made during the hold, and come back after it."""
    default = "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO {agent}"
    await postgres_database.run(filled(default, postgres_database), user=postgres_database.owner)
    await keeper.held(Mode.READ_ONLY)
    await postgres_database.run("CREATE TABLE during (i int)", user=postgres_database.owner)
    with pytest.raises(DENIED):
        await postgres_database.run("INSERT INTO during VALUES (1)", user=postgres_database.agent)
    await keeper.relax(Mode.NORMAL)
    await postgres_database.run("CREATE TABLE after (i int)", user=postgres_database.owner)
    await postgres_database.run("INSERT INTO after VALUES (1)", user=postgres_database.agent)


async def test_every_database_of_the_server_is_covered(postgres_database: Database, keeper: Keeper) -> None:
    """Grants in a second database are taken and given back too: a role belongs to the whole server."""
    other = await postgres_database.another()
    give = f"CREATE TABLE t (i int); GRANT SELECT, INSERT ON t TO {postgres_database.agent}"
    await postgres_database.run(give, user=postgres_database.owner, database=other)
    await keeper.held(Mode.READ_ONLY)
    with pytest.raises(DENIED):
        await postgres_database.run("INSERT INTO t VALUES (1)", user=postgres_database.agent, database=other)
    await keeper.relax(Mode.NORMAL)
    await postgres_database.run("INSERT INTO t VALUES (1)", user=postgres_database.agent, database=other)


async def test_grant_options_come_back_as_they_were(postgres_database: Database, keeper: Keeper) -> None:
    """A privilege with grant option returns with it, one without returns without."""
    await postgres_database.run(
        f"GRANT INSERT ON notes TO {postgres_database.agent} WITH GRANT OPTION", user=postgres_database.owner
    )
    before = await postgres_database.value("SELECT relacl::text FROM pg_class WHERE relname = 'notes'")
    await keeper.held(Mode.READ_ONLY)
    await keeper.relax(Mode.NORMAL)
    assert await postgres_database.value("SELECT relacl::text FROM pg_class WHERE relname = 'notes'") == before


async def test_a_grant_that_others_changed_is_kept(postgres_database: Database, keeper: Keeper) -> None:
    """A privilege that the owner gave anew during the hold, in another form, stays in that form and is named."""
    await keeper.held(Mode.FULL_STOP)
    await keeper.relax(Mode.READ_ONLY)
    await postgres_database.run(
        f"GRANT INSERT ON effects TO {postgres_database.agent} WITH GRANT OPTION", user=postgres_database.owner
    )
    relaxed = await keeper.relax(Mode.NORMAL)
    assert len(relaxed.kept) == 1
    assert "INSERT on table public.effects" in relaxed.kept[0]
    acl = await postgres_database.value("SELECT relacl::text FROM pg_class WHERE relname = 'effects'")
    assert f"{postgres_database.agent}=a*" in str(acl)


async def test_a_grant_made_during_the_hold_is_cut_and_not_given_back(
    postgres_database: Database, keeper: Keeper
) -> None:
    """What somebody granted anew while the role was held is taken by the next cut and is nobody's to give back."""
    before = await postgres_database.value("SELECT relacl::text FROM pg_class WHERE relname = 'notes'")
    await keeper.held(Mode.READ_ONLY)
    await postgres_database.run(filled("GRANT TRUNCATE ON notes TO {agent}", postgres_database))
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL
    await keeper.held(Mode.READ_ONLY)
    await keeper.relax(Mode.NORMAL)
    assert await postgres_database.value("SELECT relacl::text FROM pg_class WHERE relname = 'notes'") == before


async def test_a_table_that_is_gone_does_not_stop_the_rest(postgres_database: Database, keeper: Keeper) -> None:
    """What was dropped during the hold is named; a renamed table gets its grants back under its new name."""
    await keeper.held(Mode.READ_ONLY)
    await postgres_database.run("DROP TABLE effects; ALTER TABLE notes RENAME TO pages", user=postgres_database.owner)
    relaxed = await keeper.relax(Mode.NORMAL)
    assert {text.partition(" on ")[2].partition(" in ")[0] for text in relaxed.kept} == {"table public.effects"}
    await postgres_database.run("UPDATE pages SET body = 'two'", user=postgres_database.agent)


async def test_what_stays_open_is_said(postgres_database: Database, keeper: Keeper) -> None:
    """NOTIFY and the role's own password cannot be closed; the rest is named while PUBLIC has it."""
    cut = await keeper.restrict(Mode.READ_ONLY)
    assert cut.held is Mode.READ_ONLY
    always = "still open in read_only: NOTIFY, advisory locks, its own password and settings"
    assert cut.why == f"{always}, log messages (pg_logical_emit_message), new large objects, temporary tables"
    await postgres_database.run(
        f"ALTER ROLE CURRENT_USER PASSWORD '{PASSWORD}'; SELECT pg_logical_emit_message(false, 'a', 'b')",
        user=postgres_database.agent,
    )


async def test_what_was_closed_is_not_said() -> None:
    """Where PUBLIC has lost them in every database that the role may enter, only what has no privilege is named."""
    with PostgresServer() as server:
        there = await database(server)
        for name in (there.name, "postgres", "template1"):
            await there.run(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; {CLOSED}", database=name)
        adapter = PostgresRig(there).adapter()
        cut = await Keeper(adapter).restrict(Mode.READ_ONLY)
        assert cut.held is Mode.READ_ONLY
        assert cut.why == "still open in read_only: NOTIFY, advisory locks, its own password and settings"
        await adapter.aclose()


async def test_a_temporary_table_makes_no_owner(postgres_database: Database, keeper: Keeper) -> None:
    """A reader whose live session holds a temporary table is still a reader."""
    await keeper.held(Mode.READ_ONLY)
    agent = await asyncpg.connect(postgres_database.dsn(postgres_database.agent))
    await agent.execute("CREATE TEMPORARY TABLE t (i serial PRIMARY KEY, body text)")
    assert (await keeper.adapter.observe()).mode is Mode.READ_ONLY
    await agent.close()


async def test_an_agent_that_makes_a_large_object_is_no_reader_any_more(
    postgres_database: Database, keeper: Keeper
) -> None:
    """The one lasting write that stays open is seen at the next look, because the agent owns what it made."""
    await keeper.held(Mode.READ_ONLY)
    await postgres_database.run("SELECT lo_create(0)", user=postgres_database.agent)
    seen = await keeper.adapter.observe()
    assert (seen.mode, seen.enforceable) == (Mode.NORMAL, frozenset({Mode.FULL_STOP}))
    assert (await keeper.restrict(Mode.READ_ONLY)).held is Mode.FULL_STOP
    await postgres_database.run(f"DROP OWNED BY {postgres_database.agent}")


IN_THE_WAY = {
    "an owner": ("ALTER TABLE effects OWNER TO {agent}", "owns 1 objects"),
    "a group that writes": (
        "GRANT INSERT ON effects TO {owner}_group; GRANT {owner}_group TO {agent}",
        "its group role {owner}_group has INSERT on table public.effects",
    ),
    "a group that writes, without inheritance": (
        "ALTER ROLE {agent} NOINHERIT; GRANT INSERT ON effects TO {owner}_group; GRANT {owner}_group TO {agent}",
        "its group role {owner}_group has INSERT",
    ),
    "everybody may write": ("GRANT INSERT ON effects TO PUBLIC", "PUBLIC has INSERT on table public.effects"),
    "everybody may create": ("GRANT CREATE ON SCHEMA public TO PUBLIC", "PUBLIC has CREATE on schema public"),
    "everybody may call a definer": (
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO effects VALUES (1)'",
        "PUBLIC has EXECUTE on function public.f()",
    ),
    "a view that calls a definer of a closed schema": (
        (
            "CREATE SCHEMA {owner}_private; CREATE FUNCTION {owner}_private.pay() RETURNS int LANGUAGE sql"
            " SECURITY DEFINER AS 'INSERT INTO public.effects VALUES (1) RETURNING 1';"
            "CREATE VIEW v_pay AS SELECT {owner}_private.pay(); GRANT SELECT ON v_pay TO {agent}"
        ),
        "PUBLIC has EXECUTE on function {owner}_private.pay()",
    ),
    "all data": ("GRANT pg_write_all_data TO {agent}", "its group role is pg_write_all_data"),
    "row security": ("ALTER ROLE {agent} BYPASSRLS", "the role has BYPASSRLS"),
    "new roles": ("ALTER ROLE {agent} CREATEROLE", "the role has CREATEROLE"),
    "new databases": ("ALTER ROLE {agent} CREATEDB", "the role has CREATEDB"),
    "a foreign grantor": (
        (
            "GRANT INSERT ON effects TO {owner}_group WITH GRANT OPTION; SET ROLE {owner}_group;"
            "GRANT INSERT ON effects TO {agent}; RESET ROLE"
        ),
        "the bot, which may not revoke INSERT on table public.effects in {name}, granted by {owner}_group",
    ),
    "a grant passed on": (
        (
            "GRANT INSERT ON effects TO {agent} WITH GRANT OPTION; SET ROLE {agent};"
            "GRANT INSERT ON effects TO {owner}_group; RESET ROLE"
        ),
        "granted by {owner} on to others",
    ),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
async def test_what_cannot_be_made_read_only_is_said_and_rounded(
    what: str, postgres_database: Database, keeper: Keeper
) -> None:
    """The look beforehand says why read_only is impossible; the cut holds full_stop, says the same and is proven."""
    give, says = (filled(text, postgres_database) for text in IN_THE_WAY[what])
    await postgres_database.run(f"CREATE ROLE {postgres_database.owner}_group")
    await postgres_database.run(give)
    seen: Observation = await keeper.adapter.observe()
    assert seen.enforceable == frozenset({Mode.FULL_STOP})
    assert says in seen.why
    cut: Cut = await keeper.restrict(Mode.READ_ONLY)
    assert cut.held is Mode.FULL_STOP
    assert says in cut.why
    await keeper.settled(Mode.FULL_STOP)
    assert await keeper.adapter.attempt(mode=Mode.READ_ONLY) is Attempt.REFUSED
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(postgres_database.dsn(postgres_database.agent, password=PASSWORD))
    await postgres_database.run(
        f"ALTER ROLE {postgres_database.agent} NOBYPASSRLS; DROP OWNED BY {postgres_database.agent} CASCADE;"
        f"DROP OWNED BY {postgres_database.owner}_group CASCADE; DROP ROLE {postgres_database.owner}_group"
    )


async def test_a_group_that_only_reads_is_no_obstacle(postgres_database: Database, keeper: Keeper) -> None:
    """Membership by itself does not forbid read_only."""
    await postgres_database.run(filled("GRANT pg_read_all_data TO {agent}", postgres_database))
    await keeper.held(Mode.READ_ONLY)


async def test_a_reader_observes_as_read_only(postgres_database: Database, keeper: Keeper) -> None:
    """A role without any write grant amounts to read_only before anything was cut."""
    await postgres_database.run(
        filled("REVOKE INSERT, UPDATE, DELETE ON effects, notes FROM {agent}", postgres_database)
    )
    seen = await keeper.adapter.observe()
    assert (seen.mode, seen.token, seen.in_flight) == (Mode.READ_ONLY, None, 0)
