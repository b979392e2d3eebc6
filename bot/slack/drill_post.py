"""Tells of drills in Slack: scorecards, missed ones, and what else `news` gives.

Level-triggered as the incident's thread is: what should have been said and was not recorded as said comes next.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from bot.domain import events
from bot.domain.board import Board
from bot.domain.drill_events import DrillMissed
from bot.domain.practice import Run
from bot.service.ports import Clock
from bot.slack.blocks import scorecard
from bot.slack.blocks.message import Message
from bot.slack.client import Later, Refused, Sent, SlackApi
from bot.slack.outbox import Outbox
from bot.slack.progress import PARENT

_LOG = logging.getLogger(__name__)
_LOOK = 0.5  # seconds between two looks
_LONGEST = 60.0  # seconds between two attempts
_FRESH = 3600.0  # seconds; an older drill gets no picture any more
_TITLE = "How long each surface took to be cut and proven, in this drill and those before it"
_RECENT = 7 * 86_400.0  # seconds; older news is none
_TRIES = 5  # of a message that Slack refuses


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to say, once.

    Args:
        incident: what it is recorded under: an incident, or `drill:ID` for what belongs to none.
        slot: its place there.
        at: when it happened, Unix time.
        make: builds the message.
        threaded: whether it waits for the incident's parent message, to stand below it.
        picture: draws what is shared as a file instead of a message; `make` is then its title.
    """

    incident: str
    slot: str
    at: float
    make: Callable[[], Message]
    threaded: bool = False
    picture: Callable[[], Awaitable[bytes]] | None = None


class DrillPost:
    """Nothing that it does is waited for by a drill, nor by a stop.

    Args:
        board: the fold of every journal.
        record: records `events.Posted`.
        api: Slack.
        channel: where what has no thread is said.
        groups: ids of the user groups to call.
        clock: time.
        more: further news, such as reminders.
        picture: draws a run beside those before it, as a PNG; None: none is drawn.
    """

    def __init__(
        self,
        *,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        api: SlackApi,
        channel: Callable[[], str | None],
        groups: Callable[[], Iterable[str]],
        clock: Clock,
        more: Callable[[], Iterable[News]] = tuple,
        picture: Callable[[Run], Awaitable[bytes]] | None = None,
    ) -> None:
        self._board = board
        self._record = record
        self._outbox = Outbox(api, clock)
        self._channel = channel
        self._groups = groups
        self._clock = clock
        self._more = more
        self._picture = picture
        self._refused: dict[tuple[str, str], int] = {}
        self._failures = 0

    async def run(self) -> None:
        """Tells until cancelled."""
        while True:
            try:
                wait = await self._step()
            except Exception:  # noqa: BLE001  # one message that cannot be built must not silence the rest
                _LOG.exception("what is to be said of a drill failed; it is tried again")
                wait = _LONGEST
            await self._clock.sleep(wait)

    async def _step(self) -> float:
        """Says the next thing; returns seconds until the next look."""
        for news in self._news():
            place = self._place(news)
            if place is None or self._refused.get((news.incident, news.slot), 0) >= _TRIES:
                continue
            return await self._say(news, *place)
        return _LOOK

    async def _say(self, news: News, channel: str, thread: str | None) -> float:
        said = news.make()
        if news.picture is None or thread is None:
            answer = await self._outbox.post(channel, said, thread=thread)
        else:
            answer = await self._share(news.picture, said, channel, thread)
        match answer:
            case Sent():
                self._failures = 0
                posted = events.Posted(
                    at=self._clock.now(),
                    incident=news.incident,
                    slot=news.slot,
                    channel=channel,
                    ts=answer.ts,
                    digest=said.digest,
                )
                await self._record(posted)
                return 0.0
            case Refused():
                key = (news.incident, news.slot)
                self._refused[key] = self._refused.get(key, 0) + 1
                _LOG.warning("Slack refused what is to be said of a drill: %s", answer.code)
            case Later():
                pass
        self._failures += 1
        asked = answer.seconds if isinstance(answer, Later) else None
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret
        return asked if asked is not None else min(_LONGEST, 0.5 * 2.0 ** min(self._failures, 8)) * jitter

    async def _share(
        self, picture: Callable[[], Awaitable[bytes]], said: Message, channel: str, thread: str
    ) -> Sent | Refused | Later:
        """A picture that cannot be drawn is given up at last, as one that Slack refuses: the card says the same."""
        try:
            png = await picture()
        except Exception as error:  # noqa: BLE001  # whatever it is, the next news is not kept waiting by it
            _LOG.exception("the picture of a drill cannot be drawn")
            return Refused(type(error).__name__)
        return await self._outbox.upload(channel, thread=thread, name="drill.png", title=said.text, text=png)

    def _place(self, news: News) -> tuple[str, str | None] | None:
        """The channel and the thread; None while its thread is not there yet, or where no channel is configured."""
        if news.threaded:
            parent = self._board.incidents[news.incident].posts.get(PARENT)
            return (parent.channel, parent.ts) if parent else None
        channel = self._channel()
        return (channel, None) if channel else None

    def _news(self) -> Iterator[News]:
        """What is not said yet, in the order in which it happened."""
        since = self._clock.now() - _RECENT
        found = [it for it in (*self._cards(), *self._missed(), *self._more()) if it.at >= since]
        for news in sorted(found, key=lambda it: it.at):
            incident = self._board.incidents.get(news.incident)
            if incident is None or news.slot not in incident.posts:
                yield news

    def _cards(self) -> Iterator[News]:
        for run in self._board.practice.runs.values():
            if run.ended is None:
                continue
            hold = self._board.hold_events.get(run.started.hold) if run.started else None
            yield News(
                incident=hold.incident if hold else f"drill:{run.ended.drill}",
                slot=f"card:{run.id}",
                at=run.ended.at,
                make=_card(self._board, run),
                threaded=hold is not None,
            )
            if hold and self._picture and self._clock.now() - run.ended.at < _FRESH:
                yield News(
                    incident=hold.incident,
                    slot=f"picture:{run.id}",
                    at=run.ended.at,
                    make=lambda: Message(text=_TITLE, blocks=()),
                    threaded=True,
                    picture=partial(self._picture, run),
                )

    def _missed(self) -> Iterator[News]:
        for (drill, due), event in self._board.practice.missed.items():
            make = _missed_maker(event, self._groups)
            yield News(incident=f"drill:{drill}", slot=f"missed:{due:.0f}", at=event.at, make=make)


def _card(board: Board, run: Run) -> Callable[[], Message]:
    def make() -> Message:
        drill = run.ended.drill if run.ended else ""
        known = board.practice.of(drill)
        earlier = [
            it for it in reversed(known) if it.id != run.id and it.ended and run.ended and it.ended.at < run.ended.at
        ]
        return scorecard.scorecard(run, earlier)

    return make


def _missed_maker(event: DrillMissed, groups: Callable[[], Iterable[str]]) -> Callable[[], Message]:
    return lambda: scorecard.missed(event, groups())
