"""What is done to one user over one connection: read it, replace it in one transaction, end its sessions, save."""

import asyncio
from collections.abc import Iterable
from typing import cast

from redis.exceptions import NoPermissionError, ResponseError

from adapters.base import Mode
from adapters.errors import AdapterError, Unreachable
from adapters.redis_acl import probes
from adapters.redis_acl.commands import catalogue
from adapters.redis_acl.line import Address, Command, Endpoint, Line, raised
from adapters.redis_acl.rules import STOPPED, Facts, User, parse, setuser
from adapters.redis_acl.sessions import Session, releasing, sessions

KILL_PAUSE = 0.005  # seconds between two rounds of CLIENT KILL
KILL_ROUNDS = 40
DRAIN_PAUSE = 0.02
BUSY_PAUSE = 0.01


class Unkillable(AdapterError):
    """A script that has written keeps the server busy: until it ends by itself nothing else runs there."""


class Hand:
    """The bot's hand on one user, for as long as it is lent a connection."""

    def __init__(self, line: Line, endpoint: Endpoint, user: str, prefix: str = "") -> None:
        self.line = line
        self.endpoint = endpoint
        self.user = user
        self.prefix = prefix  # of the agent's drafts

    async def learn(self) -> None:
        """Reads the server's categories once; a bot that may not can only stop fully."""
        if self.endpoint.known.categories:
            return
        names = (await self.ask(("ACL", "CAT")))[0]
        if isinstance(names, list):
            words = [name.decode() for name in names]
            held = await self.ask(*(("ACL", "CAT", word) for word in words))
            raised(held, address=self.endpoint.address, user=self.user)
            members = [[name.decode() for name in cast("list[bytes]", one)] for one in held]
            self.endpoint.known = catalogue(words, members)

    async def mode(self, user: User, alive: list[Session] | None) -> Mode:
        """What the rules amount to; `off` with nobody inside is a full stop whatever else is granted."""
        if not user.enabled and alive == []:
            return Mode.FULL_STOP
        mode = user.judged(self.endpoint.known, self.prefix)
        if mode in (Mode.NORMAL, Mode.FULL_STOP):
            return mode
        return Mode.NORMAL if await self.still_granted(mode, user.root.keys) else mode

    async def still_granted(self, mode: Mode, patterns: Iterable[str]) -> tuple[str, ...]:
        """The commands forbidden in `mode` that the server itself says it would run."""
        asked = probes.forbidden(self.user, patterns, self.prefix if mode is Mode.DRAFT_ONLY else "")
        return probes.granted(asked, await self.ask(*asked))

    async def swap(self, facts: Facts, *, mark: str | None, modern: bool) -> User:
        """Makes the user `facts` and returns what it was right before, in one transaction of the server.

        A bot without the right to MULTI gets both commands run one after the other instead.
        """
        rules = setuser(facts, mark=mark, modern=modern)
        get, put = ("ACL", "GETUSER", self.user), ("ACL", "SETUSER", self.user, *rules)
        answers = await self.ask(("MULTI",), get, put, ("EXEC",))
        inner = answers[3] if isinstance(answers[3], list) else answers[1:3]
        if not (inner[1] == b"OK" and isinstance(inner[0], list)):
            raised((*answers, *inner), address=self.endpoint.address, user=self.user)
        found = parse(inner[0])
        if found is None:
            raise AdapterError(missing(self.user, self.endpoint.address))
        return found

    async def drain(self, user: User, *, mark: str, seconds: float) -> User:
        """Refuses new logins and waits until the open sessions have left by themselves, for so many seconds.

        No less can be fenced: the server judges a waiting pop again when its job arrives, so that without its rights
        no work could end. Returns what the user was before.
        """
        before = await self.swap({**user.facts(), "enabled": "off"}, mark=mark, modern=user.modern)
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            if not sessions((await self.ask(("CLIENT", "LIST")))[0], user=self.user):
                break
            await asyncio.sleep(DRAIN_PAUSE)
        return before

    async def end(self) -> tuple[int, int | None]:
        """Ends the user's sessions until the server lists none. Returns how many ended, and how many are left.

        With them goes every release whose gate said yes before this cut: its connection was open then, and is listed.
        """
        ended, alive = 0, None
        for _ in range(KILL_ROUNDS):
            killed, listing = await self.ask(("CLIENT", "KILL", "USER", self.user), ("CLIENT", "LIST"))
            raised((killed,), address=self.endpoint.address, user=self.user)
            ended += killed if isinstance(killed, int) else 0
            if late := self.prefix and releasing(listing, bot=self.endpoint.address.user):
                await self.ask(*(("CLIENT", "KILL", "ID", number) for number in late))
            alive = sessions(listing, user=self.user)
            if not alive:
                break
            await asyncio.sleep(KILL_PAUSE)
        return ended, None if alive is None else len(alive)

    async def loosen(self, seen: User, target: Facts, *, mark: str | None) -> bool:
        """Makes the user `target`, if it still is what was `seen`; else stops it again and returns False.

        The server has no compare-and-set for users. What the user was is therefore read in the same transaction, and
        a cut that slipped in between is put back at once.
        """
        try:
            before = await self.swap(target, mark=mark, modern=seen.modern)
        except (asyncio.CancelledError, Unreachable):
            await self.endpoint.bury(self.line)
            raise
        if before == seen:
            return True
        await self.swap(STOPPED, mark=before.mark, modern=before.modern)
        await self.end()
        return False

    async def now(self) -> User | None:
        """The user as it is."""
        return parse((await self.ask(("ACL", "GETUSER", self.user)))[0])

    async def save(self) -> str:
        """Keeps the users across a restart. Returns a sentence where that is not possible: the cut stands anyway.

        A server without an aclfile may have its users in its configuration file; a bot that was given the right
        rewrites that one.
        """
        answer = (await self.ask(("ACL", "SAVE")))[0]
        if not isinstance(answer, ResponseError):
            return ""
        reason = str(answer)
        if "not configured" in reason:
            rewritten = (await self.ask(("CONFIG", "REWRITE")))[0]
            if not isinstance(rewritten, ResponseError):
                return ""
            reason = "the server has no aclfile" + (
                "" if isinstance(rewritten, NoPermissionError) else f", and says {rewritten}"
            )
        return f"Not saved ({reason}): a restart of {self.endpoint.address.name} undoes this until the bot cuts again."

    async def ask(self, *commands: Command) -> list[object]:
        """Asks; where a script keeps the server busy, ends the script and asks again.

        Raises:
            Unkillable: the script has written already and cannot be ended.
        """
        while True:
            answers = await self.line.ask(*commands)
            if not any(isinstance(answer, ResponseError) and str(answer).startswith("BUSY ") for answer in answers):
                return answers
            for answer in await self.line.ask(("SCRIPT", "KILL"), ("FUNCTION", "KILL")):
                if isinstance(answer, ResponseError) and "UNKILLABLE" in str(answer):
                    raise Unkillable(
                        f"{self.endpoint.address.name} is busy with a script that has already written and cannot "
                        "be ended; the bot tries again, and only SHUTDOWN NOSAVE ends it before it ends by itself"
                    )
            await asyncio.sleep(BUSY_PAUSE)


def missing(user: str, address: Address) -> str:
    """The sentence for a user that does not exist."""
    return f"There is no user {user} on {address.name}: check settings.user, or create it."


def denied(answer: object) -> bool:
    """Whether `ACL DRYRUN` said no; that it cannot be asked says nothing."""
    return (isinstance(answer, bytes) and answer != b"OK") or isinstance(answer, NoPermissionError)
