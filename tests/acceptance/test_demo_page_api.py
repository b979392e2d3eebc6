"""Whether the demo's page tells the truth: through its API alone, judged by the witness of what agents really do."""

import json
import os
import pty
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.processes import descendants
from tests.acceptance.demo_page import (
    Page,
    address,
    confirmed,
    end,
    folder,
    left,
    names,
    outcomes,
    page,
    proven,
    read,
    start,
)

__all__ = ["folder"]
pytestmark = pytest.mark.timeout(150)
_STOP = "/agent-kill full_stop"
_EIGHT = {"api", "tool", "queue", "scheduler", "webhook", "worker", "database", "identity"}


@pytest.fixture
def demo(folder: Path) -> Iterator[Page]:
    """The demo, with an agent that works on all eight surfaces; nothing may be left of it."""
    with page(folder) as running:
        running.works()
        yield running


def test_one_line_stops_eight_kinds_of_authority(demo: Page) -> None:
    """An intruder and a thread are refused in Slack's words; all eight are confirmed, and nothing acts again."""
    state = demo.get("state")
    assert {one["class"] for one in state["surfaces"]} == _EIGHT
    refused = demo.say("intruder", _STOP)
    assert "You are not in" in refused["ephemeral"]["text"]
    message = demo.say("oncall", "It refunds <twice> & more")
    state = demo.until(lambda one: one["messages"], "the message shows")
    assert state["messages"][0]["text"] == "It refunds &lt;twice&gt; &amp; more"
    answer = demo.say("oncall", _STOP, thread=message["ts"])
    assert answer["error"] == "not_in_threads"
    assert answer["ephemeral"] == {"text": "/agent-kill is not supported in threads. Sorry!"}
    demo.works()

    receipt = demo.say("oncall", f"{_STOP} It refunds twice")
    assert receipt["ok"]
    assert receipt["ack_ms"] < 3000
    assert "8 surfaces being cut now." in receipt["ephemeral"]["text"]
    assert "RECORDED" in receipt["ephemeral"]["text"]
    state = demo.until(lambda one: proven(one) and len(confirmed(one)) == 8, "eight confirmations")
    demo.until(lambda one: "Everything in scope is cut and proven" in json.dumps(one["messages"]), "the report closes")
    assert {(mark["surface"], mark["kind"]) for mark in state["marks"]} == {
        (name, kind) for name in names(state) for kind in ("stop", "proof")
    }
    assert [entry["type"] for entry in state["journal"]][:2] == ["refusal", "hold_added"]
    assert state["tour"] | {"refused": 1, "proven": True} == state["tour"]
    demo.idle(*names(state))

    demo.fault("agent_ignores")
    tries = demo.rates(lambda one: min(one["attempts"].values()) > 5, "the agent hammers on every surface")
    assert set(tries["after_verified"].values()) == {0}
    demo.idle(*names(state))

    demo.fault("surface_comes_back")
    state = demo.until(lambda one: any(mark["kind"] == "recut" for mark in one["marks"]), "it is cut again")
    assert [mark["surface"] for mark in state["marks"] if mark["kind"] == "drift"] == ["billing/reminders"]
    demo.until(lambda one: "and was cut again" in json.dumps(one["messages"]), "the thread says that it came back")
    demo.idle(*names(state))


def test_what_cannot_be_cut_is_said_until_it_is(demo: Page) -> None:
    """Frozen, hung and lying surfaces stand under NOT CUT, the other five are proven; mended, all eight are."""
    broken = {"database_frozen": "ledger", "surface_hung": "mail", "surface_lying": "hooks"}
    demo.fault("agent_ignores")
    for fault in broken:
        demo.fault(fault)
    assert "RECORDED" in demo.say("oncall", _STOP)["ephemeral"]["text"]
    wrong = {f"billing/{surface}" for surface in broken.values()}
    state = demo.until(
        lambda one: (
            {name for name, outcome in outcomes(one).items() if outcome == "verified"} == set(outcomes(one)) - wrong
        ),
        "five are proven",
    )
    assert {one["name"] for one in state["surfaces"] if one["not_cut"]} == wrong
    demo.idle(*(set(names(state)) - wrong))
    state = demo.until(lambda one: "*NOT CUT* (3)" in json.dumps(one["messages"]), "the report says what is NOT CUT")
    assert outcomes(state)["billing/hooks"] == "failed"
    demo.works("billing/hooks")
    for fault in broken:
        demo.fault(fault, on=False)
    state = demo.until(proven, "all eight are proven", 60)
    demo.idle(*names(state))


