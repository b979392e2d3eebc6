"""What could be wrong with `redis_acl`."""

from typing import Any

import pytest

import adapters.redis_acl as kind
from adapters.conformance import Rig
from adapters.redis_acl import RedisAcl, hand, line
from adapters.redis_acl.hand import Hand
from adapters.redis_acl.line import Endpoint, Line
from adapters.redis_acl.rules import setuser
from tests.contract.defects import common
from tests.contract.defects.defect import Defect
from tests.contract.redis_rig import PASSWORD

LYING, *REST = common.of(RedisAcl)


async def _ended_nothing(_self: Hand) -> tuple[int, int]:
    return 0, 0


def _off_alone(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """`off` keeps new logins out; open sessions go on with every right."""
    real = Hand.swap

    async def swap(self: Hand, facts: Any, *, mark: str | None, modern: bool) -> Any:
        wide = {**facts, "commands": "+@all", "key *": "RW"} if facts["enabled"] == "off" else facts
        return await real(self, wide, mark=mark, modern=modern)

    patch.setattr(Hand, "swap", swap)
    patch.setattr(Hand, "end", _ended_nothing)
    patch.setattr(kind, "sessions", lambda *_given, **_more: [])


def _not_killed(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(Hand, "end", _ended_nothing)
    patch.setattr(kind, "sessions", lambda *_given, **_more: [])


def _not_saved(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A restart undoes the cut, and what was read before it is told again."""

    async def save(_self: Hand) -> str:
        return ""

    patch.setattr(Hand, "save", save)
    common.wrapping(RedisAcl, "observe", common.believing)(patch, _rig)


def _wider_patterns(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """`read_only` leaves the agent its key patterns and commands."""
    patch.setattr(kind, "reduced", lambda facts, _known: dict(facts))

    async def none(*_given: object) -> tuple[str, ...]:
        return ()

    patch.setattr(Hand, "still_granted", none)


def _no_warm_line(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A connection is opened for each call."""

    async def unusable(_self: Line) -> bool:
        return False

    async def kept(self: Endpoint) -> None:
        self._warm = None

    patch.setattr(Line, "usable", unusable)
    patch.setattr(Endpoint, "_drop", kept)


def _believes_any_length(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(line, "LARGEST", 1 << 40)


def _old_password(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Gives the credential back that the agent had."""

    def with_password(*given: Any, **more: Any) -> list[str]:
        return [*setuser(*given, **more), f">{PASSWORD}"]

    patch.setattr(hand, "setuser", with_password)


DEFECTS = (
    LYING,
    Defect("`off` alone is set", "a_session_opened_before_the_stop_is_ended", "DID NOT RAISE", _off_alone),
    Defect("open sessions are not killed", "work_in_flight_is_ended_or_counted", "not counted", _not_killed),
    Defect("users are not saved", "a_restart_is_survived_or_seen", "not seen", _not_saved),
    Defect("read_only leaves writes", "each_mode_is_enforced", "expected read_only", _wider_patterns),
    Defect("no connection is kept warm", "an_exhausted_surface_is_cut_over_the_warm_line", "Full", _no_warm_line),
    Defect("any announced length is believed", "an_endless_answer_is_left", "bytes were read", _believes_any_length),
    Defect("the old password comes back", "relax_never_gives_back_a_credential", "works again", _old_password),
    *REST,
    *common.backlog(RedisAcl),
)
