"""Puts a receiver into a service's own application, at a path: WSGI (Flask, Django) or ASGI (FastAPI, Starlette)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any

from .receiver import Receiver

NAMES = ("X-Agent-Kill-Signature", "X-Agent-Kill-Request")
LONGEST = 64 * 1024  # bytes of a request
Start = Callable[[str, list[tuple[str, str]]], object]


def wsgi(receiver: Receiver, app: Callable[[dict[str, Any], Any], Iterable[bytes]], path: str) -> Any:
    """Wraps a WSGI application, as Flask's `app.wsgi_app` is one."""

    def served(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != path:
            return app(environ, start)
        headers = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in NAMES}
        length = environ.get("CONTENT_LENGTH") or ""  # "-1" would read all that ever comes
        body = environ["wsgi.input"].read(min(int(length), LONGEST) if length.isdecimal() else 0)
        answer, status, more = receiver(environ["REQUEST_METHOD"], headers, body)
        start(f"{status} {HTTPStatus(status).phrase}", [*_headers(answer), *more.items()])
        return [answer]

    return served


def asgi(receiver: Receiver, app: Callable[[Any, Any, Any], Awaitable[None]], path: str) -> Any:
    """Wraps an ASGI application, as Starlette's and FastAPI's `app` is one."""
    modes, drafts = ThreadPoolExecutor(8), ThreadPoolExecutor(8)  # a stop waits for no release, nor for the service

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != path:
            await app(scope, receive, send)
            return
        given = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        headers, body, more = {name: given.get(name.lower(), "") for name in NAMES}, b"", True
        while more and len(body) <= LONGEST:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        call = partial(receiver, scope["method"], headers, body)
        threads = drafts if b'"drafts"' in body else modes
        answer, status, extra = await asyncio.get_running_loop().run_in_executor(threads, call)
        named = [(name.lower().encode(), value.encode()) for name, value in [*_headers(answer), *extra.items()]]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": answer})

    return served


def _headers(answer: bytes) -> list[tuple[str, str]]:
    return [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
