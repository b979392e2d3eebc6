"""Private real servers for the tests, with speed before durability, and a database with its roles for one test."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from bot.sandbox.servers import PostgresServer as _PostgresServer
from bot.sandbox.servers import ServerError, ValkeyServer

__all__ = ["Database", "PostgresServer", "ServerError", "ValkeyServer", "database"]

_NUMBERS: Iterator[int] = itertools.count(1)
PASSWORD = "test-password"
_TABLES = """
CREATE TABLE effects (n int);
CREATE TABLE notes (id int PRIMARY KEY, body text);
INSERT INTO notes VALUES (1, 'one');
"""


class PostgresServer(_PostgresServer):
    """A private PostgreSQL without fsync; prepared transactions are on, so that they can be tested."""

    def __init__(self, *, settings: dict[str, str] | None = None, binaries: Path | None = None) -> None:
        fitted = {"max_prepared_transactions": "20", "shared_buffers": "16MB", **(settings or {})}
        other = os.environ.get("AGENT_KILL_TEST_POSTGRES")  # a folder of programs, to test another version by hand
        super().__init__(durable=False, settings=fitted, binaries=binaries or (Path(other) if other else None))


@dataclass
class Database:
    """One database with an owner, an agent and a bot of its own; all passwords are `PASSWORD`.

    The owner owns the tables `effects(n int)` and `notes(id int, body text)`. The agent may read and write both. The
    bot has what `docs/adapters/postgres_role.md` asks for and no more.
    """

    server: PostgresServer
    name: str
    owner: str
    agent: str
    bot: str
    others: list[str] = field(default_factory=list)

    def dsn(self, user: str = "", *, password: str = PASSWORD, database: str = "") -> str:
        """A connection address; of the superuser without a user."""
        own = {"user": user, "password": password} if user else {}
        return self.server.dsn(database=database or self.name, **own)

    async def run(self, sql: str, *, user: str = "", database: str = "") -> None:
        """Runs statements, as the superuser unless a user is named."""
        connection = await asyncpg.connect(self.dsn(user, database=database))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def value(self, sql: str, *args: object, user: str = "", database: str = "") -> object:
        """The first value of a query, as the superuser unless a user is named."""
        connection = await asyncpg.connect(self.dsn(user, database=database))
        try:
            return await connection.fetchval(sql, *args)
        finally:
            await connection.close()

    async def another(self) -> str:
        """Makes a further database of the same owner; returns its name."""
        name = f"{self.name}_{len(self.others) + 2}"
        await self.run(f"CREATE DATABASE {name} OWNER {self.owner}")
        self.others.append(name)
        return name

    async def drop(self) -> None:
        """Ends every session and drops the databases and the roles."""
        await self.run(
            "DO $$ DECLARE x text; BEGIN "
            "FOR x IN SELECT gid FROM pg_prepared_xacts WHERE database = current_database() LOOP "
            "RAISE EXCEPTION 'prepared transaction % is left', x; END LOOP; END $$"
        )
        for name in (*self.others, self.name):
            await self.run(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")
        for role in (self.agent, self.bot, self.owner):
            await self.run(f"DROP OWNED BY {role}", database="postgres")
        await self.run(f"DROP ROLE {self.agent}, {self.bot}, {self.owner}", database="postgres")


async def database(server: PostgresServer) -> Database:
    """Makes a fresh database with its roles on a running server."""
    number = next(_NUMBERS)
    made = Database(server, f"db{number}", f"owner{number}", f"agent{number}", f"bot{number}")
    await made.run(_roles(made), database="postgres")
    await made.run(f"CREATE DATABASE {made.name} OWNER {made.owner}", database="postgres")
    await made.run(_TABLES, user=made.owner)
    await made.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON effects, notes TO {made.agent}", user=made.owner)
    return made


def _roles(made: Database) -> str:
    return (
        f"CREATE ROLE {made.owner} LOGIN PASSWORD '{PASSWORD}';"
        f"CREATE ROLE {made.agent} LOGIN PASSWORD '{PASSWORD}';"
        f"CREATE ROLE {made.bot} LOGIN CREATEROLE PASSWORD '{PASSWORD}';"
        f"GRANT {made.agent} TO {made.bot} WITH ADMIN OPTION;"
        f"GRANT {made.owner} TO {made.bot};"
        f"GRANT pg_signal_backend TO {made.bot};"
    )
