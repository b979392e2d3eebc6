"""Is exactly the row that was parked done, and nothing where it cannot be?"""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.base import Change, Mode, Shared
from adapters.base.parked import ARGUMENTS, Parked, Released
from adapters.conformance import Keeper
from adapters.errors import Refused
from adapters.postgres_role import PostgresRole, Settings
from tests.contract.rigs.postgres_role import PostgresRig, set_up
from tests.contract.servers import Database

EVERYTHING = """
CREATE TYPE mood AS ENUM ('calm', 'it''s odd');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE kinds (
    id bigint GENERATED ALWAYS AS IDENTITY, "Key" text DEFAULT 'k', n numeric(12, 4), f float8, b bytea,
    at timestamptz, day date, span interval, j json, jb jsonb, u uuid, words text[], m mood, p pair, few positive,
    range int4range, twice numeric GENERATED ALWAYS AS (n * 2) STORED, gone int, PRIMARY KEY (id, "Key")
);
ALTER TABLE kinds DROP COLUMN gone;
CREATE TABLE parts (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_high (body text, id int NOT NULL);
ALTER TABLE parts ATTACH PARTITION parts_high FOR VALUES FROM (100) TO (200);
INSERT INTO parts VALUES (1, 'low');
GRANT SELECT, INSERT, UPDATE, DELETE ON kinds, parts TO {agent};
"""
ROW = """
(n, f, b, at, day, span, j, jb, u, words, m, p, few, range) VALUES
(-12345.678, 0.1::float8 + 0.2, '\\x00ff', '2026-03-29 02:30:00.123456+01', '2026-03-29', '1 year -3 days 00:00:01.5',
 '{"a" : [1, null]}', '{"b": "é\\n"}', 'c0ffee00-0000-4000-8000-000000000000',
 ARRAY['one', NULL, 'th"ree'], 'it''s odd', ROW(1, 'x,y'), 7, '[1,5)')
"""
AGENT = """
SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'German'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'escape';
"""


@pytest.fixture
async def there(postgres_database: Database) -> Database:
    """Tables with their guards."""
    await postgres_database.run(EVERYTHING.format(agent=postgres_database.agent), user=postgres_database.owner)
    await set_up(postgres_database)
    return postgres_database


@pytest.fixture
async def keeper(there: Database) -> AsyncIterator[Keeper]:
    """The agent's role, at approval_gated."""
    adapter = PostgresRig(there, parks=True).adapter()
    keeper = Keeper(adapter)
    await keeper.held(Mode.APPROVAL_GATED)
    yield keeper
    await adapter.aclose()


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


async def _released(keeper: Keeper, number: int = 0) -> Released:
    parked = keeper.adapter
    assert isinstance(parked, Parked)
    item = (await parked.list()).items[number]
    return await parked.release(draft=item.id, by="U0APPROVER", gate=_yes)


async def _table(there: Database, name: str) -> object:
    return await there.value(f"SELECT jsonb_agg(to_jsonb(t) - 'id' ORDER BY t.id) FROM {name} t")  # noqa: S608  # our own names


async def test_a_row_of_every_type_is_done_as_it_was_asked(there: Database, keeper: Keeper) -> None:
    """Whatever the agent's session prints dates and bytes like: the row is as if it had been written at once."""
    await there.run(f"INSERT INTO kinds {ROW}", user=there.owner)
    await there.run(f"{AGENT} INSERT INTO kinds {ROW}", user=there.agent)
    assert (await _released(keeper)).done
    rows = json.loads(str(await _table(there, "kinds")))
    assert rows[0] == rows[1]
    for change in ("UPDATE kinds SET n = n + 1, j = NULL WHERE id = 1", "DELETE FROM kinds WHERE n = -12345.678"):
        await there.run(AGENT + change, user=there.agent)
    assert (await _released(keeper)).done
    rows = json.loads(str(await _table(there, "kinds")))
    assert [(row["n"], row["twice"], row["j"]) for row in rows] == [
        (-12344.678, -24689.356, None),
        (-12345.678, -24691.356, {"a": [1, None]}),
    ]
    changed, removed = await _released(keeper, 0), await _released(keeper, 1)
    assert not changed.done
    assert changed.why == "the row of public.kinds changed or is gone since then"
    assert removed.done
    assert len(json.loads(str(await _table(there, "kinds")))) == 1


