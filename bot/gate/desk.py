"""Where what a surface parked is decided on: each is done once, by whoever released it first, or never."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import ClientConnectorError, ClientError

from adapters.base import Mode
from bot.gate.answer import Answer
from bot.gate.flights import Flights, Sort
from bot.gate.spool import Parcel, Spool, spent
from bot.gate.state import Overtaken, State

MOST = 1000  # that wait; more are refused
_WITHIN = 60.0  # seconds for a released call
_OK = range(200, 400)
Execute = Callable[[Parcel], Awaitable[Answer]]
_GONE = "it is not there (any more): dropped, released or expired"


class Full(Exception):
    """So much is parked that no more is taken."""


class Denied(Exception):
    """A person decided against it."""


class Desk:
    """The parked calls of one surface.

    Args:
        spool: where they lie.
        state: the surface's mode.
        flights: its calls under way, among which a released one counts.
        execute: sends one to the upstream and returns its whole answer.
    """

    def __init__(self, spool: Spool, state: State, flights: Flights, execute: Execute) -> None:
        self.spool, self._state, self._flights, self._execute = spool, state, flights, execute
        self._deciding = asyncio.Lock()
        self._holders: dict[str, asyncio.Future[Answer | None]] = {}  # agents that wait, by parcel

    async def park(self, one: Parcel) -> Parcel:
        """Keeps a call; a repetition of one that waits, and whose caller went away, is the same. Raises `Full`."""
        waiting = self.spool.waiting()
        for known in waiting:
            if one.waits and known.waits and known.digest == one.digest and known.id not in self._holders:
                return known
        if len(waiting) >= MOST:
            raise Full
        await asyncio.to_thread(self.spool.keep, one)
        return one

    async def wait(self, name: str, patience: float) -> Answer | None:
        """The upstream's answer once a person approved; None where nobody decided in time. Raises `Denied`."""
        holder: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._holders[name] = holder
        try:
            async with asyncio.timeout(patience):
                answer = await holder
        except TimeoutError:
            return None
        finally:
            if self._holders.get(name) is holder:
                del self._holders[name]
        if answer is None:
            raise Denied
        return answer

    async def release(self, name: str, by: str, *, generation: int) -> tuple[bool, str]:
        """Does it, once. Raises `Overtaken` where the surface was told something since it was approved."""
        async with self._deciding:
            one = self.spool.get(name)
            if one is None or one.state != "parked":
                return _before(one, by)
            if not one.intact:
                return False, "it was changed since it was parked: drop it"
            self._may(generation)
            await asyncio.to_thread(self.spool.keep, replace(one, state="releasing", by=by))
            try:
                self._may(generation)
            except Overtaken:
                await asyncio.to_thread(self.spool.keep, one)
                raise
            return await self._carry_out(replace(one, by=by))

    async def drop(self, name: str) -> bool:
        """Removes one that nobody decided on."""
        async with self._deciding:
            one = self.spool.get(name)
            if one is None or one.state != "parked":
                return False
            await asyncio.to_thread(self.spool.remove, [name])
            self._tell(name, None)
            return True

    async def tidy(self) -> None:
        """Removes what expired."""
        if old := self.spool.old():
            async with self._deciding:
                await asyncio.to_thread(self.spool.remove, old)

    def _may(self, generation: int) -> None:
        told = self._state.told
        if told.generation != generation or told.mode >= Mode.READ_ONLY:
            raise Overtaken

    async def _carry_out(self, one: Parcel) -> tuple[bool, str]:
        """No await stands between the last look at the mode and the entry among the calls that a stop ends."""
        try:
            with self._flights(Sort.RELEASED) as flight:
                answer = await self._sent(one)
        except ClientConnectorError:
            await asyncio.to_thread(self.spool.keep, replace(one, by="", state="parked"))
            return False, "the upstream cannot be reached; nothing was sent, and it is still parked"
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            return await self._over(one, False, f"no whole answer came ({type(error).__name__}): look what it did")
        except asyncio.CancelledError:
            if flight.cut and (task := asyncio.current_task()):
                task.uncancel()
                return await self._over(one, False, "a stop ended it under way: look whether it had its effect")
            raise
        self._tell(one.id, answer)
        done = answer.status in _OK
        return await self._over(one, done, "" if done else f"the upstream answered {answer.status}")

    async def _sent(self, one: Parcel) -> Answer:
        async with asyncio.timeout(_WITHIN):
            return await self._execute(one)

    async def _over(self, one: Parcel, done: bool, why: str) -> tuple[bool, str]:  # noqa: FBT001
        with contextlib.suppress(OSError):  # then it stays as releasing, which is never done again
            await asyncio.to_thread(self.spool.keep, spent(one, done=done, why=why))
        return done, why

    def _tell(self, name: str, answer: Answer | None) -> None:
        holder = self._holders.get(name)
        if holder is not None and not holder.done():
            holder.set_result(answer)


def _before(one: Parcel | None, by: str) -> tuple[bool, str]:
    """What is said of one that is parked no longer."""
    if one is None:
        return False, _GONE
    if one.state == "releasing":
        return False, "a release before did not end: look whether it had its effect"
    if one.by != by:
        return False, "another released it"
    return one.state == "done", one.why
