"""What `agent-kill adapters show postgres_role` tells."""

from adapters.base import Manual, Mode
from adapters.postgres_role import facade

_PARKS = (
    "a short full stop, then what no guard covers is revoked as in read_only, and the guard trigger of each table "
    "parks every row that the role writes, {how}; held as read_only where a table carries no intact guard"
)

MANUAL = Manual(
    techniques={
        Mode.APPROVAL_GATED: _PARKS.format(how="to be done once it is approved"),
        Mode.DRAFT_ONLY: _PARKS.format(how="as a draft, without effect"),
        Mode.READ_ONLY: (
            "a short full stop, then every write privilege of the role's own is revoked in every database, then it may "
            "log in again; where it writes by a group role, PUBLIC or a foreign grantor, guards refuse each row, and "
            "without guards it is held as full_stop, as it is where it writes by ownership"
        ),
        Mode.FULL_STOP: (
            "NOLOGIN and the mark in one transaction, then every session of the role is ended until none is left, then "
            "its prepared transactions are rolled back"
        ),
    },
    in_flight="open transactions roll back with their sessions; prepared ones are rolled back",
    setup="""\
-- As a superuser, once per server. One line per owner of what the agent may write; the last two from PostgreSQL 16 on.
CREATE ROLE kill_bot LOGIN CREATEROLE PASSWORD '<password>';
GRANT <agent> TO kill_bot WITH ADMIN OPTION;
GRANT pg_signal_backend TO kill_bot;
GRANT <owner> TO kill_bot;
GRANT <agent> TO kill_bot WITH SET TRUE;
GRANT pg_use_reserved_connections TO kill_bot;

"""
    + facade.SETUP
    + """
-- Instead of the rights above but for CREATE ROLE, a bot that may call functions and nothing else: leave CREATEROLE and
-- every GRANT out, paste the part before this one, and then these lines without their dashes. Reading and the middle
-- modes are then held by the guards alone.
"""
    + "".join(f"-- {line}" for line in facade.CUTTING_SETUP.splitlines(keepends=True)),
    undo=facade.UNDO
    + """\
DROP OWNED BY kill_bot;
DROP ROLE kill_bot;
""",
    docs="docs/adapters/postgres_role.md",
)
