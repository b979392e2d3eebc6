"""Does anything that the agent writes come past the guards?"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.base import Attempt, Mode
from adapters.conformance import Keeper
from tests.contract.rigs.postgres_role import PostgresRig, set_up
from tests.contract.servers import Database

MADE = """
CREATE TABLE parts (id int, body text) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (200);
CREATE TABLE parent (id int);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE numbered (id bigserial PRIMARY KEY, body text);
INSERT INTO parts VALUES (1, 'low');
INSERT INTO child VALUES (1);
INSERT INTO effects VALUES (7);
CREATE VIEW v AS SELECT * FROM effects;
CREATE VIEW w AS SELECT * FROM v WHERE n > 0;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON effects, notes, parts, parts_low, parent, numbered, v, w TO {agent};
GRANT USAGE, UPDATE ON SEQUENCE numbered_id_seq TO {agent};
"""
WAYS = {  # how many rows each parks; None where it is refused
    "INSERT INTO effects VALUES (1)": 1,
    "INSERT INTO effects SELECT g FROM generate_series(1, 3) g": 3,
    "UPDATE effects SET n = n + 1": 1,
    "DELETE FROM effects": 1,
    "INSERT INTO notes VALUES (1, 'two') ON CONFLICT (id) DO UPDATE SET body = 'two'": 1,
    "MERGE INTO notes USING (VALUES (1, 'x'), (2, 'y')) s(id, body) ON notes.id = s.id"
    " WHEN MATCHED THEN UPDATE SET body = s.body WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.body)": 2,
    "WITH gone AS (DELETE FROM notes RETURNING *) INSERT INTO effects SELECT id FROM gone": 1,
    "INSERT INTO parts VALUES (150, 'high')": 1,
    "UPDATE parts SET id = 150": 1,
    "INSERT INTO parts_low VALUES (2, 'two')": 1,
    "DELETE FROM parent": 1,
    "INSERT INTO numbered (body) VALUES ('one')": 1,
    "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO effects VALUES (1); COMMIT": None,
    "SET ROLE {owner}_group; INSERT INTO effects VALUES (2)": 1,
    "SET ROLE {owner}_group; TRUNCATE notes": None,
    "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO effects VALUES (1); COMMIT": 1,
    "DO $$ BEGIN INSERT INTO effects VALUES (1); END $$": 1,
    "PREPARE p AS INSERT INTO effects VALUES (1); EXECUTE p": 1,
    "BEGIN; INSERT INTO effects VALUES (1); ROLLBACK": 0,
    "TRUNCATE effects": None,
    "INSERT INTO v VALUES (1)": 1,
    "INSERT INTO w VALUES (1)": 1,
    "SELECT setval('numbered_id_seq', 99)": None,
    "CREATE TRIGGER t BEFORE INSERT ON effects EXECUTE FUNCTION suppress_redundant_updates_trigger()": None,
    "CREATE TABLE mine (id int)": None,
}
TABLES = ("effects", "notes", "parts", "parent", "child", "numbered")


@pytest.fixture
async def keeper(postgres_database: Database) -> AsyncIterator[Keeper]:
    """Drives the agent's role, which is in a group that writes as well; every table has its guard."""
    there = postgres_database
    await there.run(MADE.format(agent=there.agent), user=there.owner)
    await there.run(
        f"CREATE ROLE {there.owner}_group; GRANT {there.owner}_group TO {there.agent};"
        f"GRANT INSERT ON effects TO {there.owner}_group; GRANT TRUNCATE ON notes TO {there.owner}_group"
    )
    await set_up(there)
    adapter = PostgresRig(there, parks=True).adapter()
    yield Keeper(adapter)
    await adapter.aclose()
    await there.run(f"DROP OWNED BY {there.owner}_group; DROP ROLE {there.owner}_group")


async def _witness(there: Database) -> list[object]:
    return [await there.value(f"SELECT jsonb_agg(t) FROM {table} t") for table in TABLES]  # noqa: S608  # our own names


@pytest.mark.parametrize("mode", [Mode.DRAFT_ONLY, Mode.APPROVAL_GATED])
async def test_every_way_to_write_is_parked_or_refused(postgres_database: Database, keeper: Keeper, mode: Mode) -> None:
    """COPY, MERGE, partitions, inheritance, views, groups, settings: no row changes, and what was asked is kept."""
    there = postgres_database
    before = await _witness(there)
    seen = await keeper.adapter.observe()
    assert seen.enforceable == set(Mode) - {Mode.NORMAL}, seen.why
    await keeper.held(mode)
    kept = 0
    for way, parked in WAYS.items():
        sql = way.format(owner=there.owner)
        if parked is None:
            with pytest.raises(asyncpg.PostgresError):
                await there.run(sql, user=there.agent)
        else:
            await there.run(sql, user=there.agent)
        kept += parked or 0
        assert await there.value("SELECT count(*) FROM agent_kill.drafts") == kept, way
        assert await _witness(there) == before, way
    agent = await asyncpg.connect(there.dsn(there.agent))
    await agent.copy_records_to_table("effects", records=[(1,), (2,)])
    await agent.close()
    waits = mode is Mode.APPROVAL_GATED
    assert await there.value("SELECT count(*) FROM agent_kill.drafts WHERE waits = $1", waits) == kept + 2
    assert await _witness(there) == before
    await keeper.relax(Mode.NORMAL)
    await there.run("INSERT INTO effects VALUES (1)", user=there.agent)
    assert await _witness(there) != before


