"""Does `POST /v1/stop` start exactly the stop that was asked, and answer everything else with a reason?"""

import json
from typing import Any

import pytest

from adapters.base import Mode, SurfaceClass
from bot.service.stop import EmptyScope
from bot.web.signed import SIGNATURE, sign
from tests.unit.web.conftest import SECRET, Asked, Door, Opened, Watch

STOP = {"mode": "full_stop", "agents": ["billing"], "reason": "spending spikes"}


async def test_a_signed_call_starts_a_stop_and_answers_its_receipt(door: Door) -> None:
    """202 with incident, hold and where it was recorded; the order says who, why and what."""
    status, body = await door.post(STOP)
    assert (status, body) == (202, {"incident": "inc-1", "hold": "hold-1", "recorded": "journal"})
    (order,) = door.asked.orders
    assert (order.mode, set(order.scope.agents), order.reason) == (Mode.FULL_STOP, {"billing"}, "spending spikes")
    assert (order.by.kind, order.by.id, order.origin, order.channel) == ("http", "pager", "http", "C0INCIDENT")


async def test_a_stop_that_no_disk_took_says_so(open_door: Opened) -> None:
    """NOT RECORDED is never passed over."""
    door = await open_door(Asked(recorded=False))
    assert (await door.post(STOP))[1]["recorded"] == "none"


async def test_every_scope_of_the_contract_is_understood(door: Door) -> None:
    """Surfaces, classes and all."""
    await door.post({"mode": "read_only", "surfaces": ["support/mail"], "classes": ["queue"]})
    await door.post({"mode": "draft_only", "all": True, "reason": None})
    first, second = door.asked.orders
    assert (set(first.scope.surfaces), set(first.scope.classes)) == ({"support/mail"}, {SurfaceClass.QUEUE})
    assert (second.scope.everything, second.reason) == (True, "")


async def test_null_means_not_given(door: Door) -> None:
    """A client that writes every key of its own type is understood; a scope of nulls is empty."""
    unset = {"agents": None, "surfaces": None, "classes": None, "all": None, "reason": None}
    assert (await door.post({"mode": "full_stop", **unset, "agents": ["billing"]}))[0] == 202
    assert (await door.post({"mode": "full_stop", **unset, "all": True}))[0] == 202
    first, second = door.asked.orders
    assert (set(first.scope.agents), first.scope.everything, first.reason) == ({"billing"}, False, "")
    assert (set(second.scope.agents), second.scope.everything) == (set(), True)
    status, body = await door.post({"mode": "full_stop", **unset})
    assert (status, "the scope is empty" in str(body)) == (422, True)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "Invalid JSON"),
        (b"[" * 60_000, 400, "Invalid JSON"),
        (b"\xff\xfe", 400, "Invalid JSON"),
        ([], 400, "not a stop"),
        ({**STOP, "mode": "normal"}, 400, "mode is one of approval_gated, draft_only, read_only, full_stop"),
        ({**STOP, "mode": ["full_stop"]}, 400, "mode is one of"),
        ({"agents": ["billing"]}, 400, "mode: Field required"),
        ({**STOP, "force": True}, 400, "force: Extra inputs"),
        ({**STOP, "everything": True}, 400, "everything: Extra inputs"),
        ({**STOP, "all": "yes"}, 400, "all: "),
        ({**STOP, "agents": "billing"}, 400, "agents: "),
        ({**STOP, "classes": ["queues"]}, 400, "'queue'"),
        ({**STOP, "agents": []}, 422, "the scope is empty"),
        ({**STOP, "agents": ["billing", "biling"]}, 422, "no agent is called biling; configured are billing, support"),
        ({**STOP, "surfaces": ["billing/ledgr"]}, 422, "no surface is called billing/ledgr; configured are billing/le"),
    ],
)
async def test_a_call_that_is_not_a_stop_is_refused_whole(door: Door, body: Any, status: int, words: str) -> None:
    """It names what is wrong and what is taken; nothing is stopped."""
    found, answer = await door.post(body)
    assert (found, door.asked.orders) == (status, [])
    assert words in answer["error"]


async def test_a_scope_that_covers_nothing_is_an_error(open_door: Opened) -> None:
    """The sentence of the stop path is handed on."""
    door = await open_door(Asked(error=EmptyScope("nothing that is configured matches 'class:worker'")))
    status, answer = await door.post({"mode": "full_stop", "classes": ["worker"]})
    assert (status, answer["error"]) == (422, "nothing that is configured matches 'class:worker'")


async def test_a_body_that_is_too_large_is_refused(door: Door) -> None:
    """64 KiB are enough for any stop; a reason that fits in them is cut, not refused."""
    assert (await door.post({**STOP, "reason": "x" * 70_000}))[0] == 413
    assert (await door.post({**STOP, "reason": "x" * 300_000}))[0] == 413
    assert (await door.post({**STOP, "reason": "x" * 60_000}))[0] == 202
    assert len(door.asked.orders[0].reason) == 2_000


async def test_an_unknown_caller_and_a_wrong_signature_cannot_be_told_apart(door: Door) -> None:
    """Not by status, not by words."""
    raw = json.dumps(STOP).encode()
    answers = [
        await door.post(STOP, X_Agent_Kill_Caller="nobody"),
        await door.post(STOP, X_Agent_Kill_Signature=sign("wrong", raw, door.watch.at)),
        await door.post(STOP, X_Agent_Kill_Signature="t=x"),
        await door.post(STOP, X_Agent_Kill_Caller=""),
    ]
    assert [status for status, _ in answers] == [401] * 4
    assert len({answer["error"] for _, answer in answers}) == 1
    assert door.asked.orders == []


async def test_an_old_signature_is_told_the_time(door: Door) -> None:
    """It is nearly always a clock, so the answer says what the time is here."""
    raw = json.dumps(STOP).encode()
    status, answer = await door.post(STOP, **{SIGNATURE: sign(SECRET, raw, door.watch.at - 301)})
    assert status == 401
    assert "301 s old" in answer["error"]
    assert "1800000000" in answer["error"]


async def test_a_signature_is_good_for_one_call(door: Door) -> None:
    """The second one is refused and stops nothing."""
    assert (await door.post(STOP))[0] == 202
    status, answer = await door.post(STOP)
    assert (status, len(door.asked.orders)) == (401, 1)
    assert "used already" in answer["error"]
    door.watch.at += 1
    assert (await door.post(STOP))[0] == 202


async def test_a_restart_does_not_forget_used_signatures(open_door: Opened) -> None:
    """The new process reads them from the state folder."""
    watch = Watch()
    before = await open_door(watch=watch)
    assert (await before.post(STOP))[0] == 202
    after = await open_door(watch=watch)
    assert (await after.post(STOP))[0] == 401
    assert after.asked.orders == []


async def test_a_call_that_failed_inside_may_be_tried_again_unchanged(open_door: Opened) -> None:
    """500 with a reference, no word of the inside, and the signature is good again."""
    door = await open_door(Asked(error=RuntimeError("password=hunter2")))
    status, answer = await door.post(STOP)
    assert status == 500
    assert "hunter2" not in str(answer)
    assert answer["reference"] in answer["error"]
    door.asked.error = None
    assert (await door.post(STOP))[0] == 202
