"""What parks writes inside a database: its tables, its functions, and the guard in front of the agent's tables.

The guard is a BEFORE ROW trigger that judges by `session_user`, so that SET ROLE, views and functions with their
owner's rights change nothing; it runs as the owner of the schema, as whom nobody logs in. The bot needs EXECUTE alone.
The survey compares the text of each function with the one here: whoever replaces one ends the middle modes.
"""

from dataclasses import dataclass

SCHEMA, OWNER, POWER = "agent_kill", "agent_kill_owner", "agent_kill_power"
TRIGGER = "!agent_kill"  # "!" sorts ahead: no other trigger runs first
# Nothing of the agent's session decides how a row is written down: the same row is the same text for everybody.
SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lock_timeout": "2s",
}
CHANGED, STRICTER, GONE = "AK001", "AK002", "AK003"  # what `release` raises, as SQLSTATE


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the facade; `arguments` as pg_get_function_identity_arguments tells them."""

    name: str
    arguments: str
    returns: str
    body: str
    owner: str = OWNER

    @property
    def settings(self) -> dict[str, str]:
        """What it fixes of the session. Whoever cuts waits for a lock as long as the adapter says, and no longer."""
        return SETTINGS if self.owner == OWNER else {"search_path": SETTINGS["search_path"]}

    @property
    def statement(self) -> str:
        """What makes it."""
        fixed = "\n".join(f"    SET {name} = {_value(value)}" for name, value in self.settings.items())
        head = f"CREATE OR REPLACE FUNCTION {SCHEMA}.{self.name}({self.arguments}) RETURNS {self.returns}"
        return f"{head}\n    LANGUAGE plpgsql SECURITY DEFINER\n{fixed}\nAS $facade${self.body}$facade$;\n"


def _value(value: str) -> str:
    return value if value.startswith("pg_catalog") else f"'{value}'"


GUARD = Function(
    "guard",
    "",
    "trigger",
    """
DECLARE
    own regrole := to_regrole(quote_ident(session_user));
    held text := coalesce((SELECT r.mode FROM agent_kill.roles r WHERE r.role = own), 'normal');
    names text[];
    spaced jsonb;
    lost boolean;
BEGIN
    IF held = 'normal' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; ELSE RETURN NEW; END IF;
    END IF;
    IF TG_OP = 'TRUNCATE' OR held NOT IN ('approval_gated', 'draft_only') THEN
        RAISE EXCEPTION 'agent-kill holds % at %: % of % is refused', own, held, TG_OP, TG_RELID::regclass
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT array_agg(attnum || ' ' || atttypid || ' ' || attname),
           coalesce(jsonb_object_agg(attname, NULL) FILTER (WHERE atttypid = 'json'::regtype), '{}')
        INTO names, spaced FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
    IF TG_OP <> 'DELETE' THEN -- a value that JSON does not carry would be released as another one
        lost := jsonb_populate_record(NEW, to_jsonb(NEW) || spaced)::text <> jsonb_populate_record(NEW, spaced)::text;
        IF TG_OP = 'UPDATE' AND NOT lost THEN
            lost := jsonb_populate_record(OLD, to_jsonb(OLD) || spaced)::text
                    <> jsonb_populate_record(OLD, spaced)::text;
        END IF;
        IF lost THEN
            RAISE EXCEPTION 'agent-kill cannot park this % of %: JSON does not carry one of its values',
                TG_OP, TG_RELID::regclass USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    INSERT INTO agent_kill.drafts (role, waits, relation, op, old_row, new_row, columns)
        VALUES (own, held = 'approval_gated', TG_RELID, TG_OP, to_jsonb(OLD), to_jsonb(NEW), names);
    RETURN NULL;
END
""",
)
_HOLD = Function(
    "hold",
    "target name, wanted text",
    "boolean",
    """
BEGIN
    UPDATE agent_kill.roles SET mode = wanted, since = clock_timestamp()
        WHERE role = to_regrole(quote_ident(target));
    RETURN FOUND;
END
""",
)
_MODE_OF = Function(
    "mode_of",
    "target name",
    "text",
    """
BEGIN
    RETURN (SELECT r.mode FROM agent_kill.roles r WHERE r.role = to_regrole(quote_ident(target)));
END
""",
)
_PARKED = Function(
    "parked",
    "target name, most integer",
    "TABLE(id bigint, at double precision, waits boolean, what text, arguments text, total bigint)",
    """
