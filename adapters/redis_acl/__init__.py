"""Stops or reduces one ACL user of Redis or Valkey, on every server that has it.

One `ACL SETUSER` takes every right and leaves an inert selector as the mark; `CLIENT KILL USER` then ends the open
sessions until `CLIENT LIST` shows none. read_only and draft_only are a short full stop that reopens with reads, and
with writes of drafts. What each step is for, and what it cannot do, is in `docs/adapters/redis_acl.md`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, TypeVar, overload

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
from adapters.base.parked import Drafts, Released, unless_stricter
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.redis_acl.around import strangers
from adapters.redis_acl.backlog import Queues
from adapters.redis_acl.drafts import AREA, Parking
from adapters.redis_acl.hand import Unkillable
from adapters.redis_acl.line import Address, Endpoint
from adapters.redis_acl.manual import MANUAL, PERMISSIONS
from adapters.redis_acl.node import Node, Stop
from adapters.redis_acl.rules import others

T = TypeVar("T")
LAGS = 1.0  # seconds that the other servers are waited for once one has answered


def _redis_url(url: SecretStr) -> SecretStr:
    Address.of(url.get_secret_value())
    return url


def _place(place: str) -> str:
    Address.of("redis://any").at(place)
    return place


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


def _prefix(text: str) -> str:
    if text.startswith(AREA) or AREA.startswith(text):
        raise ValueError(f"a draft_prefix must not reach into {AREA}*, where the bot keeps what is parked")
    return text


class RedisAclConfig(Config):
    """Where the bot logs in, and the user that it stops."""

    url: RedisUrl = Field(description="the bot's own login, redis:// or rediss://; of several servers the primary")
    user: str = Field(description="the ACL user that the agent logs in as")
    nodes: tuple[Annotated[str, AfterValidator(_place)], ...] = Field(
        default=(), description="host:port of every further server that has the user: replicas, members of the cluster"
    )
    queues: tuple[str, ...] = Field(
        default=(), description="lists, streams and sets where the agent's work waits, in the database of the url"
    )
    draft_prefix: Annotated[str, AfterValidator(_prefix)] | None = Field(
        default=None,
        min_length=2,
        pattern=r"^[^*?\[\]\\^\s]+$",
        description="how keys begin that the agent may write in draft_only; what follows names the key it proposes",
    )


class RedisAclCanary(Config):
    """The agent's own login."""

    url: RedisUrl = Field(description="the agent's login, for the attempt")


