"""The agent's own try: a path that HAProxy answers itself, behind the rules that hold the agent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.base import Attempt, Mode

PATH = "/.well-known/agent-kill"
HEADER = "X-Agent-Kill-Mode"
_OVERRIDE = {"X-HTTP-Method-Override": "DELETE"}
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "agent-kill"}
# What a mode must refuse: of read_only also a write in a read's clothes, and a tunnel.
TRIES: Mapping[Mode, tuple[tuple[str, Mapping[str, str]], ...]] = {
    Mode.FULL_STOP: (("GET", {}),),
    Mode.READ_ONLY: (("POST", {}), ("GET", _OVERRIDE), ("GET", _UPGRADE)),
}
_DENIED = 403
_PASSED = frozenset({404, 405, 501, 502, 503, 504})  # answers from beyond the rules, or for want of a server there


@dataclass(frozen=True, slots=True)
class Reply:
    """What matters of an answer."""

    status: int
    mode: str


class Door:
    """The agent's way in at one node, with its own credential."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url.rstrip("/") + PATH
        self._headers = headers

    async def knock(self, method: str, extra: Mapping[str, str]) -> Reply | None:
        """One request; None where nothing answered."""
        try:
            async with (
                ClientSession(
                    connector=TCPConnector(force_close=True),
                    cookie_jar=DummyCookieJar(),
                    timeout=ClientTimeout(total=None),
                    trust_env=False,
                ) as client,
                client.request(method, self.url, headers={**self._headers, **extra}, allow_redirects=False) as reply,
            ):
                return Reply(reply.status, reply.headers.get(HEADER, ""))
        except (ClientError, OSError, ValueError):
            return None


async def attempt(doors: tuple[Door, ...], mode: Mode) -> Attempt:
    """Tries at every door what `mode` forbids. One that lets it through decides; all must refuse to prove anything."""
    tries = TRIES.get(mode, ())
    replies = await asyncio.gather(*(door.knock(method, extra) for door in doors for method, extra in tries))
    told = [_judged(reply, mode) for reply in replies]
    if Attempt.ALLOWED in told:
        return Attempt.ALLOWED
    return Attempt.REFUSED if told and set(told) == {Attempt.REFUSED} else Attempt.UNTRIED


def _judged(reply: Reply | None, mode: Mode) -> Attempt:
    """Only the rules' own header says that they refused; another 403 may be anybody's."""
    if reply is None:
        return Attempt.UNTRIED
    if reply.status == _DENIED and reply.mode in {str(one) for one in Mode if one >= mode}:
        return Attempt.REFUSED
    passed = reply.status in _PASSED or reply.status < 300  # noqa: PLR2004  # 1xx and 2xx
    return Attempt.ALLOWED if passed else Attempt.UNTRIED
