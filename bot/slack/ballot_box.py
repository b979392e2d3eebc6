"""The ballot box: posts ballots where people vote, keeps them up to date, and reads the reactions afresh.

Level-triggered like the incident's thread: every look compares what the messages should say with what was recorded as
posted, so a restart goes on where it was. Nothing here decides anything: it reads, and the use case counts.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from slack_sdk.errors import SlackApiError

from bot.domain import events
from bot.domain.ballot import Ballot, Reading
from bot.domain.board import Board
from bot.domain.model import Configuration
from bot.domain.outcome import Outcome
from bot.domain.policy import Kind, Roster, mention_group
from bot.service.ports import Clock, Gone
from bot.slack import ballot_read
from bot.slack.ballot_steps import LATEST, Step, next_step
from bot.slack.blocks.ballot import BallotScene, ballot_text
from bot.slack.client import Answer, Later, Refused, Sent, SlackApi
from bot.slack.outbox import Outbox
from bot.slack.progress import PARENT
from bot.slack.roster import RosterCache, error_code, explain
from bot.slack.tasks import Tasks

_LOG = logging.getLogger(__name__)
_CALL = 10.0  # seconds that a reading may take
_LONGEST = 30.0  # seconds between two attempts
_IDLE = 5.0  # seconds between two looks at a ballot that nobody spoke of
_SHARED = (
    "<#{}> is shared with another organisation (Slack Connect), whose people would read what an agent may do, and"
    " ballots stand only in a channel of this workspace: end the sharing in the channel's settings, and ask again"
)
_SETTLE = 0.05  # seconds that a change gathers what follows it


@dataclass(slots=True)
class _Progress:
    """What is remembered of one ballot's messages while the process lives."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    trouble: str = ""  # why nothing gets through at present
    unsure: set[str] = field(default_factory=set)  # slots whose post may have been taken all the same
    dropped: set[str] = field(default_factory=set)  # slots that Slack does not take
    link: str = ""  # the address of the ballot's message
    refused: set[str] = field(default_factory=set)  # people who were told once that they have no say


