"""What supervisord says of the processes that a surface names (its states: http://supervisord.org/subprocess.html)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.errors import AdapterError

ON, OFF, EXITED = "on", "off", "exited"
AGAIN = 3  # seconds after which an exited process is not started again by itself: supervisord looks every second
_STATES = {"STOPPED": OFF, "STOPPING": OFF, "FATAL": OFF}


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the surface.

    Attributes:
        name: `group:process`.
        state: ON also where supervisord starts it again by itself, EXITED where it may be about to.
        ending: it was told to stop and has not ended.
        started: it was started at least once since supervisord runs.
    """

    name: str
    state: str
    ending: bool
    started: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One look.

    Attributes:
        processes: those that the surface names.
        missing: names that supervisord does not have.
        alive: processes of the programs, descendants included; None where the extension is not there to count them.
    """

    processes: tuple[Process, ...]
    missing: tuple[str, ...]
    alive: int | None

    @property
    def off(self) -> bool:
        """Whether none of them runs or will be started by supervisord itself."""
        return all(one.state == OFF for one in self.processes)

    @property
    def left(self) -> int | None:
        """Processes alive; None where only those that supervisord knows of could be counted, and they have ended."""
        ending = sum(one.ending or one.state != OFF for one in self.processes)
        return self.alive if self.alive is not None else ending or None

    @property
    def state(self) -> Mapping[str, str]:
        """The facts that a cut may replace."""
        return {one.name: one.state for one in self.processes}


def seen(answer: object, alive: int | None, programs: Iterable[str]) -> Seen:
    """Reads `getAllProcessInfo`. Raises `AdapterError` where that is not what was answered."""
    try:
        told = [_process(one) for one in answer]  # type: ignore[attr-defined]  # whatever came is judged here
    except (TypeError, KeyError, ValueError) as error:
        raise AdapterError(
            f"supervisord describes its processes in a way that the bot does not know: {error}"
        ) from error
    named = {name: [one for one in told if _is(one.name, name)] for name in programs}
    found = {one.name: one for ones in named.values() for one in ones}
    return Seen(tuple(found.values()), tuple(name for name, ones in named.items() if not ones), alive)


def _is(process: str, name: str) -> bool:
    return process == name or process.partition(":")[0] == name


def _process(told: Any) -> Process:
    word = told["statename"]
    fresh = int(told["now"]) - int(told["stop"]) < AGAIN
    state = (EXITED if fresh else OFF) if word == "EXITED" else _STATES.get(word, ON)
    return Process(f"{told['group']}:{told['name']}", state, word == "STOPPING", bool(told["start"]))