async def test_what_is_listed_says_what_would_be_done(there: Database, keeper: Keeper) -> None:
    """The table, the row, and of an update what it sets; a long one ends in an ellipsis."""
    await there.run("UPDATE notes SET body = 'two'; DELETE FROM notes", user=there.agent)
    await there.run("INSERT INTO notes VALUES (3, repeat('long ', 2000))", user=there.agent)
    assert isinstance(keeper.adapter, Parked)
    drafts = await keeper.adapter.list()
    assert [item.what for item in drafts.items] == [
        "UPDATE public.notes",
        "DELETE FROM public.notes",
        "INSERT INTO public.notes",
    ]
    old = {"id": 1, "body": "one"}
    assert json.loads(drafts.items[0].arguments) == {"row": old, "set": {"body": "two"}}
    assert json.loads(drafts.items[1].arguments) == old
    assert len(drafts.items[2].arguments) == ARGUMENTS
    assert drafts.items[2].arguments.endswith("…")
    few = await keeper.adapter.list(limit=1)
    assert (few.items, few.number) == (drafts.items[:1], 3)


async def test_a_long_value_hides_no_short_one(there: Database, keeper: Keeper) -> None:
    """What an update sets comes first, and short values before long ones."""
    await there.run("UPDATE notes SET body = repeat('x', 5000); ALTER TABLE notes ADD amount int")
    await there.run("UPDATE notes SET body = repeat('y', 5000), amount = 1000000", user=there.agent)
    assert isinstance(keeper.adapter, Parked)
    assert (await keeper.adapter.list()).items[0].arguments.startswith('{"set": {"amount": 1000000, "body": "y')


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO hard VALUES (2, 'null')",
        "UPDATE hard SET j = 'null'",
        "INSERT INTO hard (id, ends) VALUES (2, '[2:3]={7,8}')",
        "INSERT INTO hard (id, f) VALUES (2, '-0')",
    ],
)
async def test_what_would_be_another_value_is_refused_to_the_agent(there: Database, keeper: Keeper, write: str) -> None:
    """Values that JSON does not carry are not parked: an approved write is the agent's, or is none."""
    await there.run(
        "CREATE TABLE hard (id int PRIMARY KEY, j jsonb, ends int[], f float8);"
        f"ALTER TABLE hard OWNER TO {there.owner}; GRANT SELECT, INSERT, UPDATE ON hard TO {there.agent}"
    )
    await there.run("INSERT INTO hard VALUES (1)")
    await set_up(there)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="JSON does not carry"):
        await there.run(write, user=there.agent)
    assert isinstance(keeper.adapter, Parked)
    assert (await keeper.adapter.list()).number == 0


async def test_columns_that_changed_refuse_the_release(there: Database, keeper: Keeper) -> None:
    """A renamed column, or two that swapped their names, would take what was meant for another one."""
    await there.run("INSERT INTO notes VALUES (9, 'important')", user=there.agent)
    await there.run("ALTER TABLE notes RENAME body TO contents; ALTER TABLE notes ADD body text")
    assert await _released(keeper) == Released(done=False, why="the columns of public.notes changed since then")
    assert await there.value("SELECT count(*) FROM notes WHERE id = 9") == 0


async def test_a_column_may_have_any_name(there: Database, keeper: Keeper) -> None:
    """Names that the release uses itself do not get in its way."""
    await there.run("ALTER TABLE notes ADD t text, ADD r text")
    await there.run("UPDATE notes SET t = 'new'; DELETE FROM notes WHERE id = 2", user=there.agent)
    assert (await _released(keeper)).done
    assert await there.value("SELECT t FROM notes") == "new"