class RedisAcl:
    """One ACL user on one server, or on several: ACLs are not replicated, so each is cut and read back by itself."""

    kind: ClassVar[str] = "redis_acl"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.DRAFT_ONLY, Mode.READ_ONLY, Mode.FULL_STOP})
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
        url = config.url.get_secret_value()
        login = Address.of(canary.url.get_secret_value(), database=True) if canary else None
        first = Address.of(url)
        others = {there.name: there for there in map(first.at, config.nodes) if there.name != first.name}
        self._user = config.user
        self._first = _node(shared, first, config, login)
        self._nodes = (
            self._first,
            *(_node(shared, there, config, login and login.at(name), titled=True) for name, there in others.items()),
        )
        data = Address.of(url, database=True)
        self._queues = Queues(data, config.queues)
        places = [(node.endpoint, data if node is self._first else data.at(node.name)) for node in self._nodes]
        self._parking = Parking(places, config.user, config.draft_prefix or "")
        for node in self._nodes:
            node.unlisted = self._parking.unlisted
        self._closed = False

    def target_key(self) -> str:
        """`redis_acl:host:port/user`, of the url alone: servers may come and go while something is held."""
        return f"{self.kind}:{self._first.name}/{self._user}"

    async def preflight(self) -> tuple[str, ...]:
        """Asks every server what the bot may do (`ACL DRYRUN` of its own user), and what the set-up leaves open."""
        lacks = await asyncio.gather(*(node.lacking(self.permissions) for node in self._nodes))
        found = [f"{node.title}{text}" for node, texts in zip(self._nodes, lacks, strict=True) for text in texts]
        found += [f"{name} among settings.nodes" for name in self._strangers()]
        return (*found, *await self._queues.lacking(), *await self._parking.lacking())

    async def observe(self) -> Observation:
        """Reads every server: the user, the commands, the open sessions and, for a reduced mode, its own verdict.

        Raises:
            Unreachable: a server did not answer; the text says how the others are held.
        """
        looks = await self._each(Node.observe)
        seen = [one for one in looks if isinstance(one, Observation)]
        there = [one for one in seen if one.exists]
        if failed := [one for one in looks if isinstance(one, BaseException)]:
            raise _told(failed, _rest(there))
        if not there:
            return seen[0]
        unknown, works = self._strangers(), [one.in_flight for one in there]
        marks = sorted({one.token or "none" for one in there})
        return Observation(
            exists=True,
            mode=min(one.mode for one in there),
            enforceable=frozenset.intersection(*(one.enforceable for one in there)),
            why=_joined((*(one.why for one in seen), _unlisted(unknown))),
            token=there[0].token if len(marks) == 1 else "|".join(marks),
            state={key: value for one in there for key, value in one.state.items()},
            in_flight=None if unknown or None in works else sum(work or 0 for work in works),
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Stops the user fully on every server side by side; for less asks the gate once and reopens with that alone.

        A server that does not answer delays no other: it is waited for no longer than `LAGS` once another has, and the
        cut names it.
        """
        for node in self._nodes:
            node.refuse_itself()
        try:
            did = await self._each(
                lambda node: node.stop(mode=mode, token=token, drain=drain, undo=node.own(undo)), drain
            )
        except Unkillable as error:
            return Cut(held=mode, left=1, why=f"{error}.")
        stops = {node: one for node, one in zip(self._nodes, did, strict=True) if isinstance(one, Stop)}
        failed = [one for one in did if isinstance(one, BaseException)]
        if not stops:
            raise _told(failed, "")
        cuts = await self._reopened(stops, mode=mode, token=token, undo=undo, gate=gate)
        return self._whole(stops, cuts, failed)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back on every server what our cuts took there: all, or only up to a mode. Each mark must be `expect`.

        Raises:
            Refused: a mark is another, or somebody changed the user meanwhile: restrict again first.
            Unreachable: a server did not answer, so nothing was given back anywhere.
        """
        steps = _all(await self._each(lambda node: node.relaxing(to=to, expect=expect, undo=node.own(undo))))
        if all(step.user is None for step in steps):
            raise AdapterError((await self._first.observe()).why)
        pairs = list(zip(self._nodes, steps, strict=True))
        kept = tuple(f"{node.title}{name}" for node, step in pairs for name in step.kept)
        planned = tuple(change for node, step in pairs for change in node.titled(step.planned))
        if not await gate(() if to is Mode.NORMAL else planned):
            return Relaxed(kept=kept)
        mark, todo = None if to is Mode.NORMAL else token, dict(pairs)
        made = _all(await self._each(lambda node: node.give(todo[node], mark=mark)))
        changed = (change for node, one in zip(self._nodes, made, strict=True) for change in node.titled(one))
        return Relaxed(changed=tuple(changed), kept=kept)

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Logs in as the agent at every server (full_stop), or tries to write without effect (looser modes)."""
        tries = _all(await self._each(lambda node: node.attempt(mode)))
        if Attempt.ALLOWED in tries:
            return Attempt.ALLOWED
        return Attempt.UNTRIED if Attempt.UNTRIED in tries else Attempt.REFUSED

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

    async def replay(self, *, label: str) -> Moved:
        """Renames back, or where work came meanwhile, appends to it."""
        return await self._queues.replay(label)

    @overload
    async def drop(self, *, label: str) -> Moved: ...

    @overload
    async def drop(self, *, draft: str, by: str) -> bool: ...

    async def drop(self, *, label: str = "", draft: str = "", by: str = "") -> Moved | bool:
        """A draft; or the queues, each in one transaction: of a stream with groups, only moves the groups on."""
        return await self._parking.drop(draft, by) if draft else await self._queues.drop(label)

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:
        """draft_only, where the settings name a prefix."""
        asked = isinstance(config, RedisAclConfig) and config.draft_prefix
        return frozenset({Mode.DRAFT_ONLY}) if asked else frozenset()

    async def list(self, *, limit: int = 100) -> Drafts:
        """The drafts; those that the agent wrote since the last listing are taken out of its reach first."""
        return await self._parking.show(limit)

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Renames a draft to the key that it proposes, if neither was changed since it was taken in."""
        return await self._parking.release(draft, by, unless_stricter(self, gate))

    async def note(self) -> Mapping[str, str]:
        """The passwords on each server, as one digest that means nothing at another server or user."""
        users = _all(await self._each(Node.noted))
        noted: dict[str, str] = {}
        for node, user in zip(self._nodes, users, strict=True):
            if user is not None:
                text = "\n".join((f"{self.kind}:{node.name}/{self._user}", *sorted(user.hashes)))
                noted |= {f"{node.title}password needed": "no"} if user.nopass else {}
                noted[f"{node.title}passwords"] = f"{DIGEST}{sha256(text.encode()).hexdigest()[:32]}"
        return noted

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """What others changed of the rules, fact by fact, commands by what they allow."""
        return tuple(
            f"{node.title}{text}"
            for node in self._nodes
            for text in others(node.facts(before), node.facts(now), node.own(undo), node.endpoint.known)
        )

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connections."""
        if not self._closed:
            self._closed = True
            for node in self._nodes:
                await node.endpoint.aclose()

    async def _reopened(
        self, stops: Mapping[Node, Stop], *, mode: Mode, token: str, undo: tuple[Change, ...], gate: Gate
    ) -> dict[Node, Cut]:
        """What became of each full stop: asked once for all servers, each reopens by itself, or is kept as it is."""
        cuts = {node: stop.cut for node, stop in stops.items()}
        if mode is Mode.FULL_STOP:
            return cuts
        steps = {node: node.reopening(stop, mode, node.own(undo)) for node, stop in stops.items()}
        cuts = {node: _also(cut, steps[node].why) for node, cut in cuts.items()}
        able = {node: step for node, step in steps.items() if step.user is not None}
        planned = tuple(change for node, step in able.items() for change in node.titled(step.planned))
        if able and not await gate(planned):
            why = "A stricter hold stands, so nothing was given back."
            cuts |= {node: _also(replace(cuts[node], changed=step.planned), why) for node, step in able.items()}
            able = {}
        todo = {node: replace(stops[node], cut=cuts[node]) for node in stops}

        async def go_on(node: Node) -> Cut:
            if node in able:
                return await node.reopen(todo[node], able[node], token=token)
            return await node.keep(cuts[node])

        done = await self._each(go_on, among=tuple(stops))
        lost = "The server was lost while it reopened, so what is held there is not known"
        return {
            node: one if isinstance(one, Cut) else _also(replace(cuts[node], left=None), f"{lost}: {one}.")
            for node, one in zip(stops, done, strict=True)
        }

    def _whole(self, stops: Mapping[Node, Stop], cuts: Mapping[Node, Cut], failed: Sequence[BaseException]) -> Cut:
        """The cuts of all servers as one. What is not known anywhere is not known."""
        unknown = self._strangers()
        works = [cut.left for cut in cuts.values()]
        there = [cuts[node].held for node, stop in stops.items() if stop.before is not None]
        return Cut(
            held=min(there, default=Mode.FULL_STOP),
            changed=tuple(change for node, cut in cuts.items() for change in node.titled(cut.changed)),
            ended=sum(cut.ended for cut in cuts.values()),
            left=None if failed or unknown or None in works else sum(work or 0 for work in works),
            why=_joined((*(f"{one}." for one in failed), *(cut.why for cut in cuts.values()), _unlisted(unknown))),
        )

    def _strangers(self) -> tuple[str, ...]:
        """The servers that those of the settings tell of and that are none of them."""
        return strangers({node.name: (node.endpoint.lookout, node.endpoint.lookout.last) for node in self._nodes})

    async def _each(
        self, call: Callable[[Node], Awaitable[T]], drain: float = 0.0, *, among: tuple[Node, ...] = ()
    ) -> "Sequence[T | BaseException]":
        """Calls it for every server side by side; one that lags behind the first answer is given up after `LAGS`.

        Of a single server nothing is caught: its errors are the call's own.
        """
        nodes = among or self._nodes
        if len(self._nodes) == 1:
            return [await call(nodes[0])]
        tasks = [asyncio.ensure_future(call(node)) for node in nodes]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(tasks, timeout=LAGS + drain)
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        return [_named(node, one) for node, one in zip(nodes, done, strict=True)]


def _node(
    shared: Shared, address: Address, config: RedisAclConfig, canary: Address | None, *, titled: bool = False
) -> Node:
    endpoint = shared.get(Endpoint.key(address), lambda: Endpoint(address))
    endpoint.users += 1
    return Node(endpoint, config.user, canary=canary, prefix=config.draft_prefix or "", titled=titled)


def _named(node: Node, one: T | BaseException) -> T | BaseException:
    """What was given up has no words of its own."""
    if isinstance(one, asyncio.CancelledError):
        return Unreachable(f"{node.name} did not answer within {LAGS:g} s of the others; is it frozen?")
    return one


def _all(done: "Sequence[T | BaseException]") -> "list[T]":
    """The results. Raises the errors as one."""
    if failed := [one for one in done if isinstance(one, BaseException)]:
        raise _told(failed, "")
    return [one for one in done if not isinstance(one, BaseException)]


def _told(failed: Sequence[BaseException], rest: str) -> BaseException:
    """The error to raise for several: a refusal first, which a person has to act on; with what is known of the rest."""
    first = next((one for one in failed if isinstance(one, Refused)), failed[0])
    text = "; ".join(filter(None, (*map(str, failed), rest)))
    if isinstance(first, Refused):
        return Refused(text, missing=first.missing)
    return type(first)(text) if isinstance(first, AdapterError) else first


def _rest(there: Sequence[Observation]) -> str:
    """How the servers are that answered."""
    return f"the loosest of {len(there)} others is {min(one.mode for one in there)}" if there else ""


def _unlisted(unknown: tuple[str, ...]) -> str:
    if not unknown:
        return ""
    names = ", ".join(unknown)
    return f"{names} serves the same data and is not among settings.nodes, so nothing is cut there: add it."


def _joined(texts: Iterable[str]) -> str:
    """Sentences, each once."""
    return " ".join(dict.fromkeys(filter(None, texts)))


def _also(cut: Cut, why: str) -> Cut:
    return cut if why in cut.why else replace(cut, why=_joined((cut.why, why)))
