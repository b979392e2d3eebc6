"""Stops or reduces one role of a NATS account: every user whose JWT its scoped signing key issued.

One new account JWT, signed by an operator key and handed to every server, shuts the role's template: the servers keep
it on disk, end the role's connections as they take it, and refuse its logins. read_only leaves the logins and what the
role may subscribe to. What each step is for, and what it cannot do, is in `docs/adapters/nats_user.md`.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from adapters.base import (
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
from adapters.base.record import Facts, changes, undone
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.nats_user import consumers, probes
from adapters.nats_user.backlog import Queues
from adapters.nats_user.consumers import Consumers, Seen
from adapters.nats_user.line import GRACE, Address, Endpoint, Line
from adapters.nats_user.look import Look, Session, kick, push, read
from adapters.nats_user.manual import MANUAL, PERMISSIONS
from adapters.nats_user.nkeys import Credentials, Pair, public_key
from adapters.nats_user.scope import (
    FIELDS,
    STOPPED,
    baseline,
    facts,
    judged,
    reduced,
    rewritten,
    unscoped,
)

HURRY = 0.2  # seconds that further servers have to answer before a stop is handed out, once the first did
PATIENCE = 2.0  # seconds that a cut of the role waits for its consumers: what it did must be told in time
ROUNDS = 5  # times that an account which somebody else wrote meanwhile is written again


def _seed(seed: SecretStr) -> SecretStr:
    if not Pair.of(seed.get_secret_value()).public.startswith("O"):
        raise ValueError("operator_seed starts with SO")
    return seed


def _creds(creds: SecretStr) -> SecretStr:
    Credentials.of(creds.get_secret_value())
    return creds


CredsText = Annotated[SecretStr, AfterValidator(_creds)]
AccountKey = Annotated[str, AfterValidator(partial(public_key, letter="A"))]


class NatsUserConfig(Config):
    """Where the bot logs in, what it signs with, and the role that it stops."""

    url: str = Field(description="nats:// or tls:// of a server; several with commas between, tried in order")
    creds: CredsText = Field(description="the text of the .creds file of the bot's own user in the system account")
    operator_seed: Annotated[SecretStr, AfterValidator(_seed)] = Field(
        description="seed of a signing key of the operator, made for the bot"
    )
    account: AccountKey = Field(description="public key of the agent's account, A…")
    role: AccountKey = Field(description="public key of the scoped signing key that issues the agent's users, A…")
    servers: int = Field(default=1, ge=1, description="how many servers must answer before a cut counts")
    consumers: tuple[Annotated[str, Field(pattern=r"^[^\s/.*>\\]+/[^\s/.*>\\]+$")], ...] = Field(
        default=(), description="STREAM/CONSUMER of each durable of the agent's own, paused while it is held"
    )
    stream_creds: CredsText | None = Field(
        default=None, description="the text of the .creds file of a user of the bot's in the agent's account, to pause"
    )
    backlog: bool = Field(
        default=False, description="whether that user may also hold, drop and replay what waits for the consumers"
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        Address.of(self.url, self.creds.get_secret_value())
        if self.consumers and self.stream_creds is None:
            raise ValueError("consumers need stream_creds: a user of the bot's in the agent's account, to pause them")
        if self.backlog and not self.consumers:
            raise ValueError("backlog needs consumers: it is about what waits for them")
        return self


class NatsUserCanary(Config):
    """The agent's own login."""

    creds: CredsText = Field(description="the text of the agent's .creds file, for the attempt")
    subject: str = Field(
        default="", description="a subject that the agent may publish to and nobody listens to, for the attempt"
    )


