"""Judges what a process does about a restore, by rules of its own: journal, readings and gates, as they happen.

The rules are those of the design (I3 to I5, I9 to I11); nothing here asks the code that is judged whether it was right.
"""

import asyncio
from collections.abc import Iterable, Iterator

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot
from bot.domain.outcome import Outcome
from tests.properties.restoring.people import AGENT, Looked
from tests.properties.restoring.process import Restoring

READ_WITHIN = 30.0  # seconds: reading, audit and evaluations before a commit, all at their slowest
STEP_READ_WITHIN = 20.0
_FEW = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


class Oracle:
    """What is wrong is added to `violations`."""

    def __init__(self, others: list[events.AnyEvent], violations: list[str]) -> None:
        self._others = others
        self._violations = violations
        self.versions: dict[str, int] = {}  # of the configuration, by ballot, at its opening
        self.version = 0
        self.members: dict[str, frozenset[str]] = {}  # at the opening
        self.known: dict[str, set[tuple[str, str]]] = {}  # live pairs at the commit

    def given(self, process: Restoring, event: events.AnyEvent) -> None:
        """An event goes to the disk."""
        match event:
            case events.BallotOpened():
                self.versions[event.ballot] = self.version
                self.members[event.ballot] = frozenset(person.id for person in event.electorate)
                self._say(event.by.id == AGENT, f"I11: {event.ballot} was opened by an agent")
            case events.PairsLifted():
                ballot = process.board.ballots.get(event.ballot)
                if ballot is None or ballot.opened is None:
                    self._violations.append(f"I5: a lift of {event.ballot}, which nobody opened")
                    return
                wrong = self._commit if event.step == 0 else self._step
                for what in wrong(process, ballot, ballot.opened, event):
                    self._violations.append(f"{what} ({event.ballot}, step {event.step}, at {_time():.3f})")
            case events.StepDone():
                self._done(process, event)
            case events.BallotEnded():
                self._say("inside the bot" in event.why, f"the restore failed: {event.why}")
            case _:
                pass

    def gate(self, process: Restoring, target: str, mode: Mode) -> None:
        """A gate said yes to `mode`."""
        if process.life.dead:
            return
        live = dict(self.all_holds(process, target))
        for hold, key in self.lifted(process):
            if key == target:
                live.pop(hold, None)
        held = max(live.values(), default=Mode.NORMAL)
        self._say(
            mode < held, f"I5: the gate let {target} loosen to {mode}: {held} is not lifted on disk and in the database"
        )

    def lifted(self, process: Restoring) -> Iterator[tuple[str, str]]:
        """The pairs that are tombstoned on disk and in the database."""
        for event in (*process.around.rows, *self._others):
            if isinstance(event, events.PairsLifted):
                yield from event.pairs

    def all_holds(self, process: Restoring, target: str) -> Iterator[tuple[str, Mode]]:
        """Every hold that any journal or this process knows of, on this target."""
        for event in (*process.board.hold_events.values(), *self._others, *process.disk.kept):
            found = event.holds if isinstance(event, events.PairsLifted) else (event,)
            for hold in found:
                if isinstance(hold, events.HoldAdded) and any(it.key == target for it in hold.targets):
                    yield hold.hold, hold.mode

    def _commit(
        self, process: Restoring, ballot: Ballot, opened: events.BallotOpened, lift: events.PairsLifted
    ) -> Iterator[str]:
        """Step 0: what the ballot showed, on a fresh reading, with everything known good."""
        now = _time()
        self.known[ballot.id] = {(h, it.key) for it in opened.returns for h in process.board.holds.live(it.key)}
        if opened not in process.disk.kept:
            yield "I5: the ballot is not on disk"
        if ballot.ended is not None:
            yield f"I5: the ballot had ended ({ballot.ended.how})"
        if set(lift.pairs) != set(opened.pairs):
            yield f"I4: it lifts {sorted(set(lift.pairs) ^ set(opened.pairs))}, which the ballot did not show"
        if process.clock.now() > opened.expires_at + 0.5:
            yield "I10: the ballot had expired"
        if self.versions.get(ballot.id) != self.version:
            yield "I10: the configuration changed since the opening"
        if not process.asked or now - process.asked[-1][0] > READ_WITHIN or not process.asked[-1][1]:
            yield "I9: audit, database or writers were not known good"
        yield from (f"I9: {name} is not proven cut" for name in self._unproven(process, opened))
        yield from self._quorum(opened, process.box.looked.get(ballot.id, []), now)

    def _quorum(self, opened: events.BallotOpened, looked: list[Looked], now: float) -> Iterator[str]:
        """Enough eligible people in every reading of the dwell, the last of which is fresh."""
        if not looked or now - looked[-1].at > READ_WITHIN:
            yield "I10: no fresh reading of the votes"
            return
        last = looked[-1].at
        run: list[Looked] = []
        for reading in reversed(looked):
            if not self._stands(opened, reading):
                break
            run.append(reading)
        if not run:
            yield f"I10: the quorum does not stand: {looked[-1]}"
        elif run[-1].at > last - opened.dwell + 0.01:
            yield f"I10: the quorum stood for {last - run[-1].at:.2f} s of {opened.dwell:g} s"
        low = 1 if opened.kind == "undo" else 2
        if opened.quorum < low:
            yield f"I10: a quorum of {opened.quorum}"

    def _stands(self, opened: events.BallotOpened, reading: Looked) -> bool:
        approve = reading.approve() & self.members[opened.ballot]
        veto = reading.veto() & self.members[opened.ballot]
        return reading.whole and not veto and len(approve) >= opened.quorum

    def _step(
        self, process: Restoring, ballot: Ballot, opened: events.BallotOpened, lift: events.PairsLifted
    ) -> Iterator[str]:
        """A later step: one mode lower than the last, which was read back; nobody took their vote back since."""
        now = _time()
        first = ballot.lifts.get(0, [None])[0]
        if first is None or first not in process.around.rows:
            yield "I5: the ballot's commit is not on disk and in the database"
        if ballot.ended is not None:
            yield f"I5: the ballot had ended ({ballot.ended.how})"
        own = {hold.hold for lifts in ballot.lifts.values() for it in lifts for hold in it.holds}
        if {hold for hold, _ in lift.pairs} - own:
            yield "I4: a step lifts a hold that is not its ballot's"
        keys = {key for _, key in lift.pairs}
        foreign = {(h, key) for key in keys for h in process.board.holds.live(key) if h not in own}
        if foreign - self.known[ballot.id]:
            yield "a step goes on though a stop came"
        to = max((hold.mode for hold in lift.holds), default=Mode.NORMAL)
        for key in keys:
            yield from self._one_mode(ballot, opened, key, lift.step, to)
        reading = process.box.looked.get(ballot.id, [])
        if not reading or now - reading[-1].at > STEP_READ_WITHIN or not self._stands(opened, reading[-1]):
            yield "I10: a step without a fresh reading in which the quorum stands"
        if lift.step > 1 and (not process.evaluated or not process.evaluated[-1][1]):
            yield "a step after evaluations that failed"

    def _one_mode(self, ballot: Ballot, opened: events.BallotOpened, key: str, step: int, to: Mode) -> Iterator[str]:
        """Whether the target's step before was read back, and whether no mode that it can hold is left out."""
        (item,) = [it for it in opened.returns if it.key == key]
        taken = [s for s, lifts in ballot.lifts.items() if s and any(key in _keys(lift) for lift in lifts)]
        before = max((s for s in taken if s < step), default=0)
        if before and (before, key) not in ballot.done:
            yield f"{key}: step {before} was not read back"
        if to < opened.mode:
            yield f"I5: {key} goes to {to}, and {opened.mode} was voted"
        if opened.kind != "undo":
            held = item.now if not before else _mode_of(ballot, before)
            skipped = [mode for mode in item.modes if to < mode < held]
            if skipped:
                yield f"I5: {key} goes from {held} to {to} past {skipped}"

    def _unproven(self, process: Restoring, opened: events.BallotOpened) -> Iterable[str]:
        for item in opened.returns:
            proof = process.board.proofs.get(item.key)
            orphan = not process.board.holds.live(item.key)
            asked = not orphan and not set(item.surfaces) <= set(opened.without)
            if asked and (proof is None or proof.outcome is not Outcome.VERIFIED):
                yield item.key

    def _done(self, process: Restoring, event: events.StepDone) -> None:
        """An announced step was read back, and not looser than voted."""
        ballot = process.board.ballots[event.ballot]
        mode = _mode_of(ballot, event.step)
        for key in event.targets:
            site = process._sites[key]
            fresh = site.loosened_at > _time() - 10
            self._say(site.mode < mode and not fresh, f"{key} is {site.mode}, and {mode} was announced as read back")

    def _say(self, wrong: bool, what: str) -> None:  # noqa: FBT001  # reads as a sentence
        if wrong:
            self._violations.append(what)


def _mode_of(ballot: Ballot, step: int) -> Mode:
    return max((hold.mode for lift in ballot.lifts.get(step, []) for hold in lift.holds), default=Mode.NORMAL)


def _keys(lift: events.PairsLifted) -> set[str]:
    return {key for _, key in lift.pairs}


def _time() -> float:
    return asyncio.get_running_loop().time()
