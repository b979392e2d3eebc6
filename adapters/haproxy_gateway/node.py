"""One HAProxy: its processes, the entry of one backend in their maps, the requests with that backend, the map file."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from adapters.base import Mode
from adapters.errors import AdapterError, Refused
from adapters.haproxy_gateway.durable import MapFile
from adapters.haproxy_gateway.line import Endpoint, Line
from adapters.haproxy_gateway.streams import NOBODY, Load, Stream, load, short, whole
from adapters.haproxy_gateway.values import Value

HEAD_START = 0.25  # seconds that the file may take before the map is set; then both go on side by side
SAVED = 1.0  # seconds after which a file that is still not written is told and left
ROUNDS = 100  # looks for requests that are still alive before they are reported
_PAUSE = 0.01
_MANY = 40  # requests that are ended one by one; more of them by server
_ENTRY = re.compile(r'found=yes, idx=\w+, key="(?:.*)", value="(.*)", type="')
_PLAIN = re.compile(r"[\\;\s]")


@dataclass(frozen=True, slots=True)
class Target:
    """What is stopped: a backend, under its own name in a map.

    Attributes:
        reads: methods that read_only leaves, in capitals.
    """

    backend: str
    map: str
    reads: frozenset[str]


class Gone(AdapterError):
    """The process ended while it was asked: nothing of it is left to hold or to end."""


class Missing(AdapterError):
    """The backend or the map is not there; the text says which and where."""


class Absent(Missing):
    """The backend is not there, where everything else is."""


@dataclass(slots=True)
class Seen:
    """What one node shows.

    Attributes:
        file: None where no file is configured, or it cannot be read.
        trouble: about the file, in a sentence.
        entries: of each of its processes, the present worker first.
        in_flight: requests that the entries' modes forbid.
        level: the command line's, `admin` or `operator`.
    """

    file: Value | None
    trouble: str
    entries: list[Value] = field(default_factory=list)
    in_flight: int = 0
    level: str = ""


@dataclass(slots=True)
class Done:
    """What a cut did at one node."""

    before: dict[str, Value] = field(default_factory=dict)  # by Change.key
    held: Mode = Mode.FULL_STOP
    ended: int = 0
    left: int = 0
    why: list[str] = field(default_factory=list)


class Process:
    """One HAProxy process, over the line to it.

    Args:
        line: to it or to its master.
        prefix: by which the master tells it apart.
        left: whether a reload left it behind to end its requests; it then lists no backend any more.
    """

    def __init__(self, line: Line, prefix: str = "", *, left: bool = False) -> None:
        self._line, self._prefix, self.left = line, prefix, left

    async def ask(self, command: str, *, loosens: bool = False) -> str:
        """The answer. Raises `Refused` where the command line's level is too low for the command."""
        answer = await self._line.ask(f"{self._prefix}{command}", loosens=loosens)
        if answer.startswith("Permission denied"):
            raise denied(self._line.place.name)
        if self._prefix and answer.startswith("Can't find the target"):
            raise Gone(f"the process {self._prefix.strip(' @!')} at {self._line.place.name} has ended")
        return answer

    async def level(self) -> str:
        """`admin` or `operator`. Raises `Refused` for `user`, who may change every map and see no request."""
        level = (await self.ask("show cli level")).strip()
        if level == "user":
            raise denied(self._line.place.name)
        return level

    async def entry(self, target: Target) -> Value:
        """The entry as it stands. Raises `Missing` where the map is not loaded."""
        answer = await self.ask(f"get map {target.map} {target.backend}")
        if found := _ENTRY.search(answer):
            return Value.of(found[1])
        if "found=no" in answer:
            return Value(None)
        if "Unknown map" in answer:
            raise Missing(f"no rule of {self._line.place.name} uses a map {target.map}")
        raise AdapterError(f"{self._line.place.name} answered {answer[:80]!r} to get map: it is no HAProxy of ours")

    async def load(self, target: Target) -> Load:
        """The backend's. Raises `Missing`."""
        found = load(await self.ask(f"show stat {target.backend} 6 -1"), target.backend)
        if found is None:
            raise Absent(f"{self._line.place.name} has no backend {target.backend}")
        return found

    async def put(self, target: Target, value: str | None, *, loosens: bool = False) -> None:
        """Sets, adds or takes away the entry. Raises `Missing`, for a backend that is not there too."""
        where = f"{target.map} {target.backend}"
        if value is None:
            await self.ask(f"del map {where}", loosens=loosens)
            return
        answer = await self.ask(f"set map {where} {_quoted(value)}", loosens=loosens)
        if "not found" in answer:
            if not self.left:
                await self.load(target)  # no entry is made for a backend that is mistyped
            answer = await self.ask(f"add map {where} {_quoted(value)}", loosens=loosens)
        if answer.strip():
            raise Missing(f"{self._line.place.name} answered {answer.strip()[:120]!r} to a change of {target.map}")

    async def alive(self, target: Target, mode: Mode) -> list[Stream]:
        """The requests that `mode` forbids and that the rules are not just denying."""
        if mode is Mode.NORMAL:
            return []
        found = [stream for stream in await self._present(target, mode) if not stream.denied]
        if mode is Mode.FULL_STOP:
            return found
        return [stream for stream in found if stream.switched or stream.method not in target.reads]

    async def end(self, target: Target, mode: Mode) -> tuple[int, int]:
        """Ends every request that began before, and then what is left. Returns how many were ended and are alive.

        A queued one has no server yet: ending the server's alone would hand its place to the queue (measured).
        """
        began = await self._present(target, mode)
        gone = {(stream.pointer, stream.number) for stream in began}
        left = began
        try:
            for _ in range(ROUNDS):
                if not left:
                    break
                await self._kill(target, left)
                await asyncio.sleep(_PAUSE)
                left = await self._left(target, mode, gone)
                gone |= {(stream.pointer, stream.number) for stream in left}
        except Gone:  # an old worker leaves with its last request
            left = []
        return len(gone) - len(left), len(left)

    async def _left(self, target: Target, mode: Mode, ended: set[tuple[str, int]]) -> list[Stream]:
        """What is still alive of what `mode` forbids, or of what was ended: reads that began before are ended too."""
        left = await self.alive(target, mode)
        if mode is Mode.FULL_STOP or left:
            return left
        return [one for one in await self._present(target, mode) if (one.pointer, one.number) in ended]

    async def _present(self, target: Target, mode: Mode) -> list[Stream]:
        """Every request that is with the backend; numbered where later ones may go on."""
        if not self.left and not (await self.load(target)).requests:
            return []
        if mode is Mode.FULL_STOP:
            return short(await self.ask("show sess"), target.backend)
        return whole(await self.ask("show sess all"), target.backend)

    async def _kill(self, target: Target, streams: list[Stream]) -> None:
        waiting = [stream for stream in streams if stream.server == NOBODY]
        placed = [stream for stream in streams if stream.server != NOBODY]
        by_server = len(placed) > _MANY and not self.left  # one that was left behind knows its servers no more
        for stream in waiting if by_server else (*waiting, *placed):
            await self.ask(f"shutdown session {stream.pointer}")
        if by_server:
            for server in sorted({stream.server for stream in placed}):
                await self.ask(f"shutdown sessions server {target.backend}/{server}")


