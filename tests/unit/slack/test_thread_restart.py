"""Is the thread complete after the bot was killed at any moment, with at most one duplicate?"""

import asyncio

import pytest

from bot.domain.outcome import Outcome
from tests.unit.slack.test_thread_faults import duplicates
from tests.unit.slack.thread_rig import FAST, rigged

NAMES = [f"billing/s{index}" for index in range(40)]


@pytest.mark.parametrize("calls", range(9))
@pytest.mark.parametrize("surfaces", [2, 40])
async def test_a_kill_between_any_two_calls_loses_nothing(calls: int, surfaces: int) -> None:
    """Killed once so many calls were answered, the next process ends the thread as one would have alone."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop(*NAMES[:surfaces], reason="")
        rig.wake()
        await rig.slack.wait_for(lambda: rig.desk.board.incidents["inc-1"].posts, what="the parent's place on record")
        rig.desk.prove(*NAMES[: surfaces - 1])
        rig.desk.prove(NAMES[surfaces - 1], outcome=Outcome.UNKNOWN, late=True)
        rig.wake()
        await rig.slack.wait_for(lambda: len(rig.slack.calls) >= min(calls, 6))
        await rig.kill()
        rig.start()
        await rig.until("*NOT CUT* (1)")
        await rig.settled()
        shown = rig.everything()
        assert "NOT FULLY CUT" in shown
        assert duplicates(rig) <= 1
        assert shown.count("[Give the reason]") in {1, 2}
        assert len(rig.slack.channel("incident").parents()) == 1
        kinds = 5 if surfaces == 2 else 4
        assert kinds <= len(rig.slack.workspace.messages("incident")) <= kinds + 1


async def test_a_restart_without_news_says_nothing() -> None:
    """A thread that was complete gets no message and no update from the next process."""
    async with rigged() as rig:
        rig.desk.stop(*NAMES[:2])
        rig.desk.prove(*NAMES[:2])
        rig.start()
        await rig.until("*Report of")
        await rig.settled()
        before = len(rig.slack.calls)
        await rig.kill()
        rig.start()
        await rig.settled()
        await asyncio.sleep(10 * FAST.late_gather)  # a change would be told within one
        assert len(rig.slack.calls) == before


async def test_what_changed_while_the_bot_was_away_is_summed_up() -> None:
    """It is not known what was told last, so the state as it is now is told once."""
    async with rigged() as rig:
        rig.desk.stop(*NAMES[:2])
        rig.desk.prove(*NAMES[:2])
        rig.start()
        await rig.until("*Report of")
        await rig.settled()
        await rig.kill()
        rig.desk.prove(NAMES[0], outcome=Outcome.DRIFTED)
        rig.start()
        await rig.until("*The state now*")
        await rig.kill()
        rig.start()
        await rig.settled()
        assert sum("*The state now*" in reply for reply in rig.replies()) == 1
