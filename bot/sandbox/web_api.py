"""The Web API over HTTP: authentication, scopes, rate limits, faults, and the record of every call."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.sandbox import api_chat, api_directory, api_files, api_reactions, api_views
from bot.sandbox.arguments import Arguments
from bot.sandbox.calls import Call, CallLog
from bot.sandbox.desk import Desk, Limited
from bot.sandbox.errors import PROGRAMMING_ERRORS, SlackError, bad_arguments
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.methods import METHODS, Method
from bot.sandbox.reading import Asked, read

Handler = Callable[[Desk, Arguments], dict[str, Any]]
HANDLERS: dict[str, Handler] = {
    **api_chat.HANDLERS,
    **api_directory.HANDLERS,
    **api_files.HANDLERS,
    **api_reactions.HANDLERS,
    **api_views.HANDLERS,
}
_APP_SCOPES = frozenset({"connections:write"})
_TOO_MANY = 429
_ANSWER = web.ResponseKey("answer", dict[str, Any])


class WebApi:
    """Answers `/api/<method>`.

    Attributes:
        revoked: the app was uninstalled or its tokens were revoked.
        strict: write violations down.
        calls: every call, in the order of the answers.
    """

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self.desk, self.faults = desk, faults
        self.calls = CallLog()
        self.revoked = False
        self.strict = True
        self._open = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one call."""
        name, began = request.match_info["method"], time.perf_counter()
        method = METHODS.get(name)
        asked = await read(request, method)
        struck = self.faults.strike_api(name)
        response = await self._suffer([f for f in struck if not f.after], request)
        if response is None:
            response = self._answer(name, method, asked)
            response = await self._suffer([f for f in struck if f.after], request) or response
        self._record(name, asked, response, began)
        return response

    def _answer(self, name: str, method: Method | None, asked: Asked) -> web.Response:
        try:
            answer = self._carry_out(name, method, asked)
        except Limited as limited:
            return too_many(limited.retry_after)
        except SlackError as error:
            answer = error.answer()
            self._judge(name, error)
        return _json(answer, self._headers(method, asked))

    def _carry_out(self, name: str, method: Method | None, asked: Asked) -> dict[str, Any]:
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        granted = self._authenticate(method, asked)
        if asked.trouble:
            raise asked.trouble
        self._limit(method, asked)
        if method.scopes and not granted.intersection(method.scopes):
            raise SlackError(
                "missing_scope", needed=",".join(method.scopes), provided=",".join(sorted(self.desk.granted))
            )
        self._check_arguments(method, asked)
        if self._is_app(asked) and name == "auth.test":
            app = self.desk.workspace.app
            return {"ok": True, "app_name": self.desk.manifest.name, "app_id": app.app_id}
        return HANDLERS[name](self.desk, asked.args)

    def _is_app(self, asked: Asked) -> bool:
        return asked.token == self.desk.workspace.app.app_token

    def _kind(self, asked: Asked) -> str:
        app = self.desk.workspace.app
        return {"": "none", app.bot_token: "bot", app.app_token: "app"}.get(asked.token, "unknown")

    def _authenticate(self, method: Method, asked: Asked) -> frozenset[str]:
        if method.caller == "none":
            return frozenset()
        kind = self._kind(asked)
        if kind == "none" or (method.caller == "app" and not asked.in_header):
            raise SlackError("not_authed")
        if kind == "unknown":
            raise SlackError("invalid_auth")
        if method.caller not in ("any", kind):
            raise SlackError("not_allowed_token_type")
        if self.revoked:
            raise SlackError("account_inactive")
        return self.desk.granted if kind == "bot" else _APP_SCOPES

    def _limit(self, method: Method, asked: Asked) -> None:
        key = (method.name, self._kind(asked))
        wait = self.desk.buckets.take(key, per_second=method.per_minute / 60, burst=method.per_minute)
        if wait:
            raise Limited(wait)

    def _check_arguments(self, method: Method, asked: Asked) -> None:
        if asked.ignored_json:
            self._note(f"{method.name} reads no JSON body; its arguments were ignored")
        for name in sorted(asked.args.keys() - method.known):
            self._note(f"{method.name} has no argument {name}")
        missing = [name for name in method.required if asked.args.get(name) in (None, "")]
        if missing:
            raise bad_arguments(*(f"missing required field: {name}" for name in missing))

    def _judge(self, name: str, error: SlackError) -> None:
        if error.code in PROGRAMMING_ERRORS and name != "api.test":
            self._note(f"{name} was answered {error.code}: {error.extra}")

    def _note(self, sentence: str) -> None:
        if self.strict:
            self.desk.workspace.violate(sentence)

    def _headers(self, method: Method | None, asked: Asked) -> dict[str, str]:
        if self._kind(asked) not in {"bot", "app"}:
            return {}
        granted = _APP_SCOPES if self._is_app(asked) else self.desk.granted
        accepted = method.scopes if method else ()
        return {"x-oauth-scopes": ",".join(sorted(granted)), "x-accepted-oauth-scopes": ",".join(accepted)}

    async def _suffer(self, struck: list[Fault], request: web.Request) -> web.Response | None:
        for fault in struck:
            if fault.trouble == "delay":
                await asyncio.sleep(fault.amount)
            elif fault.trouble == "ratelimit":
                return too_many(int(fault.amount), fault.code)
            elif fault.trouble == "status":
                return web.Response(status=int(fault.amount), text="<html>Something went wrong</html>")
            elif fault.trouble == "error":
                return _json({"ok": False, "error": fault.code}, {})
            else:
                return await self._break(fault, request)
        return None

    async def _break(self, fault: Fault, request: web.Request) -> web.Response:
        if fault.trouble == "hang":
            await self._open.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500, text="")

    def release(self) -> None:
        """Lets every hanging call go (its connection breaks)."""
        self._open.set()
        self._open = asyncio.Event()

    def _record(self, name: str, asked: Asked, response: web.Response, began: float) -> None:
        elapsed = (time.perf_counter() - began) * 1000
        answer = response.get(_ANSWER, {})  # kept beside the body for the record
        at = self.desk.workspace.clock.now()
        call = Call(name, dict(asked.args), self._kind(asked), at, elapsed, response.status, answer)
        self.calls.append(call)
        self.desk.workspace.changed("call", call)


def _json(answer: dict[str, Any], headers: dict[str, str], status: int = 200) -> web.Response:
    response = web.Response(
        text=json.dumps(answer), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )
    response[_ANSWER] = answer
    return response


def too_many(retry_after: int, code: str = "ratelimited") -> web.Response:
    """429 with `Retry-After`, the one answer of Slack that is not 200."""
    return _json({"ok": False, "error": code}, {"Retry-After": str(retry_after)}, _TOO_MANY)
