"""What could be wrong with `celery_workers`."""

from typing import Any

import pytest

import adapters.celery_workers as kind
from adapters.base import Change
from adapters.celery_workers import CeleryWorkers, line, nodes
from adapters.celery_workers.mailbox import Order
from adapters.conformance import Rig
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(CeleryWorkers)


def _lets_tasks_run(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Has no node take tasks, and ends none."""
    patch.setattr(kind, "_revoked", lambda _tasks: Order("ping"))


def _takes_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Ends tasks, and believes that no more are taken."""
    patch.setattr(CeleryWorkers, "_cancelled", lambda _self: ())
    patch.setattr(nodes.Seen, "off", property(lambda _self: True))


def _leaves_what_tasks_left(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Processes that tasks left are neither ended nor counted."""
    patch.setattr(kind, "END", Order("ping"))
    patch.setattr(nodes, "_left", lambda _answer: 0)


def _adds_to_all(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Every node takes tasks after a restore, whoever did before."""
    real = CeleryWorkers.relax

    async def relax(self: CeleryWorkers, **given: Any) -> Any:
        all_of_them = tuple(
            Change(key=f"{node} {queue}", was="on", now="off") for node in self._nodes for queue in self._queues
        )
        return await real(self, **{**given, "undo": all_of_them})

    patch.setattr(CeleryWorkers, "relax", relax)


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(line, "LARGEST", 1 << 40)


DEFECTS = (
    LYING,
    Defect("tasks run on", "a_stubborn_process_is_ended", "still alive", _lets_tasks_run),
    Defect("tasks are taken", "a_session_opened_before_the_stop_is_ended", "DID NOT RAISE", _takes_on),
    Defect("what tasks left acts on", "prepared_work_is_ended_or_counted", "DID NOT RAISE", _leaves_what_tasks_left),
    Defect("whoever did not take tasks does", "relax_gives_back_nothing_more", "and back", _adds_to_all),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    *REST,
    *common.backlog(CeleryWorkers),
)
