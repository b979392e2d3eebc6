"""What could be wrong with `gate`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.base import Attempt, Mode
from adapters.conformance import Rig
from adapters.gate import GateSurface, canary, wire
from adapters.gate.wire import Node, Said
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(GateSurface)


def _looser(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What is asked for is the next looser mode, and it is read as what was asked."""
    looser = dict(zip(list(Mode)[1:], Mode, strict=False))
    stricter = {loose: strict for strict, loose in looser.items()}
    tell, look = Node.restrict, Node.look

    def read(said: Said | None) -> Said | None:
        return replace(said, mode=stricter[said.mode]) if said and said.mode in stricter and said.mark else said

    async def restrict(self: Node, mode: Mode, mark: str, drain: float) -> Said | None:
        return read(await tell(self, looser[mode], mark, drain))

    async def seen(self: Node) -> Said | None:
        return read(await look(self))

    async def attempt(*_given: object) -> Attempt:
        return Attempt.REFUSED

    patch.setattr(Node, "restrict", restrict)
    patch.setattr(Node, "look", seen)
    patch.setattr(canary, "attempt", attempt)


def _unsigned(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Whatever answers with a success is taken for the gate, at its strictest."""
    patch.setattr(wire, "check", lambda *_given: None)
    patch.setattr(wire, "json", SimpleNamespace(dumps=json.dumps, loads=lambda _body: {}))
    strict = Said(Mode.FULL_STOP, None, 1, 0, "", frozenset(Mode) - {Mode.NORMAL}, Mode.NORMAL)
    patch.setattr(wire, "_said", lambda _found: strict)


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(wire, "LIMIT", 1 << 40)


def _no_login_is_gone(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A signature that is not accepted is taken for a surface that is not there."""
    patch.setattr(wire, "_NO_LOGIN", 0)
    real = Node._read

    def read(self: Node, status: int, body: bytes, nonce: str, proof: str) -> Mapping[str, Any] | None:
        return None if status == 401 else real(self, status, body, nonce, proof)

    patch.setattr(Node, "_read", read)


DEFECTS = (
    LYING,
    Defect("a looser mode is asked for", "each_mode_is_enforced", "approval_gated", _looser),
    Defect("an unsigned answer counts", "garbage_is_never_taken_for_an_answer", "was read as", _unsigned),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    Defect("a wrong secret looks like a gap", "a_wrong_credential_is_refused", "DID NOT RAISE", _no_login_is_gone),
    *(defect for defect in REST if defect.name != "everything is given"),
    *common.parked(GateSurface),
)
