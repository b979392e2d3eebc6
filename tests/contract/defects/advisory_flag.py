"""What could be wrong with `advisory_flag`."""

from collections.abc import Mapping
from typing import Any

import pytest

import adapters.advisory_flag as kind
from adapters.advisory_flag import OFF, AdvisoryFlag, wire
from adapters.base import Change, Mode, Relaxed
from adapters.conformance import Rig
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *OTHERS = common.of(AdvisoryFlag, marks=False)
REST = tuple(defect for defect in OTHERS if "counted" not in defect.check)  # what is ended cannot be seen here at all


def _one_flag_alone(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Only the flag of the strictest mode is ever switched, and every mode is read of it."""
    real = AdvisoryFlag._switch

    async def switch(self: AdvisoryFlag, flag: str, to: str) -> None:
        if flag == self._flags[Mode.FULL_STOP] or to != OFF:
            await real(self, flag, to)

    patch.setattr(AdvisoryFlag, "_switch", switch)


def _anything_is_off(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """An answer that is no flag is taken for one that is off."""

    def judged(_status: int, _body: bytes, _url: str) -> dict[str, object]:
        return {}

    def is_on(_self: AdvisoryFlag, _flag: str, _answer: Mapping[str, object] | None) -> bool:
        return False

    patch.setattr(wire, "_judged", judged)
    patch.setattr(AdvisoryFlag, "_is_on", is_on)


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(wire, "LIMIT", 1 << 40)


def _no_login_is_gone(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A token that is not accepted is taken for a flag that is not there."""
    patch.setattr(wire, "_GONE", frozenset({401, 403, 404, 410}))


def _all_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Gives on whatever the flags of its modes were."""
    real = AdvisoryFlag.relax

    async def relax(self: AdvisoryFlag, **given: Any) -> Relaxed:
        ours = tuple(Change(key=flag, was=kind.ON, now=OFF) for flag in self._flags.values())
        return await real(self, **{**given, "undo": ours})

    patch.setattr(AdvisoryFlag, "relax", relax)


DEFECTS = (
    LYING,
    Defect("flags of the owner are switched on", "relax_gives_back_nothing_more", "and back", _all_on),
    Defect("any answer is an off", "garbage_is_never_taken_for_an_answer", "was read as", _anything_is_off),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    Defect("a wrong token looks like a gap", "a_wrong_credential_is_refused", "DID NOT RAISE", _no_login_is_gone),
    Defect("one flag alone is switched", "each_mode_is_enforced", "expected approval_gated", _one_flag_alone),
    *REST,
)