BEGIN
    RETURN QUERY
        SELECT d.id, extract(epoch FROM d.at)::float8, d.waits,
               CASE d.op WHEN 'INSERT' THEN 'INSERT INTO ' WHEN 'DELETE' THEN 'DELETE FROM ' ELSE 'UPDATE ' END
               || d.relation::regclass::text,
               left(CASE WHEN d.op = 'UPDATE'
                    THEN format('{"set": %s, "row": %s}', coalesce(told.sets, '{}'), told.was)
                    ELSE coalesce(told.sets, told.was) END,
                    4001),
               count(*) OVER ()
        FROM agent_kill.drafts d CROSS JOIN LATERAL (
            SELECT '{' || string_agg(n.told, ', ' ORDER BY length(n.told), n.told)
                   FILTER (WHERE d.op = 'INSERT' OR d.old_row -> n.key IS DISTINCT FROM n.new) || '}',
                   '{' || string_agg(n.was, ', ' ORDER BY length(n.was), n.was) || '}'
            FROM (SELECT key, d.new_row -> key AS new, to_json(key) || ': ' || (d.new_row -> key) AS told,
                         to_json(key) || ': ' || (d.old_row -> key) AS was
                  FROM jsonb_object_keys(coalesce(d.new_row, d.old_row)) key) n
        ) told(sets, was)
        WHERE d.role = to_regrole(quote_ident(target)) AND d.released_by IS NULL
        ORDER BY d.id LIMIT most;
END
""",
)
_PEEK = Function(
    "peek",
    "draft bigint, target name",
    "text",
    """
BEGIN
    RETURN (SELECT coalesce(d.released_by, '') FROM agent_kill.drafts d
            WHERE d.id = draft AND d.role = to_regrole(quote_ident(target)));
END
""",
)
_DISCARD = Function(
    "discard",
    "draft bigint, target name",
    "boolean",
    """
BEGIN
    DELETE FROM agent_kill.drafts d
        WHERE d.id = draft AND d.role = to_regrole(quote_ident(target)) AND d.released_by IS NULL;
    RETURN FOUND;
END
""",
)
# Returns who released it: `approver`, where it was done by this call or by the same one before. NULL: there is none.
_RELEASE = Function(
    "release",
    "draft bigint, target name, approver text",
    "text",
    """
DECLARE
    parked agent_kill.drafts;
    root regclass;
    place tid;
    keys text;
    names text;
    sets text;
    made text[];
    touched bigint;
BEGIN
    SELECT * INTO parked FROM agent_kill.drafts d
        WHERE d.id = draft AND d.role = to_regrole(quote_ident(target)) FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF parked.released_by IS NOT NULL THEN RETURN parked.released_by; END IF;
    IF NOT EXISTS (SELECT FROM agent_kill.roles r JOIN pg_roles a ON a.oid = r.role
                   WHERE r.role = parked.role AND a.rolcanlogin
                     AND r.mode IN ('normal', 'approval_gated', 'draft_only')) THEN
        RAISE EXCEPTION 'a stricter hold is on %', target USING ERRCODE = 'AK002';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = parked.relation) THEN
        RAISE EXCEPTION 'the table is gone' USING ERRCODE = 'AK003';
    END IF;
    IF NOT coalesce(parked.columns <@ (SELECT array_agg(attnum || ' ' || atttypid || ' ' || attname) FROM pg_attribute
                    WHERE attrelid = parked.relation AND attnum > 0 AND NOT attisdropped), false) THEN
        RAISE EXCEPTION 'the columns of % changed since then', parked.relation::regclass USING ERRCODE = 'AK001';
    END IF;
    root := coalesce(pg_partition_root(parked.relation), parked.relation);
    SELECT string_agg(quote_ident(attname), ', ') FILTER (WHERE attgenerated = '' AND parked.new_row ? attname),
           string_agg(format('%1$I = r.%1$I', attname), ', ') FILTER (WHERE attgenerated = ''
               AND parked.old_row -> attname IS DISTINCT FROM parked.new_row -> attname),
           array_agg(attname::text) FILTER (WHERE attgenerated <> '')
        INTO names, sets, made
        FROM pg_attribute WHERE attrelid = root AND attnum > 0 AND NOT attisdropped;
    made := coalesce(made, '{}');
    IF parked.op = 'INSERT' THEN
        EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE'
                       ' SELECT %s FROM jsonb_populate_record(NULL::%s, $1) r', root, names, names, root)
            USING parked.new_row;
    ELSE
        SELECT string_agg(format('"!t".%1$I = r.%1$I AND ', a.attname), '') INTO keys
            FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = root AND i.indisprimary;
        EXECUTE format('SELECT "!t".ctid FROM %s "!t", jsonb_populate_record(NULL::%s, $1) r'
                       ' WHERE %s "!t".tableoid = $2'
                       ' AND to_jsonb("!t") - $3 = $1 - $3 LIMIT 1 FOR UPDATE OF "!t"', root, root, keys)
            INTO place USING parked.old_row, parked.relation, made;
        IF place IS NULL THEN
            RAISE EXCEPTION 'the row of % changed or is gone since then', root USING ERRCODE = 'AK001';
        END IF;
        IF parked.op = 'DELETE' THEN
            EXECUTE format('DELETE FROM %s "!t" WHERE "!t".tableoid = $1 AND "!t".ctid = $2', root)
                USING parked.relation, place;
        ELSIF sets IS NOT NULL THEN
            EXECUTE format('UPDATE %s "!t" SET %s FROM jsonb_populate_record(NULL::%s, $1) r'
                           ' WHERE "!t".tableoid = $2 AND "!t".ctid = $3', root, sets, root)
                USING parked.new_row, parked.relation, place;
        END IF;
    END IF;
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched <> 1 THEN
        RAISE EXCEPTION 'a trigger of % took it away', root USING ERRCODE = 'AK001';
    END IF;
    -- Once more, for a trigger may have taken its time.
    IF NOT EXISTS (SELECT FROM agent_kill.roles r JOIN pg_roles a ON a.oid = r.role
                   WHERE r.role = parked.role AND a.rolcanlogin
                     AND r.mode IN ('normal', 'approval_gated', 'draft_only')) THEN
        RAISE EXCEPTION 'a stricter hold is on %', target USING ERRCODE = 'AK002';
    END IF;
    UPDATE agent_kill.drafts d SET released_by = approver, old_row = NULL, new_row = NULL WHERE d.id = draft;
    RETURN approver;
