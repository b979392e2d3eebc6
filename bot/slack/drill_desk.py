"""The desk for drills: what `/agent-drill` means, whether whoever asks may, and what they are told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from bot.domain import events
from bot.domain.drill_events import Answer
from bot.domain.model import Drill
from bot.domain.policy import Allowed, Denied
from bot.domain.practice import Practice, Run
from bot.domain.words import split
from bot.service.drill_calls import Calls
from bot.service.drill_ports import CannotDrill
from bot.slack import answers, wording
from bot.slack.ask import Ask
from bot.slack.blocks import drill_reminder
from bot.slack.blocks.message import Message, listing, message, section
from bot.slack.drill_news import DrillNews
from bot.slack.limits import NAME, escape
from bot.slack.respond import Responder
from bot.slack.tasks import Tasks

_LOG = logging.getLogger(__name__)
_ANSWER = 1.0  # seconds that an answer waits for the claim, which takes a few milliseconds when all is well
NOT_READY = "Drills are not ready yet: try again in a few seconds. Nothing was changed."
USAGE = """*Rehearse a stop, measured, and given back by itself*
`/agent-drill list`   every drill with its last result
`/agent-drill run ID`   runs one now, from this moment on"""


class Drilling(Protocol):
    """The use case, as this desk sees it."""

    @property
    def practice(self) -> Practice:
        """Everything that is known of drills."""

    def configured(self) -> "tuple[Drill, ...]":
        """Every configured drill."""

    def pending(self, drill: Drill) -> list[tuple[float, float]]:
        """Due times that are open, each with the moment to which it was postponed."""

    async def run(self, drill_id: str, by: events.Person, *, ask: str | None = None) -> Run:
        """Begins a run. Raises `CannotDrill`."""

    @property
    def calls(self) -> Calls:
        """Reminders of the operator on turn."""


class DrillDesk:
    """One for the whole bot. `drills` is set once the use case is there.

    Args:
        authorise: of the desk of stops: whoever may stop may drill.
    """

    def __init__(
        self,
        *,
        authorise: Callable[[Ask], Awaitable[Allowed | Denied]],
        responder: Responder,
        tasks: Tasks,
    ) -> None:
        self.drills: Drilling | None = None
        self.news: DrillNews | None = None
        self._reacted: set[tuple[str, str, str]] = set()
        self._authorise = authorise
        self._responder = responder
        self._tasks = tasks

    async def drill(self, ask: Ask) -> Message:
        """`/agent-drill`."""
        if self.drills is None:
            return answers.refusal(NOT_READY)
        words = [word.text for word in split(ask.text)]
        verb = words[0].casefold() if words else "help"
        if verb not in {"list", "run"}:
            return message("How drills are asked for.", [section(USAGE)])
        verdict = await self._authorise(ask)
        if isinstance(verdict, Denied):
            return answers.refusal(verdict.sentence)
        if verb == "list":
            return listed(self.drills)
        if len(words) != 2:  # noqa: PLR2004  # the verb and the drill
            return answers.refusal("Name one drill: `/agent-drill run ID`; see them with `/agent-drill list`.")
        return await self._run(self.drills, words[1], ask)

    async def answer(self, ask: Ask, answer: Answer) -> Message:
        """A button under a reminder; its value names the reminder."""
        found = drill_reminder.parsed(ask.text)
        if self.drills is None or found is None:
            return answers.refusal(NOT_READY)
        verdict = await self._authorise(ask)
        if isinstance(verdict, Denied):
            return answers.refusal(verdict.sentence)
        return answers.refusal(wording.own(self.drills.calls.answer(*found, answer, ask.person)))

    async def reacted(self, ask: Ask, reaction: str, ts: str) -> None:
        """An emoji under a reminder: the same as its button. The same reaction twice is one."""
        answer = drill_reminder.EMOJI.get(reaction)
        called = self.news.called_by(ask.channel or "", ts) if self.news and answer else None
        if answer is None or called is None or (ask.user, ts, reaction) in self._reacted:
            return
        self._reacted.add((ask.user, ts, reaction))
        said = await self.answer(replace(ask, text=drill_reminder.value(called)), answer)
        _LOG.info("%s reacted to a reminder: %s", ask.user, said.text)

    async def _run(self, drills: Drilling, drill_id: str, ask: Ask) -> Message:
        """Answers within a second; a database that takes longer is told behind the answer."""
        begun = self._tasks.spawn(self._begun(drills, drill_id, ask), name=f"drill {ask.trigger}")
        await asyncio.wait({begun}, timeout=_ANSWER)
        if begun.done():
            return begun.result()
        self._tasks.spawn(self._follow_up(begun, ask), name="late answer of a drill")
        return message("The drill waits for the database.", [section(":hourglass: The drill waits for the database.")])

    async def _begun(self, drills: Drilling, drill_id: str, ask: Ask) -> Message:
        try:
            run = await drills.run(drill_id, ask.person)
        except CannotDrill as why:
            return answers.refusal(f"The drill was not begun: {wording.own(str(why), 1500)}.")
        said = f"The drill `{escape(drill_id, NAME)}` has begun, run `{run.id}`"
        behind = drill_reminder.backstops_of(self.news.backstops(drill_id) if self.news else ())
        return message(f"{said}.", [section(f":stopwatch: *{said}.* What it measures follows in its thread."), behind])

    async def _follow_up(self, begun: "asyncio.Task[Message]", ask: Ask) -> None:
        await asyncio.wait({begun})
        failed = begun.cancelled() or begun.exception() is not None
        said = answers.broken("The drill") if failed else begun.result()
        if ask.response_url:
            await self._responder.send(ask.response_url, answers.ephemeral(said))


def listed(drills: Drilling) -> Message:
    """Every drill with what it does, its last result and its next time."""
    rows = [_row(drills, drill) for drill in drills.configured()]
    if not rows:
        return answers.refusal("No drill is configured: write one below `drills:` in the configuration file.")
    return message(f"{wording.plural(len(rows), 'drill')}.", listing(rows, room=8000, more="see the configuration"))


def _row(drills: Drilling, drill: Drill) -> str:
    last = drills.practice.last(drill.id)
    result = f"last {last.ended.how} {wording.minute(last.ended.at)}" if last and last.ended else "never run"
    due = next((at for _, at in drills.pending(drill)), None)
    coming = f"next {wording.minute(due)}" if due is not None else "never due"
    names = ", ".join(wording.name(name) for name in drill.surfaces[:5])
    more = f" and {len(drill.surfaces) - 5} more" if len(drill.surfaces) > 5 else ""  # noqa: PLR2004  # as named
    who = ", by the operator" if drill.by == "operator" else ""
    return f"• *{escape(drill.id, NAME)}*: {drill.kind}, {drill.mode} on {names}{more}; {result}; {coming}{who}"
