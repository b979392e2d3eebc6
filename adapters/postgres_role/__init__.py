"""A login role of a PostgreSQL server: full_stop by NOLOGIN and ended sessions, read_only by revoked grants.

Technique, measured on PostgreSQL 15 and 18: changing a permission does not touch sessions that are open, so every cut
fences (NOLOGIN), ends and counts first; `default_transaction_read_only` is the agent's to reset, so only missing
grants make a role read-only. `docs/adapters/postgres_role.md` says what cannot be closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import asyncpg
from pydantic import ConfigDict, Field, SecretStr, field_validator

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.postgres_role import notes, probe, rights
from adapters.postgres_role.fence import Ended, end_prepared, end_sessions, fence
from adapters.postgres_role.grants import Grant, Held, revoke
from adapters.postgres_role.line import LOST, Connection, Line, endpoint
from adapters.postgres_role.loosen import LOGIN, NOLOGIN, Overtaken, give_back, reopen
from adapters.postgres_role.manual import MANUAL
from adapters.postgres_role.role import Mark, Role, read_role
from adapters.postgres_role.survey import Survey, Surveyor

_BOTH = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


class _Address(Config):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)  # a wrong dsn may hold a password

    dsn: SecretStr = Field(description="postgresql://user:password@host:port/database")

    @field_validator("dsn")
    @classmethod
    def _is_url(cls, dsn: SecretStr) -> SecretStr:
        endpoint(dsn.get_secret_value())
        return dsn


class Settings(_Address):
    """The bot's own login, and the agent's role."""

    role: str = Field(min_length=1, description="the agent's login role")


class Canary(_Address):
    """The agent's own login, for `attempt`."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What a reduction needs to know. `mark` is left behind, `expect` must be found before the login comes back."""

    mark: Mark
    expect: str
    known: tuple[Change, ...]  # the changes of the episode, among them the login
    fresh: tuple[Change, ...]  # those of them that are not recorded yet
    gate: Gate


@dataclass(frozen=True, slots=True)
class _Reduced:
    """What came of reducing a stopped role to reading."""

    held: Mode
    changed: tuple[Change, ...] = ()
    why: str = ""


