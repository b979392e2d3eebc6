"""The control listener: the bot sets modes, reads them back, and decides on what is parked. Every call is signed."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from adapters.base import Mode
from adapters.base.gated import CONTROL
from adapters.base.signed import ANSWER, REQUEST, Once, Signed, Unsigned, answered, read, verify
from bot.gate.door import Door
from bot.gate.state import Overtaken

_LARGEST = 64 * 1024
_PAGE = 20  # parcels of one answer
Told = tuple[int, Mapping[str, object]]


class Control:
    """Its handler.

    Args:
        find: the door of `agent/surface`.
        instance: this gate's own name.
        changed: told of each mode that was set, so that the story behind it is asked for.
    """

    def __init__(self, find: Callable[[str], Door | None], instance: str, changed: Callable[[], None]) -> None:
        self._find, self._instance, self._changed = find, instance, changed
        self._once = Once()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one call."""
        if request.raw_path == "/healthz":
            return web.Response(body=b'{"ok": true}\n', content_type="application/json")
        name = request.raw_path.removeprefix(f"{CONTROL}/")
        door = self._find(name) if request.method == "POST" else None
        body = await _read(request)
        if door is None or body is None:
            return web.Response(status=404, body=b'{"error": "no such surface at this gate"}\n')
        try:
            signed = read(request.headers.get(REQUEST, ""))
            verify(door.route.secret, request.raw_path, body, signed, time.time())
            self._once.take(signed, time.time())
        except Unsigned as error:
            return web.Response(status=401, body=json.dumps({"error": str(error)}).encode())
        return self._signed(door, signed, await self._done(door, body))

    async def _done(self, door: Door, body: bytes) -> Told:
        try:
            asked = json.loads(body)
            return await self._verbs(asked["do"])(door, asked)
        except Overtaken:
            return 412, {**door.shown(), "error": "it was told something else since it was read: look again"}
        except (ValueError, TypeError, KeyError) as error:
            return 422, {"error": f"{type(error).__name__}: {error}"}
        except OSError as error:
            return 507, {"error": f"the gate's disk did not take it: {error.strerror}"}

    def _verbs(self, word: str) -> Callable[[Door, Any], Awaitable[Told]]:
        return {
            "look": self._look,
            "restrict": self._restrict,
            "relax": self._relax,
            "list": self._list,
            "release": self._release,
            "drop": self._drop,
        }[word]

    def _signed(self, door: Door, signed: Signed, told: Told) -> web.Response:
        status, facts = told
        body = json.dumps({**facts, "instance": self._instance}).encode()
        proof = answered(door.route.secret, signed.nonce, status, body)
        return web.Response(status=status, body=body, headers={ANSWER: proof, "Content-Type": "application/json"})

    async def _look(self, door: Door, _asked: Any) -> Told:
        return 200, door.shown()

    async def _restrict(self, door: Door, asked: Any) -> Told:
        facts = await door.cut(Mode(asked["mode"]), str(asked["mark"]), float(asked["drain"]))
        self._changed()
        return 200, facts

    async def _relax(self, door: Door, asked: Any) -> Told:
        if door.told.mark != asked["expect"]:
            return 409, {**door.shown(), "error": "the mark is another"}
        mark = None if asked["mark"] is None else str(asked["mark"])
        await door.state.relax(Mode(asked["mode"]), mark=mark, generation=int(asked["generation"]))
        self._changed()
        return 200, door.shown()

    async def _list(self, door: Door, asked: Any) -> Told:
        waiting = door.desk.spool.waiting()
        some = waiting[int(asked["skip"]) :][: min(int(asked["limit"]), _PAGE)]
        return 200, {"drafts": [one.told() for one in some], "parked": len(waiting)}

    async def _release(self, door: Door, asked: Any) -> Told:
        generation = int(asked["generation"])
        done, why = await door.desk.release(str(asked["id"]), str(asked["by"]), generation=generation)
        return 200, {"done": done, "why": why}

    async def _drop(self, door: Door, asked: Any) -> Told:
        return 200, {"done": await door.desk.drop(str(asked["id"]))}


async def _read(request: web.BaseRequest) -> bytes | None:
    """The body; None where it is too long for any call."""
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > _LARGEST:
            return None
    return bytes(body)
