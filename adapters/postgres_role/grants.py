"""Write privileges, one by one: how each is named in the undo record, found, taken and given back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, Self

import asyncpg

from adapters.postgres_role.line import Connection
from adapters.postgres_role.role import ident

GRANTED, GRANTABLE = "granted", "granted with grant option"
REVOKE_TRIES = 5
_NOUNS = {
    "table": "TABLE",
    "column": "TABLE",
    "sequence": "SEQUENCE",
    "schema": "SCHEMA",
    "database": "DATABASE",
    "large object": "LARGE OBJECT",
    "function": "ROUTINE",
    "wrapper": "FOREIGN DATA WRAPPER",
    "server": "FOREIGN SERVER",
    "tablespace": "TABLESPACE",
    "parameter": "PARAMETER",
}
_CATALOGUES = {
    "table": "pg_class",
    "column": "pg_class",
    "sequence": "pg_class",
    "schema": "pg_namespace",
    "database": "pg_database",
    "large object": "pg_largeobject",
    "function": "pg_proc",
    "wrapper": "pg_foreign_data_wrapper",
    "server": "pg_foreign_server",
    "tablespace": "pg_tablespace",
}

Act = Literal["set", "inherit"]  # how the bot may speak for the grantor: SET ROLE, or by its own membership


@dataclass(frozen=True, slots=True)
class Grant:
    """One write privilege of one grantee.

    `oid` and `sub` (a column's number) say which object; `name` is its quoted name at the time, or, for default
    privileges, `owner|schema|objects` as quoted in the statement; kinds without a lasting oid have 0 there.
    """

    database: str
    kind: str
    oid: int
    sub: int
    privilege: str
    grantor: str
    name: str
    column: str = ""

    @property
    def key(self) -> str:
        """Its name in the undo record."""
        return json.dumps(
            [self.database, self.kind, self.oid, self.sub, self.privilege, self.grantor, self.name, self.column]
        )

    @classmethod
    def of(cls, key: str) -> Self | None:
        """Reads a key of the undo record; None for a key that is no grant."""
        if not key.startswith("["):
            return None
        return cls(*json.loads(key))

    @property
    def identity(self) -> tuple[str, str, int, int, str, str, str]:
        """What makes it the same grant under another name."""
        lasting = self.kind in _CATALOGUES
        named = "" if lasting else self.name
        return (self.database, self.kind, self.oid, self.sub, self.privilege, self.grantor, named)

    def __str__(self) -> str:
        what = f"column {self.column} of {self.name}" if self.column else f"{self.kind} {self.name}"
        return f"{self.privilege} on {what} in {self.database}, granted by {self.grantor}"

    def revoke(self, role: str) -> str:
        """The statement that takes it."""
        if self.kind == "default":
            owner, schema, objects = self.name.split("|")
            head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} {schema}"
            return f"{head} REVOKE {self.privilege} ON {objects} FROM {ident(role)}"
        return f"REVOKE {self._what()} FROM {ident(role)}"

    def grant(self, role: str, how: str) -> str:
        """The statement that gives it back."""
        option = " WITH GRANT OPTION" if how == GRANTABLE else ""
        if self.kind == "default":
            owner, schema, objects = self.name.split("|")
            head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} {schema}"
            return f"{head} GRANT {self.privilege} ON {objects} TO {ident(role)}{option}"
        return f"GRANT {self._what()} TO {ident(role)}{option}"

    def _what(self) -> str:
        column = f" ({self.column})" if self.column else ""
        return f"{self.privilege}{column} ON {_NOUNS[self.kind]} {self.name}"


@dataclass(frozen=True, slots=True)
class Held:
    """A write privilege as the catalogue has it now."""

    grant: Grant
    how: str  # GRANTED or GRANTABLE
    act: Act | None
    passed_on: bool  # the grantee granted it on to others


async def revoke(connection: Connection, role: str, held: Iterable[Held]) -> None:
    """Takes grants of this database in one transaction; nothing is taken where one of them cannot be.

    Raises:
        asyncpg.PostgresError: what stands in the way.
    """
    work = [(item.act, item.grant.grantor, item.grant.revoke(role)) for item in held]
    for tries in range(REVOKE_TRIES, 0, -1):
        try:
            await connection.execute("BEGIN;" + as_grantors(work) + "COMMIT")
        except (asyncpg.InternalServerError, asyncpg.LockNotAvailableError):  # the former: "concurrently updated"
            await connection.execute("ROLLBACK")
            if tries == 1:
                raise
        except asyncpg.PostgresError:
            await connection.execute("ROLLBACK")
            raise
        else:
            return


def as_grantors(work: Iterable[tuple[Act | None, str, str]]) -> str:
    """Joins statements, each run as its grantor where SET ROLE is allowed; ends as the bot itself."""
    parts: list[str] = []
    for (act, grantor), items in groupby(sorted(work, key=lambda it: (it[0] or "", it[1])), key=lambda it: it[:2]):
        parts.append(f"SET LOCAL ROLE {ident(grantor) if act == 'set' else 'NONE'};")
        parts += [f"{statement};" for _, _, statement in items]
    return "".join([*parts, "SET LOCAL ROLE NONE;"])


async def renamed(connection: Connection, grants: Iterable[Grant]) -> dict[Grant, Grant | None]:
    """Returns each grant under its object's name of today; None where the object or the grantor is gone."""
    today: dict[Grant, Grant | None] = {}
    for grant in grants:
        name, column, there = grant.name, grant.column, True
        if catalogue := _CATALOGUES.get(grant.kind):
            row = await connection.fetchrow(_NAMES, catalogue, grant.oid, grant.sub)
            name, column, there = row["name"], row["col"] or "", row["name"] is not None
            there = there and (not grant.sub or bool(column))
        grantor = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", grant.grantor)
        names = (*_first_six(grant), name, column)
        today[grant] = Grant(*names) if there and grantor else None
    return today


def _first_six(grant: Grant) -> tuple[str, str, int, int, str, str]:
    return grant.database, grant.kind, grant.oid, grant.sub, grant.privilege, grant.grantor


_NAMES = """
SELECT (pg_identify_object($1::text::regclass, $2::oid, 0)).identity AS name,
       (SELECT quote_ident(attname) FROM pg_attribute
        WHERE attrelid = $2::oid AND attnum = $3 AND $3 > 0 AND NOT attisdropped) AS col
"""
