"""A login role of a PostgreSQL server: no login, no write grant, or guards that park each row.

Technique, measured on PostgreSQL 15 and 18: changing a permission does not touch sessions that are open, so every cut
fences (NOLOGIN), ends and counts first; `default_transaction_read_only` is the agent's to reset, so only missing
grants make a role read-only. `docs/adapters/postgres_role.md` says what cannot be closed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import asyncpg
from pydantic import AfterValidator, ConfigDict, Field, SecretStr, field_validator

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.postgres_role import notes, probe, reading, rights
from adapters.postgres_role.drawer import Drawer
from adapters.postgres_role.fence import Ended, end_prepared, end_sessions, fence
from adapters.postgres_role.grants import Held, revoke
from adapters.postgres_role.landing import MIDDLE, Landing, landing
from adapters.postgres_role.line import LOST, Connection, Line, endpoint
from adapters.postgres_role.loosen import Overtaken, compared, give_back, reopen
from adapters.postgres_role.manual import MANUAL
from adapters.postgres_role.role import LOGIN, Mark, Role, read_role
from adapters.postgres_role.survey import Survey, Surveyor

LONGEST = 63  # bytes of a name: the server cuts off what is longer, and means another role


def _role(name: str) -> str:
    if len(name.encode()) > LONGEST:
        raise ValueError(f"a role's name has at most {LONGEST} bytes: correct settings.role")
    return name


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

    role: Annotated[str, AfterValidator(_role)] = Field(min_length=1, description="the agent's login role")
    parking: bool = Field(
        default=False,
        description="whether the set-up that parks writes is in the dsn's database; else middle modes are read_only",
    )


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
    mode: Mode
    loosens: bool = False  # exactly to `mode`: what it leaves of what was taken comes back


@dataclass(frozen=True, slots=True)
class _Reduced:
    """What came of reducing a stopped role."""

    held: Mode
    changed: tuple[Change, ...] = ()
    why: str = ""


class PostgresRole(Drawer):
    """One login role of one server."""

    kind: ClassVar[str] = "postgres_role"
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode) - {Mode.NORMAL}
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.DATABASE, SurfaceClass.IDENTITY})
    permissions: ClassVar[tuple[str, ...]] = (
        "CREATEROLE",
        "membership in the agent's role WITH ADMIN OPTION (and SET, from PostgreSQL 16 on)",
        "membership in pg_signal_backend",
        "for read_only: membership in the owners of what the agent may write, and CONNECT to its databases",
        "for draft_only and approval_gated: EXECUTE on the functions of the schema agent_kill",
        "or none of these but the last, where that schema has the functions that cut, too",
    )
    reversal: ClassVar[Literal["exact", "work_lost"]] = "exact"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = Settings
    manual: ClassVar[Manual] = MANUAL
    canary_type: ClassVar[type[Config] | None] = Canary

    def __init__(self, *, config: Settings, canary: Canary | None, shared: Shared) -> None:
        dsn = config.dsn.get_secret_value()
        self._name, self._parking = config.role, config.parking
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
            survey = await self._survey(connection, role, fresh=True)
        canary = await probe.lacking(self._canary, self._name) if self._canary else ()
        closing = rights.unrevokable(survey) if survey.unparked else ()  # else the guards hold read_only
        return (*found, *closing, *(survey.unparked if self._parking else ()), *canary)

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
                mode=reading.mode_of(role, survey),
                enforceable=reading.enforceable(survey),
                why=reading.why_not(survey),
                token=mark.token if mark else None,
                state={"login": role.login, **survey.state},
                in_flight=reading.in_flight(role, survey),
            )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Stops the role fully and, for a milder mode, reopens it once nothing else than that is possible.

        Raises:
            Unreachable, Refused, AdapterError: as the contract says; the role may be stopped already.
        """
        async with self._line.borrow(writes=True) as connection:
            await self._line.bury(connection)
            role = await self._role(connection)
            if role is None:
                return Cut(held=mode, why=self._absent())
            mark = Mark(token, role.mark.taken if role.mark else "")
            changed = reading.login_change(role)
            ended = await self._stop(connection, role, mark, drain)
            why = await self._left(connection, role, ended) if ended.left else ""
            cut = Cut(held=Mode.FULL_STOP, changed=changed, ended=ended.ended, left=ended.left, why=why)
            if mode is Mode.FULL_STOP or ended.left:
                return cut
            order = _Order(mark, token, (*undo, *changed), changed, gate, mode)
            reduced = await self._reduce(connection, role, order)
            return replace(cut, held=reduced.held, changed=reduced.changed, why=reduced.why)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back what is ours, all of it or what a reduced mode leaves.

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
            order = _Order(replace(mark, token=token), expect, undo, (), gate, to, loosens=True)
            return await self._to_reduced(connection, role, order)

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:
        """The middle modes, where the set-up is said to be in place."""
        return MIDDLE if isinstance(config, Settings) and config.parking else frozenset()

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
            return await self._survey(connection, role, fresh=False)
        except Unreachable as error:
            if role.can_login:
                raise
            why = f"the bot could not look everywhere: {error}"
            return Survey(blockers=(why,), unparked=(why,))

    async def _survey(self, connection: Connection, role: Role, *, fresh: bool) -> Survey:
        return await self._surveyor.survey(connection, role, fresh=fresh, parking=self._parking)

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
        """Takes every grant that the mode takes, and lets the role log in again if it can do nothing more than that."""
        known, changed = order.known, order.fresh
        if not any(change.key == "login" and change.was == LOGIN for change in known):
            return _Reduced(Mode.FULL_STOP, changed, "the role could not log in before the cut, as far as is recorded")
        survey = await self._survey(connection, role, fresh=True)
        end = landing(order.mode, survey)
        if end.mode is Mode.FULL_STOP or (order.loosens and end.mode is not order.mode):
            return _Reduced(Mode.FULL_STOP, changed, end.why)
        changed = (*changed, *reading.grant_changes(end, survey, order.mark.taken, known))
        if not await order.gate(changed):
            return _Reduced(Mode.FULL_STOP, changed, "a stricter hold came while the role was stopped")
        try:
            await self._revoke(connection, role, end.taking(survey))
            left = await self._survey(connection, role, fresh=False)
            if end.remains(left):
                return _Reduced(Mode.FULL_STOP, changed, f"still writable after every REVOKE: {end.rest(left)}")
            given = await self._reopen(connection, role, order, end, left)
        except (*LOST, Unreachable):
            raise  # whether the role was reopened is unknown now
        except (asyncpg.PostgresError, AdapterError) as error:
            return _Reduced(Mode.FULL_STOP, changed, f"the role was not reopened for {end.mode}: {error}")
        held = end.mode if left.writes or given else Mode.READ_ONLY
        return _Reduced(held, (*changed, *given), "; ".join(filter(None, (end.why, left.still_open(held)))))

    async def _reopen(
        self, connection: Connection, role: Role, order: _Order, end: Landing, left: Survey
    ) -> tuple[Change, ...]:
        """Lets the role log in again; a loosening gives back what the guards cover. Returns what was given."""
        gives = order.loosens and end.mode in MIDDLE
        back = compared(order.known, left)[0] if gives else []
        return await reopen(
            connection,
            role,
            expect=order.expect,
            mark=Mark(order.mark.token, end.taken(order.mark.taken, given=gives)),
            end=end,
            give=[item for item in back if left.covers(item[0])],
        )

    async def _revoke(self, connection: Connection, role: Role, taken: Iterable[Held]) -> None:
        """Takes grants, database by database."""
        by_database: dict[str, list[Held]] = {}
        for item in taken:
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
        now = await self._survey(connection, role, fresh=False)
        if not await gate(()):
            return Relaxed()
        changed, kept = await give_back(self._line, connection, role, expect=expect, undo=undo, now=now)
        return Relaxed(changed=changed, kept=kept)

    async def _to_reduced(self, connection: Connection, role: Role, order: _Order) -> Relaxed:
        """From a stricter mode; whatever is not yet taken is taken before the login comes back.

        The guards must have refused until now wherever the role is logged in: a transaction that began before they did
        would not see what they hold.
        """
        if not role.can_login and role.alive:
            raise Refused(f"{role.alive} sessions of {role.name} are still alive: restrict again before relaxing")
        if role.can_login and order.mode in MIDDLE:
            there = await self._survey(connection, role, fresh=False)
            if there.guards.mode == str(Mode.NORMAL):
                raise Refused(f"the guards do not hold {role.name} yet: restrict again before relaxing")
        said: list[bool] = []

        async def asked(changes: tuple[Change, ...]) -> bool:
            said.append(await order.gate(changes))
            return said[-1]

        reduced = await self._reduce(connection, role, replace(order, gate=asked))
        if reduced.held is not Mode.FULL_STOP:
            login = () if role.can_login else (Change(key="login", was=role.login, now=LOGIN),)
            return Relaxed(changed=(*reduced.changed, *login))
        if said == [False]:
            return Relaxed()
        raise Refused(f"the role {role.name} stays as it is: {reduced.why}")
