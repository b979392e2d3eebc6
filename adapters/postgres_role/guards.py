"""Whether what parks writes is in place as it was made: the facade, and the guard of each table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg

from adapters.postgres_role.facade import CUTTING, FUNCTIONS, GUARD, OWNER, SCHEMA, TRIGGER, Function
from adapters.postgres_role.line import Connection
from adapters.postgres_role.role import Role

SHOWN = "`agent-kill adapters show postgres_role --setup` prints it"
_FUNCTIONS = """
SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments, p.prosrc AS body,
       p.prosecdef AS definer, p.proconfig AS settings, l.lanname AS language,
       pg_get_userbyid(p.proowner) AS owner, pg_get_userbyid(n.nspowner) = $2 AS owned,
       has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE') AS may,
       has_function_privilege($1::oid, p.oid, 'EXECUTE') AS agent_may
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname = $3
"""
_HOUSE = """
SELECT pg_has_role($1::oid, r.oid, 'MEMBER') AS agent_is_owner, r.rolcanlogin AS login,
       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relowner = r.oid AND c.relkind = 'r'
        AND c.relname IN ('roles', 'drafts') AND NOT c.relhastriggers AND NOT c.relhasrules) AS tables
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = $2
"""
# tgtype: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate. Each row is the first thing that is not as made.
_TABLES = """
WITH RECURSIVE guard(oid) AS (
    SELECT p.oid FROM pg_proc p WHERE p.proname = 'guard' AND p.pronamespace = to_regnamespace($2)
), tree(root, oid) AS (
    SELECT DISTINCT t.tgrelid, t.tgrelid FROM pg_trigger t, guard g WHERE t.tgfoid = g.oid
    UNION SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
), flaws(root, flaw) AS (
    SELECT tree.root, CASE
        WHEN own.tgrelid IS NULL THEN 'carries no guard'
        WHEN own.tgenabled <> 'A' THEN 'has its guard disabled, or not enabled always'
        WHEN own.tgtype <> 31 OR own.tgqual IS NOT NULL OR own.tgnargs <> 0 OR array_length(own.tgattr, 1) > 0
            THEN 'has its guard altered'
        WHEN c.relrowsecurity THEN 'has row security, which is judged after the guard'
        WHEN EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid) THEN 'has a rule, which the guard does not see'
        WHEN EXISTS (SELECT FROM pg_trigger o WHERE o.tgrelid = c.oid AND o.tgenabled <> 'D'
                     AND o.tgtype & 1 = 0 AND o.tgfoid <> g.oid) THEN 'has a statement trigger, which always runs'
        WHEN EXISTS (SELECT FROM pg_trigger o WHERE o.tgrelid = c.oid AND o.tgenabled <> 'D' AND o.tgtype & 3 = 3
                     AND o.tgname COLLATE "C" < $1::name COLLATE "C") THEN 'has a trigger that runs before the guard'
        WHEN NOT c.relispartition AND NOT (
                has_table_privilege($3::name, c.oid, 'SELECT') AND has_table_privilege($3::name, c.oid, 'INSERT')
                AND has_table_privilege($3::name, c.oid, 'UPDATE') AND has_table_privilege($3::name, c.oid, 'DELETE')
                AND has_schema_privilege($3::name, c.relnamespace, 'USAGE'))
            THEN 'is closed to the owner of the guard, who does what is released'
        END
    FROM tree JOIN pg_class c ON c.oid = tree.oid CROSS JOIN guard g
    LEFT JOIN pg_trigger own ON own.tgrelid = c.oid AND own.tgname = $1 AND own.tgfoid = g.oid
)
SELECT root::bigint AS oid, min(flaw) AS flaw,
       EXISTS (SELECT FROM pg_trigger t, guard g WHERE t.tgrelid = root AND t.tgfoid = g.oid AND t.tgenabled = 'A'
               AND t.tgtype = 34) AS truncate
FROM flaws GROUP BY root
"""
# Views that the server itself turns into writes to what they show: one rule, which is the view, and no trigger instead.
_VIEWS = """
SELECT c.oid::bigint AS oid, array_agg(DISTINCT d.refobjid::bigint) AS shows
FROM pg_class c JOIN pg_rewrite w ON w.ev_class = c.oid
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
 AND d.refobjid <> c.oid
