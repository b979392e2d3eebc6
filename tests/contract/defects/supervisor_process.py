"""What could be wrong with `supervisor_process`."""

from typing import Any

import pytest

from adapters.base import Change
from adapters.conformance import Rig
from adapters.errors import AdapterError
from adapters.supervisor_process import SupervisorProcess, look, wire
from adapters.supervisor_process.look import ON
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(SupervisorProcess, marks=False)


def _main_alone(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Only what supervisord knows of is ended, and what it started is believed to have ended with it."""
    patch.setattr(look.Seen, "left", property(lambda self: sum(one.ending for one in self.processes)))
    patch.setattr(SupervisorProcess, "_ask", lambda _self, _what: ("agent_kill.nothing", ()))


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(wire, "LIMIT", 1 << 40)


def _no_login_is_an_error(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """A password that is not accepted is told as something strange."""
    patch.setattr(wire, "_NO_LOGIN", frozenset())


def _all_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Starts every process of the programs, also those that did not run."""
    real = SupervisorProcess.relax

    async def relax(self: SupervisorProcess, **given: Any) -> Any:
        undo = tuple(Change(key=name, was=ON, now=None) for name in (await self.observe()).state)
        return await real(self, **{**given, "undo": undo})

    patch.setattr(SupervisorProcess, "relax", relax)


def _any_answer(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """What is no answer of supervisord's is taken for one that names nothing that runs."""
    real = SupervisorProcess._look

    async def looked(self: SupervisorProcess) -> look.Seen:
        try:
            return await real(self)
        except AdapterError:
            return look.Seen((), (), 0)

    patch.setattr(SupervisorProcess, "_look", looked)


DEFECTS = (
    LYING,
    Defect("what left its process is not ended", "a_stubborn_process_is_ended", "acted after", _main_alone),
    Defect("what is left behind is not ended", "prepared_work_is_ended_or_counted", "DID NOT RAISE", _main_alone),
    Defect("what ran for nobody is started", "relax_gives_back_exactly_what_was_taken", "and back", _all_on),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    Defect("any answer is a stop", "garbage_is_never_taken_for_an_answer", "was read as", _any_answer),
    Defect("a wrong password is strange", "a_wrong_credential_is_refused", "AdapterError", _no_login_is_an_error),
    *REST,
)
