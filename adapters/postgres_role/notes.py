"""What people change at a role while it is shut: its password, its memberships, its grants. Shown, and never undone."""

from collections.abc import Iterable, Mapping

from adapters.base import DIGEST, Change
from adapters.postgres_role import probe
from adapters.postgres_role.grants import Grant
from adapters.postgres_role.line import Connection
from adapters.postgres_role.role import Role

_MEMBERSHIPS = """
SELECT g.rolname AS name, bool_or(m.admin_option) AS admin
FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = $1 GROUP BY 1 ORDER BY 1
"""
_ATTRIBUTES = """
SELECT rolconnlimit AS limit, rolvaliduntil::text AS until, array_to_string(ARRAY[
    CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], ', ') AS powers
FROM pg_roles WHERE oid = $1
"""
_MAY_READ = """
SELECT has_column_privilege('pg_authid', 'oid', 'SELECT') AND has_column_privilege('pg_authid', 'rolpassword', 'SELECT')
"""
# Made by the server, so that what it stores never leaves it; salted, so that equal passwords do not look equal.
_DIGEST_OF_LOGIN = """
SELECT encode(sha256(convert_to($2 || coalesce(rolpassword, 'none'), 'UTF8')), 'hex') FROM pg_authid WHERE oid = $1
"""


async def notes(connection: Connection, role: Role, *, salt: str, canary: str | None) -> dict[str, str]:
    """Memberships, attributes and the password: by its digest where the bot may read one, else by the canary's login.

    The canary is asked only of a role that bears our mark: what it says of others is no news of a stop.
    """
    found = {
        f"membership in {row['name']}": "with admin option" if row["admin"] else "yes"
        for row in await connection.fetch(_MEMBERSHIPS, role.oid)
    }
    row = await connection.fetchrow(_ATTRIBUTES, role.oid)
    told = {"connection limit": row["limit"], "password valid until": row["until"], "attributes": row["powers"]}
    found |= {name: str(value) for name, value in told.items() if value not in (None, "", -1)} if row else {}
    if await connection.fetchval(_MAY_READ):
        digest = await connection.fetchval(_DIGEST_OF_LOGIN, role.oid, f"{salt}/{role.oid}:")
        return found | {"password of the role": f"{DIGEST}{str(digest)[:32]}"}
    if canary and role.mark and await probe.is_stale(canary):
        found["password of the role"] = "not the canary's any more"
    return found


def others(before: Mapping[str, str | None], now: Mapping[str, str | None], undo: Iterable[Change]) -> tuple[str, ...]:
    """The grants that others took or gave, by the grant's own name; those that our cuts took are left out."""
    was, here = _grants(before), _grants(now)
    ours: dict[object, set[str | None]] = {}
    for change in undo:
        if grant := Grant.of(change.key):
            ours.setdefault(grant.identity, set()).add(change.now)
    said = []
    for identity, (grant, how) in {**here, **was}.items():
        found = here[identity][1] if identity in here else None
        known = how if identity in was else None
        if found != known and found not in ours.get(identity, ()):
            said.append(f"{grant}: {_how(known, found)}")
    return tuple(sorted(said))


def _grants(state: Mapping[str, str | None]) -> dict[object, tuple[Grant, str | None]]:
    read = ((Grant.of(key), how) for key, how in state.items())
    return {grant.identity: (grant, how) for grant, how in read if grant is not None}


def _how(was: str | None, now: str | None) -> str:
    if now is None:
        return "taken away"
    return "added" if was is None else f"{was} before, {now} now"
