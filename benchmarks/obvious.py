"""The program that everybody would write first: one aiohttp session with its pool of 100, `gather`, a timeout.

    python obvious.py PORT N TIMEOUT DATABASE

TIMEOUT in seconds, 0 for none. It says "ready", starts at the first line of input, tells how many surfaces it believes
cut, and commits one receipt per surface, as one would.
"""

import asyncio
import sqlite3
import sys
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.places import url


async def cut(session: ClientSession, number: int, port: int, receipts: sqlite3.Connection) -> bool:
    """Cuts one surface, reads it back, writes its receipt."""
    try:
        async with session.post(url(number, port), json={"mode": "full_stop"}) as reply:
            reply.raise_for_status()
            await reply.read()
        async with session.get(url(number, port)) as reply:
            proven = bool((await reply.json())["mode"] == "full_stop")
    except (ClientError, TimeoutError, OSError):
        proven = False
    receipts.execute("INSERT INTO receipts VALUES (?, ?)", (number, proven))
    receipts.commit()
    return proven


async def main(port: int, count: int, timeout: float, database: str) -> None:  # noqa: ASYNC109  # handed to the session
    """Waits for the word, then cuts everything."""
    receipts = sqlite3.connect(database)
    receipts.execute("PRAGMA journal_mode=WAL")
    receipts.execute("PRAGMA synchronous=FULL")
    receipts.execute("CREATE TABLE receipts (surface INTEGER, proven INTEGER)")
    async with ClientSession(timeout=ClientTimeout(total=timeout or None)) as session:
        print("ready", flush=True)  # noqa: T201  # its only voice
        sys.stdin.readline()
        proven = await asyncio.gather(*(cut(session, number, port, receipts) for number in range(count)))
    print(sum(proven), flush=True)  # noqa: T201  # its only voice
    sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
