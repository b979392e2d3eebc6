"""Ends what the demo left where the demo itself was killed: `python -m bot.sandbox.demo.warden`.

Each line of standard input is `{"folder": path, "pids": [id, …]}`: what is to go when standard input ends. It ends only
where the demo can no longer do it itself; in good order it stops this process first.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from typing import Any

from bot.sandbox.processes import descendants, send

_GENTLE = 3.0  # seconds to end in good order
_TICK = 0.05


def end(pids: Iterable[int]) -> None:
    """Ends these processes and all below them: frozen ones are thawed, what does not go is killed."""
    family = {one for pid in pids for one in (pid, *descendants(pid))}
    for pid in family:
        send(pid, signal.SIGCONT)
    for pid in pids:
        send(pid, signal.SIGINT)
    deadline = time.monotonic() + _GENTLE
    while any(map(_lives, family)) and time.monotonic() < deadline:
        time.sleep(_TICK)
    for pid in filter(_lives, family):
        send(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Waits for the end of standard input, then ends what was named last."""
    last: dict[str, Any] = {"folder": "", "pids": []}
    for line in sys.stdin:
        last = json.loads(line)
    end(last["pids"])
    if last["folder"]:
        shutil.rmtree(last["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
