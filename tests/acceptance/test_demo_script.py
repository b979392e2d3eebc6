"""Whether `agent-kill demo --script` plays what it promises, and fails where a step does not really happen."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.sandbox.processes import descendants
from tests.acceptance.demo_page import folder, left

__all__ = ["folder"]
pytestmark = pytest.mark.timeout(440)
_WRONG_ROLE = """
import os, sys, yaml
path = os.environ["AGENT_KILL_CONFIG"]
whole = yaml.safe_load(open(path, encoding="utf-8"))
ledger = whole["agents"]["billing"]["surfaces"]["ledger"]
ledger["settings"]["role"] = "research_agent"
del ledger["canary"]
with open(path + ".wrong", "w", encoding="utf-8") as file:
    yaml.safe_dump(whole, file)
os.environ["AGENT_KILL_CONFIG"] = path + ".wrong"
os.execv(sys.executable, [sys.executable, "-m", "bot", *sys.argv[1:]])
"""


def demo(folder: Path, *words: str) -> "subprocess.Popen[str]":
    """Starts the play with its temporary files below `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--script", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUTF8": "1"},
        start_new_session=True,
    )


def test_every_step_really_happens(folder: Path) -> None:
    """Exit 0; each step is told, the threads are shown, no control character, nothing left behind."""
    playing = demo(folder)
    told, _ = playing.communicate(timeout=400)
    assert playing.returncode == 0, told
    for number in range(1, 10):
        assert f"[{number}/9]" in told
    for words in (
        "full_stop on all: 8 surfaces being cut now",
        "Everything in scope is cut and proven",
        "more attempts, 0 effects",
        "the open transaction was rolled back",
        "cut again by itself",
        "NOT CUT (1)",
        "0 duplicate messages",
        "You opened this ballot",
        "given back by vote, and by nothing else",
        "the stop won in the middle of the restore",
        "All 9 steps really happened",
    ):
        assert words in told
    assert not [sign for sign in told if ord(sign) < ord(" ") and sign != "\n"]
    assert list(folder.iterdir()) == []


def test_a_bot_that_cuts_the_wrong_role_is_caught_by_the_witness(folder: Path) -> None:
    """The bot says that everything is proven; the agent still writes; exit 1 names the step and keeps the logs."""
    wrong = folder / "wrong_role.py"
    wrong.write_text(_WRONG_ROLE)
    playing = demo(folder, "--bot-command", shlex.join([sys.executable, str(wrong)]))
    told, _ = playing.communicate(timeout=400)
    assert playing.returncode == 1, told
    assert "step 3 of 9 did not happen" in told
    assert "the witness saw effects after the proof: {'billing/ledger'" in " ".join(told.split())
    [kept] = folder.glob("agent-kill-demo-*")
    assert str(kept) in told
    assert (kept / "bot.log").exists()


def test_a_bot_that_never_answers_fails_the_play(folder: Path) -> None:
    """Exit 1 and a sentence that says what was waited for."""
    playing = demo(folder, "--bot-command", shlex.join([sys.executable, "-c", "import time; time.sleep(600)"]))
    told, _ = playing.communicate(timeout=400)
    assert playing.returncode == 1, told
    assert "FAILED: the bot did not connect to Slack" in told


def test_an_interrupt_leaves_nothing_behind(folder: Path) -> None:
    """Ctrl-C in the middle of the play: every process is stopped and the folder is gone."""
    playing = demo(folder)
    assert playing.stdout is not None
    for line in playing.stdout:
        if line.startswith("[2/9]"):
            break
    family = descendants(playing.pid)
    assert len(family) > 6
    os.kill(playing.pid, signal.SIGINT)
    told, _ = playing.communicate(timeout=60)
    assert playing.returncode == 130, told
    assert "interrupted" in told
    assert not left(family)
    assert list(folder.iterdir()) == []
