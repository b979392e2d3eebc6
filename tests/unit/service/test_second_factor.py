"""Does a ballot that needs a code pass by one of an eligible voter who approved, and by nothing else?"""

import asyncio
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from pydantic import SecretStr

from bot.domain import events
from bot.domain.ballot import Ballot, ballot_digest
from bot.domain.board import Board
from bot.domain.model import SecondFactor
from bot.domain.plan import Scope
from bot.service.ports import CannotOpen
from bot.service.second_factor import matching
from tests.unit.service.restore_rig import PROPOSER, RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
SEEDS = {name: pyotp.random_base32() for name in ("U1", "U2", "U0AGENT", "U0OWNER", PROPOSER)}


def factor(*users: str, quorum: int = 1) -> SecondFactor:
    """Those who are enrolled."""
    return SecondFactor(seeds={user: SecretStr(SEEDS[user]) for user in users or SEEDS}, quorum=quorum)


def person(user: str) -> events.Person:
    """A Slack user."""
    return events.Person(kind="slack", id=user)


def code(rig: RestoreRig, user: str, *, steps: int = 0) -> str:
    """What the app of this person shows now, or so many steps from now."""
    return pyotp.TOTP(SEEDS[user]).generate_otp(int(rig.clock.now()) // 30 + steps)


async def enter(rig: RestoreRig, ballot: Ballot, user: str, typed: str | None = None, digest: str = "") -> str:
    """The answer to a code on this ballot."""
    assert ballot.opened
    typed = code(rig, user) if typed is None else typed
    return await rig.codes.confirm(ballot.id, digest or ballot_digest(ballot.opened), person(user), typed)


async def voted(make: Make, *users: str, **policy: Any) -> tuple[RestoreRig, Ballot]:
    """A ballot with these approvals, read once."""
    rig = make(surface("billing/api"), **{"second_factor": factor(), **policy})
    rig.box.members |= {"U0AGENT", "U0OWNER", PROPOSER}
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", *users)
    await rig.clock.sleep(6.0)
    return rig, ballot


def told(rig: RestoreRig, kind: type[events.Event]) -> list[Any]:
    """What was journaled of one kind."""
    return [event for event in rig.journal.written if isinstance(event, kind)]


async def test_a_quorum_without_a_code_gives_nothing_back(make_restore: Make) -> None:
    """Any number of votes, for as long as the ballot lives: whoever holds the sessions alone gets nothing."""
    rig, ballot = await voted(make_restore, "U1", "U2", "U3", "U4", ttl=1800.0)

    assert await rig.ended(ballot) == "expired"
    assert not told(rig, events.PairsLifted)


async def test_the_dwell_begins_with_the_code(make_restore: Make) -> None:
    """However long the votes stood before."""
    rig, ballot = await voted(make_restore, "U1", "U2", dwell=60.0, ttl=1800.0)
    await rig.clock.sleep(300.0)

    assert await enter(rig, ballot, "U1") == ""
    await rig.clock.sleep(50.0)
    assert not ballot.committed
    await rig.until(lambda: ballot.committed, within=20.0)
    assert ballot.votes
    assert [it.id for it in ballot.votes.confirmed] == ["U1"]
    assert await rig.ended(ballot) == "completed"
    (entered,) = told(rig, events.CodeEntered)
    assert entered.step == int(entered.at) // 30
    assert code(rig, "U1") not in entered.model_dump_json()


async def test_several_confirmations_can_be_asked(make_restore: Make) -> None:
    """Two different people; the same one twice is one."""
    rig, ballot = await voted(make_restore, "U1", "U2", second_factor=factor(quorum=2), dwell=10.0)
    assert await enter(rig, ballot, "U1") == ""
    assert await enter(rig, ballot, "U1", code(rig, "U1", steps=1)) == "Your vote is confirmed already."
    await rig.clock.sleep(60.0)
    assert not ballot.committed

    assert await enter(rig, ballot, "U2") == ""
    await rig.until(lambda: ballot.committed, within=20.0)


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (PROPOSER, "no vote on this ballot"),
        ("U0OWNER", "no vote on this ballot"),
        ("U0AGENT", "no vote on this ballot"),
        ("U9STRANGER", "no vote on this ballot"),
        ("U3", "not enrolled"),
        ("U2", "not counted yet"),
    ],
)
async def test_a_right_code_of_the_wrong_person_confirms_nothing(make_restore: Make, user: str, why: str) -> None:
    """I11: not the agent, the owner, whoever asked, a stranger, who is not enrolled or did not approve; all audited."""
    rig, ballot = await voted(make_restore, "U1", "U3", PROPOSER, "U0OWNER", "U0AGENT", "U9STRANGER")
    before = len(told(rig, events.Refusal))
    typed = code(rig, user if user in SEEDS else "U1")

    assert why in await enter(rig, ballot, user, typed)
    await rig.clock.sleep(120.0)
    assert not ballot.committed
    assert [it.by.id for it in told(rig, events.Refusal)[before:]] == [user]
    assert not told(rig, events.CodeEntered)


