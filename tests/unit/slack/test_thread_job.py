"""Does the thread tell a stop from its first second to its end, in few calls?"""

import asyncio
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.slack.steps import next_step
from tests.unit.slack.thread_rig import FAST, rigged

MANY = [f"agent{index % 7}/surface{index}" for index in range(1000)]


async def test_a_small_stop_gets_a_reply_per_surface_and_a_closing() -> None:
    """Parent first, then each surface when it is settled, then the report; the parent ends with the final totals."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger", "billing/queue")
        rig.wake()
        await rig.until("STOPPING: full_stop on billing")
        rig.desk.prove("billing/queue")
        rig.wake()
        await rig.until("*VERIFIED* `billing/queue`")
        assert "`billing/ledger`" not in "".join(rig.replies())
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("Everything in scope is cut and proven")
        await rig.settled()
        titles = [reply.splitlines()[0] for reply in rig.replies()]
        assert titles == [
            ":white_check_mark: *VERIFIED* `billing/queue` (memory, api)",
            ":white_check_mark: *VERIFIED* `billing/ledger` (memory, api)",
            "*Report of full_stop on billing*: 2 of 2 surfaces cut and proven.",
        ]
        assert rig.everything().startswith("# :octagonal_sign: CUT AND PROVEN: full_stop on billing")
        assert rig.calls() <= 8
        assert rig.slack.violations == []


async def test_a_thousand_surfaces_take_at_most_eight_calls() -> None:
    """However often the outcomes change meanwhile, and with the reason to be asked for."""
    async with rigged(replace(FAST, update_every=0.001)) as rig:
        rig.start()
        rig.desk.stop(*MANY, reason="")
        rig.wake()
        await rig.until("STOPPING")
        for start in range(0, 850, 85):
            rig.desk.prove(*MANY[start : start + 85])
            rig.wake()
            await asyncio.sleep(0.1)  # the pace of the cuts, time enough for an update after each
        rig.desk.prove(*MANY[850:], outcome=Outcome.UNKNOWN, late=True, detail="no answer within 5 s")
        rig.wake()
        await rig.until("*NOT CUT* (150)")
        await rig.settled()
        assert rig.calls() <= 8, rig.slack.calls.counts()
        assert "850* cut and proven" in rig.everything()
        batch, file, closing = rig.replies()
        assert batch.startswith("*1,000 surfaces*, by agent: 850 VERIFIED, 150 UNKNOWN")
        assert file == "[file agent-kill-hold-1.txt]"
        assert "[Give the reason]" in closing
        assert closing.endswith("*NOT PROVEN*: nothing")
        (upload,) = rig.slack.workspace.files.values()
        assert upload.content is not None
        assert all(name in upload.content.decode() for name in MANY)
        assert rig.slack.violations == []


async def test_a_second_stop_joins_the_thread() -> None:
    """It confirms what is new in it and gets its own closing; there is one parent, which names both."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("*Report of full_stop on billing*")
        rig.desk.stop("billing/ledger", "crm/api", hold="hold-2", mode=Mode.READ_ONLY, scope="crm")
        rig.desk.prove("crm/api", asked=Mode.READ_ONLY)
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("*Report of read_only on crm*")
        await rig.settled()
        assert [reply.splitlines()[0] for reply in rig.replies()[2:]] == [
            ":white_check_mark: *VERIFIED* `crm/api` (memory, api)",
            "*Report of read_only on crm*: 2 of 2 surfaces cut and proven.",
        ]
        assert "`hold-1`" in rig.everything()
        assert "*Hold* `hold-2`" in rig.everything()
        assert rig.parent().ts


async def test_a_missing_reason_is_asked_for_and_then_said() -> None:
    """The question is there while the cut is under way; the answer takes the button away and reaches the parent."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger", reason="")
        rig.wake()
        await rig.until("[Give the reason]")
        given = events.ReasonGiven(
            at=rig.desk.now, hold="hold-1", by=events.Person(kind="slack", id="U0ALICE"), reason="it mails customers"
        )
        rig.desk.board.apply(given)
        rig.wake()
        await rig.until("“it mails customers”")
        await rig.slack.wait_for(lambda: "[Give the reason]" not in rig.everything())


async def test_a_surface_that_came_back_and_was_cut_again_is_told_once() -> None:
    """Between two looks it drifted and was proven again: the thread says so once, and not what looks like no change."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("Everything in scope is cut and proven")
        await rig.settled()
        rig.desk.prove("billing/ledger", outcome=Outcome.DRIFTED, detail="came back as normal, changed by deploy-bot")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("came back as normal, changed by deploy-bot and was cut again")
        rig.wake()
        await rig.settled()
        assert rig.everything().count("was cut again") == 1


