"""One server as one surface's adapter sees it: its user there, and the steps of a cut and of a relaxation."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from adapters.base import Attempt, Change, Cut, Mode, Observation
from adapters.errors import Refused
from adapters.redis_acl import probes
from adapters.redis_acl.doors import Door, doors, wider
from adapters.redis_acl.drafts import undraftable
from adapters.redis_acl.hand import Hand, denied, missing
from adapters.redis_acl.line import Address, Endpoint, raised
from adapters.redis_acl.rules import STOPPED, User, authority, changes, given, parse, reduced, replaced, undone
from adapters.redis_acl.sessions import Session, sessions

_FACTS = frozenset({"enabled", "commands", "key", "channel", "selector"})
_NO_RESTART = "an aclfile at {0}: a restart of it gives the agent its authority back until the bot cuts again"
_FULL = frozenset({Mode.FULL_STOP})


@dataclass(frozen=True, slots=True)
class Look:
    """What one exchange with the server shows."""

    user: User | None
    default: User | None
    sessions: list[Session] | None
    may_set: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A full stop that was made, from which a reduced mode may be reopened; `before` is what the user was."""

    look: Look
    before: User | None
    doors: tuple[Door, ...]
    cut: Cut


@dataclass(frozen=True, slots=True)
class Step:
    """What is going to be made of the user, before anybody agreed to it. Without a user there is nothing to do."""

    held: Mode
    target: Mapping[str, str]
    user: User | None = None
    planned: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    why: str = ""