class BallotBox:
    """Implements `service.ports.BallotBox` over Slack. `run` is its task.

    Args:
        board: the fold of every journal; read only.
        record: used for `events.Posted` alone.
        configuration: for the groups that vote.
        roster: who is who.
    """

    def __init__(
        self,
        *,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        configuration: Callable[[], Configuration],
        api: SlackApi,
        roster: RosterCache,
        clock: Clock,
        tasks: Tasks,
        spacing: float = 1.0,
    ) -> None:
        self._board = board
        self._record = record
        self._configuration = configuration
        self._api = api
        self._roster = roster
        self._clock = clock
        self._tasks = tasks
        self._outbox = Outbox(api, clock, spacing=spacing)
        self._progress: dict[str, _Progress] = {}
        self._new = asyncio.Event()
        self._reacted: frozenset[str] = frozenset()  # whoever reacted at the last reading

    async def read(self, opened: events.BallotOpened) -> Reading | Gone | None:
        """The reactions now, read afresh; None where they cannot be read or the ballot is not posted yet."""
        posted = self._posted(opened, f"ballot:{opened.ballot}")
        if posted is None:
            return None
        try:
            async with asyncio.timeout(_CALL):
                answer = await self._api.client.reactions_get(channel=posted.channel, timestamp=posted.ts, full=True)
        except SlackApiError as error:
            if error_code(error) == "message_not_found":
                return Gone(ballot_read.DELETED)
            _LOG.warning("the votes on %s cannot be read: %s", opened.ballot, explain(error))
            return None
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does: what cannot be read is no vote
            _LOG.warning("the votes on %s cannot be read: %s", opened.ballot, explain(error))
            return None
        found = ballot_read.judge(answer.data if isinstance(answer.data, dict) else {}, ballot_text(opened))
        if isinstance(found, Reading):
            self._reacted = frozenset().union(*found.users.values())
        return found

    async def roster(self) -> Roster | None:
        """The roster, no older than `electorate.FRESH`; None where Slack does not say.

        Whoever reacted last and is not known yet is looked up too, to be told the right reason.
        """
        return await self._roster.fresh(self._reacted)

    async def unfit(self, channel: str) -> str:
        """Why no ballot may stand in this channel: another organisation reads it too.

        What Slack does not say is not held against it: whoever is not of this workspace has no vote anywhere.
        """
        try:
            async with asyncio.timeout(_CALL):
                answer = await self._api.client.conversations_info(channel=channel)
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does
            _LOG.warning("whether <#%s> is shared with another organisation is not known: %s", channel, explain(error))
            return ""
        found = answer.get("channel")
        return _SHARED.format(channel) if isinstance(found, dict) and found.get("is_ext_shared") is True else ""

    def wake(self, ballot: str) -> None:
        """Something about this ballot changed: its message is to be posted or updated. Never blocks, never raises."""
        self._progress.setdefault(ballot, _Progress()).woken.set()
        self._new.set()

    def refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:
        """Tells somebody who reacted without a say why, for their eyes only and once. Never blocks, never raises."""
        told = self._progress.setdefault(opened.ballot, _Progress()).refused
        if user in told or self._roster.snapshot().people.get(user) is Kind.BOT:
            return  # a bot cannot read it
        told.add(user)
        self._tasks.spawn(self._refuse(opened, user, why), name=f"refusal of a vote on {opened.ballot}")

    def problems(self) -> tuple[str, ...]:
        """Which ballots cannot be told, and why, in sentences."""
        items = self._progress.items()
        return tuple(f"ballot {name} is held up: {progress.trouble}" for name, progress in items if progress.trouble)

    async def _refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:
        text = f"Your reaction does not count on ballot {opened.ballot}. {why}"
        try:
            await self._api.client.chat_postEphemeral(channel=opened.channel, user=user, text=text)
        except Exception as error:  # noqa: BLE001  # the vote does not count, whether they learn it or not
            _LOG.info("%s could not be told why their vote does not count: %s", user, explain(error))

    async def run(self) -> None:
        """Keeps every ballot's messages as they should be, until cancelled. One task each: none waits for another."""
        for ballot in list(self._board.ballots.values()):
            if ballot.ended is None or self._clock.now() - ballot.ended.at < LATEST:
                self.wake(ballot.id)
        started: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                self._new.clear()
                for ballot_id in self._progress.keys() - started:
                    started.add(ballot_id)
                    group.create_task(self._keep(ballot_id), name=f"ballot {ballot_id}")
                await self._new.wait()

    async def _keep(self, ballot_id: str) -> None:
        progress = self._progress[ballot_id]
        while True:
            progress.woken.clear()
            try:
                wait = await self._look(ballot_id, progress)
            except Exception:  # noqa: BLE001  # a message that cannot be built must not silence the next
                _LOG.exception("the message of ballot %s failed; it is tried again", ballot_id)
                wait = self._back_off(progress)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait, _SETTLE) if wait is not None else None):
                    await progress.woken.wait()

    async def _look(self, ballot_id: str, progress: _Progress) -> float | None:
        """Makes the next call; yields seconds until the next look, None where only a wake brings one."""
        ballot = self._board.ballots.get(ballot_id)
        if ballot is None or ballot.opened is None:
            return None
        opened = ballot.opened
        step = next_step(ballot, opened, self._posts(opened), self._scene(opened), progress.dropped)
        if step is None:
            return None if ballot.ended else _IDLE
        answer = await self._take(step, opened, progress)
        if answer is None:
            return _IDLE if self._has_thread(opened) else None
        return await self._heed(answer, step, ballot, progress)

    async def _take(self, step: Step, opened: events.BallotOpened, progress: _Progress) -> Answer | None:
        posts = self._posts(opened)
        if step.kind == "update":
            posted = posts[step.slot]
            return await self._outbox.update(posted.channel, posted.ts, step.make(""))
        if step.kind == "post":
            if step.slot in progress.unsure:
                _LOG.warning("ballot %s may be in the channel twice: only the recorded one counts", opened.ballot)
            return await self._outbox.post(opened.channel, step.make(""))
        parent = posts.get(PARENT)
        if parent is None:
            return None
        if step.kind == "upload":
            name, text = f"{opened.ballot}.txt", step.text
            return await self._outbox.upload(
                parent.channel, thread=parent.ts, name=name, title=f"Ballot {opened.ballot}", text=text
            )
        link = await self._link(posts.get(f"ballot:{opened.ballot}"), progress)
        return await self._outbox.post(parent.channel, step.make(link), thread=parent.ts)

    async def _link(self, posted: events.Posted | None, progress: _Progress) -> str:
        """The ballot's address, by `chat.getPermalink`; empty where Slack does not tell it."""
        if posted is not None and not progress.link:
            try:
                answer = await self._api.client.chat_getPermalink(channel=posted.channel, message_ts=posted.ts)
                progress.link = str(answer.get("permalink") or "")
            except Exception as error:  # noqa: BLE001  # the thread names the ballot without it
                _LOG.info("the ballot's address is not known: %s", explain(error))
        return progress.link

    async def _heed(self, answer: Answer, step: Step, ballot: Ballot, progress: _Progress) -> float:
        match answer:
            case Sent():
                progress.failures, progress.trouble = 0, ""
                await self._said(step, ballot, answer.ts)
                return 0.0
            case Later():
                if answer.unsure:
                    progress.unsure.add(step.slot)
                progress.trouble = answer.why
                _LOG.warning("Slack did not take %s, which is tried again: %s", step.slot, answer.why)
                return self._back_off(progress, answer.seconds)
            case Refused():
                progress.trouble = (
                    f"Slack answered {answer.code}; is the bot in <#{ballot.opened.channel}>?"
                    if ballot.opened
                    else answer.code
                )
                _LOG.warning("Slack refused %s: %s", step.slot, answer.code)
                if step.kind != "post":
                    progress.dropped.add(step.slot)  # the ballot itself is what must be there
                return self._back_off(progress)

    async def _said(self, step: Step, ballot: Ballot, ts: str) -> None:
        if ballot.opened is None:
            return
        posted = self._posts(ballot.opened).get(step.slot)
        channel, place = ballot.opened.channel, ts
        if step.kind == "update" and posted is not None:
            channel, place = posted.channel, posted.ts
        await self._record(
            events.Posted(
                at=self._clock.now(),
                incident=ballot.opened.incident,
                slot=step.slot,
                channel=channel,
                ts=place,
                digest=step.digest,
            )
        )

    def _back_off(self, progress: _Progress, asked: float | None = None) -> float:
        progress.failures += 1
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret
        return min(_LONGEST, 0.25 * 2.0 ** min(progress.failures, 10)) * jitter if asked is None else asked

    def _posts(self, opened: events.BallotOpened) -> dict[str, events.Posted]:
        incident = self._board.incidents.get(opened.incident)
        return incident.posts if incident else {}

    def _has_thread(self, opened: events.BallotOpened) -> bool:
        """Whether the incident has a thread, or will: what no stop explains has none, and its ballot stands alone."""
        incident = self._board.incidents.get(opened.incident)
        return incident is not None and bool(incident.holds)

    def _posted(self, opened: events.BallotOpened, slot: str) -> events.Posted | None:
        return self._posts(opened).get(slot)

    def _scene(self, opened: events.BallotOpened) -> BallotScene:
        return BallotScene(
            holds=self._board.hold_events,
            groups=tuple(self._voters()),
            effective={item.key: self._board.effective(item.key) for item in opened.returns},
            rest={item.key: self._rest(item.key) for item in opened.returns},
        )

    def _rest(self, target: str) -> str:
        """What stays of a restriction that is not known to be ours, with what to do."""
        proof = self._board.proofs.get(target)
        given_back = proof is not None and proof.outcome is Outcome.PROBATION
        return f"{proof.detail}: {proof.next}" if proof and given_back and proof.detail else ""

    def _voters(self) -> Iterable[str]:
        """Who votes, as mentions: a handle by the id that Slack told for it."""
        policy, roster = self._configuration().policy.restore, self._roster.snapshot()
        for name in policy.groups:
            yield mention_group(roster.group(name).id)
        yield from (f"<@{user}>" for user in policy.users)
