"""Anchors the journals: signed notes in a file, one a day in the audit channel, a line in every report.

Nothing here is ever waited for by a stop or by a report. Trouble is told, and blocks a restore.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bot.domain import events
from bot.journal.anchors import AnchorFile, contradictions
from bot.journal.chain import Link
from bot.journal.checkpoint import Signer, slack_line
from bot.journal.pushed import is_of
from bot.service.ports import Clock

TICK = 5.0  # seconds between two looks
_PACE = 60.0  # seconds between two notes in the file, and between two tries
_STUCK = 10.0  # seconds after which the disk counts as not answering
_LATE = 600.0  # seconds that entries may wait for their anchor before it is told
_DAY = 24 * 3600.0
FILE, POSTED = "anchors.txt", "anchors-posted"
Post = Callable[[str, str], Awaitable[str | None]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHealth:
    """Whether a restore may rely on the audit.

    Args:
        problems: why it may not, a sentence each.
        anchored_at: when the last note went to the file, Unix time; None before the first of this process.
        current: whether that note covers every entry that there is now, but for the last seconds.
    """

    problems: tuple[str, ...]
    anchored_at: float | None
    current: bool

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of a restore."""
        return not self.problems


class Checkpoints:
    """The anchors of one process.

    Args:
        heads: the last link of every chain, this writer's own included; called often, so it must be cheap.
        signer: makes the key; called in a thread. May raise `BadKeyError` and OSError.
        writer: this writer's name.
        folders: where journals are read.
        state_dir: keeps `anchors.txt`, and when the channel was last told.
        record: of the recorder.
        clock: time.
        channel: the audit channel; None: none is configured.
        post: posts a note to a channel; answers why it could not, or None. None where there is no Slack.
    """

    def __init__(
        self,
        *,
        heads: Callable[[], Mapping[str, Link]],
        signer: Callable[[], Signer],
        writer: str,
        folders: Sequence[Path],
        state_dir: Path,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        clock: Clock,
        channel: Callable[[], str | None] = lambda: None,
        post: Post | None = None,
    ) -> None:
        self._heads, self._make_signer, self._writer = heads, signer, writer
        self._folders, self._record, self._clock, self._channel = tuple(folders), record, clock, channel
        self.post = post
        self._file, self._posted = AnchorFile(state_dir / FILE), state_dir / POSTED
        self._signer: Signer | None = None
        self._compared = False
        self._anchored: Mapping[str, Link] = {}
        self._anchored_at: float | None = None
        self._behind_since: float | None = clock.monotonic()
        self._linked: Mapping[str, Link] = {}
        self._told_at: float | None = None
        self._trouble: list[str] = []
        self._channel_trouble = ""
        self._next_note = self._next_post = self._next_try = float("-inf")
        self._busy_since: float | None = None

    def line(self) -> str:
        """The heads for a message of an incident's thread; empty before the first entry."""
        return slack_line(self._heads(), self._writer)

    def health(self) -> AuditHealth:
        """What a restore must know."""
        return AuditHealth(
            problems=tuple(self.problems()), anchored_at=self._anchored_at, current=self._behind_since is None
        )

    def problems(self) -> list[str]:
        """Why the audit is not anchored, a sentence each; stops do not wait for it, restores do."""
        now = self._clock.monotonic()
        found = [*self._trouble, *([self._channel_trouble] if self._channel_trouble else [])]
        if self._busy_since is not None and now - self._busy_since > _STUCK:
            found.append(f"the disk of {FILE} does not answer: mend it")
        elif self._behind_since is not None and now - self._behind_since > _LATE and not found:
            found.append(
                f"the last entries of the journal wait for their anchor for {(now - self._behind_since) / 60:.0f} min"
            )
        return [f"audit: {sentence}; stops go on, restores wait for it" for sentence in found]

    async def tick(self) -> None:
        """Anchors what is new and due. Never raises for a disk, a key or Slack."""
        self._look()
        if self._clock.monotonic() < self._next_try:
            return
        try:
            if not self._compared:
                await self._compare()
            if self._compared:
                await self._note()
                self._trouble = []
        except (OSError, ValueError) as error:  # BadKeyError is one; its text shows no key
            self._trouble = [_reason(error)]
        if self._trouble:
            self._next_try = self._clock.monotonic() + _PACE
        await self._daily()

    async def anchor_now(self) -> bool:
        """Writes a note at once, for a restore that needs a fresh one; says whether it covers everything."""
        self._next_try = self._next_note = float("-inf")
        await self.tick()
        return self._behind_since is None and not self._trouble

    def _look(self) -> None:
        """Notices how long entries have been waiting."""
        if self._heads() == self._anchored:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = self._clock.monotonic()

    async def _compare(self) -> None:
        """At start, and until it holds: the journals must not contradict the last note. No note is added meanwhile."""
        if self._signer is None:
            self._signer = await self._aside(self._make_signer)
        key = self._signer.verifier_key
        self._trouble = await self._aside(lambda: contradictions(self._folders, self._file.last(key)))
        self._compared = not self._trouble
        self._told_at = await self._aside(self._read_posted)

    async def _note(self) -> None:
        """Writes a note where there is anything new, at most one a minute."""
        self._link()
        heads, now = dict(self._heads()), self._clock.monotonic()
        if heads == self._anchored or now < self._next_note or self._signer is None:
            return
        note = self._signer.note(heads, self._clock.now())
        await self._aside(lambda: self._file.append(note))
        self._anchored, self._anchored_at, self._next_note = heads, self._clock.now(), now + _PACE
        self._look()

    def _link(self) -> None:
        """Names the other chains in this writer's own, so that one that is removed is missed without any anchor."""
        others = {name: head for name, head in self._heads().items() if not is_of(self._writer, name)}
        if others == self._linked or self._clock.monotonic() < self._next_note:
            return
        self._linked = others
        heads = tuple((name, head.seq, head.digest) for name, head in sorted(others.items()))
        self._record(events.HeadsSeen(at=self._clock.now(), heads=heads))

    async def _daily(self) -> None:
        channel, now = self._channel(), self._clock.now()
        if channel is None or self.post is None or self._signer is None or not self._compared or not self._heads():
            return
        due = self._told_at is None or not 0 <= now - self._told_at < _DAY
        if not due or self._clock.monotonic() < self._next_post:
            return
        self._next_post = self._clock.monotonic() + 5 * _PACE
        why = await self.post(channel, self._signer.note(dict(self._heads()), now))
        self._channel_trouble = f"the audit channel {channel} did not take the daily checkpoint: {why}" if why else ""
        if why is None:
            self._told_at = now
            with contextlib.suppress(OSError):  # costs one more post after a restart
                await self._aside(lambda: self._posted.write_text(f"{now:.0f}\n"))

    def _read_posted(self) -> float | None:
        try:
            return float(self._posted.read_text())
        except (OSError, ValueError):
            return None

    async def _aside(self, call: Callable[[], T]) -> T:
        """Runs what may hang with its disk in a thread that nothing waits for at the end."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(set_: Callable[..., None], value: object) -> None:
            if not done.done():
                set_(value)

        def run() -> None:
            try:
                value = call()
            except Exception as error:  # noqa: BLE001  # whatever it is, the tick gets it
                answer: tuple[Callable[..., None], object] = (done.set_exception, error)
            else:
                answer = (done.set_result, value)
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(settle, *answer)

        self._busy_since = self._clock.monotonic()
        threading.Thread(target=run, name="anchors", daemon=True).start()
        try:
            return await done
        finally:
            self._busy_since = None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{FILE} or the signing key in the state directory cannot be used: {error.strerror or error}"
    return str(error)