async def test_a_code_that_came_too_soon_is_not_used_up(make_restore: Make) -> None:
    """Before the vote is counted nothing is looked at; after it the same code is taken."""
    rig, ballot = await voted(make_restore, "U1")
    typed = code(rig, "U2")
    assert "not counted yet" in await enter(rig, ballot, "U2", typed)
    rig.box.react("+1", "U2")
    await rig.clock.sleep(6.0)

    assert await enter(rig, ballot, "U2", typed) == ""


async def test_somebody_elses_code_is_wrong(make_restore: Make) -> None:
    """One voter's app does not speak for another."""
    rig, ballot = await voted(make_restore, "U1", "U2")

    assert "not the code of now" in await enter(rig, ballot, "U2", code(rig, "U1"))
    assert not ballot.confirmed()


@pytest.mark.parametrize("digest", ["0000000000", "x"])
async def test_a_form_of_another_ballot_is_refused(make_restore: Make, digest: str) -> None:
    """What the person saw is what they confirm."""
    rig, ballot = await voted(make_restore, "U1", "U2")

    assert "another ballot" in await enter(rig, ballot, "U1", digest=digest)
    assert not ballot.confirmed()


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)], ids=str)
async def test_a_clock_may_be_one_step_off(make_restore: Make, steps: int, taken: bool) -> None:  # noqa: FBT001
    """Half a minute, and no more."""
    rig, ballot = await voted(make_restore, "U1", "U2")

    assert (await enter(rig, ballot, "U1", code(rig, "U1", steps=steps)) == "") is taken


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, for SHA-1: the last six of its eight digits."""
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for at, shown in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert matching(seed, shown, at) == at // 30
        assert matching(seed, shown, at + 90) is None


async def test_a_code_counts_once_and_across_a_restart(make_restore: Make) -> None:
    """Neither the same again, nor one before it, on this ballot or the next, by this process or another."""
    rig, ballot = await voted(make_restore, "U1", "U2", quorum=2, full_stop_quorum=3)
    used = code(rig, "U1", steps=1)  # an app whose clock is ahead
    assert await enter(rig, ballot, "U1", used) == ""
    rig.restores.withdraw(ballot.id, person(PROPOSER))
    again = await rig.open()
    await rig.clock.sleep(6.0)
    for typed in (used, code(rig, "U1", steps=-1)):
        assert "used before" in await enter(rig, again, "U1", typed)

    reborn = make_restore(surface("billing/api"), board=_board_of(rig), second_factor=factor())
    assert "used before" in await enter(reborn, reborn.board.ballots[again.id], "U1", used)
    assert not reborn.board.ballots[again.id].confirmed()


async def test_two_submissions_at_once_use_a_code_once(make_restore: Make) -> None:
    """While the disk takes the first, the second waits its turn; what is not on disk confirms nothing."""
    rig, ballot = await voted(make_restore, "U1", "U2")
    rig.journal.delay = 1.0
    typed = code(rig, "U1")
    first = asyncio.ensure_future(enter(rig, ballot, "U1", typed))
    await rig.clock.sleep(0.1)
    assert "still being recorded" in await enter(rig, ballot, "U1", typed)
    assert not ballot.confirmed()

    assert await first == ""
    assert ballot.confirmed() == {"U1"}
    assert len(told(rig, events.CodeEntered)) == 1


@pytest.mark.parametrize("sick", ["broken", "slow"])
async def test_a_journal_that_does_not_take_it_confirms_nothing(make_restore: Make, sick: str) -> None:
    """On disk before it is obeyed; the answer comes in Slack's three seconds."""
    rig, ballot = await voted(make_restore, "U1", "U2")
    rig.journal.broken, rig.journal.delay = sick == "broken", 0.0 if sick == "broken" else 20.0
    began = rig.clock.monotonic()

    assert "journal did not take it" in await enter(rig, ballot, "U1")
    assert rig.clock.monotonic() - began < 2.5
    assert not ballot.confirmed()


