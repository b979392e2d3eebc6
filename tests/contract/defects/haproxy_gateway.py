"""What could be wrong with `haproxy_gateway`."""

from typing import Any

import pytest

import adapters.haproxy_gateway as kind
from adapters.base import Mode
from adapters.conformance import Rig
from adapters.haproxy_gateway import HaproxyGateway, line, values
from adapters.haproxy_gateway.line import Endpoint, Line
from adapters.haproxy_gateway.node import Node, Process
from adapters.haproxy_gateway.values import Value
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *OTHERS = common.of(HaproxyGateway)
REST = tuple(defect for defect in OTHERS if defect.name != "an old reading is told again")  # here the mark goes too


async def _ended_nothing(*_given: object) -> tuple[int, int]:
    return 0, 0


async def _none(*_given: object, **_more: object) -> list[object]:
    return []


def _requests_live_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """The entry is set, and what runs goes on and is counted nowhere."""
    patch.setattr(Process, "end", _ended_nothing)
    patch.setattr(Process, "alive", _none)


def _not_saved(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A restart would undo the cut."""

    async def save(*_given: object) -> None:
        return None

    patch.setattr(Node, "_save", save)


def _reads_pass(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A full stop is written as the next looser mode, and read as what was asked."""
    patch.setattr(Value, "held", lambda _self, _mode, token: f"read_only:{token}")
    patch.setattr(kind, "Value", Value)
    patch.setattr(
        Value,
        "mode",
        property(lambda self: Mode.FULL_STOP if self.mark and self.text == "read_only" else Mode.NORMAL),
    )


def _no_warm_line(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Every call opens a connection of its own."""
    real = Endpoint.line

    def borrow(self: Endpoint) -> Any:
        return real(Endpoint(self.place))

    patch.setattr(Endpoint, "line", borrow)


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    for name in ("LARGEST", "_GREETING"):
        patch.setattr(line, name, 1 << 40)


def _anything_is_an_answer(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Whatever comes is taken for an entry of the strictest mode, and for a backend."""

    async def ask(_self: Line, _command: str, **_more: object) -> str:
        return "full_stop"

    async def entry(*_given: object) -> Value:
        return Value("full_stop")

    patch.setattr(Line, "ask", ask)
    patch.setattr(Line, "_greet", _ended_nothing)
    patch.setattr(Process, "entry", entry)
    patch.setattr(Process, "load", _none)
    patch.setattr(Process, "alive", _none)


def _leaves_its_mark(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A line that was not there before stays behind."""
    real = values.given

    def given(key: str, found: Value, to: Mode, token: str, undo: Any) -> tuple[str | None, bool]:
        value, kept = real(key, found, to, token, undo)
        return (f"{value} " if key.startswith("file") else value), kept

    patch.setattr(kind, "given", given)


DEFECTS = (
    LYING,
    Defect("requests under way live on", "work_in_flight_is_ended_or_counted", "DID NOT RAISE", _requests_live_on),
    Defect("a looser mode is set", "each_mode_is_enforced", "full_stop", _reads_pass),
    Defect("the file is not written", "a_restart_is_survived_or_seen", "expected read_only", _not_saved),
    Defect("no connection is kept", "an_exhausted_surface_is_cut_over_the_warm_line", "", _no_warm_line),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    Defect("rubbish is an answer", "garbage_is_never_taken_for_an_answer", "was read as", _anything_is_an_answer),
    Defect(
        "once restricted, always restricted",
        "undo_is_never_taken_from_a_restricted_state",
        "was not seen",
        common.wrapping(HaproxyGateway, "observe", common.believing),
    ),
    Defect("the file is left otherwise", "relax_gives_back_exactly_what_was_taken", "and back", _leaves_its_mark),
    *REST,
)
