"""What could be wrong with `http_control`."""

from typing import Any

import pytest

import adapters.http_control as kind
from adapters.base import Change, Mode
from adapters.conformance import Rig
from adapters.http_control import HttpControl, answers, parse, wire
from adapters.http_control.answers import Said
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(HttpControl, marks=False)


def _asks_for_less(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What is posted is the next looser mode, and it is read as what was asked."""
    looser = dict(zip(list(Mode)[1:], Mode, strict=False))
    patch.setattr(kind, "_BODIES", {mode: f'{{"mode": "{looser.get(mode, mode)}"}}'.encode() for mode in Mode})
    real = answers.said

    def said(answer: Any, *, name: str) -> Said | None:
        found = real(answer, name=name)
        stricter = {loose: strict for strict, loose in looser.items()}
        return Said(stricter.get(found.mode, found.mode)) if found and found.mode is not Mode.NORMAL else found

    patch.setattr(kind, "said", said)


def _anything_is_a_stop(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """An answer that says no mode is taken for the strictest."""
    patch.setattr(answers, "_read", lambda _body: Said(Mode.FULL_STOP))


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    for module in (wire, parse):
        patch.setattr(module, "LIMIT", 1 << 40)


def _no_login_is_gone(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A signature that is not accepted is taken for an endpoint that is not there."""
    patch.setattr(answers, "GONE", frozenset({401, 403, 404, 410}))


def _normal_whatever_was(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Sets normal even where our cut replaced nothing."""
    patch.setattr(kind, "_replaced", lambda _was, now, _undo: (Change(key="mode", was=None, now=str(now)),))


DEFECTS = (
    LYING,
    Defect("any answer is a full stop", "garbage_is_never_taken_for_an_answer", "was read as", _anything_is_a_stop),
    Defect("a looser mode is asked for", "each_mode_is_enforced", "expected approval_gated", _asks_for_less),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    Defect("a wrong secret looks like a gap", "a_wrong_credential_is_refused", "DID NOT RAISE", _no_login_is_gone),
    Defect("what was there before is forgotten", "relax_gives_back_nothing_more", "and back", _normal_whatever_was),
    *REST,
    *common.parked(HttpControl),
)