async def test_read_only_is_held_by_the_guards_where_nothing_can_be_revoked(
    postgres_database: Database, keeper: Keeper
) -> None:
    """Writes through a group and through PUBLIC are refused row by row, grants stay, and every way back is exact."""
    there = postgres_database
    await there.run("GRANT INSERT, UPDATE ON effects, notes TO PUBLIC", user=there.owner)
    grants = "SELECT array_agg(relacl::text ORDER BY relname) FROM pg_class WHERE relname IN ('effects', 'notes')"
    before, held = await _witness(there), await there.value(grants)
    await keeper.held(Mode.READ_ONLY)
    for way, parked in WAYS.items():
        if parked:
            with pytest.raises(asyncpg.PostgresError):
                await there.run(way.format(owner=there.owner), user=there.agent)
    assert await there.value("SELECT count(*) FROM agent_kill.drafts") == 0
    assert await _witness(there) == before
    for mode in (Mode.DRAFT_ONLY, Mode.READ_ONLY, Mode.FULL_STOP):
        await keeper.held(mode)
    for mode in (Mode.READ_ONLY, Mode.APPROVAL_GATED):
        await keeper.relax(mode)
        await keeper.settled(mode)
        await keeper.refused(mode)
    await keeper.relax(Mode.NORMAL)
    assert await there.value(grants) == held
    await there.run("INSERT INTO effects VALUES (1)", user=there.agent)
    assert await _witness(there) != before


async def test_a_snapshot_older_than_the_mode_changes_nothing(postgres_database: Database, keeper: Keeper) -> None:
    """A transaction from before the cut is ended with its session; one from a stricter mode stays refused."""
    there = postgres_database
    await there.run(f"REVOKE {there.owner}_group FROM {there.agent}")
    before = await _witness(there)
    agent = await asyncpg.connect(there.dsn(there.agent))
    await agent.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM effects")
    await keeper.held(Mode.READ_ONLY)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await agent.execute("INSERT INTO effects VALUES (1)")
    agent.terminate()
    agent = await asyncpg.connect(there.dsn(there.agent))
    await agent.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM effects")
    await keeper.relax(Mode.DRAFT_ONLY)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await agent.execute("INSERT INTO effects VALUES (1)")
    await agent.execute("ROLLBACK; INSERT INTO effects VALUES (1)")
    assert await there.value("SELECT count(*) FROM agent_kill.drafts") == 1
    await keeper.relax(Mode.APPROVAL_GATED)
    await agent.execute("INSERT INTO effects VALUES (1)")
    assert await there.value("SELECT count(*) FROM agent_kill.drafts WHERE waits") == 1
    assert await _witness(there) == before
    agent.terminate()


async def test_a_new_partition_comes_with_its_guard(postgres_database: Database, keeper: Keeper) -> None:
    """The tables' owner makes one during the hold as ever; what the agent writes into it is parked."""
    there = postgres_database
    await keeper.held(Mode.DRAFT_ONLY)
    await there.run("CREATE TABLE parts_more PARTITION OF parts FOR VALUES FROM (200) TO (300)", user=there.owner)
    await there.run("INSERT INTO parts VALUES (250, 'more')", user=there.agent)
    await keeper.settled(Mode.DRAFT_ONLY)
    assert await there.value("SELECT count(*) FROM parts_more") == 0
    assert await there.value("SELECT count(*) FROM agent_kill.drafts") == 1


