"""Stops or reduces one ACL user of a Redis or Valkey server.

One `ACL SETUSER` takes every right and leaves an inert selector as the mark; `CLIENT KILL USER` then ends the open
sessions until `CLIENT LIST` shows none. read_only is a short full stop that reopens with reads only. What each step is
for, and what it cannot do, is in `docs/adapters/redis_acl.md`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr

from adapters.base import (
    DIGEST,
    Attempt,
    BacklogPolicy,
    Change,
    Config,
    Cut,
    Gate,
    Manual,
    Mode,
    Moved,
    Observation,
    Relaxed,
    Shared,
    SurfaceClass,
    Waiting,
)
from adapters.errors import AdapterError, Refused
from adapters.redis_acl import probes
from adapters.redis_acl.backlog import Queues
from adapters.redis_acl.hand import Hand, denied, missing
from adapters.redis_acl.line import Address, Command, Endpoint, raised
from adapters.redis_acl.manual import MANUAL, PERMISSIONS
from adapters.redis_acl.rules import STOPPED, User, authority, changes, given, others, parse, reduced, replaced, undone
from adapters.redis_acl.sessions import Session, sessions


def _redis_url(url: SecretStr) -> SecretStr:
    Address.of(url.get_secret_value())
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class RedisAclConfig(Config):
    """Where the bot logs in, and the user that it stops."""

    url: RedisUrl = Field(description="the bot's own login, redis:// or rediss://")
    user: str = Field(description="the ACL user that the agent logs in as")
    queues: tuple[str, ...] = Field(
        default=(), description="lists, streams and sets where the agent's work waits, in the database of the url"
    )


class RedisAclCanary(Config):
    """The agent's own login."""

    url: RedisUrl = Field(description="the agent's login, for the attempt")


@dataclass(frozen=True, slots=True)
class Look:
    """What one exchange with the server shows."""

    user: User | None
    default: User | None
    sessions: list[Session] | None
    may_set: bool


