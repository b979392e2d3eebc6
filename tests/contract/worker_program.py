"""An agent that takes orders on a Unix socket: what a supervisor runs in the tests. Words: SOCKET EFFECTS.

One line of the file of effects is one effect. What it starts outlives an order, a session of the system, or a SIGTERM.
"""

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

EFFECTS = Path(sys.argv[2])
STUBBORN: list[bool] = []
PAUSE = 0.01
_LATE = "import sys, time, pathlib\nwhile not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.005)\n"
_LATE += "open(sys.argv[1], 'a').write('late\\n')\ntime.sleep(1000)"


def effect(what: str) -> None:
    """One line."""
    with EFFECTS.open("a") as file:
        file.write(f"{what}\n")


class Orders(socketserver.StreamRequestHandler):
    """One session."""

    children: ClassVar[list["subprocess.Popen[bytes]"]] = []

    def handle(self) -> None:
        """Each line is an order, answered by a line once it was carried out."""
        for line in self.rfile:
            word, _, rest = line.decode().strip().partition(" ")
            getattr(self, word)(*rest.split())
            self.wfile.write(b"done\n")

    def act(self) -> None:
        """One effect."""
        effect("act")

    def begin(self) -> None:
        """Nothing yet."""

    def stubborn(self) -> None:
        """Acts without end, minds no SIGTERM, and has a child in a session of its own that does the same."""
        STUBBORN.append(True)
        if os.fork() == 0:
            os.setsid()
            _for_ever()
        threading.Thread(target=_for_ever, daemon=True).start()

    def leave(self, trigger: str, how: str) -> None:
        """Leaves a process behind that has an effect once the file `trigger` is there.

        `kept` with its environment and without its parents, `bare` the other way round.
        """
        words = [sys.executable, "-c", _LATE, str(EFFECTS), trigger]
        if how == "bare":
            self.children.append(subprocess.Popen(words, start_new_session=True, env={}))
        elif os.fork() == 0:
            subprocess.Popen(words, start_new_session=True)
            os._exit(0)
        else:
            os.wait()

    def breed(self) -> None:
        """Each process acts once, and leaves another one in a session of its own, without end."""
        if os.fork() == 0:
            while True:
                effect("more")
                time.sleep(PAUSE / 2)
                if os.fork():
                    os._exit(0)
                os.setsid()

    def quit(self) -> None:
        """Ends the program."""
        os._exit(0)


class Server(socketserver.ThreadingUnixStreamServer):
    """Listens."""

    daemon_threads = True


def _for_ever() -> None:
    while True:
        effect("more")
        time.sleep(PAUSE)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: STUBBORN or os._exit(0))
    Path(sys.argv[1]).unlink(missing_ok=True)
    with Server(sys.argv[1], Orders) as server:
        server.serve_forever()