END
""",
)
_ADMITTED = """
    IF NOT EXISTS (SELECT FROM agent_kill.roles r WHERE r.role = to_regrole(quote_ident(target))) THEN
        RAISE EXCEPTION '% is not in agent_kill.roles', target USING ERRCODE = 'insufficient_privilege';
    END IF;"""
_SET_ROLE = Function(
    "set_role",
    "target name, login boolean, remark text",
    "void",
    f"""
BEGIN{_ADMITTED}
    EXECUTE format('ALTER ROLE %I %s', target, CASE WHEN login THEN 'LOGIN' ELSE 'NOLOGIN' END);
    IF remark IS NOT NULL THEN
        EXECUTE format('COMMENT ON ROLE %I IS %L', target, nullif(remark, ''));
    END IF;
END
""",
    POWER,
)
_END_SESSIONS = Function(
    "end_sessions",
    "target name, cutting boolean",
    "SETOF integer",
    """
DECLARE
    theirs record;
BEGIN@admitted@
    FOR theirs IN SELECT a.pid, a.state FROM pg_stat_activity a
                  WHERE a.usesysid = to_regrole(quote_ident(target)) AND a.pid <> pg_backend_pid()
    LOOP
        IF cutting OR theirs.state = 'idle' THEN PERFORM pg_terminate_backend(theirs.pid); END IF;
        RETURN NEXT theirs.pid;
    END LOOP;
END
""".replace("@admitted@", _ADMITTED),
    POWER,
)
CUTTING = (_SET_ROLE, _END_SESSIONS)  # for a bot without CREATEROLE; may be left out
FUNCTIONS = (GUARD, _HOLD, _MODE_OF, _PARKED, _PEEK, _DISCARD, _RELEASE)  # the bot calls all but the first

_TABLES = """\
CREATE TABLE IF NOT EXISTS agent_kill.roles (
    role oid PRIMARY KEY, since timestamptz NOT NULL DEFAULT clock_timestamp(),
    mode text NOT NULL DEFAULT 'normal' CHECK (mode IN ('normal', 'approval_gated', 'draft_only', 'read_only'))
);
CREATE TABLE IF NOT EXISTS agent_kill.drafts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role oid NOT NULL, waits boolean NOT NULL, relation oid NOT NULL, op text NOT NULL,
    old_row jsonb, new_row jsonb, released_by text
);
ALTER TABLE agent_kill.drafts ADD COLUMN IF NOT EXISTS columns text[];
CREATE INDEX IF NOT EXISTS drafts_parked ON agent_kill.drafts (role, id) WHERE released_by IS NULL;
"""
_GUARDS = """\
DO $$
DECLARE
    guarded regclass;
