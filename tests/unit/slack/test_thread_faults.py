"""Does the thread reach people when Slack, the channel or the bot itself fails?"""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.outcome import Outcome
from bot.slack.thread import Thread
from tests.unit.slack.thread_rig import FAST, Rig, rigged

CLOSING = "Everything in scope is cut and proven"


def small_stop(rig: Rig) -> None:
    """A stop of two surfaces that are cut and proven."""
    rig.desk.stop("billing/ledger", "billing/queue")
    rig.desk.prove("billing/ledger", "billing/queue")


def duplicates(rig: Rig, channel: str = "incident") -> int:
    """How many messages of a channel say what another says."""
    told = [message.text + str(message.files) for message in rig.slack.workspace.messages(channel)]
    return len(told) - len(set(told))


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_retry_after_is_honoured(method: str) -> None:
    """After a 429 the method is left alone for as long as Slack asked, and the thread is complete afterwards."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("STOPPING")
        rig.slack.faults.rate_limit(method, retry_after=1, code="rate_limited")
        rig.desk.prove("billing/ledger")
        rig.wake()
        for _ in range(20):  # a storm of wakes does not shorten the wait
            await asyncio.sleep(0.01)
            rig.wake()
        await rig.until(CLOSING)
        await rig.settled()
        calls = rig.slack.calls.of(method)
        refused = next(call for call in calls if call.status == 429)
        after = [call.at for call in calls if call.at > refused.at]
        assert after
        assert min(after) - refused.at >= 0.99
        assert duplicates(rig) == 0
        assert "CUT AND PROVEN" in rig.everything()


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_error_is_tried_again(status: int) -> None:
    """Pages that are not JSON included; nothing is said twice."""
    async with rigged() as rig:
        rig.slack.faults.status("chat.postMessage", status, times=2)
        rig.slack.faults.status("chat.update", status, times=1)
        small_stop(rig)
        rig.start()
        await rig.until(CLOSING, bound=20)
        await rig.settled()
        assert duplicates(rig) == 0
        assert not rig.thread.undeliverable()


@pytest.mark.parametrize("nth", [0, 1, 2, 3])
async def test_an_answer_that_is_lost_costs_one_duplicate_at_most(nth: int) -> None:
    """The message was posted and its answer never came: whichever it was, the thread is complete."""
    async with rigged() as rig:
        small_stop(rig)
        rig.start()
        if nth:
            await rig.slack.wait_for(lambda: len(rig.slack.workspace.messages("incident")) >= nth)
        rig.slack.faults.drop("chat.postMessage", times=1, after=True)
        await rig.until(CLOSING)
        await rig.settled()
        assert duplicates(rig) <= 1


async def test_two_lost_answers_in_a_row_cost_one_duplicate_too() -> None:
    """A reply whose outcome stays unknown twice counts as said, while Slack answers other calls."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("STOPPING")
        await rig.settled()
        rig.slack.faults.drop("chat.postMessage", times=2, after=True)
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until(CLOSING)
        await rig.settled()
        assert duplicates(rig) == 1


async def test_a_call_that_hangs_blocks_nothing_for_long() -> None:
    """A post that is never answered is given up, and made again once Slack answers."""
    async with rigged(patience=0.3) as rig:
        rig.slack.faults.hang("chat.postMessage", times=1)
        small_stop(rig)
        rig.start()
        await rig.until(CLOSING)
        assert duplicates(rig) == 0


async def test_slack_down_and_back_ends_in_the_state_as_it_is() -> None:
    """Nothing is lost and nothing flooded: what changed meanwhile is told once."""
    async with rigged(replace(FAST, catch_up_after=0.1)) as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("STOPPING")
        await rig.slack.go_down()
        rig.desk.prove("billing/ledger", outcome=Outcome.UNKNOWN, late=True)
        rig.wake()
        await rig.slack.wait_for(rig.thread.undeliverable)
        for outcome in (Outcome.FAILED, Outcome.ABSENT, Outcome.VERIFIED):
            rig.desk.prove("billing/ledger", outcome=outcome)
            rig.wake()
            await asyncio.sleep(0.05)
        await rig.slack.start()
        await rig.until(CLOSING, bound=20)
        await rig.settled()
        assert len(rig.replies()) == 2
        assert "Slack could not be reached from <!date" in rig.replies()[-1]
        assert not rig.thread.undeliverable()


