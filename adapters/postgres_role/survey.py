"""Every way to write that the role has, in every database that it may enter: grants, and what no grant explains."""

import time
from collections.abc import Iterable, Sized
from dataclasses import dataclass, field

import asyncpg

from adapters.base import Mode
from adapters.errors import Refused, Unreachable
from adapters.postgres_role import guards
from adapters.postgres_role.grants import GRANTABLE, GRANTED, Grant, Held
from adapters.postgres_role.guards import Guards
from adapters.postgres_role.line import Connection, Line
from adapters.postgres_role.role import Role, ident

CACHE_SECONDS = 60.0  # for databases that the role enters through PUBLIC alone
# What these predefined roles give is reading, or a place to connect.
_HARMLESS = (
    "pg_read_all_data",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_stat_scan_tables",
    "pg_monitor",
    "pg_read_server_files",
    "pg_use_reserved_connections",
)
# The role and all roles that it can reach, by whatever option of the membership.
_REACH = """
WITH RECURSIVE reach(oid) AS (
    SELECT $1::oid UNION SELECT m.roleid FROM pg_auth_members m JOIN reach ON m.member = reach.oid
)
SELECT r.oid, r.rolname AS name, r.oid = $1::oid AS itself,
       array_remove(ARRAY[
           CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
           CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN r.rolreplication THEN 'REPLICATION' END,
           CASE WHEN r.oid < 16384 AND r.rolname LIKE 'pg\\_%' AND r.rolname <> ALL ($2::text[]) THEN 'predefined' END
       ], NULL) AS powers
FROM pg_roles r JOIN reach USING (oid)
"""
_DATABASES = """
SELECT d.datname AS name,
       EXISTS (SELECT FROM pg_shdepend s WHERE s.dbid = d.oid AND s.refclassid = 'pg_authid'::regclass
               AND s.refobjid = ANY ($2::oid[])) AS named
FROM pg_database d
WHERE d.datallowconn AND d.datname <> current_database() AND has_database_privilege($1::oid, d.oid, 'CONNECT')
ORDER BY 1
"""
# Temporary tables live with their session; a role's own default privileges and user mappings write nothing.
_OWNED = """
SELECT count(*) AS objects, min(r.rolname) AS owner,
       min(s.classid::regclass || ' ' || coalesce((pg_identify_object(s.classid, s.objid, 0)).identity, '?')) AS example
FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY ($1::oid[]) AND s.deptype = 'o'
  AND (s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       OR s.dbid = 0 AND (s.classid <> 'pg_database'::regclass
                          OR s.objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
  AND s.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)
  AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE s.classid = 'pg_class'::regclass AND c.oid = s.objid AND n.nspname LIKE 'pg\\_temp\\_%')
"""
_ACLS = """
WITH things(kind, class, oid, sub, col, owner, acl, fixed, hidden) AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, 'pg_class', c.oid, 0, NULL::name, c.relowner,
           c.relacl, NULL::text, c.oid = 'pg_settings'::regclass
    FROM pg_class c WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'column', 'pg_class', a.attrelid, a.attnum, a.attname, c.relowner, a.attacl, NULL, false
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'schema', 'pg_namespace', oid, 0, NULL, nspowner, nspacl, NULL, false FROM pg_namespace
    UNION ALL
    SELECT 'database', 'pg_database', oid, 0, NULL, datdba, datacl, NULL, false
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'large object', 'pg_largeobject', oid, 0, NULL, lomowner, lomacl, NULL, false FROM pg_largeobject_metadata
    UNION ALL
    SELECT 'function', 'pg_proc', p.oid, 0, NULL, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), NULL,
           NOT p.prosecdef
    FROM pg_proc p
    WHERE p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND (p.prosecdef -- whatever the schema: a view, a default, or a domain's check calls it without USAGE there
           OR p.proacl IS NOT NULL AND p.provolatile = 'v'
              AND p.prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('c', 'internal')))
    UNION ALL
    SELECT 'wrapper', 'pg_foreign_data_wrapper', oid, 0, NULL, fdwowner, fdwacl, NULL, false
    FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'server', 'pg_foreign_server', oid, 0, NULL, srvowner, srvacl, NULL, false FROM pg_foreign_server
    UNION ALL
    SELECT 'tablespace', 'pg_tablespace', oid, 0, NULL, spcowner, spcacl, NULL, false FROM pg_tablespace WHERE $3
    UNION ALL
    SELECT 'parameter', NULL, 0, 0, NULL, 10, paracl, quote_ident(parname), false FROM pg_parameter_acl WHERE $3
    UNION ALL
    SELECT 'default', NULL, 0, 0, NULL, defaclrole, defaclacl,
           quote_ident(pg_get_userbyid(defaclrole)) || '|'
           || coalesce((SELECT 'IN SCHEMA ' || quote_ident(nspname) FROM pg_namespace WHERE oid = defaclnamespace), '')
           || '|' || CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'n' THEN 'SCHEMAS'
                     ELSE 'LARGE OBJECTS' END, false
    FROM pg_default_acl WHERE defaclobjtype IN ('r', 'S', 'n', 'L')
), writes(kind, privilege) AS (
    VALUES ('table', 'INSERT'), ('table', 'UPDATE'), ('table', 'DELETE'), ('table', 'TRUNCATE'),
           ('table', 'REFERENCES'), ('table', 'TRIGGER'), ('table', 'MAINTAIN'),
           ('column', 'INSERT'), ('column', 'UPDATE'), ('column', 'REFERENCES'),
           ('sequence', 'USAGE'), ('sequence', 'UPDATE'), ('schema', 'CREATE'),
           ('database', 'CREATE'), ('database', 'TEMPORARY'), ('large object', 'UPDATE'), ('function', 'EXECUTE'),
           ('wrapper', 'USAGE'), ('server', 'USAGE'), ('tablespace', 'CREATE'),
           ('parameter', 'SET'), ('parameter', 'ALTER SYSTEM'),
           ('default', 'INSERT'), ('default', 'UPDATE'), ('default', 'DELETE'), ('default', 'TRUNCATE'),
           ('default', 'REFERENCES'), ('default', 'TRIGGER'), ('default', 'MAINTAIN'), ('default', 'USAGE'),
           ('default', 'CREATE')
)
SELECT current_database() AS database, t.kind, t.oid::bigint AS oid, t.sub::int AS sub, x.privilege_type AS privilege,
       pg_get_userbyid(x.grantor) AS grantor, coalesce(quote_ident(t.col), '') AS col,
       coalesce(t.fixed, (pg_identify_object(t.class::regclass, t.oid, 0)).identity) AS name,
       x.is_grantable AS grantable, x.grantee = $1::oid AS own,
       CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END AS grantee,
       CASE WHEN pg_has_role(x.grantor, {may_set}) THEN 'set'
            WHEN x.grantor = t.owner AND pg_has_role(x.grantor, 'USAGE') THEN 'inherit' END AS act,
       EXISTS (SELECT FROM aclexplode(t.acl) y WHERE y.grantor = $1::oid AND y.grantee <> $1::oid
               AND y.privilege_type = x.privilege_type) AS passed_on
FROM things t CROSS JOIN aclexplode(t.acl) x JOIN writes w ON w.kind = t.kind AND w.privilege = x.privilege_type
WHERE (x.grantee = $1::oid OR NOT t.hidden AND (x.grantee = 0 OR x.grantee = ANY ($2::oid[])))
  AND NOT (t.kind = 'database' AND x.privilege_type = 'TEMPORARY' AND x.grantee <> $1::oid)
  AND NOT (x.grantee = t.owner AND x.grantee = ANY ($2::oid[]))
"""
_OPEN = """
SELECT has_database_privilege($1::oid, current_database(), 'TEMPORARY') AS temporary,
       has_function_privilege($1::oid, 'pg_catalog.lo_creat(integer)', 'EXECUTE')
       OR has_function_privilege($1::oid, 'pg_catalog.lo_create(oid)', 'EXECUTE')
       OR has_function_privilege($1::oid, 'pg_catalog.lo_from_bytea(oid,bytea)', 'EXECUTE') AS large_objects,
       EXISTS (SELECT FROM pg_proc p WHERE p.proname = 'pg_logical_emit_message' AND p.pronamespace = 11
               AND has_function_privilege($1::oid, p.oid, 'EXECUTE')) AS messages
"""
_PARKED = ("INSERT", "UPDATE", "DELETE")
_SHOWN = 3  # tables in one sentence
_SET_SINCE = 160000
NOT_ASKED = f"nothing is set up to park writes: {guards.SHOWN}, and the setting `parking: true` says that it is there"
_REMEDIES = ("GRANT", "let the bot into the database")  # how a blocker starts that a person can solve for the bot


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `blockers` are the reasons why read_only cannot be enforced here, in words.

    `unparked` are those why the middle modes cannot: a group's grant that a guard covers is none of them, a table
    without a guard is. `guards` is what parks writes, in the database where the bot is connected.
    """

    held: tuple[Held, ...] = ()
    blockers: tuple[str, ...] = ()
    open: frozenset[str] = field(default_factory=frozenset)  # what stays open even in read_only
    unparked: tuple[str, ...] = ()
    guards: Guards = field(default_factory=Guards)
    database: str = ""  # of the guards

    def __add__(self, other: "Survey") -> "Survey":
        return Survey(
            self.held + other.held,
            self.blockers + other.blockers,
            self.open | other.open,
            self.unparked + other.unparked,
            self.guards if self.database else other.guards,
            self.database or other.database,
        )

    def covers(self, grant: Grant) -> bool:
        """Whether all that a grant allows is parked."""
        return grant.database == self.database and self.guards.covers(grant.kind, grant.oid, grant.privilege)

    @property
    def uncovered(self) -> tuple[Held, ...]:
        """The grants that a middle mode takes."""
        return tuple(item for item in self.held if not self.covers(item.grant))

    @property
    def past_guards(self) -> bool:
        """Whether the role can write anything that is not parked."""
        return bool(self.uncovered or self.unparked)

    @property
    def writes(self) -> bool:
        """Whether the role can write anything that lasts, as far as privileges say it."""
        return bool(self.held or self.blockers)

    @property
    def state(self) -> dict[str, str | None]:
        """The grants by their keys."""
        return {item.grant.key: item.how for item in self.held}

    @property
    def why(self) -> str:
        """The blockers in one sentence, first what a grant would solve; empty without any."""
        return _sentence(self.blockers)

    @property
    def why_unparked(self) -> str:
        """The same for the middle modes."""
        return _sentence(self.unparked)

    def still_open(self, mode: Mode) -> str:
        """What a reduced mode leaves open, in a sentence."""
        ways = ["NOTIFY", "advisory locks", "its own password and settings", *sorted(self.open)]
        ways += ["numbers of sequences", "locks on tables and rows"] if self.writes else []
        return f"still open in {mode}: {', '.join(ways)}"


def _sentence(reasons: Iterable[str]) -> str:
    return "; ".join(sorted(dict.fromkeys(reasons), key=lambda text: not text.startswith(_REMEDIES)))


class Surveyor:
    """Looks into every database of a server, for one role.

    Args:
        line: the bot's connections.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._looked: dict[tuple[int, str], tuple[float, Survey]] = {}

    async def survey(self, connection: Connection, role: Role, *, fresh: bool, parking: bool = False) -> Survey:
        """Looks everywhere. Databases that only PUBLIC leads into are looked at once a minute unless `fresh`.

        Args:
            connection: of the bot, to the database where the guards are.
            role: whose ways to write.
            fresh: look into every database now.
            parking: look for the guards too; without it nothing counts as parked.

        Raises:
            Unreachable: another database of the server could not be opened.
        """
        reach = await connection.fetch(_REACH, role.oid, list(_HARMLESS))
        roles = [row["oid"] for row in reach]
        there = await guards.look(connection, role) if parking else Guards(lacking=(NOT_ASKED,))
        powers = tuple(_powers(reach))
        found = Survey((), powers, unparked=(*there.lacking, *powers), guards=there, database=role.database)
        found += await _look(connection, role, roles, shared=True, there=there)
        for row in await connection.fetch(_DATABASES, role.oid, roles):
            found += await self._elsewhere(row["name"], role, roles, cached=not (fresh or row["named"]))
        return found

    async def _elsewhere(self, database: str, role: Role, roles: list[int], *, cached: bool) -> Survey:
        key = (role.oid, database)
        at, known = self._looked.get(key, (0.0, None))
        if cached and known is not None and time.monotonic() - at < CACHE_SECONDS:
            return known
        try:
            async with self._line.visit(database, writes=False) as there:
                found = await _look(there, role, roles, shared=False, there=Guards())
        except Unreachable:
            raise
        except Refused as error:
            why = f"{_REMEDIES[1]} {database} (CONNECT, pg_hba.conf), which the role may enter: {error}"
            return Survey(blockers=(why,), unparked=(why,))
        if role.by_facade and found.held:
            why = f"it may write in {database} too, where the bot needs CREATEROLE to give a grant back"
            found += Survey(blockers=(why,), unparked=(why,))
        self._looked[key] = (time.monotonic(), found)
        return found


