"""Does a gate's mode survive, and does nothing late, old or half written ever loosen it?"""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.gate.state import Disk, Overtaken, State, Story, Told


def at(path: Path, mode: Mode = Mode.NORMAL) -> State:
    """A state that was told a mode."""
    Disk(path).sync(Told(mode, None, 7, fresh=False))
    return State(Disk(path))


def held(state: State) -> Mode:
    """What it holds now."""
    return state.told.mode


async def test_a_gate_that_was_never_told_anything_is_closed(tmp_path: Path) -> None:
    """Until the bot's first answer, which it takes exactly; and never a second time."""
    state = State(Disk(tmp_path / "mode.json"))
    assert held(state) is Mode.FULL_STOP
    generation = state.told.generation
    await state.learn(Mode.NORMAL, Story(), generation=generation - 1)
    assert held(state) is Mode.FULL_STOP, "an answer to an older question opened it"
    await state.learn(Mode.READ_ONLY, Story(by="slack:U1"), generation=generation)
    assert (state.told.mode, state.told.fresh, state.told.story.by) == (Mode.READ_ONLY, False, "slack:U1")
    await state.learn(Mode.NORMAL, Story(), generation=state.told.generation)
    assert held(state) is Mode.READ_ONLY, "an answer loosened it"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"mode": "norma"}', b'{"mode": "normal"}', b"\xff"])
async def test_a_file_that_cannot_be_read_is_a_full_stop(tmp_path: Path, content: bytes) -> None:
    """And no answer opens it: what it held is not known."""
    (tmp_path / "mode.json").write_bytes(content)
    state = State(Disk(tmp_path / "mode.json"))
    await state.learn(Mode.NORMAL, Story(), generation=state.told.generation)
    assert held(state) is Mode.FULL_STOP


async def test_an_answer_tightens_at_once(tmp_path: Path) -> None:
    """A push that never came is made up for, on the disk too; its mark is nobody's."""
    state = at(tmp_path / "mode.json")
    assert await state.learn(Mode.FULL_STOP, Story(reason="loop"), generation=0)
    again = State(Disk(tmp_path / "mode.json")).told
    assert (again.mode, again.mark, again.story.reason) == (Mode.FULL_STOP, None, "loop")


async def test_a_milder_cut_leaves_the_stricter_mode(tmp_path: Path) -> None:
    """Two holds at once: the strictest stays, under the newer mark."""
    state = at(tmp_path / "mode.json")
    await state.tighten(Mode.FULL_STOP, "one")
    await state.tighten(Mode.READ_ONLY, "two")
    assert (state.told.mode, state.told.mark) == (Mode.FULL_STOP, "two")


async def test_a_late_relaxation_loosens_nothing(tmp_path: Path) -> None:
    """It names a generation that is over, whatever came between, an equal mode too."""
    state = at(tmp_path / "mode.json")
    await state.tighten(Mode.READ_ONLY, "one")
    seen = state.told.generation
    await state.tighten(Mode.READ_ONLY, "two")
    with pytest.raises(Overtaken):
        await state.relax(Mode.NORMAL, mark=None, generation=seen)
    assert held(state) is Mode.READ_ONLY
    await state.relax(Mode.NORMAL, mark=None, generation=state.told.generation)
    assert State(Disk(tmp_path / "mode.json")).told.mode is Mode.NORMAL


class _Slow(Disk):
    """A disk that takes its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go, self.began = threading.Event(), threading.Event()

    def sync(self, told: Told) -> None:
        self.began.set()
        assert self.go.wait(10)
        super().sync(told)


async def test_a_stop_during_a_relaxation_wins_in_memory_and_on_the_disk(tmp_path: Path) -> None:
    """It counts while the disk still writes the looser mode, and is what the disk has in the end."""
    at(tmp_path / "mode.json", Mode.READ_ONLY)
    disk = _Slow(tmp_path / "mode.json")
    state = State(disk)
    loosening = asyncio.ensure_future(state.relax(Mode.NORMAL, mark=None, generation=state.told.generation))
    await asyncio.to_thread(disk.began.wait, 10)
    assert held(state) is Mode.READ_ONLY, "it loosened before the disk had it"
    stop = asyncio.ensure_future(state.tighten(Mode.FULL_STOP, "stop"))
    await asyncio.sleep(0)
    assert held(state) is Mode.FULL_STOP, "a stop waited for the disk"
    disk.go.set()
    with pytest.raises(Overtaken):
        await loosening
    assert await stop
    assert json.loads((tmp_path / "mode.json").read_text())["mode"] == "full_stop"


class _Full(Disk):
    """A disk that takes nothing."""

    def sync(self, told: Told) -> None:
        raise OSError(28, f"no space left for {told.mode}")


async def test_a_full_disk_loosens_nothing_and_stops_all_the_same(tmp_path: Path) -> None:
    """A stop holds in memory and says that a restart would lose it; a relaxation fails."""
    at(tmp_path / "mode.json", Mode.READ_ONLY)
    state = State(_Full(tmp_path / "mode.json"))
    with pytest.raises(OSError, match="no space"):
        await state.relax(Mode.NORMAL, mark=None, generation=state.told.generation)
    assert held(state) is Mode.READ_ONLY
    assert await state.tighten(Mode.FULL_STOP, "stop") is False
    assert held(state) is Mode.FULL_STOP
    assert not state.kept
