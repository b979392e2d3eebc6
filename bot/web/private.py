"""The private listener: readiness, metrics, and a status page for a bad hour. Loopback, read-only, without login."""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from prometheus_client import CONTENT_TYPE_LATEST

from bot.domain.status import StatusView
from bot.service.ports import Clock
from bot.web.answers import Handler, problem, speak_json
from bot.web.metrics import Metrics
from bot.web.words import WORDS, ago, armed_words, css_class, outcome_words, since

View = Callable[[], StatusView]
Checks = Callable[[], Mapping[str, str | None]]
FRESH = 1.0  # seconds that one reading of the board serves every request
NOT_ARMED = 100  # of them the page names
SHOWN = 500  # rows of the page, the worst first; /status.json has all
_STYLE = "style-src 'self'"
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; {_STYLE}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def build_private(
    *, view: View, checks: Checks, metrics: Metrics, clock: Clock, local_only: bool = True
) -> web.Application:
    """Builds the application; `Listener` serves it, after `require_loopback`.

    Args:
        view: everything that the page shows, read from the board.
        checks: what `/readyz` answers: the name of each check, and what is wrong, or None where it is fine.
        metrics: read at every scrape.
        clock: bounds how often the board is read.
        local_only: refuses requests that name another host, so that no web page reaches this one by a name of its
            own that points here.
    """
    pages = _Pages(view, checks, metrics, clock)
    inside = [_local_only] if local_only else []
    app = web.Application(middlewares=[_guarded, speak_json, *inside], client_max_size=1024)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/status.json", pages.status_json)
    app.router.add_get("/status.css", pages.style)
    app.router.add_get("/", pages.status)
    return app


class _Pages:
    """The handlers. The board is read in the event loop, at most once a second; rendering is a thread's work."""

    def __init__(self, view: View, checks: Checks, metrics: Metrics, clock: Clock) -> None:
        self._make, self._checks, self._metrics, self._clock = view, checks, metrics, clock
        self._view: StatusView | None = None
        self._read_at = 0.0
        folder = Path(__file__).parent / "templates"
        pages = Environment(
            loader=FileSystemLoader(folder), autoescape=select_autoescape(["html", "j2"]), undefined=StrictUndefined
        )
        pages.filters.update(ago=ago, since=since, css_class=css_class, outcome=outcome_words, armed=armed_words)
        self._page = pages.get_template("status.html.j2")
        self._css = (folder / "status.css").read_text("utf-8")

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 where every check is fine, else 503; both list them all."""
        found = self._checks()
        ready = not any(found.values())
        shown = {name: wrong or "ok" for name, wrong in found.items()}
        return web.json_response({"ready": ready, "checks": shown}, status=200 if ready else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Prometheus' text format."""
        scrape = self._metrics.read(self._read())
        return web.Response(body=await asyncio.to_thread(scrape.text), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def status_json(self, _request: web.Request) -> web.Response:
        """The document of `agent-kill status --json`."""
        view = self._read()
        return await asyncio.to_thread(lambda: web.json_response(view.json()))

    async def style(self, _request: web.Request) -> web.Response:
        """The page's style; no asset comes from anywhere else."""
        return web.Response(text=self._css, content_type="text/css")

    async def status(self, _request: web.Request) -> web.Response:
        """The page for people."""
        view = self._read()
        shown, lost = view.rows[:SHOWN], view.not_armed()
        text = await asyncio.to_thread(
            self._page.render, view=view, shown=shown, words=WORDS, not_armed=lost, most=NOT_ARMED
        )
        return web.Response(text=text, content_type="text/html")

    def _read(self) -> StatusView:
        now = self._clock.monotonic()
        if self._view is None or now - self._read_at >= FRESH:
            self._view, self._read_at = self._make(), now
        return self._view


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers of every answer, errors included."""
    answer = await handler(request)
    answer.headers.update({name: value for name, value in HEADERS.items() if name not in answer.headers})
    return answer


@web.middleware
async def _local_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another name in `Host` is a page somewhere else that had its own name point here (DNS rebinding)."""
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if not _is_local(host.strip("[]")):
        return problem(403, "the private listener answers to 127.0.0.1 and localhost only")
    return await handler(request)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
