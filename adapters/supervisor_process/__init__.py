"""Stops programs that supervisord runs, with every process that they started.

supervisord says what runs and never starts what was stopped through it. What a program left outside its own process
is seen and ended by an extension of supervisord (`agent_kill_supervisor.py`), which the set-up installs; without it a
cut ends the processes that supervisord knows of, and is NOT PROVEN. The page is `docs/adapters/supervisor_process.md`.
"""

import asyncio
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr
from yarl import URL

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.errors import Refused
from adapters.supervisor_process.look import OFF, ON, Seen, seen
from adapters.supervisor_process.manual import MANUAL
from adapters.supervisor_process.wire import Call, Fault, Wire, bare

END_SECONDS = 2.0  # after which what ignores its end is counted as left
_TICK = 0.01
_UNKNOWN_METHOD, _ALREADY_STARTED = 1, 60
_UNSEEN = (
    "The extension agent_kill is not installed in supervisord, so children that left a program's process are not seen: "
    "paste `agent-kill adapters show supervisor_process --setup`."
)


def _address(url: str) -> str:
    parts = URL(url)
    local = parts.scheme == "unix" and not parts.host and len(parts.path) > 1
    if parts.user or not (local or (parts.scheme == "http" and parts.host)):
        raise ValueError("a supervisor_process url is http://host:port or unix:///path/of/the.sock, without a login")
    return url


