"""Giving authority back: opens ballots, reads the votes afresh, and hands a ballot that passed to its steps.

Here every doubt is a no. What cannot be read, is stale or has changed since the ballot was opened freezes or voids it.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bot.domain import events
from bot.domain.ballot import Ballot, Reading, Tally, fishing, passes, tally
from bot.domain.board import Board
from bot.domain.electorate import Electorate
from bot.domain.model import Configuration
from bot.domain.policy import mention_group
from bot.service.candidates import Candidates
from bot.service.electors import agents_of, confirmations, confirmers, electorate_of, fingerprint, unconfirmable
from bot.service.ports import BallotBox, CannotOpen, Clock, Evidence, Gone, RestoreOrder
from bot.service.recorder import Recorder
from bot.service.stepping import Stepping

_log = logging.getLogger(__name__)
TICK = 0.5  # seconds between two looks at the ballots
POLL = 5.0  # seconds between two readings of the reactions, when no event hints at a change
HINTED = 0.5  # seconds between two readings that events ask for
ACKNOWLEDGED_FOR = 3600.0  # seconds that somebody's word about a missing proof or journal counts
TWO = 2  # people who must name what is missing


@dataclass(slots=True)
class _Vote:
    """What is known of a vote since this process reads it."""

    next_read: float = 0.0
    stands_since: float | None = None  # the first reading of the unbroken run in which the quorum stood
    refused: set[str] = field(default_factory=set)


class Restores:
    """The use case behind `/agent-restore`, the ballot's reactions and its buttons.

    Args:
        configuration: yields the current one.
        candidates: what could be given back.
        recorder: board and journal.
        evidence: what machines say.
        stepping: carries out what passed.
        ready: why nothing may be given back now (audit, database, journals of other writers), a sentence each, asked
            afresh; given what two people acknowledged.
        box: where people vote.
    """

    def __init__(
        self,
        *,
        configuration: Callable[[], Configuration],
        candidates: Candidates,
        recorder: Recorder,
        evidence: Evidence,
        stepping: Stepping,
        ready: Callable[[frozenset[str]], Awaitable[Sequence[str]]],
        box: BallotBox,
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._candidates = candidates
        self._recorder = recorder
        self._evidence = evidence
        self._stepping = stepping
        self._ready = ready
        self._box = box
        self._clock = clock
        self._votes: dict[str, _Vote] = {}
        self._opening = asyncio.Lock()
        self._unwritten = ""  # the ballot that is on its way to the disk

    @property
    def _board(self) -> Board:
        return self._recorder.board

    async def open(self, order: RestoreOrder) -> events.BallotOpened:
        """Gathers the evidence, journals the ballot, has it posted. Raises `CannotOpen`."""
        async with self._opening:  # two people who ask at once get one ballot and one refusal
            ballot_id = _ballot_id(order.delivery)
            before = self._board.ballots.get(ballot_id)
            if before and before.opened:
                return before.opened
            opened = await self._prepare(ballot_id, order)
            self._unwritten = ballot_id
            taken = await self._recorder.record(opened)
            self._unwritten = ""
            if not taken:
                self._end(self._board.ballots[ballot_id], "void", "the journal did not take it")
                raise CannotOpen(["the journal did not take the ballot: see `agent-kill status`; nothing was changed"])
            self._box.wake(ballot_id)
            return opened

    def acknowledge(self, subject: str, by: events.Person, reason: str) -> str:
        """Goes without a proof (`agent/surface`) or a journal (`writer:NAME`), by name; the sentence to answer."""
        known = self._candidates.knows(subject)
        if not known:
            return (
                f"`{subject}` is neither a surface nor an enrolled writer: name `agent/surface` or `writer:NAME` as the"
                " refusal of the ballot did. Nothing was recorded."
            )
        self._recorder.record(events.Acknowledged(at=self._clock.now(), subject=subject, by=by, reason=reason))
        people = self._acknowledged_by(subject)
        if len(people) < TWO:
            return (
                f"Recorded: you go without `{subject}`. One more person who may vote must say the same within the hour."
            )
        return f"Recorded: {len(people)} people go without `{subject}`. Open the ballot within the hour."

    def withdraw(self, ballot: str, by: events.Person) -> str:
        """Ends a ballot that its proposer opened and that is still voted on; the sentence to answer."""
        found = self._board.ballots.get(ballot)
        if found is None or found.opened is None or not found.voting:
            return "This ballot is not voted on any more. To stop what it gives back, type `/agent-kill`."
        if found.opened.by.id != by.id:
            return "Only who opened a ballot may withdraw it. To veto it, react with :no_entry:."
        self._end(found, "withdrawn", "by who opened it", by)
        return "The ballot is withdrawn; nothing was changed."

    def who_may_vote(self, ballot: str) -> str:
        """Names the people whose reactions count, as Slack mentions."""
        found = self._board.ballots.get(ballot)
        if found is None or found.opened is None:
            return "This ballot is not known here."
        without = {person.id for person in found.opened.excluded}
        names = [f"<@{person.id}>" for person in found.opened.electorate if person.id not in without]
        policy = self._configuration().policy.restore
        groups = ", ".join(mention_group(name) for name in policy.groups)
        where = f" (full members of {groups} at the opening and now)" if groups else ""
        said = f"{found.opened.quorum} of these people must approve{where}: {', '.join(names) or 'nobody'}."
        return f"{said}{confirmers(found.opened, policy)}"

    def hint(self, channel: str, ts: str) -> None:
        """Something happened to the reactions on this message: look soon. Never decides anything."""
        for ballot_id, vote in self._votes.items():
            ballot = self._board.ballots.get(ballot_id)
            posted = self._posted(ballot.opened) if ballot and ballot.opened else None
            if posted and (posted.channel, posted.ts) == (channel, ts):
                vote.next_read = min(vote.next_read, self._clock.monotonic() + HINTED)
                self._stepping.hint(ballot_id)

    def soon(self, ballot: str) -> None:
        """Something beside the reactions changed how they count: read them now."""
        if ballot in self._votes:
            self._votes[ballot].next_read = 0.0

    def _posted(self, opened: events.BallotOpened) -> events.Posted | None:
        incident = self._board.incidents.get(opened.incident)
        return incident.posts.get(f"ballot:{opened.ballot}") if incident else None

    async def run(self) -> None:
        """Looks after every ballot until cancelled. One that fails to be looked at is looked at again."""
        while True:
            for ballot in list(self._board.ballots.values()):
                try:
                    await self._look(ballot)
                except Exception:  # noqa: BLE001  # one ballot's trouble is not another's, and passes nothing
                    _log.exception("ballot %s could not be looked after; nothing was given back", ballot.id)
            await self._clock.sleep(TICK)

    async def _look(self, ballot: Ballot) -> None:
        if self._stepping.runs(ballot) or ballot.id == self._unwritten:
            return  # its votes are the steps' to read now; or it is not on disk yet
        if ballot.voting and ballot.opened:
            await self._vote(ballot, ballot.opened, self._votes.setdefault(ballot.id, _Vote()))
        elif ballot.restoring:
            await self._stepping.carry_on(ballot)

    async def _vote(self, ballot: Ballot, opened: events.BallotOpened, vote: _Vote) -> None:
        """One look at a vote: what voids it first, then a fresh reading where one is due."""
        if self._clock.now() >= opened.expires_at:
            return self._end(ballot, "expired", "too few votes came in time")
        changed = self._changed(opened)
        if changed:
            return self._end(ballot, "void", changed)
        if self._clock.monotonic() < vote.next_read:
            return None
        vote.next_read = self._clock.monotonic() + POLL
        await self._read(ballot, opened, vote)
        return None

    async def _read(self, ballot: Ballot, opened: events.BallotOpened, vote: _Vote) -> None:
        reading, roster = await self._box.read(opened), await self._box.roster()
        if not ballot.voting:
            return None  # it ended while Slack answered
        if isinstance(reading, Gone):
            return self._end(ballot, "void", reading.why)
        if reading is None or roster is None:
            vote.stands_since = None  # what cannot be read does not stand
            if self._posted(opened) is None:
                vote.next_read = self._clock.monotonic() + HINTED  # it is on its way: look as soon as it is there
            return None
        electorate = electorate_of(opened, self._configuration(), roster)
        if electorate.members() != electorate.frozen:
            return self._end(ballot, "void", "the people who may vote on a restore changed")
        await self._count(ballot, opened, vote, reading, electorate)
        return None

    async def _count(
        self, ballot: Ballot, opened: events.BallotOpened, vote: _Vote, reading: Reading, electorate: Electorate
    ) -> None:
        counted = tally(reading, electorate.eligible(), ballot.confirmed())
        self._tell(ballot, opened, counted)
        for user in counted.others - vote.refused:
            vote.refused.add(user)
            self._refuse(opened, user, electorate.why_not(user))
        if counted.vetoes:
            who = ", ".join(f"<@{user}>" for user in sorted(counted.vetoes))
            return self._end(ballot, "vetoed", f"by {who}")
        if not passes(opened, counted):
            vote.stands_since = None
            return None
        now = self._clock.monotonic()
        if vote.stands_since is None:
            vote.stands_since = now
        left = vote.stands_since + opened.dwell - now
        if left > 0:
            vote.next_read = min(vote.next_read, now + left)
            return None
        return await self._commit(ballot, opened)

    async def _commit(self, ballot: Ballot, opened: events.BallotOpened) -> None:
        """The quorum stood through the dwell, at this very reading: everything else is asked once more."""
        without = frozenset(opened.without)
        reasons = list(await self._ready(without))
        reasons += self._candidates.unproven(opened.returns, without)  # last: nothing that takes time comes after it
        if not ballot.voting:
            return None
        if self._clock.now() >= opened.expires_at:
            return self._end(ballot, "expired", "it passed too late")
        changed = self._changed(opened)
        if changed:
            return self._end(ballot, "void", changed)
        if reasons:
            return self._end(ballot, "void", f"what it was opened on does not stand any more: {'; '.join(reasons)}")
        self._stepping.commit(ballot)
        return None

    def _changed(self, opened: events.BallotOpened) -> str:
        """What is not any more as the ballot showed it; empty where nothing is."""
        pairs = self._candidates.pairs(opened.returns, opened.mode)
        added = set(pairs) - set(opened.pairs)
        if added:
            hold = next((self._board.hold_events.get(hold) for hold, _ in sorted(added)), None)
            return f"a stop came meanwhile{f' from <@{hold.by.id}>' if hold and hold.by.kind == 'slack' else ''}"
        if set(pairs) != set(opened.pairs):
            return "a hold that it names was lifted meanwhile"
        if fingerprint(self._configuration(), agents_of(opened.returns)) != opened.configuration:
            return "the configuration changed meanwhile"
        return ""

    def _tell(self, ballot: Ballot, opened: events.BallotOpened, counted: Tally) -> None:
        """Journals the tally where it is another one."""
        now = events.VotesCounted(
            at=ballot.stamp(self._clock.now()),
            ballot=opened.ballot,
            approvals=_people(counted.approvals),
            vetoes=_people(counted.vetoes),
            confirmed=_people(counted.confirmed),
        )
        before = ballot.votes or now.model_copy(update={"approvals": (), "vetoes": (), "confirmed": ()})
        if now == before.model_copy(update={"at": now.at}):
            return
        self._recorder.record(now)
        self._box.wake(opened.ballot)

    def _refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:
        """In the audit, and for their eyes."""
        person = events.Person(kind="slack", id=user)
        self._recorder.record(
            events.Refusal(at=self._clock.now(), by=person, asked=f"a vote on {opened.ballot}", why=why)
        )
        self._box.refuse(opened, user, why)

    def _end(self, ballot: Ballot, how: "events.Ending", why: str, by: events.Person | None = None) -> None:
        self._votes.pop(ballot.id, None)
        self._recorder.record(events.BallotEnded(at=self._clock.now(), ballot=ballot.id, how=how, why=why, by=by))
        self._box.wake(ballot.id)

    def _acknowledged_by(self, subject: str) -> frozenset[str]:
        since = self._clock.now() - ACKNOWLEDGED_FOR
        said = self._board.acknowledged.get(subject, {})
        return frozenset(user for user, event in said.items() if event.at >= since)

    def _acknowledged(self, eligible: frozenset[str]) -> frozenset[str]:
        """What two people who may vote go without at this moment."""
        known = self._board.acknowledged
        return frozenset(name for name in known if len(self._acknowledged_by(name) & eligible) >= TWO)

    async def _prepare(self, ballot_id: str, order: RestoreOrder) -> events.BallotOpened:
        """The ballot, or `CannotOpen` with every reason at once."""
        configuration, found = self._configuration(), self._candidates.find(order)
        policy, keys = configuration.policy.restore, [item.key for item in found.returns]
        reasons = [policy.frozen] if policy.frozen else []
        reasons += found.reasons
        if not found.returns:
            raise CannotOpen(reasons)
        fished = fishing(self._board.ballots.values(), keys, self._clock.now())
        reasons += [fished] if fished else []
        roster = await self._box.roster()
        if roster is None:
            raise CannotOpen([*reasons, "Slack does not say now who may vote: try again when it answers"])
        unfit = await self._box.unfit(order.channel)
        reasons += [unfit] if unfit else []
        incident = found.incident or f"inc-{secrets.token_hex(4)}"  # nothing of ours explains what is given back
        draft = self._draft(ballot_id, order, found.returns, incident)
        electorate = electorate_of(draft, configuration, roster, opening=True)
        able = electorate.eligible()
        without = self._acknowledged(able)
        if order.by.id in electorate.identities:
            reasons.append("you are an identity of an agent, and no agent asks for authority: let a person ask")
        reasons += self._candidates.unproven(found.returns, without)
        reasons += await self._ready(without)
        if len(able) < draft.quorum:
            reasons.append(
                f"{draft.quorum} votes are needed and only {len(able)} people may vote on this: add people to"
                " `policy.restore`, or let somebody else open it"
            )
        reasons += unconfirmable(draft, able, policy)
        gathered = await self._evidence.gather(found.returns, order.mode, order.reason)
        if order.kind != "undo":  # what was never meant to be held has nothing to earn
            reasons += gathered.withheld
        if reasons:
            raise CannotOpen(reasons)
        members = electorate.members()
        excluded = _people(user for user in members if electorate.why_not(user))
        opened = draft.model_copy(
            update={
                "at": self._clock.now(),
                "expires_at": self._clock.now() + policy.ttl,
                "evidence": gathered.findings,
                "electorate": _people(members),
                "excluded": excluded,
                "without": tuple(sorted(without)),
            }
        )
        changed = self._changed(opened)
        if changed:
            raise CannotOpen([f"{changed} while the evidence was gathered: look again, then ask again"])
        return opened

    def _draft(
        self,
        ballot_id: str,
        order: RestoreOrder,
        returns: tuple[events.Return, ...],
        incident: str,
    ) -> events.BallotOpened:
        configuration, undo = self._configuration(), order.kind == "undo"
        policy, quorum = configuration.policy.restore, self._candidates.quorum(order, returns)
        return events.BallotOpened(
            at=self._clock.now(),
            ballot=ballot_id,
            incident=incident,
            channel=order.channel,
            kind=order.kind,
            by=order.by,
            reason=order.reason,
            scope=str(order.scope),
            mode=order.mode,
            pairs=self._candidates.pairs(returns, order.mode),
            returns=returns,
            electorate=(),
            quorum=quorum,
            expires_at=self._clock.now() + policy.ttl,
            dwell=0.0 if undo else policy.dwell,
            step=0.0 if undo else policy.step,
            configuration=fingerprint(configuration, agents_of(returns)),
            confirmations=confirmations(policy, quorum),
        )


def _people(users: Iterable[str]) -> tuple[events.Person, ...]:
    return tuple(events.Person(kind="slack", id=user) for user in sorted(users))


def _ballot_id(delivery: str | None) -> str:
    """The same delivery gives the same ballot, across any restart."""
    if delivery is None:
        return f"bal-{secrets.token_hex(4)}"
    return f"bal-{hashlib.sha256(delivery.encode()).hexdigest()[:8]}"
