"""One demo agent as a process: `python -m bot.sandbox.demo.agent`.

The first line of standard input is its work as JSON: `{"billing/ledger": {"kind": "sql", "url": …, "name": …}, …}`.
Later lines are `{"ignores": bool}`: whether it ignores every stop, which it does from the start.
Ten times a second it prints what it tried and did, one JSON object a line. It ends when standard input ends, so that
nothing is left when the demo is killed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bot.sandbox.demo import web_workers as web
from bot.sandbox.demo.standard import first_line, say
from bot.sandbox.demo.workers import Manners, Post, QueueWorker, SqlWorker, Wallet, Worker, for_ever

_TOLD = 0.1  # seconds
KINDS: dict[str, Callable[[Post, Wallet], Worker]] = {
    "sql": SqlWorker,
    "queue": QueueWorker,
    "api": web.ApiWorker,
    "tool": web.ToolWorker,
    "scheduler": web.SchedulerWorker,
    "webhook": web.HookWorker,
    "worker": web.StarterWorker,
    "identity": web.TokenWorker,
}


async def work(specification: dict[str, dict[str, str]], manners: Manners) -> None:
    """Works on every surface at once, for ever."""
    wallet = Wallet()
    workers = {name: KINDS[one.pop("kind")](Post(**one), wallet) for name, one in specification.items()}
    async with asyncio.TaskGroup() as group:
        for worker in workers.values():
            group.create_task(for_ever(worker, manners))
        while True:
            say({surface: asdict(worker.tally) for surface, worker in workers.items()})
            await asyncio.sleep(_TOLD)


def main() -> None:
    """Works until standard input ends."""
    manners = Manners()

    def heed(words: Any) -> None:
        manners.ignores = bool(words["ignores"])

    asyncio.run(work(first_line(heed), manners))


if __name__ == "__main__":
    main()