BEGIN
    FOR guarded IN
        WITH RECURSIVE written(oid) AS (
            SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p')
              AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'agent_kill')
              AND (has_table_privilege('<agent>', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                   OR has_any_column_privilege('<agent>', c.oid, 'INSERT, UPDATE'))
            UNION SELECT coalesce(pg_partition_root(i.inhrelid), i.inhrelid)
            FROM written w JOIN pg_inherits i ON i.inhparent = w.oid
        )
        SELECT DISTINCT coalesce(pg_partition_root(oid), oid) FROM written
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER "!agent_kill" BEFORE INSERT OR UPDATE OR DELETE ON %s'
                       ' FOR EACH ROW EXECUTE FUNCTION agent_kill.guard()', guarded);
        EXECUTE format('CREATE OR REPLACE TRIGGER "!agent_kill truncate" BEFORE TRUNCATE ON %s'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION agent_kill.guard()', guarded);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "!agent_kill"', guarded);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "!agent_kill truncate"', guarded);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO agent_kill_owner', guarded);
        EXECUTE format('GRANT EXECUTE ON FUNCTION agent_kill.guard TO %I', -- or it could make no partition any more
                       (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = guarded));
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO agent_kill_owner',
                       (SELECT c.relnamespace::regnamespace::text FROM pg_class c WHERE c.oid = guarded));
    END LOOP;
END $$;
"""
_BEGINS = """\
-- For draft_only and approval_gated (`parking: true`), as a superuser in the database of the setting dsn. Run it again
-- after every new table that the agent may write, and after an upgrade; while nothing is held, so that all grants are
-- there to be seen.
BEGIN;
DO $$ BEGIN
    IF to_regrole('agent_kill_owner') IS NULL THEN CREATE ROLE agent_kill_owner NOLOGIN; END IF;
END $$;
CREATE SCHEMA IF NOT EXISTS agent_kill AUTHORIZATION agent_kill_owner;
SET LOCAL ROLE agent_kill_owner;
"""
_ENDS = """\
REVOKE ALL ON FUNCTION @all@ FROM PUBLIC;
GRANT USAGE ON SCHEMA agent_kill TO kill_bot;
GRANT EXECUTE ON FUNCTION @functions@ TO kill_bot;
INSERT INTO agent_kill.roles (role) VALUES ('<agent>'::regrole) ON CONFLICT DO NOTHING;
RESET ROLE;
"""
_NAMES = [f"agent_kill.{function.name}" for function in FUNCTIONS]
_GRANTS = _ENDS.replace("@all@", ", ".join(_NAMES)).replace("@functions@", ", ".join(_NAMES[1:]))
SETUP = "".join((_BEGINS, _TABLES, *(function.statement for function in FUNCTIONS), _GRANTS, _GUARDS, "COMMIT;\n"))
UNDO = """\
DROP SCHEMA IF EXISTS agent_kill CASCADE;
DO $$ BEGIN
    IF to_regrole('agent_kill_owner') IS NOT NULL THEN DROP OWNED BY agent_kill_owner; END IF;
    IF to_regrole('agent_kill_power') IS NOT NULL THEN DROP OWNED BY agent_kill_power; END IF;
END $$;
-- In the last database of the server that had it: DROP ROLE agent_kill_owner; DROP ROLE agent_kill_power;
"""
_POWER_BEGINS = """\
BEGIN;
DO $$ BEGIN
    IF to_regrole('agent_kill_power') IS NULL THEN CREATE ROLE agent_kill_power NOLOGIN CREATEROLE; END IF;
END $$;
GRANT <agent> TO agent_kill_power WITH ADMIN OPTION;
GRANT pg_signal_backend, pg_read_all_stats TO agent_kill_power;
GRANT USAGE, CREATE ON SCHEMA agent_kill TO agent_kill_power;
GRANT SELECT ON agent_kill.roles TO agent_kill_power;
SET LOCAL ROLE agent_kill_power;
"""
_POWER_ENDS = """\
REVOKE ALL ON FUNCTION agent_kill.set_role, agent_kill.end_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agent_kill.set_role, agent_kill.end_sessions TO kill_bot;
RESET ROLE;
REVOKE CREATE ON SCHEMA agent_kill FROM agent_kill_power;
COMMIT;
"""
CUTTING_SETUP = "".join((_POWER_BEGINS, *(function.statement for function in CUTTING), _POWER_ENDS))
