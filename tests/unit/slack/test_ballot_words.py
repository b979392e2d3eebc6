"""What a ballot says, from the first vote to the end."""

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.slack.blocks.ballot import ROWS, ballot_message, ballot_text
from bot.slack.blocks.ballot_thread import ballot_file, ended, opened_link
from tests.unit.slack.ballots import NOW, ballot, hold, lifted, opened, people, returning, scene
from tests.unit.slack.incidents import read


def shown(*more: events.AnyEvent, of: events.BallotOpened | None = None, **effective: Mode) -> str:
    """The message's words, for readers."""
    found, first = ballot(*more, of=of)
    known = {f"t:billing/{name}": mode for name, mode in effective.items()}
    return read(ballot_message(found, first, scene(effective=known)).payload())


def test_the_vote_tells_what_is_decided() -> None:
    """What comes back and how, which hold ends, evidence, who votes, how many, until when."""
    said = shown()
    for words in (
        "VOTE: give billing back to read_only?",
        "*Asked by* <@U0ONCALL>",
        "the bug is fixed",
        "`billing/ledger`: full_stop → read_only (medium risk)",
        "`billing/mail`: full_stop → read_only (high risk)",
        "medium before high risk",
        "in 1 step: read_only",
        "5 min watched after each; about 6 min in all",
        "*Lifts hold* `hold-1`: full_stop by <@U0SECOND>",
        "it mails customers",
        "*for* `billing/ledger`: no drift for 3 h",
        "<!subteam^S0RESTORE> may vote",
        "Needs *2 votes that stand for 60 s* by <!date^",
        "*0 of 2 votes*",
        "`bal-1`",
    ):
        assert words in said, words


def test_several_modes_are_several_steps() -> None:
    """Each mode on the way is named; rounding is said."""
    target = events.Return(
        key="t:a/b", surfaces=("a/b",), now=Mode.FULL_STOP, to=Mode.NORMAL, modes=(Mode.READ_ONLY, Mode.FULL_STOP)
    )
    said = shown(of=opened(target, mode=Mode.APPROVAL_GATED))
    assert "in 1 step: read_only" in said
    assert "approval_gated, held as read_only" in said
    assert "in 2 steps: read_only → normal" in shown(of=opened(target, mode=Mode.NORMAL))


def test_shared_targets_name_every_agent() -> None:
    """Whoever shares a target gets the same back."""
    said = shown(of=opened(returning("billing/ledger", "payroll/ledger")))
    assert "*Shared targets*: `billing`, `payroll`" in said


def test_evidence_against_comes_first_and_what_is_missing_is_said() -> None:
    """Words, and not emoji alone; an acknowledged gap is never left out."""
    findings = (
        events.Finding(about="a", says="fine", good=True),
        events.Finding(about="b", says="some"),
        events.Finding(about="c", says="bad", good=False),
    )
    said = shown(of=opened(evidence=findings, without=("billing/ledger", "writer:bastion")))
    assert said.index("*against* `c`") < said.index("*for* `a`") < said.index("*note* `b`")
    assert "*Missing, acknowledged by two people*: `billing/ledger`, `writer:bastion`" in said


def test_votes_are_named_and_the_quorum_is_said() -> None:
    """People, not numbers alone."""
    one = events.VotesCounted(at=NOW, ballot="bal-1", approvals=people("U0A"))
    two = events.VotesCounted(at=NOW + 1, ballot="bal-1", approvals=people("U0A", "U0B"))
    assert "*1 of 2 votes*: <@U0A>" in shown(one)
    assert "quorum stands" not in shown(one)
    assert "*The quorum stands*" in shown(one, two)


def test_the_sentence_stays_until_the_end() -> None:
    """Whatever happens to the vote, the text that is compared is the one that was posted."""
    first, voted = ballot(), ballot(events.VotesCounted(at=NOW, ballot="bal-1", approvals=people("U0A", "U0B")))
    under_way = ballot(lifted(0, "t:billing/ledger", "t:billing/mail"))
    texts = {ballot_message(*found, scene()).text for found in (first, voted, under_way)}
    assert texts == {ballot_text(opened())}
    assert ballot_text(opened()) != ballot_text(opened(reason="another"))
    over = ballot(events.BallotEnded(at=NOW, ballot="bal-1", how="void", why="x"))
    assert ballot_message(*over, scene()).text == "Ballot bal-1 on billing: void, nothing was given back."


def test_progress_surface_by_surface() -> None:
    """Waiting, on its way, proven; and when the next step comes."""
    both = lifted(0, "t:billing/ledger", "t:billing/mail")
    first = lifted(1, "t:billing/ledger")
    assert "`billing/ledger`: :lock: *full_stop*, not loosened yet" in shown(both)
    begun = shown(both, first)
    assert "`billing/ledger`: :arrow_up_small: *full_stop*, now being loosened to read_only" in begun
    assert "`billing/mail`: :lock: *full_stop*" in begun
    assert "Step 1 of 1, to read_only: under way." in begun
    done = events.StepDone(at=NOW + 5, ballot="bal-1", step=1, targets=("t:billing/ledger", "t:billing/mail"))
    proven = shown(both, first, lifted(1, "t:billing/mail"), done)
    assert "`billing/ledger`: :white_check_mark: *read_only*, proven <!date^1800000005^" in proven
    assert "done, and watched until <!date^1800000305^" in proven
    assert "A stop wins at once" in proven