DRIFT = {  # what an administrator does, and what is said of it
    'ALTER TABLE effects DISABLE TRIGGER "!agent_kill"': "effects in {name} has its guard disabled",
    'ALTER TABLE effects ENABLE TRIGGER "!agent_kill"': "guard disabled, or not enabled always",
    'ALTER TABLE parts_low DISABLE TRIGGER "!agent_kill"': "parts in {name} has its guard disabled",
    'DROP TRIGGER "!agent_kill" ON effects': "effects in {name} carries no guard",
    'CREATE OR REPLACE TRIGGER "!agent_kill" BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION agent_kill.guard();'
    'ALTER TABLE effects ENABLE ALWAYS TRIGGER "!agent_kill"': "effects in {name} has its guard altered",
    'CREATE TRIGGER "!a" BEFORE INSERT ON effects FOR EACH ROW'
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()": "has a trigger that runs before the guard",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    "CREATE TRIGGER t AFTER INSERT ON effects EXECUTE FUNCTION f()": "has a statement trigger, which always runs",
    "CREATE RULE r AS ON INSERT TO effects DO ALSO INSERT INTO notes VALUES (9, '')": "has a rule",
    "ALTER TABLE effects ENABLE ROW LEVEL SECURITY": "has row security",
    "CREATE TABLE fresh (id int); GRANT INSERT ON fresh TO {agent}": "fresh in {name} carries no guard",
    "GRANT INSERT ON parts_high TO {agent}; ALTER TABLE parts DETACH PARTITION parts_high": "parts_high in",
    "CREATE OR REPLACE FUNCTION agent_kill.guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
    " AS 'BEGIN RETURN NEW; END'": "agent_kill.guard missing, altered",
    "CREATE RULE r AS ON INSERT TO v DO INSTEAD INSERT INTO notes VALUES (9, '')": "v in {name} carries no guard",
    "CREATE TABLE bare (n int); CREATE OR REPLACE VIEW v AS SELECT n FROM bare": "v in {name} carries no guard",
    "ALTER FUNCTION agent_kill.guard() SECURITY INVOKER": "agent_kill.guard missing, altered or of another version",
    "ALTER FUNCTION agent_kill.guard() SET search_path = public": "agent_kill.guard missing, altered",
    "ALTER FUNCTION agent_kill.guard() OWNER TO {owner}": "agent_kill.guard missing, altered",
    "GRANT agent_kill_owner TO {agent}": "the agent may not be a member of it",
    "GRANT USAGE ON SCHEMA agent_kill TO {agent}; GRANT UPDATE ON agent_kill.roles TO {agent}": "agent_kill.roles in",
    "DELETE FROM agent_kill.roles": "is not in agent_kill.roles",
    "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA agent_kill FROM {bot}": "GRANT EXECUTE ON ALL FUNCTIONS",
    "REVOKE UPDATE ON effects FROM agent_kill_owner": "is closed to the owner of the guard",
    "DROP SCHEMA agent_kill CASCADE": "the set-up for parking is not in {name}",
}


EACH = 3  # of so many, one in every run; the others are long


@pytest.mark.parametrize(
    "change",
    [pytest.param(text, marks=pytest.mark.long if number % EACH else ()) for number, text in enumerate(DRIFT)],
)
async def test_a_guard_that_is_not_as_made_is_seen_and_cut_again(
    change: str, postgres_database: Database, keeper: Keeper
) -> None:
    """It is no middle mode any more, preflight says what is wrong, and the next cut holds a stricter mode instead."""
    there = postgres_database
    names = {"agent": there.agent, "owner": there.owner, "bot": there.bot, "name": there.name}
    await there.run(f"REVOKE {there.owner}_group FROM {there.agent}")
    await keeper.held(Mode.DRAFT_ONLY)
    await there.run(change.format(**names))
    says = DRIFT[change].format(**names)
    seen = await keeper.adapter.observe()
    assert seen.mode is Mode.NORMAL
    assert not seen.enforceable & {Mode.DRAFT_ONLY, Mode.APPROVAL_GATED}
    assert says in seen.why
    assert [text for text in await keeper.adapter.preflight() if says in text]
    cut = await keeper.restrict(Mode.DRAFT_ONLY)
    assert cut.held > Mode.DRAFT_ONLY
    assert says in cut.why
    await keeper.settled(cut.held)
    assert await keeper.adapter.attempt(mode=cut.held) is Attempt.REFUSED
    await there.run(f"REVOKE agent_kill_owner FROM {there.agent}")


async def test_the_mode_that_somebody_changed_is_seen(postgres_database: Database, keeper: Keeper) -> None:
    """What an administrator writes into the guards' own table is what is read."""
    await keeper.held(Mode.DRAFT_ONLY)
    await postgres_database.run("UPDATE agent_kill.roles SET mode = 'normal'")
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL
    assert await keeper.adapter.attempt(mode=Mode.DRAFT_ONLY) is Attempt.ALLOWED
    await keeper.held(Mode.DRAFT_ONLY)


@pytest.mark.parametrize("asked", [False, True])
async def test_without_the_set_up_the_middle_modes_are_rounded(postgres_database: Database, asked: bool) -> None:  # noqa: FBT001  # a parameter
    """They are held as read_only with the reason; preflight names what is missing only where parking was asked for."""
    adapter = PostgresRig(postgres_database, parks=asked).adapter()
    keeper = Keeper(adapter)
    seen = await adapter.observe()
    assert seen.enforceable == {Mode.READ_ONLY, Mode.FULL_STOP}
    assert "`agent-kill adapters show postgres_role --setup` prints it" in seen.why
    assert bool(await adapter.preflight()) is asked
    for mode in (Mode.DRAFT_ONLY, Mode.APPROVAL_GATED):
        cut = await keeper.restrict(mode)
        assert cut.held is Mode.READ_ONLY
        assert cut.why.startswith(f"{mode} is not possible here: ")
        await keeper.settled(Mode.READ_ONLY)
        await keeper.relax(Mode.NORMAL)
    await adapter.aclose()
