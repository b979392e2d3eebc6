"""What could be wrong with `rabbitmq_user`."""

from collections.abc import Mapping
from typing import Any

import pytest

import adapters.rabbitmq_user as kind
from adapters.base import Change, Mode, record
from adapters.conformance import Rig
from adapters.rabbitmq_user import RabbitmqUser, facts, line, look, parking, store
from adapters.rabbitmq_user.facts import LIMIT, Way
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(RabbitmqUser)
Facts = Mapping[str, str | None]


def _not_closed(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Rights are taken, and the connections that are open go on."""

    async def end(*_given: object) -> tuple[int, int]:
        return 1, 0

    patch.setattr(kind, "end", end)


async def _nothing(*_given: object) -> None:
    return None


def _closed_once(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Connections are closed, and nobody keeps them from coming back."""
    patch.setattr(kind, "limit", _nothing)
    patch.setattr(kind, "write", _nothing)
    patch.setattr(look, "judged", lambda _found, _way: Mode.FULL_STOP)


def _writes(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """read_only leaves the right to write."""
    real = facts._right

    def right(mode: Mode, vhost: str, base: Any, way: Way) -> str | None:
        return facts.triple("", base[1], "") if mode is Mode.READ_ONLY else real(mode, vhost, base, way)

    patch.setattr(facts, "_right", right)


def _leads_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What parks is bound, and the way to where messages are for stays."""
    patch.setattr(look, "_unbind", lambda way, _key, _handle: look.get("exchanges", way.vhost, way.exchange))
    patch.setattr(kind, "alike", lambda _one, _other: True)
    real = facts.judged

    def judged(found: Facts, way: Way) -> Mode:
        onward = facts.binding("exchange", way.to)
        return real({key: value for key, value in found.items() if key != onward}, way)

    patch.setattr(look, "judged", judged)


def _one_queue(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What waits for a decision lies with the drafts."""
    patch.setattr(parking, "_QUEUES", (("d", "waiting"), ("d", "drafts")))


def _wide(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A relaxation gives the agent everything in its vhost, the bot's queues too."""
    real = record.undone

    def undone(found: Facts, undo: tuple[Change, ...]) -> Any:
        target, kept = real(found, undo)
        return {k: facts.triple(".*", ".*", ".*") if facts.vhost_of(k) else v for k, v in target.items()}, kept

    patch.setattr(kind, "undone", undone)


def _forgets(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A limit that the user had is not given back."""
    real = record.undone

    def undone(found: Facts, undo: tuple[Change, ...]) -> Any:
        target, kept = real(found, undo)
        return {**target, LIMIT: None}, kept

    patch.setattr(kind, "undone", undone)


def _takes_its_own(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """The limit of the short full stop is taken for the user's own."""
    real = facts.baseline
    patch.setattr(kind, "baseline", lambda *given, **more: {**real(*given, **more), LIMIT: "0"})


def _not_seen(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """No connection is ever listed."""

    async def end(*_given: object) -> tuple[int, int]:
        return 0, 0

    patch.setattr(kind, "end", end)


def _put_back(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What was released stays parked."""
    patch.setattr(store.Desk, "done", lambda *_given: None)


def _any_length(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """An answer may have any length."""
    patch.setattr(line, "LARGEST", 1 << 50)
    patch.setattr(line, "LONGEST", 1 << 50)


DEFECTS = (
    LYING,
    Defect("read_only leaves writes", "each_mode_is_enforced", "held the looser", _writes),
    Defect("connections stay open", "a_session_opened_before_the_stop_is_ended", "expected full_stop", _not_closed),
    Defect("nobody is kept out", "a_session_opened_before_the_stop_is_ended", "was allowed", _closed_once),
    Defect("what is parked is done as well", "what_is_proposed_is_parked_once", "1 times, not 0", _leads_on),
    Defect("a decision is not waited for", "what_is_proposed_is_parked_once", "waits is False", _one_queue),
    Defect("the agent reaches what is parked", "the_agent_cannot_touch_what_is_parked", "DID NOT RAISE", _wide),
    Defect("a limit is not given back", "relax_gives_back_nothing_more", "and back", _forgets),
    Defect("its own stop is the user's limit", "each_mode_is_enforced", "held as full_stop", _takes_its_own),
    Defect("connections are not seen", "work_in_flight_is_ended_or_counted", "", _not_seen),
    Defect("what was released stays", "a_release_does_it_once", "", _put_back),
    Defect("an answer may have any length", "an_endless_answer_is_left", "bytes were read", _any_length),
    *REST,
    *common.backlog(RabbitmqUser),
    *common.parked(RabbitmqUser),
)