class Node:
    """One HAProxy as one target's adapter sees it."""

    def __init__(self, endpoint: Endpoint, file: MapFile | None, target: Target) -> None:
        self.endpoint, self.file, self.target = endpoint, file, target
        self.name = endpoint.place.name
        self.entry_key, self.file_key = f"entry at {self.name}", f"file of {self.name}"

    async def look(self) -> Seen:
        """Reads everything. Raises `Missing`, and what the line raises."""
        await self.endpoint.settle()
        saved, trouble = await self._saved()
        seen = Seen(file=saved, trouble=trouble)

        async def read(process: Process) -> None:
            entry = await process.entry(self.target)
            if not process.left:
                await process.load(self.target)  # whether it is there at all
            seen.in_flight += len(await process.alive(self.target, entry.mode))
            seen.level = await process.level()
            seen.entries.append(entry)

        await self._each(read)
        return seen

    async def cut(self, *, mode: Mode, token: str, drain: float) -> Done:
        """The file, the entry of every process, then the requests under way. Raises as `look` does."""
        done = Done()
        saving = asyncio.ensure_future(self._save(mode, token, done))
        try:
            await asyncio.wait({saving}, timeout=HEAD_START)
            await self._fence(mode, token, done)
            if await self.endpoint.settle():  # a loosening of ours may have come after
                await self._fence(mode, token, Done())
            await self._end(mode, drain, done)
            await asyncio.wait({saving}, timeout=SAVED)
            if not saving.done():
                done.why.append(f"{self.file_key} is not written yet: a reload before that would undo this.")
        except Absent:
            await self._unsaved(saving, done)
            raise
        finally:
            saving.cancel()
        return done

    async def give(self, values: Mapping[str, str | None]) -> tuple[str, ...]:
        """Writes looser values: the entries first, so that a crash in between leaves the stricter file.

        Returns what could not be given back.
        """
        await self._each(lambda process: process.put(self.target, values[self.entry_key], loosens=True))
        if self.file is None or self.file_key not in values:
            return ()
        try:
            await self.file.write(self.target.backend, values[self.file_key])
        except (OSError, ValueError) as error:
            return (f"{self.file_key} ({_brief(error)}: a reload restricts it again)",)
        return ()

    async def _fence(self, mode: Mode, token: str, done: Done) -> None:
        async def fence(process: Process) -> None:
            entry = await process.entry(self.target)
            await process.put(self.target, entry.held(mode, token))
            done.before.setdefault(self.entry_key, entry)
            done.held = min(done.held, max(mode, entry.mode))

        await self._each(fence)

    async def _end(self, mode: Mode, drain: float, done: Done) -> None:
        async def end(process: Process) -> None:
            await process.level()
            await self._drained(process, mode, drain)
            try:
                ended, left = await process.end(self.target, mode)
            except Refused as error:
                ended, left = 0, len(await process.alive(self.target, mode))
                done.why.append(str(error))
            done.ended, done.left = done.ended + ended, done.left + left

        await self._each(end)

    async def _drained(self, process: Process, mode: Mode, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and await process.alive(self.target, mode):  # noqa: ASYNC110  # another program's
            await asyncio.sleep(_PAUSE)

    async def _save(self, mode: Mode, token: str, done: Done) -> None:
        if self.file is None:
            done.why.append(f"{self.name} has no map file here: a reload undoes this until it is cut again.")
            return
        try:
            value = Value.of(await self.file.read(self.target.backend))
            done.before[self.file_key] = value
            await self.file.write(self.target.backend, value.held(mode, token))
        except (OSError, ValueError) as error:
            done.why.append(f"{self.file_key} cannot be written ({_brief(error)}): its reload or restart undoes this.")

    async def _unsaved(self, saving: "asyncio.Future[None]", done: Done) -> None:
        """Takes the line out again that a cut of a backend which is not there wrote: nobody would know of it."""
        await asyncio.wait({saving}, timeout=SAVED)
        if self.file is not None and done.before.get(self.file_key) == Value(None):
            with suppress(OSError, ValueError):
                await self.file.write(self.target.backend, None)

    async def _saved(self) -> tuple[Value | None, str]:
        if self.file is None:
            return None, ""
        try:
            return Value.of(await self.file.read(self.target.backend)), ""
        except (OSError, ValueError) as error:
            return None, f"{self.file_key} cannot be read ({_brief(error)})."

    async def _each(self, work: Callable[[Process], Awaitable[None]]) -> None:
        """Does it with every process, the present worker first; one that a reload left behind may end meanwhile."""
        async with self.endpoint.line() as line:
            for process in await self._processes(line):
                try:
                    await work(process)
                except Gone:
                    if not process.left:
                        raise

    async def _processes(self, line: Line) -> list[Process]:
        """The process behind a runtime API, or every worker of a master, those that a reload left behind too."""
        if not line.master:
            return [Process(line)]
        present, _, old = (await line.ask("show proc")).partition("# old workers")
        processes = [Process(line, f"@!{pid} ") for pid in _workers(present)]
        if not processes:
            raise Missing(f"the master at {self.name} has no worker")
        return [*processes, *(Process(line, f"@!{pid} ", left=True) for pid in _workers(old))]


def _workers(listed: str) -> list[str]:
    """The process ids in a part of `show proc`."""
    rows = (row.split() for row in listed.splitlines())
    return [row[0] for row in rows if row[1:2] == ["worker"]]


def denied(name: str) -> Refused:
    """The command line's level is too low."""
    return Refused(
        f"the command line at {name} does not let the bot do that: give its socket `level admin`, without which "
        "requests under way cannot be ended",
        missing=(f"level admin at {name}",),
    )


def _quoted(value: str) -> str:
    return _PLAIN.sub(lambda found: f"\\{found[0]}", value)


def _brief(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