class Node:
    """One user on one server.

    Args:
        endpoint: the server, as the bot logs in there.
        user: whom it stops.
        canary: the user's own login there.
        prefix: of the keys that hold drafts; "" where draft_only is not asked for.
        titled: whether its facts carry its name; the first server's do not.
    """

    def __init__(
        self, endpoint: Endpoint, user: str, *, canary: Address | None, prefix: str, titled: bool = False
    ) -> None:
        self.endpoint = endpoint
        self.name = endpoint.address.name
        self.bot = endpoint.address.user
        self.user = user
        self.prefix = prefix
        self.title = f"{self.name} " if titled else ""
        self.unlisted: Callable[[], str] = str  # why drafts could be written where no listing looks
        self._canary = canary

    def own(self, undo: Iterable[Change]) -> tuple[Change, ...]:
        """This server's share of a record, under the names that its facts have here."""
        return tuple(
            Change(key=it.key.removeprefix(self.title), was=it.was, now=it.now) for it in undo if self._is_own(it.key)
        )

    def titled(self, made: Iterable[Change]) -> tuple[Change, ...]:
        """Changes under the names that tell the servers apart."""
        return tuple(Change(key=f"{self.title}{it.key}", was=it.was, now=it.now) for it in made)

    def facts(self, state: Mapping[str, str | None]) -> dict[str, str | None]:
        """This server's share of a state."""
        return {key.removeprefix(self.title): value for key, value in state.items() if self._is_own(key)}

    @asynccontextmanager
    async def hand(self) -> AsyncIterator[Hand]:
        """A hand on the user, over a connection that is lent."""
        async with self.endpoint.line() as line:
            yield Hand(line, self.endpoint, self.user, self.prefix)

    async def observe(self) -> Observation:
        """As the adapter's, of this server."""
        async with self.hand() as hand:
            look = await self._look(hand)
            if look.user is None:
                return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._missing())
            await hand.learn()
            mode = await hand.mode(look.user, look.sessions)
            open_ = await doors(hand, look.user, look.default)
        enforceable, why = self._enforceable(look, open_)
        return Observation(
            exists=True,
            mode=mode,
            enforceable=enforceable,
            why=why,
            token=look.user.mark,
            state={f"{self.title}{name}": value for name, value in look.user.facts().items()},
            in_flight=None if wider(open_, mode) else _in_flight(mode, look.sessions),
        )

    async def stop(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...]) -> Stop:
        """The full stop that every cut begins with, and what is needed to reopen to `mode`."""
        async with self.hand() as hand:
            look = await self._look(hand)
            if look.user is None:
                return Stop(look, None, (), Cut(held=Mode.FULL_STOP, why=self._missing()))
            drained = await hand.drain(look.user, mark=token, seconds=drain) if drain else None
            stopped = await hand.swap(STOPPED, mark=token, modern=look.user.modern)
            before = drained or stopped
            lost = before.mark is not None and not undo  # restricted already and no record: nobody's baseline
            made = () if lost else changes(before.facts(), STOPPED, undo, self.endpoint.known)
            ended, left = await hand.end()
            if not drain:  # the server ends subscribers itself, and counts them nowhere
                ended = max(ended, len(look.sessions or ()) - (left or 0))
            if mode is not Mode.FULL_STOP:
                await hand.learn()
            saved = "" if mode is not Mode.FULL_STOP else await hand.save()
            open_ = await doors(hand, before, look.default)
        why = _joined(*(door.why for door in open_), saved)
        left = None if wider(open_, Mode.FULL_STOP) else left
        return Stop(look, before, open_, Cut(held=Mode.FULL_STOP, changed=made, ended=ended, left=left, why=why))

    def reopening(self, stop: Stop, mode: Mode, undo: tuple[Change, ...]) -> Step:
        """What `mode`, or the next stricter that is possible here, would give back; full_stop for nothing."""
        nothing = Step(Mode.FULL_STOP, STOPPED)
        if stop.before is None or stop.cut.left or mode is Mode.FULL_STOP:
            return nothing
        enforceable, why = self._enforceable(stop.look, stop.doors)
        if Mode.READ_ONLY not in enforceable:
            return replace(nothing, why=why)
        known, before = self.endpoint.known, stop.before.facts()
        base = authority(before, undo, known)
        lacks = undraftable(base, self.prefix, self.endpoint) or self.unlisted() if mode < Mode.READ_ONLY else ""
        held = Mode.READ_ONLY if lacks else mode
        target = reduced(base, known, self.prefix if held is Mode.DRAFT_ONLY else "")
        planned = changes(before, target, (*undo, *stop.cut.changed), known)
        return Step(held, target, stop.before, (*stop.cut.changed, *planned), why=lacks)

    async def reopen(self, stop: Stop, step: Step, *, token: str) -> Cut:
        """Gives back what was planned after a full stop, unless somebody cut meanwhile."""
        cut = replace(stop.cut, changed=step.planned)
        async with self.hand() as hand:
            user = await hand.now()
            if user is None or user.mark != token or not await hand.loosen(user, step.target, mark=token):
                return _also(cut, "The user was changed while it was cut, so nothing was given back.")
            assert step.user is not None  # noqa: S101  # a step without a user is never reopened
            granted = await hand.still_granted(step.held, user.root.keys or step.user.root.keys)
            if granted:
                await hand.swap(STOPPED, mark=token, modern=True)
                ended, left = await hand.end()
                why = f"The server would still run {granted[0]} in {step.held}, so nothing was given back."
                cut = replace(cut, ended=cut.ended + ended, left=left, why=why)
            else:
                cut = replace(cut, held=step.held, left=None if wider(stop.doors, step.held) else 0)
            return _also(cut, await hand.save())

    async def keep(self, cut: Cut) -> Cut:
        """Saves a full stop from which nothing was reopened."""
        async with self.hand() as hand:
            return _also(cut, await hand.save())

    async def relaxing(self, *, to: Mode, expect: str, undo: tuple[Change, ...]) -> Step:
        """What a relaxation would give back here. Raises `Refused` for a mark that is not the expected one."""
        async with self.hand() as hand:
            user = (await self._look(hand)).user
            if user is None:
                return Step(to, {})
            if user.modern and user.mark != expect:
                raise self._strange(user.mark)
            await hand.learn()
        found, known = user.facts(), self.endpoint.known
        target, kept = undone(found, undo, known)
        if to is Mode.NORMAL:
            return Step(to, target, user, kept=kept)
        target = reduced(target, known, self.prefix if to is Mode.DRAFT_ONLY else "")
        return Step(to, target, user, replaced(found, target, undo, kept, known), kept)

    async def give(self, step: Step, *, mark: str | None) -> tuple[Change, ...]:
        """Carries a relaxation out and returns what it changed. Raises `Refused` where somebody cut meanwhile."""
        if step.user is None:
            return ()
        async with self.hand() as hand:
            if not await hand.loosen(step.user, step.target, mark=mark):
                raise self._strange(None)
            await hand.save()
        return given(step.user.facts(), step.target)

    async def attempt(self, mode: Mode) -> Attempt:
        """As the adapter's, at this server.

        A disabled user and a wrong password get the same answer, so the canary's password is first compared with the
        hashes that the server holds. Where there is no such user, nothing is there to be tried.
        """
        if self._canary is None or self._canary.user != self.user:
            return Attempt.UNTRIED
        async with self.hand() as hand:
            look = await self._look(hand)
            open_ = await doors(hand, look.user, look.default)
        if look.user is None or not look.user.accepts(self._canary.password):
            return Attempt.UNTRIED
        answer = await probes.attempt(self._canary, mode, look.user.root.keys, self.prefix)
        return Attempt.UNTRIED if answer is Attempt.REFUSED and wider(open_, mode) else answer

    async def lacking(self, permissions: tuple[str, ...]) -> tuple[str, ...]:
        """The rights and the set-up that are missing here: asked of the server, by `ACL DRYRUN` of the bot itself."""
        asked = [(*right.removeprefix("+").split("|"), *_sample_of(right)) for right in permissions]
        async with self.hand() as hand:
            dry = [("ACL", "DRYRUN", self.bot, *words) for words in (*asked, ("CONFIG", "REWRITE"))]
            *answers, rewrite = await hand.ask(*dry)
            look = await self._look(hand)
            open_ = await doors(hand, look.user, look.default)
        around = self.endpoint.lookout.last
        found = [right for right, answer in zip(permissions, answers, strict=True) if denied(answer)]
        found += [self._itself()] if self.bot == self.user else []
        found += [self._missing()] if look.user is None else []
        found += [door.lacks for door in open_]
        if around is not None and around.aclfile is False and denied(rewrite):
            found.append(_NO_RESTART.format(self.name))
        if look.user is not None and self.prefix and (lacks := self._undraftable(look.user)):
            found.append(f"for draft_only: {lacks}")
        return (*found, *await self._canary_lacks(look))

    async def noted(self) -> User | None:
        """The user, with the server's commands known."""
        async with self.hand() as hand:
            user = (await self._look(hand)).user
            await hand.learn()
        return user

    def refuse_itself(self) -> None:
        """Raises `Refused` where the bot would lock itself out."""
        if self.bot == self.user:
            raise Refused(self._itself(), missing=("a user of the bot's own",))

    def _is_own(self, key: str) -> bool:
        return key.startswith(self.title) and key.removeprefix(self.title).partition(" ")[0] in _FACTS

    async def _look(self, hand: Hand) -> Look:
        """Ends our own abandoned connections first: what they still owe must not run after what is sent next."""
        burials = self.endpoint.burials()
        answers = await hand.ask(
            *burials,
            ("ACL", "GETUSER", self.user),
            ("ACL", "GETUSER", "default"),
            ("CLIENT", "LIST"),
            ("ACL", "DRYRUN", self.bot, "ACL", "SETUSER", self.user),
        )
        self.endpoint.abandoned.difference_update(command[3] for command in burials)
        user, default, listing, may_set = answers[len(burials) :]
        raised((user, default), address=self.endpoint.address, user=self.user)
        return Look(parse(user), parse(default), sessions(listing, user=self.user), not denied(may_set))

    def _enforceable(self, look: Look, open_: tuple[Door, ...]) -> tuple[frozenset[Mode], str]:
        """What is possible here, and what stands in the way of the rest."""
        if self.bot == self.user:
            return frozenset(), self._itself()
        if not look.may_set:
            return frozenset(), f"{self.bot} may not change {self.user}: grant it +acl|setuser."
        if look.user is not None and not look.user.modern:
            return _FULL, "Redis before 7 has no read-only key patterns and carries no mark."
        if not self.endpoint.known.categories:
            return _FULL, f"{self.bot} cannot read the categories: grant it +acl|cat."
        said = _joined(*(door.why for door in open_))
        if any(door.mode is Mode.NORMAL for door in open_):
            return _FULL, said
        lacks = self._undraftable(look.user) if look.user is not None else ""
        able = {Mode.READ_ONLY, Mode.FULL_STOP} | (set() if lacks else {Mode.DRAFT_ONLY})
        return frozenset(able), _joined(said, lacks)

    def _undraftable(self, user: User) -> str:
        """Of a user that is restricted the set-up alone can be judged; a cut judges what it had."""
        facts = None if user.mark is not None else user.facts()
        return undraftable(facts, self.prefix, self.endpoint) or self.unlisted()

    async def _canary_lacks(self, look: Look) -> tuple[str, ...]:
        """What keeps the canary from proving anything; of a user that is off only the password can be judged."""
        if self._canary is None or look.user is None:
            return ()
        if self._canary.user != self.user:
            return (f"canary logs in as {self._canary.user}, not as user {self.user}",)
        if not look.user.accepts(self._canary.password):
            return (f"canary: wrong password for user {self.user}",)
        return await probes.lacking(self._canary) if look.user.enabled else ()

    def _itself(self) -> str:
        return f"The bot logs in as {self.user} itself and will not lock itself out: give it a user of its own."

    def _missing(self) -> str:
        return missing(self.user, self.endpoint.address)

    def _strange(self, mark: str | None) -> Refused:
        return Refused(
            f"{self.user} on {self.name} was changed by somebody else (its mark is {mark or 'gone'}): "
            "restrict again before relaxing"
        )


def _in_flight(mode: Mode, alive: list[Session] | None) -> int | None:
    if alive is None:
        return None
    if mode is Mode.FULL_STOP:
        return len(alive)
    return 0 if mode is Mode.NORMAL else sum(session.writing for session in alive)


def _joined(*texts: str) -> str:
    return " ".join(filter(None, texts))


def _also(cut: Cut, why: str) -> Cut:
    return cut if why in cut.why else replace(cut, why=_joined(cut.why, why))


def _sample_of(right: str) -> tuple[str, ...]:
    """Arguments that make the command of `right` complete, as DRYRUN wants it."""
    return {
        "+acl|getuser": ("u",), "+acl|setuser": ("u",), "+acl|dryrun": ("u", "ping"), "+client|kill": ("ID", "0"),
        "+config|get": ("aclfile",),
    }.get(right, ())  # fmt: skip