async def test_a_stop_during_a_release_undoes_it(there: Database, keeper: Keeper) -> None:
    """A trigger that takes its time does not carry a write past a stop that came meanwhile."""
    await there.run(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_catalog.pg_sleep(1); RETURN NEW; END';"
        "CREATE TRIGGER slow BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    await there.run("INSERT INTO effects VALUES (1)", user=there.agent)
    release = asyncio.ensure_future(_released(keeper))
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%agent_kill.release(%' AND wait_event = 'PgSleep'"
    )
    async with asyncio.timeout(10):
        while not await there.value(running):  # noqa: ASYNC110  # the server knows, no event
            await asyncio.sleep(0.02)
    await keeper.held(Mode.FULL_STOP)
    assert await release == Released(done=False, why="a stricter hold came meanwhile")
    assert await there.value("SELECT count(*) FROM effects") == 0


async def test_a_release_beside_another_says_to_look_again(there: Database, keeper: Keeper) -> None:
    """Whether the other one does it is not known yet, so nothing is said of that; the cut named such locks."""
    cut = await keeper.restrict(Mode.APPROVAL_GATED)
    assert "locks on tables and rows" in cut.why
    await there.run("INSERT INTO effects VALUES (1)", user=there.agent)
    other = await asyncpg.connect(there.dsn(""))
    await other.execute("BEGIN; SELECT FROM agent_kill.drafts FOR UPDATE")
    said = await _released(keeper)
    await other.close()
    assert (said.done, said.why.rpartition(": ")[2]) == (False, "look again")
    assert (await _released(keeper)).done


async def test_one_of_several_equal_rows_is_done(there: Database, keeper: Keeper) -> None:
    """Where no key tells rows apart, each parked row takes one of them."""
    await there.run("INSERT INTO effects VALUES (1), (1), (1)", user=there.owner)
    await there.run("DELETE FROM effects", user=there.agent)
    assert (await _released(keeper)).done
    assert await there.value("SELECT count(*) FROM effects") == 2
    assert (await _released(keeper)).done
    assert await there.value("SELECT count(*) FROM effects") == 1


async def test_a_row_moves_between_partitions(there: Database, keeper: Keeper) -> None:
    """What an update of the whole table would have done, also where the partitions' columns stand in another order."""
    await there.run("INSERT INTO parts VALUES (150, 'high')", user=there.agent)
    await there.run("UPDATE parts SET id = 160", user=there.agent)
    assert (await _released(keeper)).done
    assert (await _released(keeper)).done
    assert await there.value("SELECT array_agg((id, body)::text ORDER BY id) FROM parts_high") == [
        "(150,high)",
        "(160,low)",
    ]


async def test_what_the_table_refuses_stays_parked(there: Database, keeper: Keeper) -> None:
    """A key that is taken by now, a table that is gone: it says so, nothing is done, and it is still listed."""
    await there.run("INSERT INTO notes VALUES (1, 'again'); INSERT INTO effects VALUES (1)", user=there.agent)
    said = await _released(keeper)
    assert not said.done
    assert said.why.startswith("the database refuses it, and it stays parked: duplicate key value violates")
    await there.run("DROP TABLE effects", user=there.owner)
    said = await _released(keeper, 1)
    assert (said.done, said.why) == (False, "the table is gone")
    assert isinstance(keeper.adapter, Parked)
    assert (await keeper.adapter.list()).number == 2


async def test_a_stricter_hold_refuses_at_the_database_too(there: Database, keeper: Keeper) -> None:
    """A release that comes late, whatever its gate said, does nothing at a role that is stopped or only reads."""
    await there.run("INSERT INTO effects VALUES (1)", user=there.agent)
    for mode in (Mode.READ_ONLY, Mode.FULL_STOP):
        await keeper.held(mode)
        assert await _released(keeper) == Released(done=False, why="a stricter hold came meanwhile")
    assert await there.value("SELECT count(*) FROM effects") == 0
    await keeper.relax(Mode.NORMAL)
    assert (await _released(keeper)).done


@pytest.mark.parametrize("draft", ["", "one", "-1", "1; DROP TABLE notes", "9" * 64, "²"])
async def test_a_strange_name_is_nothing_that_is_parked(there: Database, keeper: Keeper, draft: str) -> None:
    """What people type is looked up as a number, or not at all."""
    assert isinstance(keeper.adapter, Parked)
    assert not await keeper.adapter.drop(draft=draft, by="U0APPROVER")
    said = await keeper.adapter.release(draft=draft, by="U0APPROVER", gate=_yes)
    assert said == Released(done=False, why=f"{draft} is not parked (any more)")
    assert await there.value("SELECT count(*) FROM notes") == 1


async def test_one_role_has_nothing_of_another(there: Database, keeper: Keeper) -> None:
    """A surface for another role neither shows nor does nor drops it, and the bot reads no table of the facade."""
    await there.run("INSERT INTO effects VALUES (1)", user=there.agent)
    other = PostgresRig(there, parks=True).adapter(role=there.owner)
    assert (await other.list()).number == 0
    assert not (await other.release(draft="1", by="U0APPROVER", gate=_yes)).done
    assert not await other.drop(draft="1", by="U0APPROVER")
    await other.aclose()
    assert isinstance(keeper.adapter, Parked)
    assert (await keeper.adapter.list()).number == 1
    for table in ("drafts", "roles"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await there.value(f"SELECT count(*) FROM agent_kill.{table}", user=there.bot)  # noqa: S608  # our own names


async def test_without_the_set_up_nothing_is_shown(postgres_database: Database) -> None:
    """Listing where nothing parks is refused with what prints the set-up."""
    adapter = PostgresRig(postgres_database, parks=True).adapter()
    for call in (adapter.list(), adapter.drop(draft="1", by="me"), adapter.release(draft="1", by="me", gate=_yes)):
        with pytest.raises(Refused, match="adapters show postgres_role --setup"):
            await call
    await adapter.aclose()


@pytest.mark.parametrize("parking", [True, False])
def test_what_parks_is_told_by_the_configuration(parking: bool) -> None:  # noqa: FBT001  # a parameter
    """Both middle modes where the set-up is said to be there, and none elsewhere."""
    config = Settings.model_validate({"dsn": "postgresql://bot@db/ledger", "role": "agent", "parking": parking})
    assert PostgresRole.parks(config) == (frozenset({Mode.DRAFT_ONLY, Mode.APPROVAL_GATED}) if parking else frozenset())
    assert isinstance(PostgresRole(config=config, canary=None, shared=Shared()), Parked)
