"""Addresses of the farm's surfaces, cores, and what a process used."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

_NET = 250  # hosts per last number of an address: 1 to 250
_KIB = 1024

FARM_CORE, CONTENDER_CORE = 0, 1


def host(number: int) -> str:
    """A loopback address for every surface, so that none shares a connection with another."""
    return f"127.{1 + number // (_NET * _NET)}.{1 + number // _NET % _NET}.{1 + number % _NET}"


def url(number: int, port: int) -> str:
    """Where surface `number` is controlled."""
    return f"http://{host(number)}:{port}/s{number}"


def free_port() -> int:
    """A loopback port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_core(core: int, command: list[str]) -> list[str]:
    """The command, bound to a core where the machine has more than one."""
    return ["taskset", "-c", str(core), *command] if (os.cpu_count() or 1) > 1 else command


@dataclass(frozen=True, slots=True)
class Used:
    """What a process used so far: seconds of processor time, MiB of memory now and at most."""

    cpu: float
    resident: float
    peak: float


def used(pid: int) -> Used:
    """Reads `/proc`. The process must be alive."""
    folder = Path("/proc") / str(pid)
    ran = sum(int(task.read_text().split()[0]) for task in folder.glob("task/*/schedstat"))
    lines = (folder / "status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return Used(ran / 1e9, int(sizes["VmRSS"]) / _KIB, int(sizes["VmHWM"]) / _KIB)
