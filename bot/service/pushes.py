"""Takes the journals that other hosts hand over, and knows which writers were never heard of, or not for long."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.journal.chain import Link
from bot.journal.pushed import Heard, Pushed, is_of
from bot.service.ports import Clock

_SILENT = 24 * 3600.0  # seconds after which a host that pushes is missed
_LOOK = 5.0  # seconds that one look at the folder serves


class NotEnrolledError(ValueError):
    """The chain may not be pushed, or not by this caller; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a host hands over: the head of its chain now, and entries in their order (perhaps none)."""

    chain: str
    head: Link
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterState:
    """How a restore sees an enrolled writer.

    Args:
        name: as enrolled.
        how: `own`; `here`: its journal lies in this state directory; `pushed`; `missing`.
        heard_at: Unix time of its last push, where it pushes.
        behind: entries that it said to have and that are not here.
    """

    name: str
    how: Literal["own", "here", "pushed", "missing"]
    heard_at: float | None = None
    behind: int = 0


class Pushes:
    """The use case behind `POST /v1/journal`.

    Args:
        pushed: the folder of copies.
        local: this host's own journal folders.
        own: this writer's name.
        writers: everyone who is enrolled.
        adopt: carries on with holds that are new; called in the event loop.
        clock: time.
    """

    def __init__(
        self,
        *,
        pushed: Pushed,
        local: Sequence[Path],
        own: str,
        writers: Callable[[], Sequence[str]],
        adopt: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._pushed, self._local, self._own = pushed, tuple(local), own
        self._writers, self._adopt, self._clock = writers, adopt, clock
        self._turn = asyncio.Lock()
        self._looked: tuple[float, Mapping[str, Heard], list[str]] | None = None

    async def take(self, caller: str, push: Push) -> Link:
        """Keeps what is new, then adopts its holds at once. Returns the last entry that is here.

        Raises:
            NotEnrolledError: the chain is not that of an enrolled writer, or not the caller's.
            GapError, ForkError, BrokenLineError, OSError: as `Pushed.take`.
        """
        self._check(caller, push.chain)
        async with self._turn:
            try:
                head = await asyncio.to_thread(
                    self._pushed.take, push.chain, push.head, push.lines, at=self._clock.now()
                )
            finally:
                self._looked = None
        self._adopt()
        return head

    def writers(self) -> list[WriterState]:
        """Every enrolled writer as a restore sees it."""
        heard, _ = self._look()
        return [self._state(writer, heard) for writer in self._writers()]

    def problems(self) -> list[str]:
        """Writers that a restore would have to wait for, and histories that contradict each other."""
        _, forks = self._look()
        found = [sentence for state in self.writers() for sentence in self._problem(state)]
        return found + [
            f"the journal {chain} was pushed with another history than before ({chain}.fork-… in "
            f"{self._pushed.folder.name}): find out which is right before anything is restored"
            for chain in forks
        ]

    def _check(self, caller: str, chain: str) -> None:
        writers = self._writers()
        owners = [chain] if chain in writers else [name for name in writers if is_of(name, chain)]
        if not owners:
            known = ", ".join(writers)
            raise NotEnrolledError(f"nobody called {chain} is enrolled: add it to `writers` (enrolled are {known})")
        if self._own in owners or any((folder / f"{chain}.jsonl").exists() for folder in self._local):
            raise NotEnrolledError(
                f"the journal {chain} is written on the bot's own host: nothing is to be pushed from there, and from "
                "another host only with an enrolled AGENT_KILL_WRITER of its own"
            )
        if caller not in owners:
            raise NotEnrolledError(
                f"the caller {caller} may not push the journal {chain}: give AGENT_KILL_STOP_SECRETS a caller of the "
                "writer's own name"
            )

    def _state(self, writer: str, heard: Mapping[str, Heard]) -> WriterState:
        if writer == self._own:
            return WriterState(name=writer, how="own")
        said = [item for chain, item in heard.items() if is_of(writer, chain)]
        if said:
            behind = sum(max(item.head.seq - item.have, 0) for item in said)
            return WriterState(name=writer, how="pushed", heard_at=max(item.at for item in said), behind=behind)
        here = any(is_of(writer, path.stem) for folder in self._local for path in folder.glob("*.jsonl"))
        return WriterState(name=writer, how="here" if here else "missing")

    def _problem(self, state: WriterState) -> list[str]:
        advice = f"run `agent-kill journal push` there, or restores wait for two people who go without {state.name}"
        if state.how == "missing":
            return [f"no journal of the writer {state.name} was ever seen here: {advice}"]
        if state.behind:
            return [f"{state.behind} entries of the writer {state.name} are not here yet: {advice}"]
        silent = self._clock.now() - (state.heard_at if state.heard_at is not None else self._clock.now())
        if silent > _SILENT:
            return [f"the writer {state.name} was last heard of {silent / 3600:.0f} h ago: {advice}"]
        return []

    def _look(self) -> tuple[Mapping[str, Heard], list[str]]:
        now = self._clock.monotonic()
        if self._looked is None or not 0 <= now - self._looked[0] < _LOOK:
            self._looked = (now, self._pushed.heard(), self._pushed.forks())
        return self._looked[1], self._looked[2]