async def test_guesses_are_limited_on_a_ballot_and_in_a_day(make_restore: Make) -> None:
    """Five on one ballot, ten in a day over all: opening one ballot after the other buys nothing; others go on."""
    rig, ballot = await voted(make_restore, "U1", "U2", full_stop_quorum=3, ttl=7 * 86_400.0)
    wrong = "000000" if code(rig, "U1") != "000000" else "000001"
    for left in (4, 3, 2, 1, 0):
        assert f"{left} more" in await enter(rig, ballot, "U1", wrong)
    assert "5 codes were wrong on this ballot" in await enter(rig, ballot, "U1")
    assert len([it for it in told(rig, events.CodeEntered) if it.step is None]) == 5
    assert not ballot.confirmed()
    rig.restores.withdraw(ballot.id, person(PROPOSER))
    again = await rig.open()
    await rig.clock.sleep(6.0)
    for _ in range(5):
        await enter(rig, again, "U1", wrong)
    rig.restores.withdraw(again.id, person(PROPOSER))
    third = await rig.open()
    await rig.clock.sleep(6.0)
    assert "10 codes of yours were wrong in the last 24 hours" in await enter(rig, third, "U1")
    assert await enter(rig, third, "U2") == ""

    reborn = make_restore(surface("billing/api"), board=_board_of(rig), second_factor=factor())
    assert "10 codes" in await enter(reborn, reborn.board.ballots[third.id], "U1")


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "１２３４５６"])  # noqa: RUF001  # digits of another script
async def test_what_is_no_code_is_not_a_guess(make_restore: Make, typed: str) -> None:
    """A slip costs nothing, and is in the audit."""
    rig, ballot = await voted(make_restore, "U1", "U2")

    assert "six digits" in await enter(rig, ballot, "U1", typed)
    assert not told(rig, events.CodeEntered)
    right = code(rig, "U1")
    assert await enter(rig, ballot, "U1", f" {right[:3]} {right[3:]} ") == ""


async def test_a_vote_taken_back_takes_its_confirmation_along(make_restore: Make) -> None:
    """Whoever puts the reaction back has a session, and not the app; a restart changes nothing of that."""
    rig, ballot = await voted(make_restore, "U1", "U2", dwell=600.0, ttl=3000.0)
    assert await enter(rig, ballot, "U1") == ""
    rig.box.users["+1"].discard("U1")
    await rig.clock.sleep(6.0)
    rig.box.react("+1", "U1")
    await rig.clock.sleep(900.0)

    assert not ballot.committed
    assert not ballot.confirmed()
    assert not _board_of(rig).ballots[ballot.id].confirmed()
    assert await enter(rig, ballot, "U1") == ""
    await rig.until(lambda: ballot.committed, within=700.0)


