"""Does the kit notice what no built-in kind can show it: stubborn processes, redelivered work, a silent rig?"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.base import Config, Mode, Shared, SurfaceClass
from adapters.base.on_off import Found, OnOff
from adapters.conformance import Stopped, trial

WORKER = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
left, leaves = os.pipe()  # no effect before the child left the session: what is watched is both of them
if os.fork() == 0:
    os.setsid()
    os.write(leaves, b"1")
else:
    os.read(left, 1)
while True:
    with open(pathlib.Path(sys.argv[1]) / "done", "a") as done:
        done.write("1\\n")
    time.sleep(0.01)
"""


class Settings(Config):
    """Where the agent works."""

    folder: Path


class Programs(OnOff):
    """The programs of an agent on this machine, told by the folder in their command line; `off` in it keeps it shut."""

    kind: ClassVar[str] = "programs"
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.WORKER})
    config_type: ClassVar[type[Config]] = Settings
    marks: ClassVar[bool] = False

    def __init__(self, *, config: Settings, canary: None = None, shared: Shared | None = None) -> None:  # noqa: ARG002  # as a kind is built
        self._folder = config.folder

    def target_key(self) -> str:
        """The folder."""
        return f"programs:{self._folder}"

    async def found(self) -> Found | None:
        """The switch, and every program that is alive."""
        return Found(on=not (self._folder / "off").exists(), alive=len(self.alive()))

    async def turn(self, *, on: bool, mark: str | None) -> None:  # noqa: ARG002  # a switch carries no mark
        """The switch."""
        if on:
            (self._folder / "off").unlink(missing_ok=True)
        else:
            (self._folder / "off").touch()

    async def end(self) -> None:
        """Not with SIGTERM, which they ignore."""
        for pid in self.alive():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def alive(self) -> list[int]:
        """The programs, with children that left their session."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = entry.read_bytes().split(b"\0")
                found += (
                    [int(entry.parent.name)] if words[-2:-1] == [str(self._folder).encode()] and _runs(entry) else []
                )
        return found


def _runs(entry: Path) -> bool:
    """A program that nobody waited for yet is none any more."""
    return entry.with_name("stat").read_text().rpartition(")")[2].split()[0] != "Z"


class AgentSession:
    """A job in hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def act(self, mode: Mode) -> None:  # noqa: ARG002  # there is one action
        """One effect, where the switch is on."""
        if (self._folder / "off").exists():
            raise Stopped("off")
        with (self._folder / "done").open("a") as done:
            done.write("1\n")

    async def begin(self) -> None:
        """In hand."""

    async def finish(self) -> None:
        """Done."""
        await self.act(Mode.FULL_STOP)

    async def close(self) -> None:
        """Nothing is open."""


class Rig:
    """One folder. `leaky` hands out work though the surface is shut."""

    lacks: ClassVar[Mapping[str, str]] = {
        "server": "programs are no server",
        "others": "the switch is all that there is",
        "queue": "the waiting jobs are not the question",
        "mistyped": "any folder will do",
        "unarmed": "the tests may signal their own programs",
        "parked": "a program that is off asks for nothing",
    }
    leaky: ClassVar[bool] = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        (folder / "done").touch()

    def adapter(self, *, shared: Shared | None = None) -> Programs:
        """The programs of this folder."""
        return Programs(config=Settings(folder=self._folder), shared=shared)

    async def session(self) -> AgentSession:
        """A job."""
        return AgentSession(self._folder)

    async def effects(self) -> int:
        """Lines."""
        return len((self._folder / "done").read_text().splitlines())

    async def authority(self) -> object:
        """The switch."""
        return (self._folder / "off").exists()

    async def loosen(self) -> None:
        """By hand."""
        (self._folder / "off").unlink(missing_ok=True)

    async def stubborn(self) -> None:
        """A program with a child in a session of its own."""
        command = [sys.executable, "-c", WORKER, str(self._folder)]
        self._started.append(await asyncio.to_thread(subprocess.Popen, command))

    async def redeliver(self) -> None:
        """The job goes to another worker."""
        with suppress(Stopped):
            await AgentSession(self._folder).act(Mode.FULL_STOP)
        if self.leaky:
            with (self._folder / "done").open("a") as done:
                done.write("1\n")

    def close(self) -> None:
        """Ends what a defect left alive."""
        for pid in self.adapter().alive():
            os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.wait()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A folder; no program outlives the test."""
    made = Rig(tmp_path)
    yield made
    made.close()


async def test_a_stubborn_agent_that_is_ended_passes(rig: Rig) -> None:
    """SIGKILL to all that is found, until nothing is."""
    assert await trial(rig, "test_a_stubborn_process_is_ended") == ""


async def test_a_child_that_left_its_session_is_missed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that follows the session of the agent's program does not see it."""
    every = Programs.alive
    monkeypatch.setattr(Programs, "alive", lambda self: [pid for pid in every(self) if os.getsid(pid) != pid])
    found = await trial(rig, "test_a_stubborn_process_is_ended")
    monkeypatch.undo()
    assert "the agent acted after the stop was verified" in found


async def test_a_polite_end_is_not_enough(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that sends SIGTERM has its programs counted as left."""
    monkeypatch.setattr(signal, "SIGKILL", signal.SIGTERM)
    found = await trial(rig, "test_a_stubborn_process_is_ended")
    monkeypatch.undo()
    assert "still alive" in found


async def test_redelivered_work_is_refused_or_noticed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A surface that is shut takes no work up again; one that does is caught."""
    check = "test_redelivered_work_has_no_effect"
    assert await trial(rig, check) == ""
    await rig.loosen()
    monkeypatch.setattr(Rig, "leaky", True)
    assert "the agent acted after the stop was verified" in await trial(rig, check)


@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ({"others": "no"}, "gives no reason for others"),
        ({"freezing": "no server to freeze"}, "names freezing, which is no ability"),
        ({"stubborn": "there are no processes"}, "names stubborn, and the rig has it"),
    ],
)
async def test_a_reason_that_is_none_is_told(
    rig: Rig, lacks: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kind does not have is named as it is called, in a sentence, and is not there."""
    monkeypatch.setattr(Rig, "lacks", lacks)
    assert says in await trial(rig, "test_what_does_not_apply_is_declared")


async def test_an_ability_without_a_word_fails(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check is never left out in silence: the rig is told what to write, or to say why not."""
    monkeypatch.setattr(Rig, "lacks", {})
    found = await trial(rig, "test_relax_gives_back_nothing_more")
    assert "Rig has no `narrow` and `lacks` does not say why: write the method, or give the reason" in found


async def test_a_check_that_is_none_names_those_that_are(rig: Rig) -> None:
    """A typing error in a seeded defect's check is an error."""
    with pytest.raises(ValueError, match="there is no check test_nothing; there are test_a_cut_may_be_repeated"):
        await trial(rig, "test_nothing")


async def test_a_middle_mode_that_parks_nothing_fails(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason is no excuse: whoever declares draft_only keeps what it holds back."""
    check = "test_a_middle_mode_comes_with_what_it_parks"
    assert await trial(rig, check) == ""
    monkeypatch.setattr(Programs, "modes", frozenset({Mode.DRAFT_ONLY, Mode.FULL_STOP}))
    missing = "draft_only is declared and nothing is parked (a program that is off asks"
    assert missing in await trial(rig, check)
    monkeypatch.setattr(Programs, "attests", "self")
    assert await trial(rig, check) == "", "no mode of a kind that only believes its surface is ever proven"
    monkeypatch.setattr(Programs, "canary_type", Settings)
    assert missing in await trial(rig, check), "a try of the agent's proves them, so they count"
