"""What the incident's thread says of what a vote gave back: never that it is cut."""

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.slack.blocks import closing, parent, surface
from bot.slack.blocks.listing import file_text
from bot.slack.progress import key
from bot.slack.wording import EVERYTHING
from tests.unit.slack.ballots import hold, opened, returning
from tests.unit.slack.incidents import Desk, read

KEYS = ("billing/ledger", "billing/mail")


def voted(mode: Mode, outcome: Outcome | None, *, over: bool = True) -> Desk:
    """A stop of two surfaces, of which a vote gave the first back to `mode`; its step is proven as `outcome`."""
    desk = Desk()
    desk.stop(*KEYS)
    desk.prove(*KEYS)
    item = returning(KEYS[0], to=mode).model_copy(update={"key": KEYS[0]})
    desk.board.apply(opened(item, mode=mode, at=desk.now + 1))
    target = events.HeldTarget(key=KEYS[0], surfaces=(KEYS[0],), round_to=mode)
    own = hold("", "bal-1.1", at=desk.now + 2, mode=mode, origin="restore", parent="bal-1", targets=(target,))
    holds = (own,) if mode > Mode.NORMAL else ()
    pairs = (("hold-1", KEYS[0]),)
    for step in (0, 1):
        desk.board.apply(
            events.PairsLifted(at=desk.now + 2, ballot="bal-1", pairs=pairs, step=step, holds=holds if step else ())
        )
    if outcome is not None:
        proof = events.Proof(target=KEYS[0], outcome=outcome, asked=mode, held=mode, settled=True)
        desk.board.apply(events.Outcomes(at=desk.now + 3, proofs=(proof,)))
    if over:
        desk.board.apply(events.BallotEnded(at=desk.now + 4, ballot="bal-1", how="completed"))
    return desk


def everything(desk: Desk) -> str:
    """Every message that the incident may send now."""
    story = desk.story()
    made = [parent.parent(story), closing.late(story.now.lines, story, groups=[], calling=False)]
    for chapter in story.chapters:
        made += [closing.closing(chapter, groups=[]), surface.batch(chapter)]
        made += [surface.confirmation(line) for line in chapter.lines]
    texts = [message.text + read(message.payload()) for message in made]
    return "\n".join([*texts, *(file_text(chapter) for chapter in story.chapters)])


@pytest.mark.parametrize(
    ("mode", "outcome", "words"),
    [
        (Mode.READ_ONLY, Outcome.VERIFIED, "1 given back in part by a vote"),
        (Mode.NORMAL, Outcome.PROBATION, "1 given back by a vote"),
    ],
)
def test_nothing_is_claimed_of_what_was_given_back(mode: Mode, outcome: Outcome, words: str) -> None:
    """No message says that all is cut, and each says how much came back; nothing of it is NOT CUT either."""
    desk = voted(mode, outcome)
    said = everything(desk)
    assert EVERYTHING not in said
    assert "all 2 cut and proven" not in said
    assert words in said
    assert "PARTLY GIVEN BACK" in said
    assert "*NOT CUT*: nothing" in said
    assert len(desk.story().chapters) == 1


def test_all_given_back_is_said_at_the_top() -> None:
    """When the other surface came back too."""
    desk = voted(Mode.NORMAL, Outcome.PROBATION)
    desk.board.apply(events.PairsLifted(at=desk.now + 5, ballot="bal-2", pairs=(("hold-1", KEYS[1]),)))
    said = everything(desk)
    assert ":arrow_up: GIVEN BACK" in said
    assert "2 given back by a vote" in said


def test_a_step_under_way_is_no_cut_that_fails() -> None:
    """It is on its way back, and not NOT CUT."""
    line = voted(Mode.READ_ONLY, None, over=False).story().now.lines[0]
    assert (line.outcome, line.settled, key(line)) == (Outcome.RELAXING, True, "coming back")
    assert not line.not_cut


def test_a_new_stop_is_waited_for_as_ever() -> None:
    """What a vote gave back before says nothing of it."""
    desk = voted(Mode.READ_ONLY, Outcome.VERIFIED)
    desk.stop(*KEYS, hold="hold-2", at=desk.now + 9)
    assert [line.outcome for line in desk.story().now.lines] == [Outcome.PENDING, Outcome.PENDING]
