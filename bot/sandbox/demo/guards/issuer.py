"""The identity issuer: mints short-lived tokens for the agent, which the company's systems check with it."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.guard import Guard, Handler

LIFETIME = 5.0  # seconds that a token is good for
_UNDER_WAY = 0.1  # seconds in which a token that was just called good may still be used


@dataclass(frozen=True, slots=True)
class _Token:
    ends: float  # monotonic seconds
    writes: bool


class Issuer(Guard):
    """`POST /NAME/token` mints, `POST /NAME/introspect` judges: 200 while a token is good to write with, else 401."""

    modes = ("read_only", "full_stop")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._tokens: dict[str, _Token] = {}

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances, and that of the company's systems."""
        yield from super().routes()
        yield "POST", "token", self.mint
        yield "POST", "introspect", self.introspect

    async def mint(self, request: web.Request) -> web.Response:
        """A token: with read_only one that is good for reading."""
        self.admit(request, writes=False)
        self._forget()
        token = secrets.token_urlsafe(24)
        self._tokens[token] = _Token(time.monotonic() + LIFETIME, writes=not self.forbids())
        return web.json_response({"token": token, "expires_in": LIFETIME})

    async def introspect(self, request: web.Request) -> web.Response:
        """Whether this token may write now."""
        self._forget()
        found = self._tokens.get(await request.text())
        return web.Response(status=200 if found and found.writes else 401)

    async def enforce(self) -> int:
        """Tokens that the mode does not allow are not good any more; their end is work ended."""
        self._forget()
        ended = [name for name, token in self._tokens.items() if self.forbids(writes=token.writes)]
        for name in ended:
            del self._tokens[name]
        if self.forbids():
            await asyncio.sleep(_UNDER_WAY)
        return len(ended)

    def in_flight(self) -> int:
        """Tokens that are good and should not be."""
        return sum(self.forbids(writes=token.writes) for token in self._tokens.values())

    def _forget(self) -> None:
        now = time.monotonic()
        self._tokens = {name: token for name, token in self._tokens.items() if token.ends > now}
