"""Asks the bot once a second what is held: for a gate that a push did not reach, that is new, or whose lease runs.

An answer tightens and never loosens: only the bot's own step loosens, gate by gate. It also tells who stopped the
agent, and renews the lease, counted from the moment of the question.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from adapters.base import Mode
from adapters.base.gated import MODES
from adapters.base.signed import ANSWER, REQUEST, Unsigned, check, sign
from bot.gate.door import Door, boot_time
from bot.gate.state import Story

EVERY = 1.0  # seconds
_WITHIN = 0.9  # seconds for one question
_LARGEST = 1_000_000
_WATCH = 0.1  # seconds between two looks at the leases
_OK = 200
_log = logging.getLogger(__name__)


class Poll:
    """The questions of one gate.

    Args:
        doors: its surfaces.
        instance: its own name.
    """

    def __init__(self, doors: Sequence[Door], instance: str) -> None:
        self._doors, self._instance = doors, instance
        self._soon = asyncio.Event()

    def soon(self) -> None:
        """Asks at once: something was pushed, and the story behind it is not known yet."""
        self._soon.set()

    async def run(self) -> None:
        """Asks until it is cancelled."""
        groups: dict[tuple[str, str], list[Door]] = defaultdict(list)
        for door in self._doors:
            if door.settings.truth:
                groups[door.settings.truth, door.route.secret].append(door)
        timeout = ClientTimeout(total=_WITHIN)
        async with ClientSession(timeout=timeout, cookie_jar=DummyCookieJar(), trust_env=False) as session:
            while True:
                self._soon.clear()
                await asyncio.gather(*(self._ask(session, *key, doors) for key, doors in groups.items()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._soon.wait()

    async def leases(self) -> None:
        """Ends what runs at a door whose lease has passed, until it is cancelled."""
        while True:
            for door in self._doors:
                if door.lapsed and door.flights.number(Mode.FULL_STOP):
                    await door.flights.end(Mode.FULL_STOP, 0.0)
            await asyncio.sleep(_WATCH)

    async def tidy(self) -> None:
        """Removes what expired, until it is cancelled."""
        while True:
            for door in self._doors:
                with contextlib.suppress(OSError):
                    await door.desk.tidy()
            await asyncio.sleep(60 * EVERY)

    async def _ask(self, session: ClientSession, truth: str, secret: str, doors: Iterable[Door]) -> None:
        began = boot_time()
        before = {door.route.name: door.told.generation for door in doors}
        try:
            told = await self._answer(session, truth, secret, {"gate": self._instance, "surfaces": sorted(before)})
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            _log.debug("%s does not say what is held: %s", truth, error)
            return
        for door in doors:
            facts = told.get(door.route.name)
            if isinstance(facts, dict):
                await _learn(door, facts, before[door.route.name], began)

    async def _answer(self, session: ClientSession, truth: str, secret: str, asked: object) -> Mapping[str, Any]:
        body = json.dumps(asked).encode()
        signed = sign(secret, MODES, body, time.time())
        headers = {REQUEST: str(signed), "Content-Type": "application/json"}
        async with session.post(f"{truth}{MODES}", data=body, headers=headers, allow_redirects=False) as reply:
            told = bytearray()
            async for part in reply.content.iter_any():
                told += part
                if len(told) > _LARGEST:
                    raise Unsigned("an answer without end")
            check(secret, signed.nonce, reply.status, bytes(told), reply.headers.get(ANSWER, ""))
            found = json.loads(told)["surfaces"] if reply.status == _OK else {}
            return found if isinstance(found, dict) else {}


async def _learn(door: Door, facts: Mapping[str, Any], generation: int, began: float) -> None:
    mode = Mode(facts["mode"])
    words = {name: str(facts.get(name) or "") for name in ("by", "reason", "incident", "link")}
    story = Story(**words, since=float(facts.get("since") or 0.0))
    try:
        changed = await door.state.learn(mode, story, generation=generation)
    except OSError as error:
        _log.error("%s: the disk does not take the mode: %s", door.route.name, error)  # the text says it all
        return
    door.heard = max(door.heard, began)
    if changed:
        ended, left = await door.flights.end(door.told.mode, 0.0)
        _log.warning("%s: %s, as the bot says; %d calls ended, %d left", door.route.name, mode, ended, left)
