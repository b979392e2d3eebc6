"""The agent's background worker: `python -m bot.sandbox.demo.guards.worker AGENT/SURFACE`.

It forks a helper that does half of the work, as workers do: ending the one leaves the other. The first line of
standard input is `{"url": …, "headers": {…}}` of the company's systems; both end when standard input ends.
"""

import contextlib
import http.client
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit

_PERIOD = 0.2  # seconds between two actions of each process


def work(surface: str, url: str, headers: dict[str, str]) -> None:
    """Acts for ever."""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            line.request("POST", f"/effect/{surface}", headers=headers)
            line.getresponse().read()
        time.sleep(_PERIOD)


def main() -> None:
    """Forks, and works in both processes."""
    told = json.loads(_first_line())
    os.fork()
    threading.Thread(target=_until_orphaned, daemon=True).start()
    work(sys.argv[1], told["url"], told["headers"])


def _first_line() -> bytes:
    """Read byte by byte, so that nothing of the pipe is buffered across the fork."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 1)
    return line


def _until_orphaned() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