class RedisAcl:
    """One ACL user on one server. ACLs are not replicated: every node is a surface of its own."""

    kind: ClassVar[str] = "redis_acl"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(
        {SurfaceClass.DATABASE, SurfaceClass.QUEUE, SurfaceClass.IDENTITY}
    )
    permissions: ClassVar[tuple[str, ...]] = PERMISSIONS
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = RedisAclConfig
    manual: ClassVar[Manual] = MANUAL
    canary_type: ClassVar[type[Config] | None] = RedisAclCanary

    def __init__(self, *, config: RedisAclConfig, canary: RedisAclCanary | None, shared: Shared) -> None:
        self._user = config.user
        self._address = Address.of(config.url.get_secret_value())
        self._canary = Address.of(canary.url.get_secret_value(), database=True) if canary else None
        self._endpoint = shared.get(Endpoint.key(self._address), lambda: Endpoint(self._address))
        self._endpoint.users += 1
        self._queues = Queues(Address.of(config.url.get_secret_value(), database=True), config.queues)
        self._closed = False

    def target_key(self) -> str:
        """`redis_acl:host:port/user`."""
        return f"{self.kind}:{self._address.name}/{self._user}"

    async def preflight(self) -> tuple[str, ...]:
        """Asks the server what the bot may do (`ACL DRYRUN` of its own user), and what in the set-up leaves a door."""
        asked: list[Command] = [
            ("ACL", "DRYRUN", self._address.user, *right.removeprefix("+").split("|"), *_sample_of(right))
            for right in self.permissions
        ]
        async with self._hand() as hand:
            answers = await hand.ask(*asked)
            look = await self._look(hand)
        lacking = [right for right, answer in zip(self.permissions, answers, strict=True) if denied(answer)]
        return (*lacking, *await self._queues.lacking(), *self._set_up(look), *await self._canary_lacks(look))

    async def observe(self) -> Observation:
        """Reads the user, the server's categories, the open sessions and, for read_only, the server's own verdict."""
        async with self._hand() as hand:
            look = await self._look(hand)
            if look.user is None:
                return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._missing())
            await hand.learn()
            mode = await hand.mode(look.user, look.sessions)
        enforceable, why = self._enforceable(look)
        return Observation(
            exists=True,
            mode=mode,
            enforceable=enforceable,
            why=why,
            token=look.user.mark,
            state=look.user.facts(),
            in_flight=None if self._door(look, mode) else _in_flight(mode, look.sessions),
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Stops the user fully and ends its sessions; for read_only then asks the gate and reopens with reads alone."""
        if self._address.user == self._user:
            raise Refused(self._itself(), missing=("a user of the bot's own",))
        async with self._hand() as hand:
            look = await self._look(hand)
            if look.user is None:
                return Cut(held=Mode.FULL_STOP, why=self._missing())
            drained = await hand.drain(look.user, mark=token, seconds=drain) if drain else None
            stopped = await hand.swap(STOPPED, mark=token, modern=look.user.modern)
            before = drained or stopped
            lost = before.mark is not None and not undo  # restricted already and no record: nobody's baseline
            cut = Cut(
                held=Mode.FULL_STOP,
                changed=() if lost else changes(before.facts(), STOPPED, undo, self._endpoint.known),
            )
            ended, left = await hand.end()
            if not drain:  # the server ends subscribers itself, and counts them nowhere
                ended = max(ended, len(look.sessions or ()) - (left or 0))
            cut = replace(cut, ended=ended, left=left, why=self._open_door(look))
            if mode is not Mode.FULL_STOP and not left:
                cut = await self._reduce(hand, look, cut, before=before, token=token, undo=undo, gate=gate)
            why = " ".join(filter(None, (cut.why, await hand.save())))
        return replace(cut, left=None if self._door(look, cut.held) else cut.left, why=why)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back what our cuts took: to normal, or only its reads. The mark must be `expect`.

        Raises:
            Refused: the mark is another, or somebody changed the user meanwhile: restrict again first.
        """
        async with self._hand() as hand:
            user = (await self._look(hand)).user
            if user is None:
                raise AdapterError(self._missing())
            if user.modern and user.mark != expect:
                raise self._strange(user.mark)
            await hand.learn()
            found, known = user.facts(), self._endpoint.known
            target, kept = undone(found, undo, known)
            target = target if to is Mode.NORMAL else reduced(target, known)
            if not await gate(() if to is Mode.NORMAL else replaced(found, target, undo, kept, known)):
                return Relaxed(kept=kept)
            if not await hand.loosen(user, target, mark=None if to is Mode.NORMAL else token):
                raise self._strange(None)
            await hand.save()
        return Relaxed(changed=given(found, target), kept=kept)

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Logs in as the agent (full_stop) or tries to write without effect (looser modes).

        A disabled user and a wrong password get the same answer, so the canary's password is first compared with the
        hashes that the server holds.
        """
        if self._canary is None or self._canary.user != self._user:
            return Attempt.UNTRIED
        async with self._hand() as hand:
            look = await self._look(hand)
        if look.user is None or not look.user.accepts(self._canary.password):
            return Attempt.UNTRIED
        answer = await probes.attempt(self._canary, mode, look.user.root.keys)
        return Attempt.UNTRIED if answer is Attempt.REFUSED and self._door(look, mode) else answer

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:
        """All of them, where the settings name queues."""
        return frozenset(BacklogPolicy) if isinstance(config, RedisAclConfig) and config.queues else frozenset()

    async def count(self) -> Waiting:
        """What waits in the queues, and what lies aside."""
        return await self._queues.count()

    async def hold(self, *, label: str) -> Moved:
        """Renames the queues, each in one transaction; of a stream with groups, copies it and moves the groups on."""
        return await self._queues.hold(label)

    async def drop(self, *, label: str) -> Moved:
        """Unlinks the queues, each in one transaction; of a stream with groups, only moves the groups on."""
        return await self._queues.drop(label)

    async def replay(self, *, label: str) -> Moved:
        """Renames back, or where work came meanwhile, appends to it."""
        return await self._queues.replay(label)

    async def note(self) -> Mapping[str, str]:
        """The passwords, as one digest that means nothing at another server or user."""
        async with self._hand() as hand:
            user = (await self._look(hand)).user
            await hand.learn()
        if user is None:
            return {}
        text = "\n".join((self.target_key(), *sorted(user.hashes)))
        needed = {"password needed": "no"} if user.nopass else {}
        return {"passwords": f"{DIGEST}{sha256(text.encode()).hexdigest()[:32]}", **needed}

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """What others changed of the rules, fact by fact, commands by what they allow."""
        return others(before, now, undo, self._endpoint.known)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connection."""
        if not self._closed:
            self._closed = True
            await self._endpoint.aclose()

    @asynccontextmanager
    async def _hand(self) -> AsyncIterator[Hand]:
        async with self._endpoint.line() as line:
            yield Hand(line, self._endpoint, self._user)

    async def _look(self, hand: Hand) -> Look:
        """Ends our own abandoned connections first: what they still owe must not run after what is sent next."""
        burials = self._endpoint.burials()
        answers = await hand.ask(
            *burials,
            ("ACL", "GETUSER", self._user),
            ("ACL", "GETUSER", "default"),
            ("CLIENT", "LIST"),
            ("ACL", "DRYRUN", self._address.user, "ACL", "SETUSER", self._user),
        )
        self._endpoint.abandoned.difference_update(command[3] for command in burials)
        user, default, listing, may_set = answers[len(burials) :]
        raised((user, default), address=self._address, user=self._user)
        return Look(parse(user), parse(default), sessions(listing, user=self._user), not denied(may_set))

    async def _reduce(
        self, hand: Hand, look: Look, cut: Cut, *, before: User, token: str, undo: tuple[Change, ...], gate: Gate
    ) -> Cut:
        """Gives the reads back after a full stop, where that is possible, the gate agrees and nobody cut meanwhile."""
        await hand.learn()
        enforceable, why = self._enforceable(look)
        if Mode.READ_ONLY not in enforceable:
            return replace(cut, why=why)
        known = self._endpoint.known
        target = reduced(authority(before.facts(), undo, known), known)
        planned = (*cut.changed, *changes(before.facts(), target, (*undo, *cut.changed), known))
        cut = replace(cut, changed=planned)
        if not await gate(planned):
            return replace(cut, why="A stricter hold stands, so reads were not given back.")
        user = await hand.now()
        if user is None or user.mark != token or not await hand.loosen(user, target, mark=token):
            return replace(cut, why="The user was changed while it was cut, so reads were not given back.")
        granted = await hand.still_granted(user.root.keys or before.root.keys)
        if not granted:
            return replace(cut, held=Mode.READ_ONLY)
        await hand.swap(STOPPED, mark=token, modern=True)
        ended, left = await hand.end()
        why = f"The server would still run {granted[0]} in read_only, so nothing was given back."
        return replace(cut, ended=cut.ended + ended, left=left, why=why)

    def _enforceable(self, look: Look) -> tuple[frozenset[Mode], str]:
        """What is possible here, and what stands in the way of the rest."""
        if self._address.user == self._user:
            return frozenset(), self._itself()
        if not look.may_set:
            return frozenset(), f"{self._address.user} may not change {self._user}: grant it +acl|setuser."
        if look.user is not None and not look.user.modern:
            return frozenset({Mode.FULL_STOP}), "Redis before 7 has no read-only key patterns and carries no mark."
        if not self._endpoint.known.categories:
            return frozenset({Mode.FULL_STOP}), f"{self._address.user} cannot read the categories: grant it +acl|cat."
        if self._open_default(look) is Mode.NORMAL:
            return frozenset({Mode.FULL_STOP}), self._open_door(look)
        return self.modes, self._open_door(look)

    def _open_default(self, look: Look) -> Mode | None:
        """What any client may do as the default user without a password; None where that is nothing."""
        user = look.default
        if user is None or not (user.enabled and user.nopass) or self._user == "default":
            return None
        return None if user.idle(self._endpoint.known) else user.judged(self._endpoint.known)

    def _open_door(self, look: Look) -> str:
        if self._open_default(look) is None:
            return ""
        return (
            f"The default user of {self._address.name} needs no password, so the agent can come back as it: "
            "set requirepass, or ACL SETUSER default off."
        )

    def _door(self, look: Look, held: Mode) -> bool:
        """Whether the agent could act as the default user beyond `held`; then its work cannot be told from others'."""
        mode = self._open_default(look)
        return mode is not None and mode < held

    def _set_up(self, look: Look) -> tuple[str, ...]:
        found = []
        if self._address.user == self._user:
            found.append(self._itself())
        if look.user is None:
            found.append(self._missing())
        if self._open_default(look) is not None:
            found.append(f"a password for the default user of {self._address.name}")
        return tuple(found)

    async def _canary_lacks(self, look: Look) -> tuple[str, ...]:
        """What keeps the canary from proving anything; of a user that is off only the password can be judged."""
        if self._canary is None or look.user is None:
            return ()
        if self._canary.user != self._user:
            return (f"canary logs in as {self._canary.user}, not as user {self._user}",)
        if not look.user.accepts(self._canary.password):
            return (f"canary: wrong password for user {self._user}",)
        return await probes.lacking(self._canary) if look.user.enabled else ()

    def _itself(self) -> str:
        return f"The bot logs in as {self._user} itself and will not lock itself out: give it a user of its own."

    def _missing(self) -> str:
        return missing(self._user, self._address)

    def _strange(self, mark: str | None) -> Refused:
        return Refused(
            f"{self._user} on {self._address.name} was changed by somebody else (its mark is {mark or 'gone'}): "
            "restrict again before relaxing"
        )


def _in_flight(mode: Mode, alive: list[Session] | None) -> int | None:
    if alive is None:
        return None
    if mode is Mode.FULL_STOP:
        return len(alive)
    return sum(session.writing for session in alive) if mode is Mode.READ_ONLY else 0


def _sample_of(right: str) -> tuple[str, ...]:
    """Arguments that make the command of `right` complete, as DRYRUN wants it."""
    return {
        "+acl|getuser": ("u",), "+acl|setuser": ("u",), "+acl|dryrun": ("u", "ping"), "+client|kill": ("ID", "0"),
    }.get(right, ())  # fmt: skip
