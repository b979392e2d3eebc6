"""What could be wrong with `rq_queue`."""

import asyncio
from typing import Any

import pytest

import adapters.rq_queue as kind
from adapters.base import Cut
from adapters.conformance import Rig
from adapters.conformance.wait import TICK, ticks
from adapters.rq_queue import RqQueue, line, workers
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *OTHERS = common.of(RqQueue)
REST = tuple(one for one in OTHERS if one.name != "an old reading is told again")  # who resumes RQ takes the mark away


def _lets_jobs_run(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Suspends RQ, and ends no job."""
    real = workers.Stopping.step

    async def step(self: workers.Stopping, *given: Any, **_end: bool) -> None:
        await real(self, *given, end=False)

    patch.setattr(workers.Stopping, "step", step)


def _wakes_nobody(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Workers that wait for a job are left waiting, and are taken to be at rest."""
    real = RqQueue.restrict

    async def restrict(self: RqQueue, **given: Any) -> Cut:
        async with self._endpoint.line() as asking:
            for _ in ticks():  # a worker that is only about to wait would see the suspension by itself
                if all(one.state == "idle" for one in (await workers.look(asking)).workers):
                    break
                await asyncio.sleep(TICK)
        return await real(self, **given)

    patch.setattr(RqQueue, "restrict", restrict)
    patch.setattr(workers, "_plug", lambda _queue, _job: [])
    patch.setattr(workers.Seen, "left", lambda self, _expected: sum(one.state == "busy" for one in self.workers))


def _forgets_who_suspended(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    """Resumes what was suspended before."""
    patch.setattr(kind, "_restored", lambda _was: ("DEL", workers.SUSPENDED))


def _reads_for_ever(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(line, "LARGEST", 1 << 40)


DEFECTS = (
    LYING,
    Defect("jobs run on", "a_stubborn_process_is_ended", "still alive", _lets_jobs_run),
    Defect("who waits is not woken", "a_session_opened_before_the_stop_is_ended", "DID NOT RAISE", _wakes_nobody),
    Defect("a person's suspension is lifted", "relax_gives_back_nothing_more", "and back", _forgets_who_suspended),
    Defect("an endless answer is read", "an_endless_answer_is_left", "bytes were read", _reads_for_ever),
    Defect(
        "once stopped, always stopped",
        "undo_is_never_taken_from_a_restricted_state",
        "was not seen",
        common.wrapping(RqQueue, "observe", common.believing),
    ),
    *REST,
    *common.backlog(RqQueue),
)
