"""What could be wrong with `redis_acl`."""

import itertools
from typing import Any, cast

import pytest

from adapters.base import Mode
from adapters.conformance import Rig
from adapters.redis_acl import RedisAcl, drafts, hand, line, node
from adapters.redis_acl.drafts import Parking
from adapters.redis_acl.hand import Hand
from adapters.redis_acl.line import Endpoint, Line
from adapters.redis_acl.node import Node
from adapters.redis_acl.rules import reduced, setuser
from tests.contract.defects import common
from tests.contract.defects.defect import Defect
from tests.contract.redis_rig import PASSWORD

LYING, *REST = common.of(RedisAcl)


async def _nothing(*_given: object) -> tuple[str, ...]:
    return ()


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
    patch.setattr(node, "sessions", lambda *_given, **_more: [])


def _not_killed(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(Hand, "end", _ended_nothing)
    patch.setattr(node, "sessions", lambda *_given, **_more: [])


def _not_saved(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A restart undoes the cut, and what was read before it is told again."""

    async def save(_self: Hand) -> str:
        return ""

    patch.setattr(Hand, "save", save)
    common.wrapping(RedisAcl, "observe", common.believing)(patch, _rig)


def _wider_patterns(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """`read_only` leaves the agent its key patterns and commands."""
    patch.setattr(
        node, "reduced", lambda facts, known, prefix: reduced(facts, known, prefix) if prefix else dict(facts)
    )
    patch.setattr(Hand, "still_granted", _nothing)


def _any_key(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """`draft_only` leaves the agent its key patterns, and the writes of drafts."""

    def wide(facts: Any, known: Any, prefix: str) -> dict[str, str]:
        left = reduced(facts, known, prefix)
        return {**facts, "commands": left["commands"]} if prefix else left

    patch.setattr(node, "reduced", wide)
    patch.setattr(Hand, "still_granted", _nothing)


def _relaxed_whole(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """On the way back from full_stop, `draft_only` gives everything."""
    real = Node.relaxing

    async def relaxing(self: Node, *, to: Mode, **given: Any) -> Any:
        return await real(self, to=Mode.NORMAL if to is Mode.DRAFT_ONLY else to, **given)

    patch.setattr(Node, "relaxing", relaxing)


def _within_reach(patch: pytest.MonkeyPatch, rig: Rig) -> None:
    """What is parked stays under the agent's own prefix."""
    patch.setattr(drafts, "_ITEM", f"draft:{cast('Any', rig).there.user}-parked:")


def _listed_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A release has its effect and stays in the book."""
    real = Parking._together

    async def together(self: Parking, line: Line, *commands: Any) -> bool:
        return await real(self, line, *(words for words in commands if words[0] != "HDEL"))

    patch.setattr(Parking, "_together", together)


def _renamed(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What is parked has another id at each look."""
    real, numbers = drafts._draft, itertools.count()
    patch.setattr(drafts, "_draft", lambda number, entry: real(f"{number}.{next(numbers)}", entry))


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
    Defect("draft_only leaves other keys", "each_mode_is_enforced", "expected draft_only", _any_key),
    Defect("draft_only gives back all", "every_transition", "expected draft_only", _relaxed_whole),
    Defect("drafts stay within reach", "the_agent_cannot_touch_what_is_parked", "DID NOT RAISE", _within_reach),
    Defect("what was released is kept", "a_release_does_it_once", "still listed", _listed_for_ever),
    Defect("a draft has many names", "what_is_proposed_is_parked_once", "changes from look to look", _renamed),
    *REST,
    *(defect for defect in common.parked(RedisAcl) if defect.name != "a decision is not asked for"),
    *common.backlog(RedisAcl),
)