def test_a_surface_that_cannot_hold_the_mode_of_a_step_says_so() -> None:
    """Its full_stop beside a step that is done would read like a mistake."""
    coarse = returning("billing/mail").model_copy(update={"modes": (Mode.FULL_STOP,)})
    fine = returning("billing/ledger")
    done = events.StepDone(at=NOW + 5, ballot="bal-1", step=1, targets=(fine.key, coarse.key))
    lifts = (lifted(0, fine.key, coarse.key), lifted(1, fine.key, coarse.key))
    said = shown(*lifts, done, of=opened(fine, coarse, mode=Mode.NORMAL))
    assert "`billing/mail`: :white_check_mark: *full_stop* (it cannot hold read_only), proven" in said
    assert "`billing/ledger`: :white_check_mark: *read_only*, proven" in said


@pytest.mark.parametrize(
    ("how", "headline"),
    [
        ("void", "VOID"),
        ("expired", "EXPIRED"),
        ("vetoed", "VETOED"),
        ("withdrawn", "WITHDRAWN"),
    ],
)
def test_a_ballot_that_failed_says_why_and_offers_a_fresh_one(how: str, headline: str) -> None:
    """Nothing was given back, and the way on is a button."""
    why = events.BallotEnded.model_validate(
        {"at": NOW, "ballot": "bal-1", "how": how, "why": "by <@U0APPROVER1>, <!channel> <@U0OTHER>"}
    )
    said = shown(why)
    assert headline in said
    assert "nothing was given back" in said
    assert "By <@U0APPROVER1>, &lt;!channel&gt; &lt;@U0OTHER&gt;" in said
    assert "[Open a fresh ballot]" in said
    assert "Withdraw" not in said.replace("WITHDRAWN", "").replace("Withdrawn", "")


def test_a_stop_that_won_says_what_is_held() -> None:
    """By the board, not by what was hoped for."""
    both = lifted(0, "t:billing/ledger", "t:billing/mail")
    over = events.BallotEnded(at=NOW, ballot="bal-1", how="aborted", why="a stop came, and it wins")
    said = shown(both, over, ledger=Mode.FULL_STOP, mail=Mode.FULL_STOP)
    assert "HELD AGAIN" in said
    assert "A stop came, and it wins." in said
    assert "`billing/ledger`: held at full_stop" in said


def test_the_end_says_what_is_held_now() -> None:
    """Given back, or held at the mode of the ballot."""
    both = lifted(0, "t:billing/ledger", "t:billing/mail")
    over = events.BallotEnded(at=NOW, ballot="bal-1", how="completed")
    said = shown(both, over, ledger=Mode.READ_ONLY)
    assert "GIVEN BACK" in said
    assert "`billing/ledger`: held at read_only" in said
    assert "`billing/mail`: given back, nothing is held" in said
    assert "Open a fresh ballot" not in said


def test_what_nobody_could_give_back_is_not_called_given_back() -> None:
    """Its record was lost, or somebody else took it: a person has to."""
    both = lifted(0, "t:billing/ledger", "t:billing/mail")
    over = events.BallotEnded(at=NOW, ballot="bal-1", how="completed")
    rest = {"t:billing/mail": "it still reads as full_stop: give it back by hand"}
    said = read(ballot_message(*ballot(both, over), scene(rest=rest)).payload())
    assert "`billing/mail`: :warning: nothing is held, but it still reads as full_stop: give it back by hand" in said


def test_large_scopes_are_counted_and_filed() -> None:
    """One line per agent in the message, every surface in the file."""
    many = [returning(f"billing/s{n}") for n in range(40)] + [returning(f"payroll/s{n}") for n in range(40)]
    found = opened(*many)
    said = shown(of=found)
    assert "`billing`: 40 surfaces full_stop → read_only" in said
    assert "s17" not in said
    listed = ballot_file(found, {"hold-1": hold()})
    assert listed.count("full_stop -> read_only") == 80
    assert "hold-1  full_stop by slack U0SECOND  it mails customers" in listed
    assert ROWS < 80


def test_the_thread_leads_to_the_ballot_and_tells_its_end() -> None:
    """A link while it is open, the outcome afterwards, and no dead buttons."""
    said = read(opened_link(opened(), "https://x.example/p1").payload())
    assert "<https://x.example/p1|in the channel>" in said
    over = ballot(events.BallotEnded(at=NOW, ballot="bal-1", how="expired", why="too few votes came in time"))
    end = ended(*over, scene(), "https://x.example/p1")
    assert "Too few votes came in time." in read(end.payload())
    assert all(block["type"] != "actions" for block in end.blocks)


def test_the_undo_of_a_mistake_asks_another_question() -> None:
    """At once, and by its own name."""
    said = shown(of=opened(kind="undo", mode=Mode.NORMAL, quorum=1, dwell=0.0, step=0.0))
    assert "was the stop of billing a mistake?" in said
    assert "Needs *1 vote* by" in said
    assert "at once" in said
