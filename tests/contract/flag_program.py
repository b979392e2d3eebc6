"""A small flag server in Unleash's shapes, a program of its own: `python flag_program.py PORT FILE`.

As Unleash 7 answers, as far as an adapter and an agent need it: the admin API of a project's features, and the frontend
API, which lists what is on. The flags are kept in FILE. `/held` steers it: while it holds, switching on waits.
"""

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

ADMIN, CLIENT = "*:*.admin-token", "*:production.client-token"
PRODUCTION = "production"
Flag = dict[str, object]


class Flags:
    """The flags of the project `default`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.flags: dict[str, Flag] = json.loads(file.read_text()) if file.exists() else {}
        self.open = asyncio.Event()
        self.open.set()

    def app(self) -> web.Application:
        """Its addresses."""
        app = web.Application(middlewares=[authorised])
        features = "/api/admin/projects/default/features"
        app.router.add_post(features, self.create)
        app.router.add_get(features + "/{flag}", self.show)
        app.router.add_delete(features + "/{flag}", self.archive)
        app.router.add_patch(features + "/{flag}", self.describe)
        app.router.add_post(features + "/{flag}/environments/{environment}/{to:on|off}", self.switch)
        app.router.add_get("/api/frontend", self.on)
        app.router.add_post("/held/{held}", self.hold)
        return app

    async def create(self, request: web.Request) -> web.Response:
        """A new flag, off everywhere."""
        name = (await request.json())["name"]
        places = [{"name": place, "type": place, "enabled": False} for place in ("development", PRODUCTION)]
        self.flags[name] = {
            "name": name, "description": None, "project": "default", "archived": False, "environments": places
        }  # fmt: skip
        self.keep()
        return web.json_response(self.flags[name], status=201)

    async def show(self, request: web.Request) -> web.Response:
        """One flag."""
        return web.json_response(self.flag(request))

    async def archive(self, request: web.Request) -> web.Response:
        """Archived flags are shown, and off for everybody."""
        self.flag(request)["archived"] = True
        self.keep()
        return web.Response(status=202)

    async def describe(self, request: web.Request) -> web.Response:
        """Another description."""
        self.flag(request)["description"] = (await request.json())["description"]
        self.keep()
        return web.json_response(self.flag(request))

    async def switch(self, request: web.Request) -> web.Response:
        """On or off in one environment."""
        on = request.match_info["to"] == "on"
        if on:
            await self.open.wait()
        places = self.flag(request)["environments"]
        found = [place for place in places if place["name"] == request.match_info["environment"]]  # type: ignore[attr-defined]  # a list of JSON objects
        if not found:
            raise missing()
        found[0]["enabled"] = on
        self.keep()
        return web.Response(status=200)

    async def on(self, _request: web.Request) -> web.Response:
        """What a client of production sees: the flags that are on."""
        return web.json_response({"toggles": [{"name": name} for name, flag in self.flags.items() if is_on(flag)]})

    async def hold(self, request: web.Request) -> web.Response:
        """Switching on waits, or goes on."""
        (self.open.clear if request.match_info["held"] == "yes" else self.open.set)()
        return web.Response()

    def flag(self, request: web.Request) -> Flag:
        """The flag of the address."""
        if request.match_info["flag"] not in self.flags:
            raise missing()
        return self.flags[request.match_info["flag"]]

    def keep(self) -> None:
        """As Unleash does in its database."""
        self.file.write_text(json.dumps(self.flags))


def is_on(flag: Flag) -> bool:
    """In production."""
    places = flag["environments"]
    return not flag["archived"] and any(
        place["enabled"]
        for place in places  # type: ignore[attr-defined]  # a list of JSON objects
        if place["name"] == PRODUCTION
    )


def missing() -> web.HTTPNotFound:
    """As Unleash says it."""
    text = json.dumps({"name": "NotFoundError", "message": "Could not find toggle"})
    return web.HTTPNotFound(text=text, content_type="application/json")


@web.middleware
async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An admin's token for what changes flags, a client's for what asks."""
    token = request.headers.get("Authorization", "")
    wanted = {"admin": ADMIN, "frontend": CLIENT}.get(request.path.split("/")[2] if "/api/" in request.path else "")
    if wanted is not None and token != wanted:
        status = 401 if token not in {ADMIN, CLIENT} else 403
        return web.json_response(
            {"name": "AuthenticationRequired" if status == 401 else "NoAccessError"}, status=status
        )
    answer: web.StreamResponse = await handler(request)
    return answer


async def main(port: int, file: Path) -> None:
    """Serves until it is ended."""
    runner = web.AppRunner(Flags(file).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
