"""What could be wrong with `nats_user`."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

import adapters.nats_user as kind
from adapters.base import Change, record
from adapters.conformance import Rig
from adapters.nats_user import NatsUser, consumers, line, look, scope
from adapters.nats_user.backlog import Queues
from adapters.nats_user.consumers import Consumers
from adapters.nats_user.line import Endpoint, Line
from adapters.nats_user.scope import STOPPED
from tests.contract.defects import common
from tests.contract.defects.defect import Defect, Seed

HELD = "waiting_work_is_held_once_and_given_back"
LYING, *REST = common.of(NatsUser)
Facts = Mapping[str, str | None]


def _only_seen(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Nothing is handed to the servers, and what was to be written is told as read."""

    async def push(*_given: object, **_more: object) -> None:
        return None

    patch.setattr(kind, "push", push)
    patch.setattr(look.Look, "amounts_to", lambda *_given: True)


def _still_logs_in(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """full_stop leaves the login and the subscriptions."""
    patch.setattr(kind, "STOPPED", {**STOPPED, "sub": "{}", "allowed_connection_types": None})


def _publishes(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """read_only takes queue groups and leaves messages."""
    real = scope.reduced

    def reduced(base: Facts) -> dict[str, str | None]:
        return {**real(base), "pub": base["pub"]}

    patch.setattr(kind, "reduced", reduced)


def _not_seen(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """No connection is listed."""
    patch.setattr(look, "_sessions", lambda *_given: frozenset())


def _same_age(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What is written is read as the state before the next write."""
    patch.setattr(kind, "baseline", lambda found, _undo: dict(found))


def _first_wins(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A relaxation leaves one of the fields as the cut made it."""
    real = record.undone

    def undone(found: Facts, undo: Any) -> tuple[dict[str, str | None], tuple[str, ...]]:
        target, kept = real(found, undo)
        return {**target, "resp": None}, kept

    patch.setattr(kind, "undone", undone)


def _whole_template(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A relaxation writes the template that there was, whatever others changed in it."""
    real = scope.rewritten

    def rewritten(claims: Any, role: str, target: Facts, *, token: str | None, at: int) -> Any:
        made = real(claims, role, target, token=token, at=at)
        found = scope.scope_of(made, role)
        if found is not None:
            found["template"]["payload"] = -1
        return made

    patch.setattr(kind, "rewritten", rewritten)


def _not_buried(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A connection is opened for each call, and a full server is a dead end."""

    async def unusable(_self: Line) -> bool:
        return False

    patch.setattr(Line, "usable", unusable)
    left: list[Line | None] = []  # kept, so that they stay open

    def drop(self: Endpoint) -> None:
        left.append(self._warm)
        self._warm = None

    patch.setattr(Endpoint, "_drop", drop)


def _endless(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A line of the protocol may have any length."""
    patch.setattr(line, "LONGEST", 1 << 40)


def _no_patience(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A silent server is taken for one that has nothing to say."""
    real = Line._said

    async def said(self: Line) -> bytes:
        try:
            return await asyncio.wait_for(real(self), 0.1)
        except TimeoutError:
            return b"-ERR 'Authorization Violation'"

    patch.setattr(Line, "_said", said)


def _nothing_done(name: str) -> Seed:
    """What is told to the consumers never leaves."""

    def seed(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
        async def idle(_self: Consumers, _given: object) -> None:
            return None

        patch.setattr(Consumers, name, idle)

    return seed


def _paused_by_us(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A pause of ours is taken for what was there before."""

    def changes(seen: Any, undo: Any) -> tuple[Change, ...]:
        known = set(undo)
        made = (Change(key=name, was=until, now=f"{consumers.OURS} ") for name, until in consumers.facts(seen).items())
        return tuple(change for change in made if change not in known)

    patch.setattr(consumers, "changes", changes)


def _whoever_paused(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Whatever a person had paused delivers after the restore."""
    patch.setattr(consumers, "_still", lambda _until: None)


def _not_taken_out(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """It is copied, and nobody takes it out."""

    async def purge(*_given: object) -> int:
        return 0

    patch.setattr(Queues, "_purge", purge)


DEFECTS = (
    LYING,
    Defect("consumers are not paused", "each_mode_is_enforced", "expected read_only", _nothing_done("pause")),
    Defect("consumers stay paused", "relax_gives_back_exactly_what_was_taken", "and back", _nothing_done("give")),
    Defect("our pause is a baseline", "a_cut_may_be_repeated", "restricted state", _paused_by_us),
    Defect("a person's pause is lost", "relax_gives_back_nothing_more", "and back", _whoever_paused),
    Defect(
        "full_stop leaves the login", "a_session_opened_before_the_stop_is_ended", "held the looser", _still_logs_in
    ),
    Defect("read_only leaves messages", "each_mode_is_enforced", "held the looser", _publishes),
    Defect("connections are not seen", "work_in_flight_is_ended_or_counted", "not counted", _not_seen),
    Defect(
        "a cut is the next cut's baseline", "undo_is_never_taken_from_a_restricted_state", "restricted state", _same_age
    ),
    Defect("one field stays cut", "relax_gives_back_exactly_what_was_taken", "and back", _first_wins),
    Defect("others' limits are overwritten", "relax_keeps_what_others_changed", "not ours", _whole_template),
    Defect("no connection is kept warm", "an_exhausted_surface_is_cut_over_the_warm_line", "Full", _not_buried),
    Defect("a line may have any length", "an_endless_answer_is_left", "bytes were read", _endless),
    Defect("silence is an answer", "a_frozen_server_is_left_in_time", "the call ended", _no_patience),
    Defect("nothing is handed out", "a_session_opened_before_the_stop_is_ended", "expected full_stop", _only_seen),
    *REST,
    *common.backlog(NatsUser),
    Defect(
        "what is held stays in place", "waiting_work_is_held_once_and_given_back", "still be taken up", _not_taken_out
    ),
)
