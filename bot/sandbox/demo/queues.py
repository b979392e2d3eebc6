"""Clients of the demo's Valkey, whose calls end when they are cancelled."""

from typing import Any

from redis.asyncio import Redis


def client(url: str, **settings: Any) -> Redis:
    """Redis's own client; `settings` are further arguments of its `from_url`.

    It is given no time for a call: its own bound of a write is `asyncio.wait_for`, which on Python 3.11 loses a
    cancellation that comes as the write ends (python/cpython #86296). Whoever needs a bound sets it around the call.
    """
    return Redis.from_url(url, protocol=2, socket_timeout=None, **settings)