async def _look(connection: Connection, role: Role, roles: list[int], *, shared: bool, there: Guards) -> Survey:
    """One database."""
    may_set = "'SET'" if connection.get_server_version() >= (_SET_SINCE // 10000,) else "'MEMBER'"
    rows = await connection.fetch(_ACLS.format(may_set=may_set), role.oid, roles, shared)
    own = tuple(_held(row) for row in rows if row["own"])
    owned = await connection.fetchrow(_OWNED, roles)
    owning = []
    if owned["objects"]:
        database = rows[0]["database"] if rows else await connection.fetchval("SELECT current_database()")
        owning.append(
            f"{owned['owner']} owns {owned['objects']} objects in {database} ({owned['example']}); owners always write"
        )
    ways = await connection.fetchrow(_OPEN, role.oid)
    opened = [
        ("temporary tables", ways["temporary"] and not _has_temporary(own)),
        ("new large objects", ways["large_objects"]),
        ("log messages (pg_logical_emit_message)", ways["messages"]),
    ]
    past = [row for row in rows if not there.covers(row["kind"], row["oid"], row["privilege"])]
    unparked = [*_foreign(_held(row) for row in past if row["own"]), *_by_others(past), *owning]
    return Survey(
        own,
        (*_foreign(own), *_by_others(rows), *owning),
        frozenset(name for name, is_open in opened if is_open),
        unparked=(*unparked, *([] if there.lacking else _unguarded(past, there))),
    )


def _unguarded(past: Iterable[asyncpg.Record], there: Guards) -> Iterable[str]:
    """One sentence, with the first tables that the role may write past any guard."""
    rows = [row for row in past if row["kind"] in ("table", "column") and row["privilege"] in _PARKED]
    said = {
        row["name"]: f"{row['name']} in {row['database']} {there.flaws.get(row['oid'], 'carries no guard')}"
        for row in rows
    }
    if said:
        first = "; ".join(list(said.values())[:_SHOWN])
        yield f"{first}{f' and {len(said) - _SHOWN} more' if len(said) > _SHOWN else ''} ({guards.SHOWN})"


def _has_temporary(own: tuple[Held, ...]) -> bool:
    return any(item.grant.privilege == "TEMPORARY" for item in own)


def _held(row: asyncpg.Record) -> Held:
    grant = Grant(
        row["database"],
        row["kind"],
        row["oid"],
        row["sub"],
        row["privilege"],
        row["grantor"],
        row["name"],
        row["col"],
    )
    return Held(grant, GRANTABLE if row["grantable"] else GRANTED, row["act"], row["passed_on"])


def _powers(reach: Iterable[asyncpg.Record]) -> Iterable[str]:
    for row in reach:
        for power in row["powers"]:
            who = "the role" if row["itself"] else f"its group role {row['name']}"
            yield f"its group role is {row['name']}" if power == "predefined" else f"{who} has {power}"


def _foreign(own: Iterable[Held]) -> Iterable[str]:
    """One sentence per grantor, and one for what was passed on, because there may be thousands of grants."""
    strange: dict[str, list[Grant]] = {}
    passed = [item.grant for item in own if item.act is not None and item.passed_on]
    for item in own:
        if item.act is None:
            strange.setdefault(item.grant.grantor, []).append(item.grant)
    for grantor, grants in strange.items():
        yield f"{_REMEDIES[0]} {ident(grantor)} TO the bot, which may not revoke {min(grants, key=str)}{_more(grants)}"
    if passed:
        yield f"the role has granted {passed[0]} on to others{_more(passed)}"


def _more(found: Sized) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def _by_others(rows: Iterable[asyncpg.Record]) -> Iterable[str]:
    """One sentence per grantee with an example, because a group may hold thousands."""
    count: dict[str, list[str]] = {}
    for row in rows:
        if not row["own"]:
            count.setdefault(row["grantee"], []).append(f"{row['privilege']} on {row['kind']} {row['name']}")
    for grantee, what in count.items():
        yield f"{'' if grantee == 'PUBLIC' else 'its group role '}{grantee} has {what[0]}{_more(what)}"
