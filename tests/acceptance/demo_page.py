"""The demo's page as a process, driven through its own API alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bot.sandbox.processes import descendants

INCIDENT = "C0INCIDENT"
_VERIFIED = re.compile(r"VERIFIED\*? `(billing/[a-z]+)`")
_POLL = 0.1
_DEAF = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
_FIRST = "import fcntl, os, sys, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
State = dict[str, Any]


class Page:
    """The API. `process` is the demo itself."""

    def __init__(self, address: str, process: "subprocess.Popen[str]") -> None:
        self.address, self.process = address, process

    def get(self, path: str) -> Any:
        """`GET /api/PATH`."""
        with read(f"{self.address}api/{path}") as answer:
            return json.load(answer)

    def post(self, path: str, **asked: Any) -> State:
        """`POST /api/PATH`; a refusal is an answer too."""
        status, found = self.raw(path, json.dumps(asked).encode())
        assert status < 500, found
        return found

    def raw(self, path: str, body: bytes, **headers: str) -> tuple[int, State]:
        """A post with other headers: status and answer."""
        headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        try:
            with read(f"{self.address}api/{path}", body, headers) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def say(self, who: str, text: str, thread: str | None = None) -> State:
        """Somebody types in the incident channel."""
        return self.post("say", **{"as": who, "channel": INCIDENT, "thread": thread, "text": text})

    def fault(self, name: str, *, on: bool = True) -> None:
        """Turns a switch of the fault bar."""
        assert self.post("fault", name=name, on=on)["ok"]

    def until(self, so: Callable[[State], Any], what: str, seconds: float = 30.0) -> State:
        """Waits until the state is so, and returns it."""
        end = time.monotonic() + seconds
        while True:
            state: State = self.get("state")
            if so(state):
                return state
            assert time.monotonic() < end, f"{what}: {[(s['name'], s['outcome']) for s in state['surfaces']]}"
            time.sleep(_POLL)

    def until_verified(self, name: str, what: str) -> None:
        """Waits until the bot says that a surface is verified."""
        self.until(lambda state: outcomes(state)[name] == "verified", what)

    def works(self, *names: str) -> None:
        """Waits until the witness sees the agent act on every surface, or on these."""
        self.rates(lambda one: all(one["surfaces"][name] for name in names or one["surfaces"]), "the agent works")

    def rates(self, so: Callable[[State], Any], what: str, seconds: float = 15.0) -> State:
        """Waits until the rates are so, and returns them."""
        end = time.monotonic() + seconds
        while True:
            found: State = self.get("rates")
            if so(found):
                return found
            assert time.monotonic() < end, f"{what}: {found}"
            time.sleep(_POLL)

    def idle(self, *names: str) -> State:
        """Waits until nothing acts on these surfaces any more; nothing may have come after a proof."""
        found = self.rates(lambda one: not any(one["surfaces"][name] for name in names), "nothing acts any more")
        slipped = {name: found["after_verified"].get(name) for name in names if found["after_verified"].get(name)}
        assert not slipped, f"the witness saw effects after the proof: {slipped}"
        return found


def read(address: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> HTTPResponse:
    """Asks the page; it is on loopback. Raises `HTTPError` for a refusal."""
    call = urllib.request.Request(address, data=body, headers=headers or {})  # noqa: S310  # the demo's own address
    answer: HTTPResponse = urllib.request.urlopen(call, timeout=20)  # noqa: S310  # as above
    return answer


def names(state: State) -> list[str]:
    """The surfaces."""
    return [one["name"] for one in state["surfaces"]]


def outcomes(state: State) -> dict[str, str | None]:
    """What the bot says of each surface."""
    return {one["name"]: one["outcome"] for one in state["surfaces"]}


def proven(state: State) -> bool:
    """Whether every surface is verified."""
    return set(outcomes(state).values()) == {"verified"}


def confirmed(state: State) -> set[str]:
    """The surfaces of which some thread of the incident channel says VERIFIED."""
    replies = [one for one in state["messages"] if one["channel"] == INCIDENT and one["thread_ts"]]
    return set(_VERIFIED.findall(json.dumps([one["blocks"] for one in replies], ensure_ascii=False)))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may pass through: PostgreSQL runs as one where we are root.

    It is not below pytest's own, which every session that starts closes to others again.
    """
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def left(family: Iterable[int]) -> list[int]:
    """Which of these processes live; one that ended and that the system has not noted yet does not."""
    return [pid for pid in family if _state(pid) not in "ZX"]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "X"


@contextmanager
def page(folder: Path, how: signal.Signals = signal.SIGINT) -> Iterator[Page]:
    """Starts the demo, ends it by a signal, and looks whether anything is left."""
    process = start(folder)
    try:
        yield Page(address(process), process)
        family = descendants(process.pid)
        assert len(family) > 12
        told = end(process, how)
        assert process.returncode == 0, told
        assert not left(family), "processes are left"
        assert list(folder.iterdir()) == [], "files are left"
    finally:
        if process.poll() is None:
            end(process, signal.SIGTERM)


def start(folder: Path, *words: str, terminal: int | None = None) -> "subprocess.Popen[str]":
    """`agent-kill demo` with its files below `folder`.

    SIGINT is ignored, as where a shell without a terminal starts it; or it is the first program of this terminal.
    """
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            _DEAF if terminal is None else _FIRST,
            sys.executable,
            "-m",
            "bot",
            "demo",
            "--no-browser",
            *words,
        ],
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUTF8": "1"},
        start_new_session=True,
    )


def end(process: "subprocess.Popen[str]", how: signal.Signals) -> str:
    """Ends the demo by a signal; returns what it said last."""
    process.send_signal(how)
    told, _ = process.communicate(timeout=60)
    return told


def address(process: "subprocess.Popen[str]") -> str:
    """Where its page is, once it is ready."""
    told = ""
    assert process.stdout is not None
    for line in process.stdout:
        told += line
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            return found.group()
    raise AssertionError(f"the demo did not start: {told}")
