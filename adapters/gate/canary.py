"""The agent's own try at each of its doors: a path that the gate answers itself, judged as any call is."""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.base import Attempt, Mode
from adapters.base.gated import CANARY, MODE

_OVERRIDE = {"X-HTTP-Method-Override": "DELETE"}
_WRITES: tuple[tuple[str, Mapping[str, str]], ...] = (("POST", {}), ("GET", _OVERRIDE))
_DENIED = 403


async def attempt(doors: Sequence[str], closed: frozenset[str], headers: Mapping[str, str], mode: Mode) -> Attempt:
    """Tries at every door what `mode` forbids.

    Args:
        doors: addresses.
        closed: those of gates that have closed by themselves; no answer there is a refusal.
        headers: with the agent's own credential.
        mode: what is held.
    """
    if mode is Mode.NORMAL:
        return Attempt.UNTRIED
    tries = (("GET", {}),) if mode is Mode.FULL_STOP else _WRITES
    told = await asyncio.gather(
        *(_knock(door, method, {**headers, **extra}, mode, door in closed) for door in doors for method, extra in tries)
    )
    if Attempt.ALLOWED in told:
        return Attempt.ALLOWED
    return Attempt.REFUSED if told and set(told) == {Attempt.REFUSED} else Attempt.UNTRIED


async def _knock(door: str, method: str, headers: Mapping[str, str], mode: Mode, closed: bool) -> Attempt:  # noqa: FBT001
    try:
        async with (
            ClientSession(
                connector=TCPConnector(force_close=True),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None),
                trust_env=False,
            ) as client,
            client.request(method, door + CANARY, headers=dict(headers), allow_redirects=False) as reply,
        ):
            return _judged(reply.status, reply.headers.get(MODE, ""), mode)
    except (ClientError, OSError, ValueError):
        return Attempt.REFUSED if closed else Attempt.UNTRIED


def _judged(status: int, told: str, mode: Mode) -> Attempt:
    """Only the gate's own header says that it refused; another 403 may be anybody's."""
    if status == _DENIED and told in {str(one) for one in Mode if one >= mode}:
        return Attempt.REFUSED
    passed = status < 300 or status in {404, 405, 501, 502, 503, 504}  # noqa: PLR2004  # from beyond the gate, or for want of a server there
    return Attempt.ALLOWED if passed else Attempt.UNTRIED
