"""What could be wrong with `postgres_role`."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import adapters.postgres_role as kind
from adapters.base import Mode
from adapters.conformance import Rig
from adapters.postgres_role import PostgresRole, facade, guards, loosen, reading, survey
from adapters.postgres_role.facade import Function
from adapters.postgres_role.fence import Ended, fence
from adapters.postgres_role.guards import Guards
from adapters.postgres_role.landing import Landing
from adapters.postgres_role.line import Connection, Line
from adapters.postgres_role.role import Role
from adapters.postgres_role.survey import Survey
from tests.contract.defects import common
from tests.contract.defects.defect import Defect, Seed
from tests.contract.rigs.postgres_role import PostgresRig

LYING, *REST = common.of(PostgresRole)


async def _ended_nothing(*_given: object) -> Ended:
    return Ended(0)


def _sessions_live_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(kind, "end_sessions", _ended_nothing)
    patch.setattr(reading, "in_flight", lambda *_given: 0)


def _prepared_live_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(kind, "end_prepared", _ended_nothing)
    patch.setattr(reading, "in_flight", lambda *_given: 0)


def _grants_stay(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """The login comes back with every grant, no guard is told, and nothing is read that would show it."""

    async def nothing(*_given: object) -> None:
        return None

    real, told = reading.mode_of, loosen.hold

    async def hold(connection: Connection, role: Role, mode: Mode) -> bool:
        return await told(connection, role, Mode.NORMAL if mode is Mode.READ_ONLY else mode)

    def believed(role: Role, found: Survey) -> Mode:
        return Mode.READ_ONLY if role.can_login and role.mark and role.mark.taken == "reduced" else real(role, found)

    patch.setattr(kind, "revoke", nothing)
    patch.setattr(loosen, "hold", hold)
    patch.setattr(Landing, "remains", lambda *_given: False)
    patch.setattr(reading, "mode_of", believed)


def _only_polite(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """The login stays, with a setting that the agent may set back."""

    async def polite(connection: Connection, role: Any, mark: Any) -> None:
        await fence(connection, role, mark)
        await connection.execute(f'ALTER ROLE "{role.name}" LOGIN; ALTER ROLE "{role.name}" SET work_mem = 4096')

    patch.setattr(kind, "fence", polite)
    patch.setattr(reading, "mode_of", lambda *_given: Mode.FULL_STOP)


def _no_warm_line(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Every call opens a connection of its own."""
    real = Line.borrow

    def borrow(self: Line, *, writes: bool) -> Any:
        return real(Line(self._dsn), writes=writes)

    patch.setattr(Line, "borrow", borrow)


def _login_stays_off(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(loosen, "_login", lambda role, _undo: role.login)


def _at_the_server(rig: Rig, sql: str) -> None:
    """Runs statements as the superuser, before the check begins."""
    assert isinstance(rig, PostgresRig)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, rig.database.run(sql)).result()


def _with(name: str, was: str, now: str) -> Seed:
    """The set-up has another text in one function, and nobody compares it."""

    def seed(patch: pytest.MonkeyPatch, rig: Rig) -> None:
        made = next(function for function in facade.FUNCTIONS if function.name == name)
        assert was in made.body
        patch.setattr(guards, "_as_made", lambda *_given: True)
        other = Function(made.name, made.arguments, made.returns, made.body.replace(was, now))
        _at_the_server(rig, f"{other.statement}ALTER FUNCTION agent_kill.{name} OWNER TO agent_kill_owner")

    return seed


def _guard_not_looked_at(patch: pytest.MonkeyPatch, rig: Rig) -> None:
    """A table's guard is gone, and what the set-up once made is believed to be there."""
    _at_the_server(rig, 'DROP TRIGGER "!agent_kill" ON effects')
    patch.setattr(Guards, "covers", lambda *_given: True)


def _mode_from_the_agent(patch: pytest.MonkeyPatch, rig: Rig) -> None:
    """The guard asks a setting of the session what is held."""
    asked = "(SELECT r.mode FROM agent_kill.roles r WHERE r.role = own)"
    _with("guard", asked, "current_setting('agent_kill.mode', true)")(patch, rig)


def _open_facade(patch: pytest.MonkeyPatch, rig: Rig) -> None:
    """Everybody may call what releases, and nobody minds."""
    _at_the_server(
        rig, "GRANT USAGE ON SCHEMA agent_kill TO PUBLIC; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agent_kill TO PUBLIC"
    )

    async def nothing(*_given: object) -> tuple[str, ...]:
        return ()

    real = survey._by_others
    patch.setattr(guards, "_lacking", nothing)
    patch.setattr(survey, "_by_others", lambda rows: real(row for row in rows if "agent_kill" not in row["name"]))


_ENDED = "agent_kill.drafts d SET released_by = approver, old_row = NULL, new_row = NULL"
PARKED = (
    Defect("a guard is gone", "each_mode_is_enforced", "canary's try", _guard_not_looked_at),
    Defect("the agent sets the guard's mode", "each_mode_is_enforced", "canary's try", _mode_from_the_agent),
    Defect(
        "the guard lets rows through that it parked",
        "what_is_proposed_is_parked_once",
        "canary's try",
        _with("guard", "RETURN NULL;", "RETURN NEW;"),
    ),
    Defect(
        "a release leaves the row parked",
        "a_release_does_it_once",
        "times, not 1",
        _with("release", f"UPDATE {_ENDED}", "PERFORM 1 FROM agent_kill.drafts d"),
    ),
    Defect("anybody may release", "the_agent_cannot_touch_what_is_parked", "DID NOT RAISE", _open_facade),
)
DEFECTS = (
    LYING,
    Defect("open sessions live on", "a_session_opened_before_the_stop_is_ended", "DID NOT RAISE", _sessions_live_on),
    Defect("prepared work lives on", "prepared_work_is_ended_or_counted", "DID NOT RAISE", _prepared_live_on),
    Defect("grants stay", "each_mode_is_enforced", "canary's try", _grants_stay),
    Defect("the login stays", "a_session_opened_before_the_stop_is_ended", "canary's try", _only_polite),
    Defect("no connection is kept warm", "an_exhausted_surface_is_cut_over_the_warm_line", "Full", _no_warm_line),
    Defect("the login never comes back", "relax_gives_back_exactly_what_was_taken", "and back", _login_stays_off),
    *PARKED,
    *REST,
    *common.parked(PostgresRole),
)
