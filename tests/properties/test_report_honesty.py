"""Does a report ever call green what is not proven, or leave a person without a next step?"""

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Attempt, Cut, Mode, Observation
from bot.domain import events
from bot.domain.outcome import NOT_CUT, NOT_PROVEN, Outcome
from bot.domain.report import report
from bot.domain.verdict import Evidence, judge
from tests.properties.journals import JOURNAL, SURFACES, TARGETS, fold

HELD = st.sampled_from([mode for mode in Mode if mode is not Mode.NORMAL])


@settings(max_examples=250, deadline=None)
@given(journal=JOURNAL)
def test_every_line_stands_in_exactly_one_place(journal: list[events.AnyEvent]) -> None:
    """P3: VERIFIED, NOT CUT, NOT PROVEN and what was given back share no line and leave none out."""
    board = fold(journal)
    for incident in board.incidents.values():
        made = report(board, incident, {})
        groups = (made.verified(), made.not_cut(), made.not_proven(), made.given_back())
        parts = [line.surface for group in groups for line in group]
        assert sorted(parts) == sorted(line.surface for line in made.lines)
        assert len(set(parts)) == len(parts)


@settings(max_examples=250, deadline=None)
@given(journal=JOURNAL)
def test_green_needs_a_proof_of_what_was_asked(journal: list[events.AnyEvent]) -> None:
    """P3: a green line has the newest proof of its target, verified, at least as strict as the incident asked."""
    newest: dict[str, tuple[float, events.Proof]] = {}
    for event in journal:
        if isinstance(event, events.Outcomes):
            for proof in event.proofs:
                newest[proof.target] = max(
                    newest.get(proof.target, (0.0, proof)), (event.at, proof), key=lambda it: it[0]
                )
    board = fold(journal)
    for incident in board.incidents.values():
        for line in report(board, incident, {}).verified():
            proven = [newest[target][1] for target in TARGETS if line.surface in SURFACES[target] and target in newest]
            asked = [
                board.effective(t.key) if board.holds.is_lifted(h.hold, t.key) else h.mode
                for h in incident.holds
                for t in h.targets
                if line.surface in t.surfaces
            ]
            assert any(p.outcome is Outcome.VERIFIED and p.asked >= max(asked) for p in proven)


@settings(max_examples=250, deadline=None)
@given(journal=JOURNAL)
def test_what_is_not_cut_says_what_to_do(journal: list[events.AnyEvent]) -> None:
    """P5: no line under NOT CUT or NOT PROVEN leaves its `next` empty, whatever wrote the proof."""
    board = fold(journal)
    for incident in board.incidents.values():
        made = report(board, incident, {})
        assert all(line.next for line in (*made.not_cut(), *made.not_proven()))


@st.composite
def _evidence(draw: st.DrawFn) -> Evidence:
    token = draw(st.sampled_from(["ours", "theirs", None]))
    return Evidence(
        asked=draw(HELD),
        token="ours",
        cut=Cut(held=draw(st.sampled_from(Mode)), left=draw(st.sampled_from([None, 0, 2])), why=draw(_WHY)),
        seen=Observation(
            exists=draw(st.booleans()),
            mode=draw(st.sampled_from(Mode)),
            enforceable=frozenset(Mode),
            why=draw(_WHY),
            token=token,
            in_flight=draw(st.sampled_from([None, 0, 3])),
        ),
        attempts=tuple(draw(st.lists(st.sampled_from(Attempt), max_size=3))),
        self_attested=draw(st.booleans()),
    )


_WHY = st.sampled_from(["", "an owner stands in the way"])


@settings(max_examples=1000, deadline=None)
@given(evidence=_evidence())
def test_verified_means_everything_that_it_claims(evidence: Evidence) -> None:
    """I6, I16: verified exactly where it is strict enough under our mark, nothing lives and all is refused."""
    seen, cut = evidence.seen, evidence.cut
    proven = (
        seen.exists
        and seen.mode >= evidence.asked
        and seen.token in (None, "ours")
        and (cut.left, seen.in_flight) == (0, 0)
        and all(answer is Attempt.REFUSED for answer in evidence.attempts)
        and (bool(evidence.attempts) or not evidence.self_attested)
    )

    verdict = judge(evidence)

    assert (verdict.outcome is Outcome.VERIFIED) == proven
    assert verdict.outcome in NOT_CUT | NOT_PROVEN | {Outcome.VERIFIED}
    assert bool(verdict.next) != proven
    assert proven or verdict.detail


@settings(max_examples=500, deadline=None)
@given(evidence=_evidence())
def test_a_rounding_is_always_said(evidence: Evidence) -> None:
    """What is held stricter than it was asked says so in its detail."""
    verdict = judge(evidence)
    held = min(evidence.cut.held, evidence.seen.mode)
    if verdict.outcome is Outcome.VERIFIED and held > evidence.asked:
        assert f"{evidence.asked}, held as {held}" in verdict.detail
