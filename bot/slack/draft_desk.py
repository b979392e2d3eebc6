"""The desk for what is parked: who pressed or reacted, whether they may, and what they are told."""

import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import events
from bot.domain.board import Board, Incident
from bot.domain.model import Configuration
from bot.service.decisions import Order
from bot.service.parked import ParkedWork
from bot.service.ports import Clock
from bot.slack import answers, wording
from bot.slack.ask import Ask
from bot.slack.blocks import draft_card
from bot.slack.blocks.message import Message
from bot.slack.draft_post import approvers, parted, slot_of
from bot.slack.progress import PARENT
from bot.slack.roster import RosterCache, explain

_LOG = logging.getLogger(__name__)
_LATE = 120.0  # seconds after which a reaction is no answer any more: Slack repeats events for an hour
NOT_READY = "What is parked cannot be decided on yet: try again in a few seconds. Nothing was done."
_UNREAD = (
    "Slack does not say who may decide just now, and every doubt is a no: try again. Nothing was done, and it stays"
    " parked."
)
Verdict = Literal["release", "drop"]


class DraftDesk:
    """One for the whole bot. `parked` is set once the use case is there."""

    def __init__(
        self,
        *,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        configuration: Callable[[], Configuration],
        roster: RosterCache,
        clock: Clock,
        client: AsyncWebClient,
    ) -> None:
        self.parked: ParkedWork | None = None
        self._board = board
        self._record = record
        self._configuration = configuration
        self._roster = roster
        self._clock = clock
        self._client = client

    async def decide(self, ask: Ask, verdict: Verdict) -> Message:
        """A button; its value names the card. It is foreign: only what was shown can be decided on."""
        named = draft_card.parsed(ask.text)
        if named is None:
            return answers.refusal("This button is none of this version's. Nothing was done.")
        return answers.refusal(await self._decided(ask, *named, verdict))

    async def tell(self, ask: Ask, said: Message) -> bool:
        """Answers a button in the thread of its card, where its presser looks; whether Slack took it."""
        named = draft_card.parsed(ask.text)
        slot = slot_of(*named) if named else ""
        incident = next((it for it in self._board.incidents.values() if slot in it.posts), None)
        return incident is not None and await self._tell(ask, said.text, incident)

    async def reacted(self, ask: Ask, reaction: str, ts: str, at: float | None) -> None:
        """An emoji under a card: the same as its button, at this moment. One that comes late decides nothing."""
        verdict = draft_card.verdict_of(reaction)
        found = self._card_at(ask.channel or "", ts) if verdict else None
        if verdict is None or found is None:
            return
        if at is None or abs(self._clock.now() - at) > _LATE:
            said = "Your reaction came to the bot too late to count: press the button. Nothing was done."
        else:
            said = await self._decided(ask, *found[1], verdict)
        await self._tell(ask, said, found[0])

    async def _decided(self, ask: Ask, draft: str, digest: str, verdict: Verdict) -> str:
        proposal = self._board.proposals.all.get(draft)
        seen = proposal.seen.get(digest) if proposal else None
        if self.parked is None or seen is None:
            return NOT_READY
        roster = await self._roster.fresh({ask.user})
        if roster is None:
            return _UNREAD
        why = approvers(self._configuration(), roster, seen[1].surfaces).why_not(ask.user)
        if why:
            word = "approve" if verdict == "release" else "deny"
            self._record(events.Refusal(at=self._clock.now(), by=ask.person, asked=f"{word} {draft}", why=why))
            return wording.own(why)
        age = roster.age(self._clock.now())
        order = Order(draft=draft, digest=digest, verdict=verdict, by=ask.person, roster_age=age)
        answer = await self.parked.decide(order)
        return wording.own(answer.sentence, only=())  # a surface's own words may be part of it

    def _card_at(self, channel: str, ts: str) -> tuple[Incident, tuple[str, str]] | None:
        """The incident, and the draft and the digest of the card that stands there."""
        for incident in self._board.incidents.values():
            for slot, posted in incident.posts.items():
                if posted.ts == ts and posted.channel == channel:
                    named = parted(slot)
                    return (incident, named) if named else None
        return None

    async def _tell(self, ask: Ask, said: str, incident: Incident) -> bool:
        parent = incident.posts.get(PARENT)
        if parent is None:
            return False
        try:
            await self._client.chat_postEphemeral(channel=parent.channel, user=ask.user, text=said, thread_ts=parent.ts)
        except Exception as error:  # noqa: BLE001  # an answer is worth less than what it tells of
            _LOG.info("%s could not be told what came of a decision: %s", ask.user, explain(error))
            return False
        return True