class SupervisorProcessConfig(Config):
    """One supervisord, and those of its programs that are the agent."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="of its http server: http://host:9001 or unix:///run/supervisor.sock"
    )
    user: str = Field(default="", pattern=r"^[^:]*$", description="its username; empty where it has none")
    password: SecretStr = Field(default=SecretStr(""), description="its password")
    programs: tuple[Annotated[str, Field(pattern=r"^[^\s:]+(:[^\s:*]+)?$")], ...] = Field(
        min_length=1, description="groups or programs, each with all of its processes, or single ones as group:process"
    )


class SupervisorProcess:
    """The programs of one agent at one supervisord."""

    kind: ClassVar[str] = "supervisor_process"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.FULL_STOP})
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.WORKER, SurfaceClass.SCHEDULER})
    permissions: ClassVar[tuple[str, ...]] = (
        "the user and password of supervisord's http server",
        "the extension agent_kill in supervisord",
    )
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = False
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = SupervisorProcessConfig
    canary_type: ClassVar[type[Config] | None] = None  # a program has no credential at supervisord to try
    manual: ClassVar[Manual] = MANUAL

    def __init__(self, *, config: SupervisorProcessConfig, canary: Config | None, shared: Shared) -> None:  # noqa: ARG002  # there is none
        url, user, password = config.url, config.user, config.password.get_secret_value()
        self._name = bare(url)
        self._programs = tuple(sorted(set(config.programs)))
        self._wire = shared.get((self.kind, url, user, password), lambda: Wire(url, user, password))
        self._wire.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`supervisor_process:URL/program,program`."""
        return f"{self.kind}:{self._name}/{','.join(self._programs)}"

    async def preflight(self) -> tuple[str, ...]:
        """The programs that supervisord does not have, and the extension where it is not installed."""
        found = await self._look()
        lacking = () if found.alive is not None else ("the extension agent_kill in supervisord: " + _UNSEEN,)
        return (*map(self._absent, found.missing), *lacking)

    async def observe(self) -> Observation:
        """Reads the state of every process, and counts those that are alive."""
        found = await self._look()
        if found.missing:
            return Observation(
                exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=f"{self._absent(found.missing[0])}."
            )
        return Observation(
            exists=True,
            mode=Mode.FULL_STOP if found.off else Mode.NORMAL,
            enforceable=self.modes,
            why="" if found.alive is not None else _UNSEEN,
            state=found.state,
            in_flight=found.left if found.off else 0,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # supervisord carries no mark, and nothing is reopened
        """Stops the programs, lets them end by themselves for `drain` seconds, kills what is left until nothing is."""
        before = await (self._asked(drain) if drain else self._end())
        ended = before.alive or 0
        after = await self._until_off(END_SECONDS, end=True)
        if await self._wire.settle():  # a start of ours may have come after
            after = await self._until_off(END_SECONDS, end=True)
        was_on = [one.name for one in before.processes if one.state == ON]
        left = after.left if after.off else max(after.left or 0, 1)
        return Cut(
            held=mode,
            changed=() if undo else tuple(Change(key=name, was=ON, now=OFF) for name in was_on),
            ended=max(ended or len(was_on), 0) - min(left or 0, ended),
            left=left,
            why="" if after.alive is not None else _UNSEEN,
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # normal is all that is looser, and there is no mark
        """Starts what our cut stopped, in the order of supervisord's priorities, and nothing else.

        Raises:
            Refused: a program that was stopped is not there any more.
            AdapterError: supervisord cannot start one of them.
        """
        await self._wire.settle()
        found = await self._look()
        if found.missing:
            raise Refused(f"{self._absent(found.missing[0])}: nothing was started", missing=found.missing)
        ours = await self._in_order([change.key for change in undo if change.was == ON])
        if not await gate(()):
            return Relaxed()
        started = [name for name in ours if await self._start(name)]
        return Relaxed(
            changed=tuple(Change(key=name, was=OFF, now=ON) for name in started),
            kept=tuple(name for name in ours if name not in started),
        )

    async def attempt(self, *, mode: Mode) -> Attempt:  # noqa: ARG002  # there is no canary
        """Nothing is tried: a program has no credential at supervisord."""
        return Attempt.UNTRIED

    async def aclose(self) -> None:
        """Gives up this target's share of the client."""
        if not self._closed:
            self._closed = True
            await self._wire.leave()

    async def _look(self) -> Seen:
        found = await self._glance()
        if all(one.started for one in found.processes):
            return found
        return await self._glance()  # supervisord, just started, answers once before it begins what is to autostart

    async def _glance(self) -> Seen:
        return self._read(*await self._wire.all(("supervisor.getAllProcessInfo", ()), self._ask("alive")))

    async def _end(self) -> Seen:
        """Ends everything now; returns how it was, read in the same turn. `alive` is how much was ended."""
        found = self._read(*await self._wire.all(("supervisor.getAllProcessInfo", ()), self._ask("end")))
        if found.alive is None:
            await self._tell(found, "supervisor.stopProcess", False)  # without waiting for it
            await self._tell(found, "supervisor.signalProcess", "KILL")
        return found

    async def _asked(self, drain: float) -> Seen:
        """Tells the programs to end, and waits that long for it; returns how it was before."""
        before = await self._look()
        await self._tell(before, "supervisor.stopProcess", False)  # without waiting for it
        await self._until_off(drain, end=False)
        return before

    async def _until_off(self, seconds: float, *, end: bool) -> Seen:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            found = await self._look()
            if (found.off and not found.left) or loop.time() >= until:
                return found
            if end:
                await self._end()
            await asyncio.sleep(_TICK)

    async def _tell(self, found: Seen, method: str, word: object) -> None:
        """Says it to every process that is not off; one that has just ended by itself is no error."""
        names = [one.name for one in found.processes if one.state != OFF or one.ending]
        if names:
            await self._wire.all(*((method, (name, word)) for name in names))

    async def _start(self, name: str) -> bool:
        """Returns whether it was us who started it."""
        try:
            await self._wire.loosen("supervisor.startProcess", name, False)  # without waiting for it
        except Fault as fault:
            if fault.code != _ALREADY_STARTED:
                raise
            return False
        return True

    async def _in_order(self, names: list[str]) -> list[str]:
        """As supervisord itself starts them."""
        told = await self._wire.call("supervisor.getAllConfigInfo")
        ranks = {f"{one['group']}:{one['name']}": (one["group_prio"], one["process_prio"]) for one in told}
        return sorted(names, key=lambda name: (ranks.get(name, (0, 0)), name))

    def _read(self, processes: object, alive: Any) -> Seen:
        for fault in (one for one in (processes, alive) if isinstance(one, Fault) and one.code != _UNKNOWN_METHOD):
            raise fault
        return seen(processes, alive if isinstance(alive, int) else None, self._programs)

    def _ask(self, what: str) -> Call:
        return f"agent_kill.{what}", (list(self._programs),)

    def _absent(self, name: str) -> str:
        return f"{self._name} has no program {name}: correct settings.programs"