class NatsUser:
    """One role of one account, on all servers of its operator."""

    kind: ClassVar[str] = "nats_user"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.QUEUE, SurfaceClass.IDENTITY})
    permissions: ClassVar[tuple[str, ...]] = PERMISSIONS
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    manual: ClassVar[Manual] = MANUAL
    config_type: ClassVar[type[Config]] = NatsUserConfig
    canary_type: ClassVar[type[Config] | None] = NatsUserCanary

    def __init__(self, *, config: NatsUserConfig, canary: NatsUserCanary | None, shared: Shared) -> None:
        self._account, self._role, self._servers = config.account, config.role, config.servers
        self._address = Address.of(config.url, config.creds.get_secret_value())
        self._operator = Pair.of(config.operator_seed.get_secret_value())
        self._canary = (
            probes.Canary.of(self._address, canary.creds.get_secret_value(), canary.subject) if canary else None
        )
        self._endpoint = _endpoint(shared, self._address)
        streams = config.stream_creds if config.consumers else None
        there = _endpoint(shared, Address.of(config.url, streams.get_secret_value())) if streams else None
        self._consumers = Consumers(self._endpoint, there, config.consumers)
        self._queues = Queues(there, config.consumers) if there is not None and config.backlog else None
        self._closed = False

    def target_key(self) -> str:
        """`nats_user:account/role`, by their public keys, which no other operator has."""
        return f"{self.kind}:{self._account}/{self._role}"

    async def preflight(self) -> tuple[str, ...]:
        """Asks for everything that a cut asks, without effect, and compares what is configured with what answers."""
        async with self._endpoint.line() as line:
            denied = await probes.denied(line, self._account, self.permissions)
            if denied:
                return denied
            found = [*await probes.lacking(line, servers=self._servers, operator=self._operator.public)]
            seen = await self._look(line)
        if seen.scope is None:
            found.append(self._missing(seen))
        if self._canary is not None and seen.newest is not None:
            found += self._canary.lacking(seen.newest, self._role)
        found += await self._consumers.lacking(seen.newest or {})
        return (*found, *(await self._queues.lacking(seen.newest or {}, self._role) if self._queues else ()))

    async def observe(self) -> Observation:
        """Reads what every server keeps and enforces, and the role's open connections.

        Raises:
            Unreachable: fewer servers answered than are configured: what the others let the agent do is not known.
        """
        async with self._endpoint.line() as line:
            seen = await self._look(line)
        if seen.partial:
            raise Unreachable(self._unheard(seen))
        if seen.scope is None:
            there = seen.newest is not None and unscoped(seen.newest, self._role)
            return Observation(exists=there, mode=Mode.NORMAL, enforceable=frozenset(), why=self._missing(seen))
        works, why = await self._consumers.look(), await self._consumers.unpausable()
        alive = None if seen.sessions is None or why else len(seen.sessions)
        mode = Mode.NORMAL if consumers.delivering(works) and not why else seen.mode
        return Observation(
            exists=True,
            mode=mode,
            enforceable=self.modes,
            why=why,
            token=seen.mark,
            state={**facts(seen.scope), **consumers.facts(works)},
            in_flight=alive if mode is Mode.FULL_STOP or why else 0,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # nothing is reopened, and nothing can be drained
        """Shuts the role's template on every server, which ends its connections, and reads back until they are gone.

        Nothing can be drained: the servers end the connections of a role as they take its new template.
        """
        async with self._endpoint.line() as line:
            async with self._endpoint.turn(self._account):
                before = await self._look(line, grace=HURRY)
                if before.scope is None:
                    return Cut(held=Mode.FULL_STOP, why=self._missing(before))
                found, ours = facts(before.scope), _ours(undo)
                base = baseline(found, ours)
                shut = judged(found) is Mode.FULL_STOP  # stricter than read_only, and never reopened by a cut
                target = STOPPED if mode is Mode.FULL_STOP else found if shut else reduced(base)
                after = await self._written(line, before, target, token=token)
            left = await self._end(line, before, after, judged(target))
        lost = before.mark is not None and not undo  # restricted already and no record: nobody's baseline
        works, why = await self._paused()
        taken = () if lost else changes(base, target, ours)
        return Cut(
            held=judged(target),
            changed=(*taken, *consumers.changes(works, undo)),
            ended=max(len(before.sessions or ()) - (left or 0), 0) + consumers.hand(works),
            left=None if (after.partial or why) and not left else left,
            why=" ".join(filter(None, (self._unheard(after) if after.partial else "", why))),
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back what our cuts took: to normal, or only what read_only leaves. The mark must be `expect`.

        Raises:
            Refused: the mark is another, or somebody changed the role meanwhile: restrict again first.
        """
        async with self._endpoint.line() as line:
            seen = await self._look(line)
        if seen.scope is None:
            raise AdapterError(self._missing(seen))
        if seen.partial:
            raise Unreachable(self._unheard(seen))
        if seen.mark != expect:
            raise self._strange(seen.mark)
        works = await self._consumers.look()
        given, theirs = consumers.undone(works, undo) if to is Mode.NORMAL else ({}, ())
        found, undo = facts(seen.scope), _ours(undo)
        whole, kept = undone(found, undo)
        target = whole if to is Mode.NORMAL else reduced(whole)
        if not await gate(
            ()
            if to is Mode.NORMAL
            else changes({**baseline(whole, undo), **{name: whole[name] for name in kept}}, target, undo)
        ):
            return Relaxed(kept=(*kept, *theirs))
        await self._loosen(found, target, expect=expect, token=None if to is Mode.NORMAL else token)
        await self._consumers.give(given)
        both = [(name, found[name], target[name]) for name in found]
        both += [(f"consumer {name}", consumers.OURS, until) for name, until in given.items()]
        changed = tuple(Change(key=k, was=w, now=n) for k, w, n in both if w != n)
        return Relaxed(changed=changed, kept=(*kept, *theirs))

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Logs in as the agent (full_stop), or publishes nothing to where nobody listens (read_only).

        The servers answer a shut role and a wrong credential alike, so the credential is first judged by itself: it is
        the role's, signed by it, neither revoked nor expired.
        """
        if self._canary is None:
            return Attempt.UNTRIED
        async with self._endpoint.line() as line:
            seen = await self._look(line)
        if seen.newest is None or self._canary.lacking(seen.newest, self._role):
            return Attempt.UNTRIED
        return await self._canary.attempt(mode)

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:
        """All of them, where the settings say that the bot may move what waits."""
        return frozenset(BacklogPolicy) if isinstance(config, NatsUserConfig) and config.backlog else frozenset()

    async def count(self) -> Waiting:
        """What waits for the consumers, and what lies aside of them."""
        return await self._backlog().count()

    async def hold(self, *, label: str) -> Moved:
        """Moves what waits into a stream of ours."""
        return await self._backlog().hold(label)

    async def drop(self, *, label: str) -> Moved:
        """Takes what waits out of its stream, for good."""
        return await self._backlog().drop(label)

    async def replay(self, *, label: str) -> Moved:
        """Publishes what lies aside again."""
        return await self._backlog().replay(label)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connection."""
        if not self._closed:
            self._closed = True
            await self._consumers.aclose()
            await self._endpoint.aclose()

    def _backlog(self) -> Queues:
        if self._queues is None:
            raise AdapterError(f"No work of {self._role} is known: settings.backlog is off.")
        return self._queues

    async def _paused(self) -> tuple[Seen, str]:
        """Pauses the consumers; returns what they were, and in a sentence what was not possible: the role is cut."""
        try:
            async with asyncio.timeout(PATIENCE):
                if why := await self._consumers.unpausable():
                    return {}, f"{why}, so they go on delivering."
                works = await self._consumers.look()
                await self._consumers.pause(works)
        except AdapterError as error:
            return {}, f"The consumers were not paused: {error}."
        except TimeoutError:
            return {}, f"The consumers were not paused: no answer in the agent's account within {PATIENCE:g} s."
        return works, ""

    async def _look(self, line: Line, *, grace: float = GRACE) -> Look:
        """Ends our own abandoned connections first: what they still owe must not run after what is sent next."""
        if self._endpoint.abandoned:
            await self._endpoint.end_abandoned(line)
        return await read(line, account=self._account, role=self._role, servers=self._servers, grace=grace)

    async def _written(self, line: Line, seen: Look, target: Facts, *, token: str) -> Look:
        """Writes the role into the account's JWT and reads back, again where another program wrote over it."""
        for _ in range(ROUNDS):
            if seen.newest is None or seen.scope is None:
                raise AdapterError(self._missing(seen))
            made = rewritten(seen.newest, self._role, target, token=token, at=int(time.time()))
            await push(line, self._operator.token(made), servers=self._servers)
            seen = await self._look(line)
            if seen.amounts_to(target, token):
                return seen
        raise AdapterError(
            f"the account {self._account} is written by somebody else again and again; the bot goes on trying"
        )

    async def _loosen(self, found: Facts, target: Facts, *, expect: str, token: str | None) -> None:
        """Writes `target`, if the role still is what was `found`.

        Raises:
            Refused: it is not any more.
        """
        async with self._loosening() as line:
            async with self._endpoint.turn(self._account):
                seen = await self._look(line)
                if seen.newest is None or seen.scope is None or (seen.mark, facts(seen.scope)) != (expect, found):
                    raise self._strange(seen.mark)
                made = rewritten(seen.newest, self._role, target, token=token, at=int(time.time()))
                await push(line, self._operator.token(made), servers=self._servers)
                seen = await self._look(line)
            if not seen.amounts_to(target, token):
                raise self._strange(seen.mark)

    @asynccontextmanager
    async def _loosening(self) -> AsyncIterator[Line]:
        """Lends a line. Where it is lost or left with answers owing, it is ended at the server before this returns."""
        try:
            async with self._endpoint.line() as line:
                yield line
        finally:
            await self._endpoint.bury()

    async def _end(self, line: Line, before: Look, after: Look, held: Mode) -> int | None:
        """Ends what the servers left open; returns how many connections still are. None where they cannot be seen."""
        old = before.sessions or frozenset()
        for _ in range(ROUNDS):
            alive = _alive(after, held, old)
            if not alive:
                break
            await kick(line, alive)
            after = await self._look(line)
        alive = _alive(after, held, old)
        return None if alive is None else len(alive)

    def _missing(self, seen: Look) -> str:
        if seen.newest is None:
            return f"No server of {self._address.name} knows the account {self._account}: check settings.account."
        if unscoped(seen.newest, self._role):
            return f"The signing key {self._role} has no template: make it a scoped one, as the set-up says."
        return f"The account {self._account} has no scoped signing key {self._role}: check settings.role."

    def _unheard(self, seen: Look) -> str:
        if seen.crowded:
            return f"More than {self._servers} servers of {self._address.name} answer: correct settings.servers."
        return (
            f"{self._servers - seen.missing} of {self._servers} servers of {self._address.name} answered: "
            "what the others let the agent do is not known."
        )

    def _strange(self, mark: str | None) -> Refused:
        return Refused(
            f"{self._role} in {self._account} was changed by somebody else (its mark is {mark or 'gone'}): "
            "restrict again before relaxing"
        )


def _endpoint(shared: Shared, address: Address) -> Endpoint:
    digest = sha256(address.creds.jwt.encode()).hexdigest()
    endpoint = shared.get((NatsUser.kind, address.name, digest), lambda: Endpoint(address))
    endpoint.users += 1
    return endpoint


def _ours(undo: tuple[Change, ...]) -> tuple[Change, ...]:
    """The share of a record that is about the role."""
    return tuple(change for change in undo if change.key in FIELDS)


def _alive(seen: Look, held: Mode, old: frozenset[Session]) -> frozenset[Session] | None:
    """The connections that must end: all at a full stop, else those that were opened before."""
    return seen.sessions if seen.sessions is None or held is Mode.FULL_STOP else seen.sessions & old
