"""The page's HTTP application: files, the stream, and what the visitor does. Loopback only."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.errors import SlackError
from bot.sandbox.page.hands import Hands
from bot.sandbox.page.slack_part import picture
from bot.sandbox.page.stream import Stream
from bot.sandbox.page.world import World

STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_BYTES = 64 * 1024
Act = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


def application(world: World) -> web.Application:
    """Builds it; whoever serves it binds it to loopback."""
    stream, hands = Stream(world), Hands(world.scene.simulator)
    app = web.Application(middlewares=[_guarded], client_max_size=_BYTES)
    app.cleanup_ctx.append(stream.run)
    app.on_shutdown.append(stream.close)
    app.on_response_prepare.append(_dressed)
    app.router.add_get("/", _index)
    app.router.add_static("/assets", STATIC)
    app.router.add_get("/api/stream", stream.serve)
    app.router.add_get("/api/state", _shows(world.state))
    app.router.add_get("/api/rates", _shows(world.rates))
    app.router.add_get("/api/picture/{name}", _picture(world))
    app.router.add_get("/api/journal", _shows(lambda: list(world.journal.entries)))
    for name in ("say", "react", "click", "submit", "close_view", "shortcut"):
        app.router.add_post(f"/api/{name}", _does(getattr(hands, name)))
    app.router.add_post("/api/fault", _does(_fault(world)))
    return app


async def _index(request: web.Request) -> web.StreamResponse:
    del request
    return web.FileResponse(STATIC / "index.html")


def _shows(what: Callable[[], Any]) -> Handler:
    async def show(request: web.Request) -> web.Response:
        del request
        return web.json_response(what())

    return show


def _picture(world: World) -> Handler:
    async def show(request: web.Request) -> web.Response:
        content = picture(world.scene.simulator, request.match_info["name"])
        if not content:
            raise web.HTTPNotFound(text="there is no such picture")
        return web.Response(body=content, content_type="image/png")

    return show


def _fault(world: World) -> Act:
    async def turn(asked: dict[str, Any]) -> dict[str, Any]:
        await world.switches.turn(str(asked["name"]), on=bool(asked.get("on", True)))
        return {"ok": True, "error": "", "faults": world.switches.state()}

    return turn


def _does(act: Act) -> Handler:
    """An action; what it refuses is an answer like any other, with a sentence beside the code."""

    async def handle(request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            return web.json_response(await act(asked))
        except SlackError as error:
            return web.json_response(error.answer())
        except (ValueError, TypeError, KeyError) as error:
            missing = f"the field {error} is missing" if type(error) is KeyError else str(error)
            return web.json_response({"ok": False, "error": "invalid_arguments", "message": missing}, status=400)
        except LookupError as error:
            return web.json_response({"ok": False, "error": "not_found", "message": str(error)}, status=404)

    return handle


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No other site may read or drive this page: neither by a name that points here, nor by a form."""
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin != f"http://{request.host}"
    if host not in _NAMES or foreign:
        return web.json_response({"ok": False, "error": "this page answers on this machine only"}, status=403)
    if request.method == "POST" and request.content_type != "application/json":
        return web.json_response({"ok": False, "error": "the body must be application/json"}, status=415)
    return await handler(request)


async def _dressed(request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer, streams and files included."""
    del request
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
