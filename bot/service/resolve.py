"""What host names lead to, asked of the system's resolver; a name that it does not know is compared as it is."""

import asyncio
import socket
from collections.abc import Iterable

from bot.domain.fate import Network

_PATIENCE = 3.0  # seconds for all of them
_AT_ONCE = 16


async def resolve(hosts: Iterable[str]) -> Network:
    """Resolves the names, and finds out which of them are this machine."""
    loop, slots = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def one(host: str) -> tuple[str, frozenset[str]]:
        async with slots:
            try:
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except OSError:
                return host, frozenset()
            return host, frozenset(str(address[4][0]) for address in found)

    asked = {asyncio.create_task(one(host)) for host in {*hosts, socket.gethostname()}}
    done, late = await asyncio.wait(asked, timeout=_PATIENCE)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    addresses = dict(task.result() for task in done)
    every = frozenset(address for found in addresses.values() for address in found)
    own = addresses.get(socket.gethostname(), frozenset())
    here = {*Network().here, socket.gethostname(), *own, *filter(is_own, every)}
    return Network(addresses=addresses, here=frozenset(here))


def is_own(address: str) -> bool:
    """Whether an address is this machine's: nobody may bind to another's."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
