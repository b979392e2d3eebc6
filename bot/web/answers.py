"""Errors of both listeners: JSON, with a sentence that a person can act on, and a reference into the log."""

import logging
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

_log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(status: int, message: str, **more: object) -> web.Response:
    """An error as JSON: `{"error": message, …}`."""
    return web.json_response({"error": message, **more}, status=status, headers={"Cache-Control": "no-store"})


@web.middleware
async def speak_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error that leaves a handler into JSON; what nobody expected is logged under a reference."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004  # a redirect is no error
            raise
        answer = problem(error.status, _sentence(error, request))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except Exception:  # noqa: BLE001  # whatever it was, the peer gets a sentence and the log the rest
        reference = secrets.token_hex(4)
        _log.exception("%s %s failed; reference %s", request.method, request.path, reference)
        return problem(500, f"this failed inside the bot: look for {reference} in its log", reference=reference)


def _sentence(error: web.HTTPException, request: web.Request) -> str:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return f"{request.path} answers {', '.join(sorted(error.allowed_methods))} only"
    if isinstance(error, web.HTTPNotFound):
        return "there is nothing here"
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return "the body is too large"
    return error.reason
