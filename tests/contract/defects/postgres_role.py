"""What could be wrong with `postgres_role`."""

from typing import Any

import pytest

import adapters.postgres_role as kind
from adapters.base import Mode
from adapters.conformance import Rig
from adapters.postgres_role import PostgresRole, loosen
from adapters.postgres_role.fence import Ended, fence
from adapters.postgres_role.line import Connection, Line
from adapters.postgres_role.survey import Survey
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(PostgresRole)


async def _ended_nothing(*_given: object) -> Ended:
    return Ended(0)


def _sessions_live_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(kind, "end_sessions", _ended_nothing)
    patch.setattr(kind, "_in_flight", lambda *_given: 0)


def _prepared_live_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(kind, "end_prepared", _ended_nothing)
    patch.setattr(kind, "_in_flight", lambda *_given: 0)


def _grants_stay(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """The login comes back with every grant, and nothing is read that would show it."""

    async def nothing(*_given: object) -> None:
        return None

    patch.setattr(kind, "revoke", nothing)
    patch.setattr(Survey, "writes", False)


def _only_polite(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """The login stays, with a setting that the agent may set back."""

    async def polite(connection: Connection, role: Any, mark: Any) -> None:
        await fence(connection, role, mark)
        await connection.execute(f'ALTER ROLE "{role.name}" LOGIN; ALTER ROLE "{role.name}" SET work_mem = 4096')

    patch.setattr(kind, "fence", polite)
    patch.setattr(kind, "_mode", lambda *_given: Mode.FULL_STOP)


def _no_warm_line(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Every call opens a connection of its own."""
    real = Line.borrow

    def borrow(self: Line, *, writes: bool) -> Any:
        return real(Line(self._dsn), writes=writes)

    patch.setattr(Line, "borrow", borrow)


def _login_stays_off(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(loosen, "_login", lambda role, _undo: role.login)


DEFECTS = (
    LYING,
    Defect("open sessions live on", "a_session_opened_before_the_stop_is_ended", "DID NOT RAISE", _sessions_live_on),
    Defect("prepared work lives on", "prepared_work_is_ended_or_counted", "DID NOT RAISE", _prepared_live_on),
    Defect("grants stay", "each_mode_is_enforced", "canary's try", _grants_stay),
    Defect("the login stays", "a_session_opened_before_the_stop_is_ended", "canary's try", _only_polite),
    Defect("no connection is kept warm", "an_exhausted_surface_is_cut_over_the_warm_line", "Full", _no_warm_line),
    Defect("the login never comes back", "relax_gives_back_exactly_what_was_taken", "and back", _login_stays_off),
    *REST,
)
