"""Tells people in Slack, once, what cannot be cut any more, and once that it can again; a burst is one message.

Level-triggered: what people were told last is compared with what is so, and the difference is said. Both are in the
journal, so that no restart says anything twice. A message that no channel takes is tried again, and what was over by
then is told all the same.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain import armed_events, events
from bot.domain.board import Board
from bot.service.armed import ArmedCheck
from bot.service.ports import Clock

_log = logging.getLogger(__name__)
_GATHER = (0.03, 5.0)  # part of the period, and seconds at the most, that news waits for more news
_MOST = 3.0  # gatherings that it waits at the most for what a second look has yet to confirm
_PACE = (0.1, 30.0)  # the same, between two messages
_UNSTEADY, _WITHIN = 6, 3600.0  # times that one subject is told in so many seconds; then its good news has to last
_LASTS = 3.0  # periods
_AGAIN = 5.0  # seconds until a message that was not taken is tried again
_TICK = 1.0  # seconds, or the gathering where that is less


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One subject of the message.

    Args:
        subject: a surface, or a part of the bot.
        armed: whether it is again.
        gone: whether it is not configured any more.
        why: why it is not armed.
        next: what to do about it.
        since: when that was found, Unix time.
        late: whether it could not be told while it lasted, `since` then.
    """

    subject: str
    armed: bool
    gone: bool = False
    why: str = ""
    next: str = ""
    since: float | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The message stands in this channel."""

    channel: str
    ts: str


class Bulletin(Protocol):
    """Where it is told."""

    async def __call__(self, lines: Sequence[Line]) -> Said | str:
        """Posts the lines; answers where, or why not."""


class ArmedNews:
    """Beside the check. `post` None: there is no Slack, and nobody is told."""

    def __init__(
        self,
        *,
        check: ArmedCheck,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        clock: Clock,
        busy: Callable[[], bool],
        post: Bulletin | None = None,
    ) -> None:
        self._check, self._board, self._record, self._clock, self._busy = check, board, record, clock, busy
        self.post = post
        self._first: float | None = None  # since when news waits
        self._not_before = 0.0
        self._trouble = ""
        self._times: dict[str, list[float]] = {}  # when each was told of
        self._owed: dict[str, float | None] = {}  # whom nobody could be told of while it lasted, and since when it did

    def problems(self) -> list[str]:
        """Why nobody can be told."""
        return [f"NOT ARMED cannot be told in Slack: {self._trouble}"] if self._trouble else []

    async def run(self) -> None:
        """Tells for ever."""
        while True:
            try:
                await self._look()
            except Exception:  # noqa: BLE001  # one message that cannot be built must not silence the next
                _log.exception("the news of the armed check could not be told; it is tried again")
                self._not_before = self._clock.monotonic() + _AGAIN
            await self._clock.sleep(min(_TICK, self._check.period * _GATHER[0]))

    async def _look(self) -> None:
        now = self._clock.monotonic()
        quiet = not (self._owed or self._board.armed.is_news())
        if quiet:
            self._first, self._trouble = None, ""
        if quiet or self.post is None or now < self._not_before or self._busy():
            return
        subjects = self._check.subjects()
        news = [it for it in dict.fromkeys((*self._board.armed.news(subjects), *self._owed)) if not self._waits(it)]
        if not news:
            self._first, self._trouble = None, ""
            return
        if self._first is None:
            self._first = now
        waited, gather = now - self._first, self._part(_GATHER)
        if waited < gather or (waited < _MOST * gather and self._check.suspects()):
            return
        here = set(subjects)
        lines = [self._line(name, gone=name not in here) for name in news]
        answer = await self.post(lines)
        if isinstance(answer, str):
            self._owed |= {it.subject: self._owed.get(it.subject, it.since) for it in lines if not it.armed}
            self._trouble, self._not_before = answer, self._clock.monotonic() + min(_AGAIN, self._part(_PACE) * 2)
            return
        self._first, self._trouble = None, ""
        self._owed.clear()
        self._not_before = self._clock.monotonic() + self._part(_PACE)
        for line in lines:
            self._times.setdefault(line.subject, []).append(self._clock.monotonic())
        told = tuple((line.subject, line.armed) for line in lines)
        at = self._board.armed.stamp((line.subject for line in lines), self._clock.now())
        await self._record(armed_events.ArmedTold(at=at, told=told, channel=answer.channel, ts=answer.ts))

    def _waits(self, subject: str) -> bool:
        """Whether it came and went so often that people are not told of its return before that lasted."""
        roll, now = self._board.armed, self._clock.monotonic()
        times = [at for at in self._times.get(subject, ()) if now - at < _WITHIN]
        if len(times) < _UNSTEADY or not roll.is_armed(subject):
            return False
        return self._clock.now() - (roll.since(subject) or 0.0) < _LASTS * self._check.period

    def _line(self, subject: str, *, gone: bool) -> Line:
        why, step = self._check.why(subject)
        armed = gone or self._board.armed.is_armed(subject)
        since = self._owed.get(subject) or self._board.armed.since(subject)
        return Line(
            subject=subject,
            armed=armed,
            gone=gone,
            why="" if armed else why,
            next="" if armed else step,
            since=since,
            late=armed and subject in self._owed,
        )

    def _part(self, share: tuple[float, float]) -> float:
        return min(self._check.period * share[0], share[1])
