"""What the catalogue says of the role itself, and the bot's mark in the role's comment."""

import re
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote, unquote

from adapters.postgres_role.line import Connection

_FACTS = """
SELECT r.oid, r.rolcanlogin AS can_login, shobj_description(r.oid, 'pg_authid') AS comment,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid AND a.pid <> pg_backend_pid()) AS sessions,
       (SELECT count(*) FROM pg_prepared_xacts p WHERE p.owner = r.rolname) AS prepared,
       r.rolname = session_user AS is_bot, current_database() AS database
FROM pg_roles r WHERE r.rolname = $1
"""
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
    """Returns the new comment as a literal: what people wrote, and the mark behind it; NULL where both are empty."""
    text = _MARK.sub("", comment or "")
    whole = f"{text} {mark}" if text and mark else f"{mark or ''}" or text
    return literal(whole) if whole else "NULL"


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
