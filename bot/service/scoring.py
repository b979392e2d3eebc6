"""How a drill's cut is measured: by the journal's own outcomes and their times."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.board import Board
from bot.domain.evidence import Answer, expected
from bot.domain.model import Configuration
from bot.domain.outcome import Outcome
from bot.service.evidence import NOT_RUN
from bot.service.inventory import Target

PROVEN = frozenset({Outcome.VERIFIED, Outcome.APPLIED})


@dataclass(slots=True)
class Stopwatch:
    """What was first seen of each target since the command. Times are Unix seconds."""

    mode: Mode
    asked_at: float
    cut_at: dict[str, float] = field(default_factory=dict)
    proven_at: dict[str, float] = field(default_factory=dict)
    given_back_at: dict[str, float] = field(default_factory=dict)
    released_at: float | None = None
    cut: dict[str, events.Proof] = field(default_factory=dict)  # the last proof while it was held

    def look(self, board: Board, keys: Iterable[str]) -> bool:
        """Notes what is new; says whether every target is settled."""
        settled = True
        for key in keys:
            proof = board.proofs.get(key) if board.is_proven(key) else None
            if proof is None or proof.asked < self.mode:
                settled = False
                continue
            self.cut[key] = proof
            settled = settled and proof.settled
            if proof.outcome in PROVEN:
                self.cut_at.setdefault(key, board.proof_at[key])
            if proof.outcome is Outcome.VERIFIED:
                self.proven_at.setdefault(key, board.proof_at[key])
        return settled

    def held(self, targets: Iterable[drills.Drilled]) -> dict[str, Mode]:
        """What each surface was last read as, of those that were."""
        return {
            name: proof.held
            for target in targets
            for name in target.surfaces
            if (proof := self.cut.get(target.key)) is not None and proof.held is not None
        }

    def scores(
        self,
        targets: Sequence[drills.Drilled],
        known: dict[str, Target],
        effects: dict[str, int],
        drifts: Mapping[str, Collection[float]],
    ) -> tuple[drills.SurfaceScore, ...]:
        """One line per surface.

        Args:
            targets: what the run cuts.
            known: what is configured now, by key.
            effects: what a witness saw, of the surfaces that have one.
            drifts: when each target ever came back by itself.
        """
        return tuple(
            self._score(target.key, name, known.get(target.key), effects.get(name)).model_copy(
                update={"came_back": sum(at >= self.asked_at for at in drifts.get(target.key, ()))}
            )
            for target in targets
            for name in target.surfaces
        )

    def _score(self, key: str, surface: str, target: Target | None, effects: int | None) -> drills.SurfaceScore:
        proof = self.cut.get(key)
        back = self.given_back_at.get(key)
        return drills.SurfaceScore(
            surface=surface,
            asked=self.mode,
            held=proof.held if proof else None,
            outcome=proof.outcome if proof else Outcome.PENDING,
            attempt=proof.attempt if proof else None,
            cut_ms=self._since(self.cut_at.get(key)),
            proof_ms=self._since(self.proven_at.get(key)),
            deadline_ms=(target.deadline + target.drain) * 1000 if target else 0.0,
            ended=proof.ended if proof else 0,
            left=proof.left if proof else None,
            effects=effects,
            given_back_ms=_ms(back - self.released_at) if back is not None and self.released_at is not None else None,
            detail=proof.detail if proof else "",
        )

    def _since(self, at: float | None) -> float | None:
        return None if at is None else _ms(at - self.asked_at)


def witnessed(configuration: Configuration, failing: Sequence[str], held: Mapping[str, Mode]) -> dict[str, int]:
    """Effects after the cut, by surface with a witness: an evaluation that must be refused there and that answered.

    Args:
        configuration: whose evaluations they are.
        failing: what did not come out as expected, a sentence each.
        held: what each surface was read as.
    """
    if any(NOT_RUN in why for why in failing):
        return {}
    found: dict[str, int] = {}
    silent: set[str] = set()
    for agent in configuration.agents:
        for evaluation in agent.evaluations:
            names = [f"{agent.id}/{it}" for it in evaluation.surfaces or (surface.id for surface in agent.surfaces)]
            mode = max((held[name] for name in names if name in held), default=Mode.NORMAL)
            if expected(evaluation.expect, mode) != Answer.REFUSED:
                continue
            about = [why for why in failing if f"the evaluation {agent.id}/{evaluation.id} " in why]
            seen = sum(" was allowed " in why for why in about)
            silent.update(names if len(about) > seen else ())
            found.update({name: found.get(name, 0) + seen for name in names})
    unseen = {name for name in found if name in silent and not found[name]}
    return {name: effects for name, effects in found.items() if name not in unseen}


def shortcomings(card: drills.Scorecard) -> list[str]:
    """Why a run did not pass, a sentence each; empty where it did."""
    found = []
    for score in card.surfaces:
        if score.outcome not in PROVEN:
            found.append(f"{score.surface} is {score.outcome}{f': {score.detail}' if score.detail else ''}")
        elif score.cut_ms is not None and score.cut_ms > score.deadline_ms:
            found.append(f"{score.surface} took {score.cut_ms / 1000:.1f} s of {score.deadline_ms / 1000:g} s")
        if score.came_back:
            times = "once" if score.came_back == 1 else f"{score.came_back} times"
            found.append(f"{score.surface} came back by itself {times} while it was held")
        if score.effects:
            found.append(f"{score.surface}: the agent still had an effect after the cut")
    found += [f"{why} ({tried.when} the cut)" for tried in card.evaluations for why in tried.failing]
    lost = (fault for fault in card.faults if not fault.survived)
    found += [f"the fault {fault.fault} was not survived: {fault.detail}" for fault in lost]
    return found


def _ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 1)
