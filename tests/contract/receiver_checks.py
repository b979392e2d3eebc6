"""What the reference receiver must do, each as a check of a class; `test_http_receiver` gives it broken ones too.

A check gets `Made`: the class, and a folder with a mode in it.
"""

import hmac
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.http_control.receiver.receiver import Receiver
from adapters.http_control.request import REQUEST, SIGNATURE, Request

SECRET = "shared"
Told = dict[str, Any]


@dataclass
class Made:
    """The class under test and its folder."""

    kind: type[Receiver]
    folder: Path

    def receiver(self, *, mode: str = "normal", generation: int = 7) -> Receiver:
        """One with a mode on its disk."""
        self.wrote(json.dumps([mode, generation]))
        return self.again()

    def wrote(self, text: str) -> None:
        """What its disk says."""
        (self.folder / "mode.json").write_text(text)

    def again(self) -> Receiver:
        """As after a start."""
        return self.kind(SECRET, self.folder, lambda _mode: {"ended": 0, "in_flight": 0}, instance="one")


def ended(receiver: Receiver) -> None:
    """Its process is gone: the folder is free."""
    os.close(receiver.disk)


def asked(mode: str, *, generation: str = "") -> tuple[str, dict[str, str], bytes]:
    """A signed request for a mode, as the adapter makes it."""
    body = json.dumps({"mode": mode}).encode()
    return "POST", Request(SECRET.encode(), "POST", body, generation=generation).headers(), body


def plain(mode: str, *, at: int = 0) -> tuple[str, dict[str, str], bytes]:
    """The contract's request, without more."""
    body, now = json.dumps({"mode": mode}).encode(), at or int(time.time())
    v1 = hmac.digest(SECRET.encode(), f"{now}.".encode() + body, "sha256").hex()
    return "POST", {SIGNATURE: f"t={now},v1={v1}"}, body


def a_stop_is_taken_and_kept(made: Made) -> None:
    """Whatever generation it carries, stricter wins, and a restart keeps it and counts on."""
    receiver = made.receiver()
    for mode in ("read_only", "full_stop", "full_stop"):
        assert receiver(*asked(mode))[1] == 200
    assert (receiver.mode, receiver.generation) == ("full_stop", 10)
    ended(receiver)
    again = made.again()
    assert (again.mode, again.generation) == ("full_stop", 10)
    ended(again)


def a_request_counts_once(made: Made) -> None:
    """A recorded one is refused, also when it is stripped to what a plain receiver reads."""
    receiver = made.receiver()
    method, headers, body = asked("full_stop")
    assert receiver(method, headers, body)[1] == 200
    assert receiver(method, headers, body)[1] == 409
    assert receiver(method, {SIGNATURE: headers[SIGNATURE]}, body)[1] == 409
    for other in ("GET", "PUT"):
        assert receiver(other, headers, body)[1] == 409
        assert receiver(other, {SIGNATURE: headers[SIGNATURE]}, body)[1] == 409
    assert receiver.generation == 8


def only_a_post_changes_anything(made: Made) -> None:
    """The contract's signature does not bind the method: what never arrived as a POST is none as a GET or PUT."""
    receiver = made.receiver()
    for at, other in enumerate(("GET", "PUT")):
        _, headers, body = plain("full_stop", at=int(time.time()) - at)
        assert json.loads(receiver(other, headers, body)[0])["mode"] == "normal"
    assert (receiver.mode, receiver.generation) == ("normal", 7)


def a_late_loosening_is_refused(made: Made) -> None:
    """One that was made before a stop came, an equal one too, and one that names no generation."""
    receiver = made.receiver(mode="full_stop")
    late = asked("normal", generation="7")
    assert receiver(*asked("full_stop"))[1] == 200
    bare = plain("normal", at=int(time.time()) - 2)
    assert [receiver(*one)[1] for one in (late, asked("normal"), bare)] == [412, 412, 412]
    assert receiver.mode == "full_stop"
    assert receiver(*asked("normal", generation="8"))[1] == 200
    assert receiver.mode == "normal"


def a_plain_request_stops(made: Made) -> None:
    """The contract's own: it stops once, and reads."""
    receiver = made.receiver()
    stop = plain("full_stop")
    assert receiver(*stop)[1] == 200
    assert receiver(*stop)[1] == 409
    v1 = hmac.digest(SECRET.encode(), f"{int(time.time())}.".encode(), "sha256").hex()
    for _ in range(2):
        body, status, _ = receiver("GET", {SIGNATURE: f"t={int(time.time())},v1={v1}"}, b"")
        assert (json.loads(body)["mode"], status) == ("full_stop", 200)


def a_forgery_is_refused(made: Made) -> None:
    """Another secret, body or method, too old, too far ahead, none at all: 401, and nothing is signed."""
    receiver, now = made.receiver(mode="read_only"), int(time.time())
    method, headers, body = asked("full_stop")
    other = Request(b"another", "POST", body).headers()
    forged = [(method, other, body), (method, headers, b'{"mode": "normal"}'), (method, {}, body)]
    forged += [(method, {SIGNATURE: headers[SIGNATURE] + "é"}, body), (method, {SIGNATURE: "t=²,v1=é"}, body)]
    forged += [plain("full_stop", at=now - 320), plain("full_stop", at=now + 60)]
    for one in forged:
        assert receiver(*one) == (b"{}", 401, {})
    normal = b'{"mode": "normal"}'
    stolen = Request(SECRET.encode(), "GET", normal, generation="7").headers()
    assert receiver("POST", stolen, normal)[1] == 412, "a request was taken for one of another method"
    assert receiver.mode == "read_only"