@pytest.mark.parametrize("trouble", ["not_in", "private", "archived", "restricted"])
async def test_a_channel_that_cannot_be_posted_to_is_left_for_the_incident_channel(trouble: str) -> None:
    """The report goes to the incident channel and says where it belongs."""
    async with rigged() as rig:
        general = rig.slack.channel("general")
        if trouble != "not_in":
            general.members.append(rig.slack.workspace.app.bot_user)
        general.archived = trouble == "archived"
        general.restriction = "restricted_action_read_only_channel" if trouble == "restricted" else None
        channel = "C0SECRET" if trouble == "private" else general.id
        rig.desk.stop("billing/ledger", channel=channel)
        rig.desk.prove("billing/ledger")
        rig.start()
        await rig.until(CLOSING)
        assert f"It belongs to <#{channel}>, where the bot cannot post" in rig.everything()


async def test_a_channel_that_is_archived_in_the_middle_moves_the_thread() -> None:
    """What is still to be said goes to the fallback channel, with a parent of its own."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("STOPPING")
        rig.slack.channel("incident").archived = True
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until(CLOSING, "audit")
        assert rig.parent("audit").blocks


async def test_with_no_channel_at_all_the_report_waits_and_the_status_says_why() -> None:
    """And it comes as soon as somebody invites the bot."""
    async with rigged(FAST.__class__(spacing=0.0, update_every=0.02)) as rig:
        general = rig.slack.channel("general")
        rig.desk.stop("billing/ledger", channel=general.id)
        rig.desk.prove("billing/ledger")
        rig.start()
        await rig.slack.wait_for(rig.thread.undeliverable)
        assert "not_in_channel" in await rig.slack.wait_for(lambda: rig.thread.undeliverable().get("inc-1"))
        assert not await rig.thread.drain(0.1)


async def test_a_parent_that_was_deleted_is_posted_again() -> None:
    """Somebody tidied up: the report starts again, once."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("STOPPING")
        rig.parent().deleted = True
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until(CLOSING, bound=15)
        await rig.settled()
        assert "CUT AND PROVEN" in rig.everything()
        assert rig.parent().text


async def test_an_edit_window_that_closed_is_no_reason_to_flood() -> None:
    """Where the workspace forbids edits the parent stays as it is, and the replies tell the rest."""
    async with rigged() as rig:
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("STOPPING")
        rig.slack.faults.error("chat.update", "edit_window_closed", times=None)
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until(CLOSING)
        await rig.settled()
        assert rig.slack.calls.count("chat.update") == 1
        assert len(rig.slack.channel("incident").parents()) == 1


async def test_blocks_that_slack_does_not_take_become_a_sentence() -> None:
    """A message that cannot be shown as it should be is still said."""
    async with rigged() as rig:
        rig.slack.faults.error("chat.postMessage", "invalid_blocks", times=1)
        small_stop(rig)
        rig.start()
        await rig.until(CLOSING)
        first = rig.slack.workspace.messages("incident")[0]
        assert first.text.startswith("Agent stop full_stop on billing")