class PostgresRole:
    """One login role of one server."""

    kind: ClassVar[str] = "postgres_role"
    modes: ClassVar[frozenset[Mode]] = _BOTH
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.DATABASE, SurfaceClass.IDENTITY})
    permissions: ClassVar[tuple[str, ...]] = (
        "CREATEROLE",
        "membership in the agent's role WITH ADMIN OPTION (and SET, from PostgreSQL 16 on)",
        "membership in pg_signal_backend",
        "for read_only: membership in the owners of what the agent may write, and CONNECT to its databases",
    )
    reversal: ClassVar[Literal["exact", "work_lost"]] = "exact"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = Settings
    manual: ClassVar[Manual] = MANUAL
    canary_type: ClassVar[type[Config] | None] = Canary

    def __init__(self, *, config: Settings, canary: Canary | None, shared: Shared) -> None:
        dsn = config.dsn.get_secret_value()
        self._name = config.role
        self._key = f"postgres_role:{endpoint(dsn)}/{config.role}"
        self._canary = canary.dsn.get_secret_value() if canary else None
        self._line = shared.get(("postgres_role", dsn), lambda: Line(dsn))
        self._line.users += 1
        self._surveyor = shared.get(("postgres_role", dsn, "surveyor"), lambda: Surveyor(self._line))
        self._open = True

    def target_key(self) -> str:
        """The role on its server; roles belong to the cluster, so the database does not matter."""
        return self._key

    async def preflight(self) -> tuple[str, ...]:
        """Returns what is missing, as statements. Raises `Unreachable`, `Refused` where nothing can be asked."""
        async with self._line.borrow(writes=False) as connection:
            role = await read_role(connection, self._name)
            if role is None:
                return (f"the role {self._name}: there is none of that name on {self._line.place}",)
            found = await rights.missing(connection, role)
            survey = await self._surveyor.survey(connection, role, fresh=True)
        canary = await probe.lacking(self._canary, self._name) if self._canary else ()
        return (*found, *rights.unrevokable(survey), *canary)

    async def observe(self) -> Observation:
        """Reads the role, its sessions and every way to write. Raises `Unreachable`, `Refused`."""
        async with self._line.borrow(writes=False) as connection:
            role = await read_role(connection, self._name)
            if role is None:
                return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._absent())
            survey = await self._surveyed(connection, role)
            mark = role.mark
            return Observation(
                exists=True,
                mode=_mode(role, survey),
                enforceable=_BOTH if not survey.blockers else frozenset({Mode.FULL_STOP}),
                why=f"read_only is not possible here: {survey.why}" if survey.blockers else "",
                token=mark.token if mark else None,
                state={"login": role.login, **survey.state},
                in_flight=_in_flight(role, survey),
            )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Stops the role fully and, for a milder mode, reopens it for reading once nothing else is possible.

        Raises:
            Unreachable, Refused, AdapterError: as the contract says; the role may be stopped already.
        """
        async with self._line.borrow(writes=True) as connection:
            await self._line.bury(connection)
            role = await self._role(connection)
            if role is None:
                return Cut(held=mode, why=self._absent())
            mark = Mark(token, role.mark.reduced if role.mark else False)
            changed = _login_change(role)
            ended = await self._stop(connection, role, mark, drain)
            why = await self._left(connection, role, ended) if ended.left else ""
            cut = Cut(held=Mode.FULL_STOP, changed=changed, ended=ended.ended, left=ended.left, why=why)
            if mode is Mode.FULL_STOP or ended.left:
                return cut
            order = _Order(mark, token, (*undo, *changed), changed, gate)
            reduced = await self._reduce(connection, role, order)
            return replace(cut, held=reduced.held, changed=reduced.changed, why=reduced.why)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back what is ours, or reopens a stopped role for reading.

        Raises:
            Refused: the mark is not `expect` (restrict again), or `to` cannot be enforced here.
        """
        async with self._line.borrow(writes=True) as connection:
            await self._line.bury(connection)
            role = await self._role(connection)
            if role is None:
                raise Refused(self._absent(), missing=(f"the role {self._name}",))
            mark = role.mark
            if mark is None or mark.token != expect:
                raise Overtaken(role, mark)
            if to is Mode.NORMAL:
                return await self._to_normal(connection, role, expect, undo, gate)
            if to is not Mode.READ_ONLY:
                raise Refused(f"postgres_role cannot enforce {to}: relax to read_only or normal")
            return await self._to_read_only(
                connection, role, _Order(replace(mark, token=token), expect, undo, (), gate)
            )

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Tries to log in, and to write, as the agent."""
        return Attempt.UNTRIED if self._canary is None else await probe.attempt(self._canary, self._name, mode)

    async def note(self) -> Mapping[str, str]:
        """Memberships, attributes, and whether the password is another one. Raises `Unreachable`, `Refused`."""
        async with self._line.borrow(writes=False) as connection:
            role = await read_role(connection, self._name)
            return await notes.notes(connection, role, salt=self._key, canary=self._canary) if role else {}

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """The grants that others took or gave; the login is the drift watch's business."""
        return notes.others(before, now, undo)

    async def aclose(self) -> None:
        """Closes the warm connection once its last target closed."""
        if self._open:
            self._open = False
            self._line.users -= 1
        if self._line.users == 0:
            await self._line.close()

    def _absent(self) -> str:
        return f"there is no role {self._name} on {self._line.place}: correct the setting role"

    async def _role(self, connection: Connection) -> Role | None:
        """Reads the role. Raises `Refused` for the bot's own login."""
        role = await read_role(connection, self._name)
        if role is not None and role.is_bot:
            raise Refused(f"the role {self._name} is the bot's own login: give the bot another one (setting dsn)")
        return role

    async def _surveyed(self, connection: Connection, role: Role) -> Survey:
        """The survey; for a role that cannot log in, a database that does not open is only a gap in it."""
        try:
            return await self._surveyor.survey(connection, role, fresh=False)
        except Unreachable as error:
            if role.can_login:
                raise
            return Survey(blockers=(f"the bot could not look everywhere: {error}",))

    async def _stop(self, connection: Connection, role: Role, mark: Mark, drain: float) -> Ended:
        """Fences, then ends whatever the bot may end. Raises `Refused` with the grants that the fence needs."""
        try:
            await fence(connection, role, mark)
        except asyncpg.InsufficientPrivilegeError as error:
            lacking = await rights.missing(connection, role) or (str(error),)
            raise Refused(
                f"run {'; '.join(lacking)}: the bot may not stop {role.name} at {self._line.place} ({error})",
                missing=lacking,
            ) from error
        return await end_sessions(connection, role, drain) + await end_prepared(self._line, connection, role)

    async def _left(self, connection: Connection, role: Role, ended: Ended) -> str:
        """What would end the rest, first because a report may be shortened, and how much it is."""
        alive = f"{len(ended.sessions)} sessions and {len(ended.prepared)} prepared transactions of {role.name}"
        lacking = await rights.to_end(connection, role, sessions=bool(ended.sessions), prepared=bool(ended.prepared))
        if lacking:
            return f"run {'; '.join(lacking)}: {alive} are still alive"
        rest = ", ".join(map(str, (*ended.sessions, *ended.prepared)[:3]))
        return f"end {rest} by hand on the server: {alive} are still alive and ignore their end"

    async def _reduce(self, connection: Connection, role: Role, order: _Order) -> _Reduced:
        """Takes every write grant of a stopped role, and lets it log in again if nothing is left to write by."""
        known, changed = order.known, order.fresh
        if not any(change.key == "login" and change.was == LOGIN for change in known):
            return _Reduced(Mode.FULL_STOP, changed, "the role could not log in before the cut, as far as is recorded")
        survey = await self._surveyor.survey(connection, role, fresh=True)
        if survey.blockers:
            return _Reduced(Mode.FULL_STOP, changed, f"read_only is not possible here: {survey.why}")
        if not order.mark.reduced:
            changed = (*changed, *_grant_changes(survey, known))
        if not await order.gate(changed):
            return _Reduced(Mode.FULL_STOP, changed, "a stricter hold came while the role was stopped")
        try:
            await self._revoke(connection, role, survey)
            left = await self._surveyor.survey(connection, role, fresh=False)
            if left.writes:
                return _Reduced(Mode.FULL_STOP, changed, f"still writable after every REVOKE: {_rest(left)}")
            mark = replace(order.mark, reduced=True)
            await reopen(connection, role, expect=order.expect, mark=mark, login=LOGIN)
        except (*LOST, Unreachable):
            raise  # whether the role was reopened is unknown now
        except (asyncpg.PostgresError, AdapterError) as error:
            return _Reduced(Mode.FULL_STOP, changed, f"the role was not reopened for reading: {error}")
        return _Reduced(Mode.READ_ONLY, changed, left.still_open)

    async def _revoke(self, connection: Connection, role: Role, survey: Survey) -> None:
        """Takes all that was found, database by database."""
        by_database: dict[str, list[Held]] = {}
        for item in survey.held:
            by_database.setdefault(item.grant.database, []).append(item)
        for database, held in by_database.items():
            if database == role.database:
                await revoke(connection, role.name, held)
            else:
                async with self._line.visit(database, writes=True) as there:
                    await revoke(there, role.name, held)

    async def _to_normal(
        self, connection: Connection, role: Role, expect: str, undo: tuple[Change, ...], gate: Gate
    ) -> Relaxed:
        now = await self._surveyor.survey(connection, role, fresh=False)
        if not await gate(()):
            return Relaxed()
        changed, kept = await give_back(self._line, connection, role, expect=expect, undo=undo, now=now)
        return Relaxed(changed=changed, kept=kept)

    async def _to_read_only(self, connection: Connection, role: Role, order: _Order) -> Relaxed:
        """From full_stop; whatever is not yet taken is taken before the login comes back."""
        if role.alive:
            raise Refused(f"{role.alive} sessions of {role.name} are still alive: restrict again before relaxing")
        said: list[bool] = []

        async def asked(changes: tuple[Change, ...]) -> bool:
            said.append(await order.gate(changes))
            return said[-1]

        reduced = await self._reduce(connection, role, replace(order, gate=asked))
        if reduced.held is Mode.READ_ONLY:
            return Relaxed(changed=(*reduced.changed, Change(key="login", was=role.login, now=LOGIN)))
        if said == [False]:
            return Relaxed()
        raise Refused(f"the role {role.name} stays at full_stop: {reduced.why}")


def _mode(role: Role, survey: Survey) -> Mode:
    if not role.can_login:
        return Mode.FULL_STOP
    return Mode.NORMAL if survey.writes else Mode.READ_ONLY


def _in_flight(role: Role, survey: Survey) -> int:
    """A prepared transaction can be committed by the next session, so it counts in read_only too."""
    alive = {Mode.FULL_STOP: role.alive, Mode.READ_ONLY: role.prepared}
    return alive.get(_mode(role, survey), 0)


def _login_change(role: Role) -> tuple[Change, ...]:
    """Never from a role that carries our mark: what it has then is not its baseline."""
    return (Change(key="login", was=LOGIN, now=NOLOGIN),) if role.can_login and role.mark is None else ()


def _grant_changes(survey: Survey, known: tuple[Change, ...]) -> tuple[Change, ...]:
    recorded = {grant.identity for change in known if (grant := Grant.of(change.key))}
    fresh = [item for item in survey.held if item.grant.identity not in recorded]
    return tuple(Change(key=item.grant.key, was=item.how, now=None) for item in fresh)


def _rest(survey: Survey) -> str:
    return "; ".join([*survey.blockers, *(str(item.grant) for item in survey.held[:3])])
