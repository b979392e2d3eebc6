"""Does anything come back without a vote, under random schedules, faults and crashes? And would the explorer see it?"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain import ballot, events
from bot.domain.ballot import Reading, Tally
from bot.domain.electorate import Electorate
from bot.domain.outcome import Outcome
from bot.domain.verdict import Verdict
from bot.service import lane, put_back, restore, stepping
from bot.service.candidates import Candidates
from bot.service.proofs import proof
from bot.service.restore import Restores
from bot.service.stepping import Stepping
from tests.properties.explore_restores import play

ROOT = Path(__file__).parents[2]
IN_CI = 2000


def test_nothing_comes_back_without_its_vote() -> None:
    """I3 to I5, I9 to I11: 2,000 steps of stops, ballots, votes, faults and crashes break no invariant."""
    command = [sys.executable, "-m", "tests.properties.explore_restores", "--steps", str(IN_CI)]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert played.returncode == 0, played.stdout + played.stderr
    told = re.search(
        r"^0 violations in (\d+) steps: (\d+) lifts, (\d+) restores completed", played.stdout, re.MULTILINE
    )
    assert told is not None
    steps, lifts, completed = map(int, told.groups())
    assert steps >= IN_CI
    assert lifts > 70
    assert completed > 10


Patch = pytest.MonkeyPatch
Sabotage = Callable[[Patch], None]


def _count_what_was_ever_read(patch: Patch) -> None:
    ever: dict[frozenset[str], set[str]] = {}
    count = ballot.tally

    def tally(reading: Reading, eligible: frozenset[str], _: frozenset[str]) -> Tally:
        counted = count(reading, eligible)
        known = ever.setdefault(eligible, set())
        known |= counted.approvals
        return Tally(approvals=frozenset(known), vetoes=counted.vetoes, complete=counted.complete)

    patch.setattr(restore, "tally", tally)


def _commit_without_the_dwell(patch: Patch) -> None:
    count = Restores._count

    async def at_once(self: Restores, found: Any, opened: events.BallotOpened, *rest: Any) -> None:
        await count(self, found, opened.model_copy(update={"dwell": 0.0}), *rest)

    patch.setattr(Restores, "_count", at_once)


def _let_anybody_vote(patch: Patch) -> None:
    patch.setattr(Electorate, "why_not", lambda *_: "")


def _let_newcomers_vote(patch: Patch) -> None:
    patch.setattr(Electorate, "_no_elector", lambda *_: "")
    patch.setattr(restore, "fingerprint", lambda *_: "")
    members = Electorate.members
    patch.setattr(Electorate, "members", lambda self: members(self) if self.frozen is None else self.frozen)


def _ignore_vetoes(patch: Patch) -> None:
    count = ballot.tally
    patch.setattr(stepping, "tally", lambda *args: Tally(approvals=count(*args).approvals | count(*args).vetoes))


def _commit_on_bad_grounds(patch: Patch) -> None:
    async def fine(self: Restores, found: ballot.Ballot, opened: events.BallotOpened) -> None:  # noqa: ARG001  # as the method
        self._stepping.commit(found)

    patch.setattr(Restores, "_commit", fine)


def _commit_unproven(patch: Patch) -> None:
    patch.setattr(Candidates, "unproven", lambda *_: ())


def _lift_what_came_later(patch: Patch) -> None:
    lifting = Stepping._lifting

    def all_that_is_live(self: Stepping, run: Any, pairs: Any, step: int, holds: Any) -> events.PairsLifted:
        live = [(hold, it.key) for it in run.opened.returns for hold in self._board.holds.live(it.key)]
        return lifting(self, run, tuple(live) if step == 0 else pairs, step, holds)

    patch.setattr(Stepping, "_lifting", all_that_is_live)
    patch.setattr(Restores, "_changed", lambda *_: "")


def _apply_before_durable(patch: Patch) -> None:
    journal = Stepping._journal

    async def too_early(self: Stepping, run: Any, lifted: events.PairsLifted, before: Any = lambda: None) -> None:
        before()
        self._board.apply(lifted)
        await journal(self, run, lifted)

    patch.setattr(Stepping, "_journal", too_early)


def _do_without_the_database(patch: Patch) -> None:
    make = Stepping.__init__

    def careless(self: Stepping, **more: Any) -> None:
        async def stored() -> str:
            return ""

        make(self, **{**more, "stored": stored})

    patch.setattr(Stepping, "__init__", careless)


def _put_nothing_back_at_start(patch: Patch) -> None:
    patch.setattr(put_back, "put_back", lambda *_: iter(()))
    patch.setattr(Stepping, "carry_on", _nothing)


def _put_back_what_was_announced(patch: Patch) -> None:
    holds = put_back._holds

    def everything(board: Any, found: ballot.Ballot, *rest: Any) -> Any:
        return holds(board, ballot.Ballot(id=found.id, opened=found.opened, lifts=found.lifts), *rest)

    patch.setattr(put_back, "_holds", everything)


def _open_every_gate(patch: Patch) -> None:
    def gate_for(self: lane.Lane, call: Any) -> object:  # noqa: ARG001  # as the lane's
        async def gate(changes: object) -> bool:  # noqa: ARG001  # as the lane's
            call.loosening = True
            return True

        return gate

    patch.setattr(lane.Lane, "_gate_for", gate_for)


def _hand_over_after_the_apply(patch: Patch) -> None:
    journal = Stepping._journal

    async def too_late(self: Stepping, run: Any, lifted: events.PairsLifted, before: Any = lambda: None) -> None:
        await journal(self, run, lifted)
        await asyncio.sleep(0.1)
        before()

    patch.setattr(Stepping, "_journal", too_late)


def _go_on_after_a_stop(patch: Patch) -> None:
    patch.setattr(Stepping, "_stopped", lambda *_: None)


def _skip_probation(patch: Patch) -> None:
    patch.setattr(Stepping, "_probation", _nothing)


def _take_two_modes_at_once(patch: Patch) -> None:
    patch.setattr(stepping, "steps", lambda opened: ballot.steps(opened)[1:] or ballot.steps(opened))


def _announce_before_the_read_back(patch: Patch) -> None:
    async def trust(_target: Any, _order: Any, round_: Any, done: Any) -> events.Proof:
        return proof(round_, Verdict(outcome=Outcome.PROBATION, detail=""), seen=done.seen)

    patch.setattr(lane, "prove", trust)


async def _nothing(*_: object) -> None:
    """Does nothing."""


@pytest.mark.parametrize(
    ("sabotage", "fault", "said"),
    [
        (_count_what_was_ever_read, "doubt", "I10: the quorum does not stand"),
        (_commit_without_the_dwell, "slow", "I10: the quorum stood for"),
        (_let_anybody_vote, "crowd", "I10: "),
        (_let_newcomers_vote, "group", "I10: "),
        (_ignore_vetoes, "doubt", "I10: a step without"),
        (_commit_on_bad_grounds, "audit", "I9: audit"),
        (_commit_unproven, "dark", "I9: .* is not proven cut"),
        (_lift_what_came_later, "stop", "I4: "),
        (_apply_before_durable, "disk", "I5: the gate let"),
        (_do_without_the_database, "database", "I5: "),
        (_put_nothing_back_at_start, "crash", "after a crash .* is held at|is in the middle"),
        (_put_back_what_was_announced, "crash", "after a crash the lift of"),
        (_open_every_gate, "stop", "I5: the gate let|P3: "),
        (_hand_over_after_the_apply, "", "nothing was wrong, and the restore ended as"),
        (_go_on_after_a_stop, "stop", "a step goes on though a stop came"),
        (_skip_probation, "machines", "I10: a step without|evaluations"),
        (_take_two_modes_at_once, "", "I5: .* past"),
        (_announce_before_the_read_back, "lies", "was announced as read back"),
    ],
)
def test_a_broken_rule_is_found(monkeypatch: Patch, sabotage: Sabotage, fault: str, said: str) -> None:
    """The oracles can fail: without one rule of the restore the explorer finds a run that shows it."""
    sabotage(monkeypatch)

    assert any(re.search(said, wrong) for _, wrong in play(4000, 1, frozenset(fault.split())))
