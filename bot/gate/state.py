"""The mode of one surface at this gate: in memory at once, on its disk before anything loosens.

A generation counts what it was told, over restarts. Nothing loosens without naming the present one, so that a call
that is late, or played again, loosens nothing.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from adapters.base import Mode


@dataclass(frozen=True, slots=True)
class Story:
    """Who stopped the agent, for whoever is refused."""

    by: str = ""
    reason: str = ""
    incident: str = ""
    link: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What the gate was told."""

    mode: Mode = Mode.FULL_STOP
    mark: str | None = None
    generation: int = 0
    fresh: bool = True  # never told anything: closed until the bot says what is held
    story: Story = field(default_factory=Story)


class Overtaken(Exception):
    """It was told something else since the caller looked."""


class Disk:
    """One file that is replaced whole. `sync` may take long and runs on a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Told:
        """What it says; closed where it says nothing that can be read, and fresh only where there is no file."""
        try:
            found = json.loads(self.path.read_bytes())
            story = Story(**{name: type(getattr(Story(), name))(found["story"][name]) for name in asdict(Story())})
            return Told(Mode(found["mode"]), found["mark"], int(found["generation"]), bool(found["fresh"]), story)
        except FileNotFoundError:
            return Told(generation=time.time_ns())
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return Told(generation=time.time_ns(), fresh=False)

    def sync(self, told: Told) -> None:
        """Writes, and returns once the disk has it. Raises OSError."""
        content = json.dumps({**asdict(told), "mode": str(told.mode)}).encode()
        new = self.path.with_suffix(".new")
        with new.open("wb", 0) as out:
            out.write(content)
            os.fsync(out)
        new.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class State:
    """What holds now. `told` is what decides; it never waits for the disk to become stricter."""

    def __init__(self, disk: Disk) -> None:
        self._disk, self._order = disk, asyncio.Lock()
        self.told = disk.read()
        self.kept = True  # whether the disk has what is held

    async def tighten(self, mode: Mode, mark: str | None) -> bool:
        """Holds at least `mode`, at once, under a new mark; returns whether the disk has it too."""
        self.told = self._tightened(mode, mark)
        return await self._keep()

    async def learn(self, mode: Mode, story: Story, *, generation: int) -> bool:
        """What the bot answered to a question: never looser than what is held, but for a gate that knew nothing.

        Returns whether the mode changed.
        """
        before = self.told
        if before.fresh and before.generation == generation:
            await self._loosen(replace(before, mode=mode, fresh=False, generation=generation + 1, story=story))
            return True
        if mode > before.mode:
            self.told = replace(self._tightened(mode, None), story=story)
            await self._keep()
            return True
        if before.generation == generation and mode is before.mode and story != before.story:
            self.told = replace(before, story=story)
        return False

    def reload(self) -> None:
        """Takes what a person wrote on the disk, as if it had been told."""
        found = self._disk.read()
        self.told = replace(found, generation=max(found.generation, self.told.generation) + 1)

    async def relax(self, mode: Mode, *, mark: str | None, generation: int) -> None:
        """Holds a looser mode, once the disk has it. Raises `Overtaken`, or OSError with nothing loosened."""
        story = self.told.story if mode > Mode.NORMAL else Story()
        await self._loosen(Told(mode, mark, generation + 1, fresh=False, story=story))

    async def _loosen(self, to: Told) -> None:
        async with self._order:
            before = self.told
            if before.generation != to.generation - 1:
                raise Overtaken
            await asyncio.to_thread(self._disk.sync, to)
            if self.told is not before:
                raise Overtaken  # a stricter mode came meanwhile, and writes itself as soon as this ends
            self.told, self.kept = to, True

    async def _keep(self) -> bool:
        async with self._order:
            now = self.told
            try:
                await asyncio.to_thread(self._disk.sync, now)
                self.kept = True
            except OSError:
                self.kept = False
            return self.kept

    def _tightened(self, mode: Mode, mark: str | None) -> Told:
        before = self.told
        held = max(mode, before.mode)
        story = before.story if held is before.mode else Story(since=time.time())
        return replace(before, mode=held, mark=mark, generation=before.generation + 1, story=story)


def shown(told: Told) -> Mapping[str, object]:
    """As the control listener answers it."""
    return {"mode": str(told.mode), "mark": told.mark, "generation": told.generation}