async def test_later_changes_are_gathered_into_one_reply() -> None:
    """What changes after the report is told in a reply of its own, with the owner called when a cut came undone."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger", "billing/queue")
        rig.desk.prove("billing/ledger")
        rig.desk.prove("billing/queue", outcome=Outcome.UNKNOWN, late=True)
        rig.wake()
        await rig.until("*Report of")
        rig.desk.prove("billing/ledger", outcome=Outcome.DRIFTED, held=Mode.NORMAL)
        rig.desk.prove("billing/queue")
        rig.wake()
        await rig.until("changes since the last report")
        reply = rig.replies()[-1]
        assert "*2 changes since the last report*. 1 of 2 surfaces cut and proven." in reply
        assert "`billing/ledger` is now :leftwards_arrow_with_hook: *DRIFTED*" in reply
        assert "<@U0OWNER> <!subteam^S0ONCALL> please act" in reply
        assert "*NOT CUT* (1)" in reply


async def test_retries_that_fail_in_other_ways_are_no_news() -> None:
    """Unknown and failed in turns, every few seconds, do not fill the thread."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/queue")
        rig.desk.prove("billing/queue", outcome=Outcome.UNKNOWN, late=True)
        rig.wake()
        await rig.until("*Report of")
        for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.FAILED):
            rig.desk.prove("billing/queue", outcome=outcome, late=True)
            rig.wake()
            await rig.settled()
        rig.desk.prove("billing/queue")
        rig.wake()
        await rig.until("1 change since the last report")
        assert len(rig.replies()) == 3


async def test_a_closed_incident_is_said_in_the_parent() -> None:
    """The parent says who closed it."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("*Report of")
        by = events.Person(kind="slack", id="U0BOB")
        rig.desk.board.apply(events.IncidentClosed(at=rig.desk.now, incident="inc-1", by=by))
        rig.wake()
        await rig.until("# :lock: CLOSED")


async def test_an_incident_without_a_channel_goes_to_the_incident_channel() -> None:
    """A stop from the command line is reported like any other, and says where it came from."""
    async with rigged() as rig:
        by = events.Person(kind="cli", id="root@bastion")
        rig.desk.stop("billing/ledger", channel=None, by=by)
        rig.desk.prove("billing/ledger")
        rig.start()
        await rig.until("*Report of")
        assert "from the command line on host bastion" in rig.everything()


async def test_old_news_of_several_surfaces_comes_in_one_reply() -> None:
    """After a long outage a thread gets its summary, not a reply per surface, and says that it is late."""
    async with rigged() as rig:
        rig.desk.stop("billing/ledger", "billing/queue", at=rig.desk.now - 600)
        rig.desk.prove("billing/ledger", "billing/queue")
        rig.start()
        await rig.until("*Report of")
        await rig.settled()
        assert [reply.splitlines()[0][:14] for reply in rig.replies()] == ["*2 surfaces*, ", "*Report of ful"]
        assert "First reported here 10 min after the stop." in rig.everything()
        assert rig.calls() == 3


async def test_posts_are_paced_and_slack_never_has_to_refuse() -> None:
    """With Slack's own limits and the real pace, not one call is answered 429."""
    async with rigged(replace(FAST, spacing=1.0), rate_limits=True) as rig:
        rig.start()
        rig.desk.stop("billing/ledger", "billing/queue")
        rig.desk.prove("billing/ledger", "billing/queue")
        rig.wake()
        await rig.until("*Report of")
        posts = [call.at for call in rig.slack.calls.of("chat.postMessage")]
        assert all(later - sooner >= 0.99 for sooner, later in pairwise(posts))
        assert all(call.ok for call in rig.slack.calls)


@pytest.mark.alone
async def test_looking_at_ten_thousand_surfaces_leaves_the_loop_to_the_cuts() -> None:
    """Deciding what to say costs time in proportion to the surfaces, also once the report is closed."""
    async with rigged() as rig:
        names = [f"agent{index % 50}/surface{index}" for index in range(10_000)]
        rig.desk.stop(*names)
        rig.desk.prove(*names)
        rig.start()
        await rig.until("Everything in scope is cut and proven")
        await rig.settled()
        incident, progress = rig.desk.board.incidents["inc-1"], rig.thread._progress["inc-1"]
        began = time.perf_counter()
        step = next_step(rig.thread._scene(incident, progress, None))
        assert time.perf_counter() - began < 0.8
        assert step is not None
        assert step.slot == "remind:1"  # in a day, and nothing before it