async def test_a_confirmation_is_needed_through_the_steps(make_restore: Make) -> None:
    """The quorum still stands without the one who confirmed: it is put back all the same."""
    rig, ballot = await voted(make_restore, "U1", "U2", "U3", dwell=10.0)
    await enter(rig, ballot, "U1")
    await rig.until(lambda: ballot.committed, within=30.0)
    await rig.clock.sleep(60.0)
    rig.box.users["+1"].discard("U1")

    assert await rig.ended(ballot) == "aborted"
    assert ballot.ended
    assert "the confirmation by a code does not stand any more" in ballot.ended.why


async def test_one_of_two_confirmations_may_go(make_restore: Make) -> None:
    """As a vote above the quorum may; what went once does not count by coming back."""
    rig, ballot = await voted(make_restore, "U1", "U2", "U3", "U4", dwell=10.0)
    for user in ("U1", "U2"):
        assert await enter(rig, ballot, user) == ""
    await rig.until(lambda: ballot.committed, within=30.0)
    await rig.clock.sleep(60.0)
    rig.box.users["+1"].discard("U1")
    await rig.clock.sleep(10.0)
    rig.box.react("+1", "U1")
    await rig.clock.sleep(10.0)
    assert ballot.ended is None
    rig.box.users["+1"].discard("U2")

    assert await rig.ended(ballot) == "aborted"


@pytest.mark.parametrize("change", ["added", "another seed", "off"])
async def test_a_changed_second_factor_voids_a_ballot(make_restore: Make, change: str) -> None:
    """Whose code counts is a part of what was voted on."""
    rig, ballot = await voted(make_restore, "U1", second_factor=factor("U1", "U2"))
    other = SecondFactor(seeds={"U1": SecretStr(SEEDS["U1"]), "U2": SecretStr(SEEDS[PROPOSER])})
    rig.configure(second_factor={"added": factor(), "another seed": other, "off": None}[change])

    assert await rig.ended(ballot) == "void"
    assert ballot.ended
    assert "the configuration changed" in ballot.ended.why


async def test_a_ballot_that_nobody_could_confirm_is_not_opened(make_restore: Make) -> None:
    """The only one who is enrolled asks for it."""
    rig = make_restore(surface("billing/api"), second_factor=factor("U1"))
    await rig.held()

    with pytest.raises(
        CannotOpen, match="must be confirmed with a code, and of the people who may vote on this only 0"
    ):
        await rig.open(by="U1")
    assert (await rig.open()).opened


async def test_the_undo_of_a_mistake_is_confirmed_too(make_restore: Make) -> None:
    """Two stolen sessions are enough for its votes: it would be the way round."""
    rig = make_restore(surface("billing/api"), second_factor=factor(quorum=2))
    await rig.held()
    (hold,) = rig.board.hold_events
    ballot = await rig.open(kind="undo", hold=hold, scope=Scope(surfaces=frozenset({"billing/api"})))
    assert ballot.opened
    assert (ballot.opened.quorum, ballot.opened.confirmations) == (1, 1)
    rig.box.react("+1", "U1")
    await rig.clock.sleep(60.0)
    assert not ballot.committed

    assert await enter(rig, ballot, "U1") == ""
    await rig.until(lambda: ballot.committed, within=10.0)


async def test_without_a_second_factor_nothing_asks_for_one(make_restore: Make) -> None:
    """Off by default."""
    rig = make_restore(surface("billing/api"), dwell=1.0)
    await rig.held()
    ballot = await rig.open()
    assert "needs no code" in rig.codes.why_not(ballot.id, person("U1"))
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: ballot.committed, within=20.0)
    assert "not voted on any more" in rig.codes.why_not(ballot.id, person("U1"))


async def test_who_may_confirm_is_named(make_restore: Make) -> None:
    """Beside who may vote."""
    rig, ballot = await voted(make_restore)

    assert rig.restores.who_may_vote(ballot.id).endswith(
        "1 of them must confirm their vote with a code. Enrolled for that: <@U1>, <@U2>."
    )


def _board_of(rig: RestoreRig) -> Board:
    board = Board()
    for event in rig.journal.written:
        board.apply(event)
    return board