WHERE c.relkind = 'v' AND c.oid >= 16384 AND NOT c.relhastriggers
  AND (SELECT count(*) FROM pg_rewrite r WHERE r.ev_class = c.oid) = 1
GROUP BY c.oid
"""


@dataclass(frozen=True, slots=True)
class Guards:
    """What was found in one database."""

    lacking: tuple[str, ...] = ()  # what is wrong with the facade, in words; empty where it is as made
    tables: frozenset[int] = frozenset()  # with an intact guard, their partitions and children too; and views of them
    truncates: frozenset[int] = frozenset()  # where TRUNCATE is refused as well
    flaws: Mapping[int, str] = field(default_factory=dict)  # what is wrong with the guard of a table
    mode: str = "normal"  # what the guards hold the role at

    def covers(self, kind: str, oid: int, privilege: str) -> bool:
        """Whether what a privilege allows comes past a guard, or is a number of a sequence alone."""
        if kind == "sequence":
            return privilege == "USAGE"
        if privilege == "TRUNCATE":
            return oid in self.truncates and oid in self.tables
        return kind in ("table", "column") and privilege in ("INSERT", "UPDATE", "DELETE") and oid in self.tables


async def look(connection: Connection, role: Role) -> Guards:
    """Reads what is there for one role. Everything comes from the catalogue but the mode, which a function tells."""
    lacking = tuple(await _lacking(connection, role))
    if lacking:
        return Guards(lacking=lacking)
    mode = await connection.fetchval("SELECT agent_kill.mode_of($1)", role.name)
    if mode is None:
        return Guards(lacking=(f"the role {role.name} is not in {SCHEMA}.roles: {SHOWN}",))
    rows = await connection.fetch(_TABLES, TRIGGER, SCHEMA, OWNER)
    sound = [row for row in rows if row["flaw"] is None]
    tables = frozenset(row["oid"] for row in sound)
    return Guards(
        tables=tables | _shown(tables, await connection.fetch(_VIEWS)),
        truncates=frozenset(row["oid"] for row in sound if row["truncate"]),
        flaws={row["oid"]: row["flaw"] for row in rows if row["flaw"]},
        mode=mode,
    )


def _shown(tables: frozenset[int], views: Iterable[asyncpg.Record]) -> frozenset[int]:
    """The views that show guarded tables alone, also through other such views."""
    shows = {row["oid"]: frozenset(row["shows"]) for row in views}
    found: frozenset[int] = frozenset()
    while fresh := {oid for oid, seen in shows.items() if oid not in found and seen <= tables | found}:
        found |= fresh
    return found


async def _lacking(connection: Connection, role: Role) -> Iterable[str]:
    house = await connection.fetchrow(_HOUSE, role.oid, SCHEMA)
    if house is None:
        return (f"the set-up for parking is not in {role.database}: {SHOWN}",)
    if house["agent_is_owner"] or house["login"]:
        return (f"{OWNER} may not log in, and the agent may not be a member of it",)
    found = {row["name"]: row for row in await connection.fetch(_FUNCTIONS, role.oid, OWNER, SCHEMA)}
    wrong = [
        made.name
        for made in (*FUNCTIONS, *CUTTING)
        if not _as_made(found.get(made.name), made) and (made.name in found or made in FUNCTIONS)
    ]
    said = [f"{SCHEMA}.{', '.join(wrong)} missing, altered or of another version: {SHOWN}"] if wrong else []
    said += [] if house["tables"] == 2 else [f"the tables of {SCHEMA} are missing or altered: {SHOWN}"]  # noqa: PLR2004
    called = {function.name for function in FUNCTIONS} - {GUARD.name}
    said += [f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} TO the bot"] * any(
        not row["may"] for name, row in found.items() if name in called
    )
    said += [f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM the agent"] * any(
        row["agent_may"]
        for name, row in found.items()
        if name != GUARD.name  # which only a trigger can call
    )
    return said


def _as_made(row: asyncpg.Record | None, made: Function) -> bool:
    settings = {f"{key}={value}" for key, value in made.settings.items()}
    return row is not None and (
        (row["arguments"], row["body"], row["language"]) == (made.arguments, made.body, "plpgsql")
        and row["definer"]
        and row["owned"]
        and row["owner"] == made.owner
        and set(row["settings"] or ()) == settings
    )