def test_the_page_answers_its_own_visitor_only(demo: Page) -> None:
    """The stream begins with what was; other sites, hosts and bodies are refused; files come with a CSP."""
    with read(f"{demo.address}api/stream") as stream:
        events = [next(stream).decode().strip() for _ in range(8)]
    assert [line for line in events if line.startswith("event")] == ["event: past", "event: state", "event: rates"]
    assert json.loads(events[4].removeprefix("data: "))["surfaces"]
    assert demo.raw("fault", b"{}", Origin="https://elsewhere.example")[0] == 403
    assert demo.raw("fault", b"{}", Host="elsewhere.example")[0] == 403
    assert demo.raw("fault", b"name=bot_killed", Content_Type="application/x-www-form-urlencoded")[0] == 415
    assert demo.raw("fault", b"[]")[0] == 400
    assert demo.post("fault", name="moon")["error"] == "not_found"
    assert demo.post("say", text="no sender")["message"] == "the field 'as' is missing"
    assert demo.post("click", **{"as": "oncall", "channel": "C0INCIDENT", "ts": "1.0", "action_id": "x"})["ok"] is False
    with read(demo.address) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert b"<html" in answer.read()


def test_sigterm_ends_it_too(folder: Path) -> None:
    """Also while the agent's database is frozen and the bot is gone: exit 0, no process and no file is left."""
    with page(folder, how=signal.SIGTERM) as demo:
        demo.fault("database_frozen")
        demo.fault("bot_killed")
        demo.fault("slack_down")


def test_ended_while_it_prepares_it_leaves_nothing(folder: Path) -> None:
    """SIGTERM in the middle of the start: what was started is stopped."""
    demo = start(folder)
    deadline = time.monotonic() + 30
    while len(descendants(demo.pid)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    family = descendants(demo.pid)
    told = end(demo, signal.SIGTERM)
    assert demo.returncode == 0, told
    assert not left(family)
    assert list(folder.iterdir()) == []


def test_killed_it_leaves_nothing_either(folder: Path) -> None:
    """Killed (-9) itself, with its database frozen and a guard stopped: its warden ends what is left."""
    process = start(folder)
    demo = Page(address(process), process)
    demo.works()
    demo.fault("database_frozen")
    demo.fault("surface_hung")
    family = descendants(process.pid)
    process.kill()
    process.communicate(timeout=20)
    deadline = time.monotonic() + 20
    while left(family) or any(folder.iterdir()):
        assert time.monotonic() < deadline, left(family)
        time.sleep(0.05)


def test_a_closed_terminal_ends_it_and_leaves_nothing(folder: Path) -> None:
    """The window is closed in the middle of it: what it would have said is lost, and no process and no file is left."""
    terminal, other = pty.openpty()
    process = start(folder, terminal=other)
    os.close(other)
    told = b""
    while b"Ctrl-C ends it" not in told:
        told += os.read(terminal, 4096)
    family = descendants(process.pid)
    assert len(family) > 12
    os.close(terminal)
    assert process.wait(30) == 0
    assert not left(family)
    assert list(folder.iterdir()) == []


def test_a_port_that_is_taken_is_said_before_anything_is_started(folder: Path) -> None:
    """One sentence names the port and what to do; no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(folder, "--port", str(port))
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"port {port} on this machine cannot be had (Address already in use): choose another" in " ".join(
        told.split()
    )
    assert "Traceback" not in told
    assert "PostgreSQL on port" not in told
