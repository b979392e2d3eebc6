"""The jobs of an agent on RQ. One line in the file of effects is one effect; they end at a trigger or not at all."""

import os
import subprocess
import sys
import time
from pathlib import Path

_LATE = "import sys, time, pathlib\nwhile not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.005)\n"
_LATE += "open(sys.argv[1], 'a').write('late\\n')\ntime.sleep(1000)"


def act(effects: str, what: str = "act") -> None:
    """One effect."""
    with open(effects, "a", encoding="ascii") as file:  # noqa: PTH123  # runs before every action of the busy agent
        file.write(f"{what}\n")


def slow(effects: str, trigger: str) -> None:
    """One effect, once the trigger is there."""
    act(trigger + ".begun")
    while not Path(trigger).exists():
        time.sleep(0.005)
    act(effects)


def leave(effects: str, trigger: str) -> None:
    """Leaves a process in its own session, without environment and parents, that acts once the trigger is there."""
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", _LATE, effects, trigger], start_new_session=True, env={})
        os._exit(0)
    os.wait()


def stubborn(effects: str) -> None:
    """Acts without end, and has a child in a session of its own that does the same."""
    if os.fork() == 0:
        os.setsid()
        for_ever(effects)
    for_ever(effects)


def for_ever(effects: str) -> None:
    """One effect every few milliseconds."""
    while True:
        act(effects, "more")
        time.sleep(0.01)


def breeding(effects: str) -> None:
    """Each process acts once, and leaves another one in a session of its own."""
    while True:
        act(effects, "more")
        time.sleep(0.005)
        if os.fork():
            os._exit(0)
        os.setsid()
