"""One demo agent as a process: `python -m bot.sandbox.demo.agent`.

The first line of standard input is its work as JSON: `{"billing/ledger": {"kind": "sql", "url": …, "name": …}, …}`.
Ten times a second it prints what it tried and did, one JSON object a line. It ends when standard input ends, so that
nothing is left when the demo is killed.
"""

import asyncio
import json
import os
import sys
import threading
from dataclasses import asdict

from bot.sandbox.demo.workers import KINDS, Worker, for_ever

_TOLD = 0.1  # seconds


async def work(specification: dict[str, dict[str, str]]) -> None:
    """Works on every surface at once, for ever."""
    workers: dict[str, Worker] = {
        surface: KINDS[one["kind"]](url=one["url"], name=one["name"]) for surface, one in specification.items()
    }
    async with asyncio.TaskGroup() as group:
        for worker in workers.values():
            group.create_task(for_ever(worker))
        while True:
            say({surface: asdict(worker.tally) for surface, worker in workers.items()})
            await asyncio.sleep(_TOLD)


def say(words: object) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def first_line() -> dict[str, dict[str, str]]:
    """Reads the specification, and from then on ends the process when standard input ends."""
    found: dict[str, dict[str, str]] = json.loads(sys.stdin.readline())
    threading.Thread(target=_until_orphaned, daemon=True).start()
    return found


def _until_orphaned() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(work(first_line()))
