"""What the catalogue says of the role itself, and the bot's mark in the role's comment."""

import re
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote, unquote

from adapters.postgres_role.line import Connection

# What the role may be by SET ROLE, and what that may be: a prepared transaction belongs to the role that was set then,
# and whose the session was is written down nowhere. $1 is the role's name.
PREPARED = """
WITH RECURSIVE reach(oid) AS (
    SELECT oid FROM pg_roles WHERE rolname = $1
    UNION SELECT m.roleid FROM pg_auth_members m JOIN reach ON m.member = reach.oid
)
SELECT p.gid, p.database, p.owner FROM pg_prepared_xacts p
WHERE p.owner IN (SELECT r.rolname FROM pg_roles r JOIN reach USING (oid))
   OR p.owner = 'pg_database_owner'
      AND EXISTS (SELECT FROM pg_database d JOIN reach ON d.datdba = reach.oid WHERE d.datname = p.database)
"""
_FACTS = f"""
SELECT r.oid, r.rolcanlogin AS can_login, shobj_description(r.oid, 'pg_authid') AS comment,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid AND a.pid <> pg_backend_pid()) AS sessions,
       (SELECT count(*) FROM ({PREPARED}) p) AS prepared,
       r.rolname = session_user AS is_bot, current_database() AS database,
       NOT (SELECT b.rolsuper OR b.rolcreaterole FROM pg_roles b WHERE b.rolname = session_user)
       AND EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname = 'agent_kill' AND p.proname = 'set_role'
                     AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')) AS by_facade
FROM pg_roles r WHERE r.rolname = $1
"""  # noqa: S608  # our own text alone
_MARK = re.compile(r" ?\[agent-kill (?P<token>\S+?)(?: (?P<taken>parked|reduced))?\]")
LOGIN, NOLOGIN = "LOGIN", "NOLOGIN"
Taken = Literal["", "parked", "reduced"]


@dataclass(frozen=True, slots=True)
class Mark:
    """The bot's mark. `taken`: which grants this episode took, so that such grants found now are not its baseline.

    `reduced` is every one, `parked` those that no guard covers.
    """

    token: str
    taken: Taken = ""

    def __str__(self) -> str:
        return f"[agent-kill {quote(self.token, safe='')}{f' {self.taken}' if self.taken else ''}]"


@dataclass(frozen=True, slots=True)
class Role:
    """The role as it is now."""

    oid: int
    name: str
    can_login: bool
    comment: str | None  # whole, with the mark
    sessions: int
    prepared: int
    is_bot: bool
    database: str  # where the bot is connected
    by_facade: bool  # the bot may not alter roles, and may call what does

    @property
    def mark(self) -> Mark | None:
        """The last mark in the comment."""
        return mark_in(self.comment)

    @property
    def login(self) -> str:
        """LOGIN or NOLOGIN."""
        return LOGIN if self.can_login else NOLOGIN

    @property
    def alive(self) -> int:
        """Sessions and prepared transactions."""
        return self.sessions + self.prepared


def mark_in(comment: str | None) -> Mark | None:
    """Returns the last mark of a comment."""
    found = list(_MARK.finditer(comment or ""))
    return Mark(unquote(found[-1]["token"]), cast("Taken", found[-1]["taken"] or "")) if found else None


def marked(comment: str | None, mark: Mark | None) -> str:
    """Returns the new comment: what people wrote, and the mark behind it; empty where both are."""
    text = _MARK.sub("", comment or "")
    return f"{text} {mark}" if text and mark else f"{mark or ''}" or text


def altering(role: Role, login: str, comment: str | None = None) -> str:
    """Returns the statements that set the login and, unless it is None, the comment; an empty one takes it away."""
    if role.by_facade:
        remark = "NULL" if comment is None else literal(comment)
        return f"SELECT agent_kill.set_role({literal(role.name)}, {login == LOGIN}, {remark});"
    name = ident(role.name)
    remark = "" if comment is None else f" COMMENT ON ROLE {name} IS {literal(comment) if comment else 'NULL'};"
    return f"ALTER ROLE {name} {login};{remark}"


def ident(name: str) -> str:
    """Quotes a name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quotes a text; needs standard_conforming_strings."""
    return "'" + text.replace("'", "''") + "'"


async def read_role(connection: Connection, name: str) -> Role | None:
    """Reads the role; None where there is none of that name."""
    row = await connection.fetchrow(_FACTS, name)
    return Role(name=name, **dict(row)) if row else None


async def read_mark(connection: Connection, oid: int) -> tuple[str | None, Mark | None]:
    """Reads the comment and the mark in it."""
    comment = await connection.fetchval("SELECT shobj_description($1::oid, 'pg_authid')", oid)
    return comment, mark_in(comment)
