"""Standard input and output of the demo's own processes: JSON, a line each; the end of input ends the process."""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any


def say(words: object) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def first_line(heard: Callable[[Any], None] | None = None) -> Any:
    """Reads the first line, and from then on ends the process when standard input ends.

    Args:
        heard: gets each later line, in a thread of its own.
    """
    found = json.loads(sys.stdin.readline())
    threading.Thread(target=_listen, args=(heard,), daemon=True).start()
    return found


def _listen(heard: Callable[[Any], None] | None) -> None:
    for line in sys.stdin:
        if heard:
            heard(json.loads(line))
    os._exit(0)
