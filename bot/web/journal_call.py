"""`POST /v1/journal`: another host hands its journal over."""

import asyncio
import logging
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from bot.journal.chain import BrokenLineError, Link
from bot.journal.pushed import ForkError, GapError
from bot.service.pushes import NotEnrolledError, Push, Pushes
from bot.web.answers import Handler, problem
from bot.web.callers import Callers
from bot.web.signed import BadSignatureError

JOURNAL = "/v1/journal"
JOURNAL_BYTES = 8 * 1024 * 1024  # one entry about ten thousand surfaces has some 2 MB
_AT_ONCE = 2  # bodies of that size that are in memory
_log = logging.getLogger(__name__)


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    seq: Annotated[StrictInt, Field(ge=0)]
    digest: Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")]


class JournalCall(BaseModel):
    """The body: the chain's name, its head at its host now, and entries as they stand in the file, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chain: Annotated[StrictStr, Field(pattern="^[a-z0-9][a-z0-9_-]{0,69}$")]
    head: _Head
    lines: tuple[StrictStr, ...] = ()
    nonce: StrictStr = ""  # lets two equal calls of one second differ, since a signature is good for one

    def push(self) -> Push:
        """What the use case takes."""
        return Push(chain=self.chain, head=Link(seq=self.head.seq, digest=self.head.digest), lines=self.lines)


class JournalDoor:
    """Verified, single use, read, kept, adopted, in this order."""

    def __init__(self, callers: Callers, pushes: Pushes) -> None:
        self._callers, self._pushes = callers, pushes
        self._room = asyncio.Semaphore(_AT_ONCE)

    @web.middleware
    async def make_room(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets this one path have a large body, a few at a time: its caller is known only once it was read."""
        if request.path != JOURNAL or request.method != "POST":
            return await handler(request)
        if self._room.locked():
            return problem(503, "other journals are being received: push again in a few seconds")
        async with self._room:
            return await handler(request.clone(client_max_size=JOURNAL_BYTES))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """200 `{chain, seq}`: the last entry that is here; or 400, 401, 403, 409, 413, 422, 507 with the reason."""
        body = await request.read()
        try:
            call = self._callers.verified(request, body)
        except BadSignatureError as error:
            return problem(401, str(error))
        try:
            push = JournalCall.model_validate_json(body).push()
            head = await self._pushes.take(call.caller, push)
        except ValidationError as error:
            return problem(400, _sentence(error))
        except OSError as error:
            self._callers.forget(call)
            return problem(507, f"the disk here did not take it ({error.strerror}): push again later")
        except (NotEnrolledError, GapError, ForkError, BrokenLineError) as error:
            return _refusal(error)
        return web.json_response({"chain": push.chain, "seq": head.seq}, headers={"Cache-Control": "no-store"})


def _refusal(error: NotEnrolledError | GapError | ForkError | BrokenLineError) -> web.Response:
    match error:
        case NotEnrolledError():
            return problem(403, str(error))
        case GapError():
            return problem(409, str(error), next=error.next)
        case ForkError():
            _log.error("%s", error)  # the text says it all
            return problem(409, str(error), conflict=error.seq)
        case _:
            return problem(422, str(error))


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
