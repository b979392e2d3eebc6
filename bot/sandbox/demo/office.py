"""The company's own systems behind the guards, where an action takes effect: `python -m bot.sandbox.demo.office`.

Agents cannot reach it: every call needs the inner key, or a token that the issuer says is good. It knows nothing of
stops. What took effect is booked with its time, and that is what the witness reads.

The first line of standard input is `{"key": …, "witness": …, "introspect": {agent: url}, "checked": [surface, …]}`,
the first line of output `{"port": …}`.

- `POST /effect/AGENT/SURFACE`: an effect that a guard let through, with the agent's token where the surface is checked;
- `POST /session/AGENT/SURFACE`: the agent signs in with a token, which is an effect too;
- `GET /book?since={surface: unix}`: `{surface: [total, after]}` for the witness.
"""

import asyncio
import json
import signal
import time
from bisect import bisect_right
from collections import defaultdict
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from bot.sandbox.demo.guards.office_line import KEY, TOKEN
from bot.sandbox.demo.standard import first_line, say

_PATIENCE = ClientTimeout(total=1.5)


class Office:
    """The whole process.

    Args:
        told: the first line of standard input.
        client: to ask the issuer with.
    """

    def __init__(self, told: dict[str, Any], client: ClientSession) -> None:
        self._told, self._client = told, client
        self._book: defaultdict[str, list[float]] = defaultdict(list)  # Unix times, rising

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_post("/effect/{agent}/{surface}", self.effect)
        app.router.add_post("/session/{agent}/{surface}", self.session)
        app.router.add_get("/book", self.book)
        return app

    async def effect(self, request: web.Request) -> web.Response:
        """Something that a guard let through."""
        if request.headers.get(KEY) != self._told["key"]:
            raise web.HTTPForbidden(text="this is not for agents")
        if _surface(request) in self._told["checked"]:
            await self._check(request)
        return self._note(request)

    async def session(self, request: web.Request) -> web.Response:
        """A token is used."""
        await self._check(request)
        return self._note(request)

    async def book(self, request: web.Request) -> web.Response:
        """What took effect."""
        if request.headers.get(KEY) != self._told["witness"]:
            raise web.HTTPForbidden(text="this is for the witness")
        since: dict[str, float] = json.loads(request.query.get("since", "{}"))
        found = {name: [len(times), _after(times, since.get(name))] for name, times in self._book.items()}
        return web.json_response(found)

    def _note(self, request: web.Request) -> web.Response:
        self._book[_surface(request)].append(time.time())
        return web.Response(text="done")

    async def _check(self, request: web.Request) -> None:
        """Asks the issuer. Raises 401 unless it says that the token is good."""
        url = self._told["introspect"].get(request.match_info["agent"], "")
        try:
            async with self._client.post(url, data=request.headers.get(TOKEN, "")) as answer:
                good = answer.status == web.HTTPOk.status_code
        except (ClientError, TimeoutError, ValueError):
            good = False
        if not good:
            raise web.HTTPUnauthorized(text="the token is not good")


def _surface(request: web.Request) -> str:
    return f"{request.match_info['agent']}/{request.match_info['surface']}"


def _after(times: list[float], moment: float | None) -> int:
    return 0 if moment is None else len(times) - bisect_right(times, moment)


async def main() -> None:
    """Serves until standard input ends, or SIGTERM."""
    told, ends = first_line(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.set)
    async with ClientSession(timeout=_PATIENCE) as client:
        runner = web.AppRunner(Office(told, client).app(), access_log=None, shutdown_timeout=0.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        say({"port": runner.addresses[0][1]})
        await ends.wait()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