def an_answer_is_signed_for_its_request(made: Made) -> None:
    """Over the nonce, the status and the body."""
    receiver = made.receiver()
    _, headers, body = asked("full_stop")
    nonce = headers[REQUEST].split(",")[0].removeprefix("n=")
    answer, status, told = receiver("POST", headers, body)
    right = hmac.digest(SECRET.encode(), f"answer.{nonce}.{status}.".encode() + answer, "sha256").hex()
    assert told["X-Agent-Kill-Answer"] == f"v2={right}"
    said: Told = json.loads(answer)
    assert said == {"mode": "full_stop", "generation": 8, "instance": "one", "ended": 0, "in_flight": 0}


def a_corrupt_file_is_a_full_stop(made: Made) -> None:
    """As is a missing one; what was half written beside it does not count."""
    for text in (
        "",
        "{",
        '["off", 3]',
        '["normal"]',
        '["normal", "x"]',
        "null",
        '{"mode": "normal"}',
        '["normal", 1e999]',
        "[" * 100_000,
    ):
        made.wrote(text)
        receiver = made.again()
        assert receiver.mode == "full_stop", f"{text!r} was read as {receiver.mode}"
        ended(receiver)
    (made.folder / "mode.json").unlink()
    receiver = made.again()
    assert receiver.mode == "full_stop"
    assert receiver(*asked("read_only", generation=str(receiver.generation)))[1] == 200
    ended(receiver)
    (made.folder / "mode.new").write_text('["normal"')
    assert made.again().mode == "read_only"


def a_stop_waits_for_no_disk(made: Made) -> None:
    """It holds in memory where the disk fails, and a loosening that was read before it is refused."""
    receiver = made.receiver(mode="read_only")
    (made.folder / "mode.new").mkdir()
    with pytest.raises(IsADirectoryError):
        receiver(*asked("full_stop"))
    assert receiver.mode == "full_stop"
    assert receiver(*asked("read_only", generation="7"))[1] == 412


def a_loosening_waits_for_the_disk(made: Made) -> None:
    """Where the disk fails, the mode stays as strict as the disk has it, and the call counts as told."""
    receiver = made.receiver(mode="full_stop")
    (made.folder / "mode.new").mkdir()
    with pytest.raises(IsADirectoryError):
        receiver(*asked("normal", generation="7"))
    assert receiver.mode == "full_stop"
    (made.folder / "mode.new").rmdir()
    assert [receiver(*asked("normal", generation=at))[1] for at in ("7", "8")] == [412, 200]
    assert receiver.mode == "normal"


def a_second_process_does_not_start(made: Made) -> None:
    """It would have a mode of its own."""
    receiver = made.receiver()
    with pytest.raises(BlockingIOError):
        made.again()
    ended(receiver)
    ended(made.again())


def a_mode_that_it_does_not_hold_is_refused(made: Made) -> None:
    """It parks nothing, so that what the middle modes hold back would be lost."""
    receiver = made.receiver()
    assert [receiver(*asked(mode))[1] for mode in ("draft_only", "approval_gated", "off")] == [422] * 3
    assert (receiver.mode, receiver.generation) == ("normal", 7)


CHECKS = (
    a_stop_is_taken_and_kept,
    a_request_counts_once,
    only_a_post_changes_anything,
    a_late_loosening_is_refused,
    a_plain_request_stops,
    a_forgery_is_refused,
    an_answer_is_signed_for_its_request,
    a_corrupt_file_is_a_full_stop,
    a_stop_waits_for_no_disk,
    a_loosening_waits_for_the_disk,
    a_second_process_does_not_start,
    a_mode_that_it_does_not_hold_is_refused,
)
# What could be wrong with it: what stands there, what stands there instead, and the check that must see it.
DEFECTS = {
    "a nonce is not checked": ('(method == "POST" or body) and n in self.spent', "False", a_request_counts_once),
    "a recorded one counts by another method": (
        '(method == "POST" or body)',
        'method == "POST"',
        a_request_counts_once,
    ),
    "any method changes the mode": ('(method == "POST" and body) or', "body or", only_a_post_changes_anything),
    "a stripped request counts again": ("{n: now, v1: now}", "{n: now}", a_request_counts_once),
    "a stale generation is taken": ("!= str(self.generation)", "== ''", a_late_loosening_is_refused),
    "an equal stop does not count": ("if asked:", "if mode != self.mode:", a_late_loosening_is_refused),
    "any loosening is taken": (
        "and generation != str(self.generation)",
        "and not mode",
        a_late_loosening_is_refused,
    ),
    "the method is not signed": ("{g}.{method}.", "{g}.GET.", a_forgery_is_refused),
    "an old request is taken": ("now - 300", "0", a_forgery_is_refused),
    "a request of tomorrow is taken": ("now + 30", "now + 90_000", a_forgery_is_refused),
    "a signature is not checked": (
        'not hmac.compare_digest(self._sign(f"{t}.", body), v1) or',
        "",
        a_forgery_is_refused,
    ),
    "an answer is good for any request": ("answer.{n}.", "answer..", an_answer_is_signed_for_its_request),
    "an answer is good for any status": (".{status}.", "..", an_answer_is_signed_for_its_request),
    "a corrupt file loosens": ('= "full_stop", time.time_ns()', '= "normal", 0', a_corrupt_file_is_a_full_stop),
    "the mode is not kept": ("new.replace(self.file)", "None", a_stop_is_taken_and_kept),
    "a loosening that failed counts": ("max(self.mode, mode, key=MODES.index)", "mode", a_loosening_waits_for_the_disk),
    "a stop waits for the disk": ("max(self.mode, mode, key=MODES.index)", "self.mode", a_stop_waits_for_no_disk),
    "two processes serve one file": ("fcntl.flock(", "max(", a_second_process_does_not_start),
    "a mode that is not held is taken": ("return 422, {}", "pass", a_mode_that_it_does_not_hold_is_refused),
}