async def test_a_file_that_may_not_be_uploaded_does_not_hold_up_the_closing() -> None:
    """Without the scope for files the report ends all the same, and points elsewhere."""
    async with rigged() as rig:
        names = [f"billing/s{index}" for index in range(200)]
        rig.slack.faults.error("files.getUploadURLExternal", "missing_scope", times=None)
        rig.desk.stop(*names)
        rig.desk.prove(*names, outcome=Outcome.UNKNOWN, late=True)
        rig.start()
        await rig.until("*NOT CUT* (200)")
        assert "see the file" not in rig.replies()[-1]


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize("trouble", ["rate limit", "503"])
async def test_a_file_that_slack_never_takes_does_not_hold_up_the_closing(method: str, trouble: str) -> None:
    """It is given up after a few attempts, and the report says where the list is."""
    async with rigged() as rig:
        names = [f"billing/s{index}" for index in range(20)]
        if trouble == "rate limit":
            rig.slack.faults.rate_limit(method, retry_after=600, times=None)
        else:
            rig.slack.faults.status(method, 503, times=None)
        rig.desk.stop(*names)
        rig.desk.prove(*names)
        rig.start()
        await rig.until(CLOSING, bound=15)
        assert "The full list could not be shared as a file" in rig.replies()[-1]
        assert "agent-kill status" in rig.replies()[-1]
        await rig.settled()
        assert not rig.thread.undeliverable()


async def test_a_file_waits_for_an_outage_of_all_of_slack() -> None:
    """Only where Slack answers other calls is a file given up."""
    async with rigged() as rig:
        names = [f"billing/s{index}" for index in range(20)]
        asked = "files.getUploadURLExternal"
        for method in (asked, "chat.update"):
            rig.slack.faults.status(method, 503, times=None)
        rig.desk.stop(*names)
        rig.desk.prove(*names)
        rig.start()
        calls = rig.slack.calls
        await rig.slack.wait_for(lambda: calls.count(asked) > 2 and calls.count("chat.update"), 15)
        rig.slack.faults.clear()
        await rig.until(CLOSING, bound=15)
        assert any("[file" in reply for reply in rig.replies())
        assert "could not be shared" not in rig.everything()


async def test_a_parent_without_a_name_is_not_taken_for_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something on the way takes the message's `ts` off the answer, the status says so until it is mended."""
    async with rigged() as rig:
        client, known = rig.api.client, rig.api.client.api_call

        async def nameless(method: str, **given: Any) -> AsyncSlackResponse:
            answer = await known(method, **given)
            if isinstance(answer.data, dict):
                answer.data.pop("ts", None)
            return answer

        monkeypatch.setattr(client, "api_call", nameless)
        small_stop(rig)
        rig.start()
        assert "did not say ts" in await rig.slack.wait_for(lambda: rig.thread.undeliverable().get("inc-1"))
        assert not rig.replies()
        monkeypatch.setattr(client, "api_call", known)
        await rig.until(CLOSING, bound=20)
        assert len(rig.replies()) == 3


async def test_one_channel_in_trouble_delays_no_other_incident() -> None:
    """A rate limit in one channel leaves the next incident its own pace."""
    async with rigged() as rig:
        rig.start()
        rig.slack.faults.rate_limit("chat.postMessage", retry_after=30)
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.slack.wait_for(lambda: rig.slack.calls.count("chat.postMessage") == 1)
        rig.desk.stop("crm/api", hold="hold-2", incident="inc-2", channel="C0AUDIT")
        rig.desk.prove("crm/api")
        rig.wake("inc-2")
        began = time.monotonic()
        await rig.until(CLOSING, "audit")
        assert time.monotonic() - began < 3
        assert "rate limit" in rig.thread.undeliverable()["inc-1"]


async def test_waking_never_raises_and_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the task runs, for incidents that nobody knows, and while building a report fails."""
    async with rigged() as rig:
        rig.wake("nobody knows it")
        rig.start()
        broken = rig.thread
        monkeypatch.setattr(broken, "_known", lambda: 1 / 0)
        rig.desk.stop("billing/ledger")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await asyncio.sleep(0.05)
        monkeypatch.setattr(broken, "_known", lambda: rig.desk.known)
        monkeypatch.setattr(broken, "_groups", lambda: 1 / 0)
        await rig.until(CLOSING)
        assert isinstance(broken, Thread)
