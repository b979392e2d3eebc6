"""Posts the cards of what is parked into the incidents' threads, and keeps them up to date.

Level-triggered as the thread is: each look compares what should stand there with what was recorded as posted. What a
card shows is recorded before it is posted, so that an approval is bound to it whatever happens next. Nothing here is
waited for by a stop, and no card is posted while a cut is under way.
"""

import logging
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from bot.domain import draft_events as drafts
from bot.domain import events
from bot.domain.approvers import Approvers
from bot.domain.board import Board, Incident
from bot.domain.drafts import Proposal
from bot.domain.model import Configuration, Risk
from bot.domain.policy import Roster
from bot.service.lots import Found
from bot.service.parked import ParkedWork
from bot.service.ports import Clock
from bot.service.redact import redact_lines
from bot.slack.blocks import draft_card
from bot.slack.blocks.draft_card import CardScene
from bot.slack.blocks.message import Message
from bot.slack.client import Later, Refused, Sent, SlackApi
from bot.slack.limits import clean
from bot.slack.outbox import Outbox
from bot.slack.progress import PARENT, last_said

_LOG = logging.getLogger(__name__)
SLOT, BURST = "draft", "drafts"
MOST = 5  # cards of an incident that wait for people at the same time; the rest is one message
_LOOK = 0.5  # seconds between two looks
_LONGEST = 30.0  # seconds between two attempts
_TRIES = 5  # of a message that Slack refuses
_REPORT = 20.0  # seconds that cards wait for the report of a stop at most
_GATHER = 15.0  # seconds between two updates of the message about the rest
_FOLLOWED = 86_400.0  # seconds for which the end of a draft is still worth an update of its card
_GROUP = re.compile(r"<!subteam\^([A-Z0-9]+)>")
_RISKS = (Risk.HIGH, Risk.MEDIUM, Risk.LOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One call to make: an update of what stands, or a post. `shown` is recorded before a card is posted."""

    incident: str
    slot: str
    message: Message
    posted: events.Posted | None = None
    shown: drafts.DraftShown | None = None


class DraftPost:
    """`run` is its task.

    Args:
        board: the fold of every journal.
        record: records `DraftShown` and `Posted`.
        parked: what is listed now.
        configuration: yields the current one.
        roster: yields the last known roster, for the names of groups.
        api: Slack.
        hurried: whether a cut is under way in its own time.
        clock: time.
    """

    def __init__(
        self,
        *,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        parked: ParkedWork,
        configuration: Callable[[], Configuration],
        roster: Callable[[], Roster],
        api: SlackApi,
        hurried: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._board = board
        self._record = record
        self._parked = parked
        self._configuration = configuration
        self._roster = roster
        self._outbox = Outbox(api, clock)
        self._hurried = hurried
        self._clock = clock
        self._followed: set[str] | None = None  # drafts with a card that may have to change
        self._refused: dict[tuple[str, str], int] = {}
        self._burst_at: dict[str, float] = {}
        self._failures = 0
        self._trouble = ""

    async def run(self) -> None:
        """Posts and updates until cancelled."""
        while True:
            try:
                wait = await self.step()
            except Exception:  # noqa: BLE001  # one card that cannot be built must not silence the rest
                _LOG.exception("the card of a draft failed; it is tried again")
                wait = _LONGEST
            await self._clock.sleep(wait)

    async def step(self) -> float:
        """Makes the next call; returns seconds until the next look."""
        if self._hurried():
            return _LOOK
        for job in self._jobs():
            if self._refused.get((job.slot, job.message.digest), 0) < _TRIES:
                return await self._do(job)
        return _LOOK

    def problems(self) -> list[str]:
        """Why cards are held up, a sentence each."""
        return [f"the cards of what is parked are held up: {self._trouble}"] if self._trouble else []

    async def _do(self, job: _Job) -> float:
        if job.posted is not None:
            answer = await self._outbox.update(job.posted.channel, job.posted.ts, job.message)
            place = (job.posted.channel, job.posted.ts)
        else:
            parent = self._board.incidents[job.incident].posts[PARENT]
            if job.shown is not None and not self._knows(job.shown) and not await self._record(job.shown):
                self._trouble = "no disk takes the record of what a card shows"
                return self._back_off()
            answer = await self._outbox.post(parent.channel, job.message, thread=parent.ts)
            place = (parent.channel, answer.ts if isinstance(answer, Sent) else "")
        match answer:
            case Sent():
                self._failures, self._trouble = 0, ""
                await self._said(job, *place)
                return 0.0
            case Refused():
                key = (job.slot, job.message.digest)
                self._refused[key] = self._refused.get(key, 0) + 1
                self._trouble = f"Slack answered {answer.code}"
            case Later():
                self._trouble = answer.why
        _LOG.warning("the card %s was not taken: %s", job.slot, self._trouble)
        return self._back_off(answer.seconds if isinstance(answer, Later) else None)

    async def _said(self, job: _Job, channel: str, ts: str) -> None:
        posted = events.Posted(
            at=self._clock.now(),
            incident=job.incident,
            slot=job.slot,
            channel=channel,
            ts=ts,
            digest=job.message.digest,
        )
        await self._record(posted)

    def _back_off(self, asked: float | None = None) -> float:
        self._failures += 1
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret
        return min(_LONGEST, 0.5 * 2.0 ** min(self._failures, 8)) * jitter if asked is None else asked

    def _jobs(self) -> Iterator[_Job]:
        """What is to be done, first things first: what people decided, then what waits for them, then the rest."""
        yield from self._updates()
        fresh, rest = self._sorted_out()
        for incident, found in fresh:
            shown = self._shown(found, incident)
            message = draft_card.card(self._scene(shown))
            yield _Job(incident=incident.id, slot=slot_of(found.name, found.digest), message=message, shown=shown)
        yield from self._bursts(rest)

    def _updates(self) -> Iterator[_Job]:
        live = {proposal.name for found in self._board.proposals.known().values() for proposal in found}
        followed = self._lately() if self._followed is None else self._followed
        self._followed = {name for name in live | followed if self._board.proposals.all[name].shown}
        for name in sorted(self._followed):
            jobs = [job for shown in self._board.proposals.all[name].shown.values() for job in self._update(shown)]
            if not jobs and name not in live and self._board.proposals.all[name].ended():
                self._followed.discard(name)  # it ended, and its cards say so
            yield from jobs

    def _update(self, shown: drafts.DraftShown) -> Iterator[_Job]:
        """The card of one write in every thread where it stands: a later incident may have shown it again."""
        slot = slot_of(shown.draft, shown.digest)
        places = [it for it in self._board.incidents.values() if slot in it.posts]
        message = draft_card.card(self._scene(shown)) if places else None
        for incident in places:
            posted = incident.posts[slot]
            if message is not None and message.digest != posted.digest:
                yield _Job(incident=incident.id, slot=slot, message=message, posted=posted)

    def _knows(self, shown: drafts.DraftShown) -> bool:
        """Whether what this card says is on record already: it may have been posted elsewhere, or not been taken."""
        proposal = self._board.proposals.all.get(shown.draft)
        return proposal is not None and shown.digest in proposal.shown

    def _lately(self) -> set[str]:
        """At start: the cards of drafts that ended not long ago may still say that they wait."""
        since = self._clock.now() - _FOLLOWED
        ends = ((name, proposal.ended()) for name, proposal in self._board.proposals.all.items())
        return {name for name, ended in ends if ended is not None and ended.at > since}

    def _sorted_out(self) -> tuple[list[tuple[Incident, Found]], dict[str, list[Found]]]:
        """The drafts that get a card now, and those that have to wait for one, by incident."""
        cards: dict[str, int] = {}
        without: list[tuple[Incident, Found]] = []
        for found in self._parked.found():
            incident = self._incident(found)
            if incident is None:
                continue
            if slot_of(found.name, found.digest) in incident.posts:
                cards[incident.id] = cards.get(incident.id, 0) + 1
            else:
                without.append((incident, found))
        fresh: list[tuple[Incident, Found]] = []
        rest: dict[str, list[Found]] = {incident: [] for incident in cards}
        for incident, found in sorted(without, key=lambda it: (not self._asked(it[1]), not it[1].draft.waits)):
            if self._asked(found) or cards.get(incident.id, 0) < MOST:
                cards[incident.id] = cards.get(incident.id, 0) + 1
                fresh.append((incident, found))
            else:
                rest.setdefault(incident.id, []).append(found)
        return fresh, rest

    def _asked(self, found: Found) -> bool:
        proposal = self._board.proposals.all.get(found.name)
        return proposal is not None and found.digest in proposal.asked

    def _incident(self, found: Found) -> Incident | None:
        """The incident whose thread shows it: of a person's stop rather than of a drill's; the newest of them.

        What nothing holds any more is shown where it was held last, and only where its release was asked for.
        """
        key = found.lot.target.key
        own = [self._board.incidents[name] for name in self._board.incidents_of(key)]
        if not own and self._asked(found):
            every = self._board.incidents.values()
            own = [it for it in every if any(key in hold.targets.keys for hold in it.holds)]
        told = [incident for incident in own if PARENT in incident.posts and self._reported(incident)]
        return max(told, key=lambda it: (not it.drill, it.opened_at, it.id), default=None)

    def _reported(self, incident: Incident) -> bool:
        """Whether the report of its newest stop is posted: cards stand behind it, and take none of its calls.

        A report that is late, as where something is not cut, is not waited for.
        """
        newest = max((hold.at for hold in incident.holds), default=0.0)
        said = last_said(incident.posts)
        return (said is not None and said.at >= newest) or self._clock.now() - newest > _REPORT

    def _bursts(self, rest: dict[str, list[Found]]) -> Iterator[_Job]:
        now = self._clock.monotonic()
        for name, waiting in rest.items():
            posted = self._board.incidents[name].posts.get(BURST)
            if not waiting and posted is None:
                continue
            message = self._burst(waiting)
            if posted is not None and posted.digest == message.digest:
                continue
            if waiting and now - self._burst_at.get(name, float("-inf")) < _GATHER:
                continue
            self._burst_at[name] = now
            yield _Job(incident=name, slot=BURST, message=message, posted=posted)

    def _burst(self, waiting: list[Found]) -> Message:
        places: dict[tuple[str, str], list[Found]] = {}
        for found in waiting:
            places.setdefault(found.lot.key, []).append(found)
        unlisted = 0
        for key in places:
            listing = self._parked.listings[key]
            unlisted += max(0, (listing.number or 0) - len(listing.found))
        rows = [
            (", ".join(found[0].lot.names), len(found), clean(redact_lines(found[0].draft.what), 80))
            for found in places.values()
        ]
        return draft_card.burst(rows, unlisted=unlisted)

    def _shown(self, found: Found, incident: Incident) -> drafts.DraftShown:
        proposal = self._board.proposals.all[found.name]
        known = proposal.shown.get(found.digest)
        if known is not None:
            return known
        arguments, shortened = draft_card.cut(redact_lines(found.draft.arguments))
        what = redact_lines(found.draft.what)
        return drafts.DraftShown(
            at=self._clock.now(),
            draft=found.name,
            digest=found.digest,
            incident=incident.id,
            what=clean(what, draft_card.WHAT),
            arguments=arguments,
            shortened=shortened or len(what) > draft_card.WHAT,
        )

    def _scene(self, shown: drafts.DraftShown) -> CardScene:
        proposal = self._board.proposals.all[shown.draft]
        surfaces = _surfaces(proposal, shown.digest)
        configuration = self._configuration()
        ids = list(dict.fromkeys(name.partition("/")[0] for name in surfaces))
        agents = [agent for agent in configuration.agents if agent.id in ids]
        risks = [surface.risk for agent in agents for surface in agent.surfaces if surface.name in surfaces]
        target = next((seen.target for _, seen in proposal.seen.values()), "")
        return CardScene(
            shown=shown,
            proposal=proposal,
            agents=tuple(agent.name for agent in agents) or tuple(ids),
            surfaces=surfaces,
            risk=str(min(risks, key=_RISKS.index, default=Risk.HIGH)),
            effective=self._board.effective(target),
            expires_at=proposal.expires_at(shown.digest, self._parked.policy()),
            who=self._who(surfaces, waits=any(seen.waits for _, seen in proposal.seen.values())),
        )

    def _who(self, surfaces: tuple[str, ...], *, waits: bool) -> str:
        """Who may decide. Only what waits for a decision calls them; a draft names their group without a call."""
        roster = self._roster()
        said = approvers(self._configuration(), roster, surfaces).who()
        return said if waits else _GROUP.sub(lambda found: f"@{roster.group(found[1]).handle or found[1]}", said)


def slot_of(draft: str, digest: str) -> str:
    """The place of a card in its incident's thread: what changes under the same name has a card of its own."""
    return f"{SLOT}:{draft}:{digest}"


def parted(slot: str) -> tuple[str, str] | None:
    """Draft and digest of a card's slot; None for every other slot."""
    kind, _, rest = slot.partition(":")
    draft, _, digest = rest.partition(":")
    return (draft, digest) if kind == SLOT and digest else None


def approvers(configuration: Configuration, roster: Roster, surfaces: tuple[str, ...]) -> Approvers:
    """Who decides on what is parked on these surfaces."""
    ids = {name.partition("/")[0] for name in surfaces}
    return Approvers(
        roster=roster,
        policy=configuration.policy,
        agents=[agent for agent in configuration.agents if agent.id in ids],
        identities=frozenset().union(*(agent.slack_identities for agent in configuration.agents)),
    )


def _surfaces(proposal: Proposal, digest: str) -> tuple[str, ...]:
    seen = proposal.seen.get(digest) or next(iter(proposal.seen.values()), None)
    return seen[1].surfaces if seen else ()
