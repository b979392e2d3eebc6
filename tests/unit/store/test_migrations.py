"""Is the schema brought up to date all or nothing, and is it the one that the code expects?"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.store.engine import BadUrlError, default_url, make_engine, parse
from bot.store.tables import metadata
from bot.store.upgrade import SchemaError, UpgradeError, current, pending, ready, upgrade


async def test_sqlite_is_upgraded_by_itself(url: str) -> None:
    """Once; the second time there is nothing to do."""
    await ready(url)
    assert (await current(url), await pending(url), await upgrade(url)) == ("0002", [], [])


async def test_the_migrations_make_the_tables_of_the_code(url: str) -> None:
    """No table, column, index or constraint differs."""
    await ready(url)
    engine = make_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), metadata)
        )
    await engine.dispose()
    assert found == []


async def test_a_newer_database_is_refused_with_the_way_out(url: str) -> None:
    """Nothing is changed in it."""
    await ready(url)
    with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
    with pytest.raises(SchemaError, match=r"revision 9999, which this version does not know .* run the newer version"):
        await ready(url)


async def test_a_migration_that_fails_leaves_the_database_as_it_was(url: str) -> None:
    """A table of that name stands in the way: none of the others is made."""
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE receipts (mine text)")
    with pytest.raises(UpgradeError, match="cannot be upgraded: table receipts already exists"):
        await upgrade(url)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("receipts",)]


@pytest.mark.parametrize(
    "url", ["mysql://bot:hunter2@db/x", "sqlite://", "nonsense hunter2", "", "postgresql://bot:hunter2@db:x/y"]
)
def test_another_database_is_refused_with_what_is_accepted(url: str) -> None:
    """Without a word of the password."""
    with pytest.raises(BadUrlError, match="accepted are sqlite:////path/to/file and postgresql://") as error:
        parse(url)
    assert "hunter2" not in str(error.value)


def test_addresses_as_people_have_them_are_understood(tmp_path: Path) -> None:
    """`postgres://`, libpq's sslmode, a driver that is named."""
    assert parse("postgres://a@b/c").drivername == "postgresql"
    assert parse("postgresql://a@b/c?sslmode=require").query == {"ssl": "require"}
    assert parse("postgresql+psycopg://a@b/c").drivername == "postgresql"
    assert parse(default_url(tmp_path)).database == str(tmp_path / "ledger.sqlite3")
