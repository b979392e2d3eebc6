"""Do listeners wait for descriptors that a crowd holds, and are both there before anybody is let in?"""

import asyncio
import contextlib
import logging
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.web.entrances import Entrance, Entrances
from bot.web.listener import Listener


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process gets no further descriptor."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[0], 256), limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in held:
            os.close(descriptor)


def entrance(what: str, port: int = 0) -> Entrance:
    """A listener that knows no path."""
    listener = Listener(web.Application(), "127.0.0.1", port)
    return Entrance(listener=listener, what=what, address=f"127.0.0.1:{port}", variable="A_PORT")


async def answers(port: int) -> bool:
    """Whether anybody listens there."""
    with contextlib.suppress(aiohttp.ClientConnectionError):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as reply:
            return reply.status == 404
    return False


async def test_listeners_open_as_soon_as_there_are_descriptors(caplog: pytest.LogCaptureFixture) -> None:
    """None left at the start ends nothing: it is a problem of its own words, and over when it is over."""
    caplog.set_level(logging.INFO)
    both = [entrance("public"), entrance("private")]
    entrances = Entrances(both)
    with no_descriptors():
        await entrances.open()
        told = entrances.problems()

    assert told == [
        f"the {what} listener is not open: Too many open files; it is tried again" for what in ("public", "private")
    ]
    async with asyncio.timeout(10):
        while entrances.problems():  # noqa: ASYNC110  # the effect itself
            await asyncio.sleep(0.01)
    assert [await answers(await one.listener.bind()) for one in both] == [True, True]
    assert "the private listener is on http://127.0.0.1:" in caplog.text
    await entrances.close()


async def test_nobody_is_let_in_before_every_listener_has_its_address() -> None:
    """A crowd at the first one cannot take what the second one needs."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first, second = entrance("public"), entrance("private", taken.getsockname()[1])
        entrances = Entrances([first, second])

        with pytest.raises(OSError, match="the private listener cannot start"):
            await entrances.open()

        assert not await answers(await first.listener.bind())
        await entrances.close()


async def test_an_end_before_they_are_open_ends_the_waiting() -> None:
    """Nothing goes on beside."""
    entrances = Entrances([entrance("public")])
    with no_descriptors():
        await entrances.open()
        await entrances.close()

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "open listeners"]
