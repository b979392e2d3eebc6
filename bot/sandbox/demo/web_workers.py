"""What the demo agents do over HTTP, at the six surfaces that have a guard of their own."""

import asyncio
import contextlib
import time
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from bot.sandbox.demo.guards.guard import MODE
from bot.sandbox.demo.guards.office_line import TOKEN
from bot.sandbox.demo.workers import LONG, Post, Tally, Wallet

_PERIOD = 0.08  # seconds between two actions: 12 a second
_INVOICE = 12.0  # seconds for which hooks are about the same invoice
_PATIENCE = ClientTimeout(total=2.0)
_ENDLESS = ClientTimeout(total=None)


class Refused(ClientError):
    """A guard, or the company's systems, said no."""


class WebWorker:
    """Calls a guard under the agent's key, with the agent's newest token."""

    def __init__(self, post: Post, wallet: Wallet) -> None:
        self._post, self._wallet = post, wallet
        self.tally = Tally()

    async def shift(self) -> None:
        """An action every 80 ms."""
        async with self._client(_PATIENCE) as session:
            while True:
                self.tally.attempts += 1
                await self.act(session)
                self.tally.done += 1
                await asyncio.sleep(_PERIOD)

    async def act(self, session: ClientSession) -> None:
        """One action. Raises `Refused`."""
        raise NotImplementedError

    async def errand(self) -> None:
        """Nothing that lasts, unless the kind says otherwise."""
        await asyncio.Event().wait()

    async def call(self, session: ClientSession, path: str, **more: Any) -> Any:
        """One call below the agent's own path; returns its JSON, if any. Raises `Refused`."""
        return await self.call_at(session, f"{self._post.url}/{path}", **more)

    async def call_at(self, session: ClientSession, url: str, **more: Any) -> Any:
        """One call. Raises `Refused`: also where an action was only taken in."""
        async with session.post(url, headers={TOKEN: self._wallet.token}, **more) as answer:
            return await _taken(answer)

    def _client(self, patience: ClientTimeout) -> ClientSession:
        return ClientSession(timeout=patience, headers={"Authorization": f"Bearer {self._post.key}"})


async def _taken(answer: ClientResponse) -> Any:
    if not answer.ok or MODE in answer.headers:
        raise Refused(f"{answer.status} {await answer.text()}")
    return await answer.json() if answer.content_type == "application/json" else None


class ApiWorker(WebWorker):
    """Refunds through the gateway; beside it a call that takes an hour."""

    async def act(self, session: ClientSession) -> None:
        """One refund."""
        await self.call(session, "effect")

    async def errand(self) -> None:
        """A call that has its effect after an hour."""
        async with self._client(_ENDLESS) as session:
            await self.call(session, f"slow?seconds={LONG}")


class ToolWorker(WebWorker):
    """Calls a tool."""

    async def act(self, session: ClientSession) -> None:
        """One mail."""
        params = {"name": "send_mail", "arguments": {"to": "customer"}}
        await self.call(session, "rpc", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


class SchedulerWorker(WebWorker):
    """Makes sure that its job is planned; the scheduler fires it."""

    async def act(self, session: ClientSession) -> None:
        """Plans the job, again and again."""
        await self.call(session, "jobs", json={"name": "remind", "every": _PERIOD})


class HookWorker(WebWorker):
    """Sends webhooks."""

    async def act(self, session: ClientSession) -> None:
        """One hook; every few seconds it is about another invoice."""
        number = int(time.time() / _INVOICE)
        told = {
            "event": "invoice.settled",
            "invoice": f"INV-{number % 10_000:04}",
            "amount": f"{number % 900 + 100}.00",
        }
        await self.call(session, "hooks", json={**told, "api_key": "shown-to-nobody"})


class StarterWorker(WebWorker):
    """Makes sure that its worker process runs; the worker acts by itself."""

    async def act(self, session: ClientSession) -> None:
        """Asks for the worker, again and again."""
        await self.call(session, "start")


class TokenWorker(WebWorker):
    """Gets tokens and signs in with them; a token that it already has it goes on trying."""

    async def act(self, session: ClientSession) -> None:
        """Uses the token that is at hand first: a stop has to end that one too."""
        if self._wallet.token:
            self.tally.attempts += 1
            with contextlib.suppress(Refused):  # it was ended; whether another is to be had is asked next
                await self.call_at(session, self._post.office)
        self._wallet.token = (await self.call(session, "token"))["token"]
        await self.call_at(session, self._post.office)
