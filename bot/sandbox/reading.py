"""Reads a Web API request: arguments from query, form, multipart or JSON, and the token from header or parameter."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.methods import Method

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON = "application/json"


@dataclass(slots=True)
class Asked:
    """What a request asked for.

    Attributes:
        token: the token, or an empty string.
        in_header: whether it stood in the Authorization header.
        trouble: why the body could not be read.
        ignored_json: a JSON body was sent to a method that reads none.
    """

    args: Arguments = field(default_factory=Arguments)
    token: str = ""
    in_header: bool = False
    trouble: SlackError | None = None
    ignored_json: bool = False


async def read(request: web.Request, method: Method | None) -> Asked:
    """Takes a request apart; never raises."""
    asked = Asked(Arguments(request.query))
    try:
        body = await _body(request)
    except SlackError as error:
        asked.trouble, body = error, {}
    is_json = request.content_type == _JSON
    if is_json and body and method is not None and not method.json:
        asked.ignored_json = True
    else:
        asked.args.update(body)
    _take_token(request, asked, is_json=is_json)
    return asked


def _take_token(request: web.Request, asked: Asked, *, is_json: bool) -> None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        asked.token, asked.in_header = value.strip(), True
    elif not is_json:  # with JSON, Slack reads the token from the header only
        asked.token = str(asked.args.get("token", ""))
    asked.args.pop("token", None)


async def _body(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    if request.content_type == _JSON:
        return _object(await request.text())
    if request.content_type in _FORMS:
        return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    if not await request.read():
        return {}
    raise SlackError("invalid_post_type" if "Content-Type" in request.headers else "missing_post_type")


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(value, dict):
        raise SlackError("json_not_object")
    return value
