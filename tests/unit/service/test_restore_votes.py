"""Whose reactions count, what passes a ballot, and what voids it?"""

from collections.abc import Callable

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.plan import Scope
from bot.domain.policy import Kind
from bot.service.ports import CannotOpen
from tests.unit.service.restore_rig import PROPOSER, RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
KEY = "memory:billing/api"


async def _voted(rig: RestoreRig, seconds: float = 120.0) -> bool:
    """Whether the only ballot was committed in that time."""
    (ballot,) = rig.board.ballots.values()
    await rig.clock.sleep(seconds)
    return ballot.committed


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (PROPOSER, "You opened this ballot"),
        ("U0OWNER", "You own the agent `billing`"),
        ("U0AGENT", "You are an identity of an agent"),
        ("U9STRANGER", "not among those who vote"),
        ("U9GUEST", "You are a guest"),
        ("U9BOT", "Bots do not vote"),
        ("U9ELSE", "from another workspace"),
        ("U9GONE", "deactivated"),
        ("U9UNKNOWN", "has not confirmed"),
    ],
)
async def test_who_has_no_say_is_not_counted_and_told_once(make_restore: Make, who: str, why: str) -> None:
    """One eligible vote and one of theirs never make two, also where they are in the group; each is in the audit."""
    rig = make_restore(surface("billing/api"))
    kinds = {"U9GUEST": Kind.GUEST, "U9BOT": Kind.BOT, "U9ELSE": Kind.STRANGER, "U9GONE": Kind.DEACTIVATED}
    rig.box.kinds = {**kinds, "U9STRANGER": Kind.MEMBER, "U0OWNER": Kind.MEMBER, "U0AGENT": Kind.MEMBER}
    rig.box.members |= {PROPOSER, "U0OWNER", "U0AGENT", *kinds}
    await rig.held()
    await rig.open()
    rig.box.react("+1", "U1", who)

    assert not await _voted(rig)
    assert why in rig.box.refused[who]
    refusals = [e for e in rig.journal.written if isinstance(e, events.Refusal)]
    assert [refusal.by.id for refusal in refusals] == [who]


async def test_two_skin_tones_of_one_person_are_one_vote(make_restore: Make) -> None:
    """People are counted, not reactions; aliases and tones are one, look-alikes are none."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    await rig.open()
    rig.box.react("+1", "U1")
    rig.box.react("+1::skin-tone-3", "U1")
    rig.box.react("thumbsup", "U1")
    rig.box.react("white_check_mark", "U1")
    rig.box.react("thumbsup_all", "U2")
    rig.box.react("heavy_check_mark", "U3")
    rig.box.react("+1::skin-tone-9", "U4")
    assert not await _voted(rig)

    rig.box.react("+1::skin-tone-6", "U2")
    assert await _voted(rig)


async def test_a_list_that_slack_cut_short_passes_nothing(make_restore: Make) -> None:
    """Slack's count and its list of users differ: a doubt."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    await rig.open()
    rig.box.react("+1", "U1", "U2", "U3")
    rig.box.complete = False

    assert not await _voted(rig)


async def test_an_eligible_veto_ends_it_with_a_cool_down(make_restore: Make) -> None:
    """One veto outweighs any number of votes, also of somebody who approved before."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2", "U3")
    rig.box.react("x", "U3")

    assert await rig.ended(ballot) == "vetoed"
    rig.box.users.clear()
    with pytest.raises(CannotOpen, match="vetoed: wait 15 min"):
        await rig.open()
    await rig.clock.sleep(901.0)
    assert (await rig.open()).voting


async def test_a_vote_without_a_say_vetoes_nothing(make_restore: Make) -> None:
    """The agent cannot keep itself down either."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.box.react("no_entry", "U0AGENT", PROPOSER)

    assert await _voted(rig)


async def test_a_vote_taken_back_in_the_dwell_starts_it_anew(make_restore: Make) -> None:
    """The quorum has to stand unbroken."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.clock.sleep(45.0)
    rig.box.users["+1"].discard("U2")
    await rig.clock.sleep(12.0)
    rig.box.react("+1", "U2")
    await rig.clock.sleep(45.0)
    assert not ballot.committed

    await rig.until(lambda: ballot.committed, within=40.0)


async def test_slack_silent_at_the_end_of_the_dwell_passes_nothing(make_restore: Make) -> None:
    """P4: what cannot be read now does not stand."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.clock.sleep(30.0)
    rig.box.silent = True

    assert not await _voted(rig, 600.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("stop", "a stop came meanwhile"),
        ("joined", "the people who may vote on a restore changed"),
        ("left", "the people who may vote on a restore changed"),
        ("configuration", "the configuration changed"),
        ("message", "the message was deleted"),
        ("audit", "the anchors contradict"),
        ("proof", "is not proven cut"),
    ],
)
async def test_what_changes_under_a_vote_voids_it(make_restore: Make, change: str, why: str) -> None:
    """A ballot is bound to what it showed."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.clock.sleep(30.0)
    match change:
        case "stop":
            await rig.stop(reason="another")
        case "joined":
            rig.box.members.add("U7NEW")
        case "left":
            rig.box.members.discard("U4")
        case "configuration":
            rig.configure(quorum=3)
        case "message":
            rig.box.gone = "the message was deleted"
        case "audit":
            rig.trouble = ["the anchors contradict the journal"]
        case _:
            rig.world("billing/api").faults.absent = True

    assert await rig.ended(ballot) == "void"
    assert ballot.ended
    assert why in ballot.ended.why
    assert not ballot.committed


async def test_a_ballot_expires(make_restore: Make) -> None:
    """With one vote too few it ends by itself, and three failures in a day are enough."""
    rig = make_restore(surface("billing/api"), ttl=1800.0)
    await rig.held()
    for _ in range(3):
        ballot = await rig.open()
        rig.box.react("+1", "U1")
        assert await rig.ended(ballot) == "expired"

    with pytest.raises(CannotOpen, match="3 ballots on them failed in the last 24 hours"):
        await rig.open()


async def test_a_proof_that_is_not_fresh_passes_nothing(make_restore: Make) -> None:
    """A surface that went dark under the vote is no ground for giving anything back."""
    rig = make_restore(surface("billing/api"), dwell=100.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.world("billing/api").faults.unreachable = True

    assert await rig.ended(ballot) == "void"
    assert ballot.ended
    assert "is not proven cut" in ballot.ended.why


@pytest.mark.parametrize(
    ("sick", "why"),
    [
        ("unproven", "is not proven cut"),
        ("audit", "the audit is in trouble"),
        ("roster", "Slack does not say now who may vote"),
        ("quorum", "2 votes are needed and only 1 people may vote"),
        ("withheld", "has earned read_only at the loosest"),
        ("nothing", "is held stricter than"),
        ("twice", "open already"),
        ("shared", "shared with another organisation"),
    ],
)
async def test_a_ballot_is_not_opened_on_doubt(make_restore: Make, sick: str, why: str) -> None:
    """Each reason is said, with what to do."""
    rig = make_restore(surface("billing/api"))
    if sick == "unproven":
        rig.world("billing/api").faults.lie = True
    if sick == "unproven":
        rig.world("billing/api").faults.unreachable = True
        await rig.stop()
        await rig.clock.sleep(20.0)
    elif sick != "nothing":
        await rig.held()
    rig.trouble = ["the audit is in trouble: no anchor"] if sick == "audit" else []
    rig.box.silent = sick == "roster"
    rig.box.shared = "the channel is shared with another organisation" if sick == "shared" else ""
    rig.box.members = {"U1"} if sick == "quorum" else rig.box.members
    rig.machines.withheld = ("billing/api has earned read_only at the loosest",) if sick == "withheld" else ()
    if sick == "twice":
        await rig.open()

    with pytest.raises(CannotOpen) as refused:
        await rig.open()

    assert any(why in reason for reason in refused.value.reasons), refused.value.reasons


async def test_two_people_may_go_without_a_proof_by_name(make_restore: Make) -> None:
    """One is not enough, nor the one who asks; the ballot shows what it goes without."""
    rig = make_restore(surface("billing/api"), surface("billing/queue"))
    rig.world("billing/api").faults.unreachable = True
    await rig.stop()
    await rig.clock.sleep(20.0)
    for user in (PROPOSER, "U1"):
        rig.restores.acknowledge("billing/api", events.Person(kind="slack", id=user), "the host is gone")
    with pytest.raises(CannotOpen, match="acknowledge billing/api"):
        await rig.open()

    rig.restores.acknowledge("billing/api", events.Person(kind="slack", id="U2"), "the host is gone")
    ballot = await rig.open()

    assert ballot.opened
    assert ballot.opened.without == ("billing/api",)


async def test_an_acknowledgement_does_not_last(make_restore: Make) -> None:
    """What was said an hour ago was said of another state."""
    rig = make_restore(surface("billing/api"))
    rig.world("billing/api").faults.unreachable = True
    await rig.stop()
    for user in ("U1", "U2"):
        rig.restores.acknowledge("billing/api", events.Person(kind="slack", id=user), "the host is gone")
    await rig.clock.sleep(3700.0)

    with pytest.raises(CannotOpen, match="acknowledge billing/api"):
        await rig.open()


async def test_nobody_acknowledges_what_does_not_exist(make_restore: Make) -> None:
    """A typing error is told, not recorded."""
    rig = make_restore(surface("billing/api"))
    said = rig.restores.acknowledge("billing/apo", events.Person(kind="slack", id="U1"), "gone")

    assert "neither a surface nor an enrolled writer" in said
    assert not rig.board.acknowledged


async def test_only_the_proposer_withdraws(make_restore: Make) -> None:
    """Others have the veto."""
    rig = make_restore(surface("billing/api"))
    await rig.held()
    ballot = await rig.open()

    assert "Only who opened" in rig.restores.withdraw(ballot.id, events.Person(kind="slack", id="U1"))
    assert ballot.voting
    assert "withdrawn" in rig.restores.withdraw(ballot.id, events.Person(kind="slack", id=PROPOSER))
    assert await rig.ended(ballot) == "withdrawn"
    assert "not voted on any more" in rig.restores.withdraw(ballot.id, events.Person(kind="slack", id=PROPOSER))


async def test_the_same_delivery_is_one_ballot(make_restore: Make) -> None:
    """A repeated delivery of Slack's opens nothing twice."""
    rig = make_restore(surface("billing/api"))
    await rig.held()

    assert await rig.open(delivery="1.2") is await rig.open(delivery="1.2")


async def test_who_may_vote_names_the_people(make_restore: Make) -> None:
    """Without the proposer, the owner and the agents."""
    rig = make_restore(surface("billing/api"))
    rig.box.members |= {PROPOSER}
    await rig.held()
    ballot = await rig.open()
    said = rig.restores.who_may_vote(ballot.id)

    assert "2 of these people" in said
    assert "<@U1>, <@U2>, <@U3>, <@U4>" in said
    assert PROPOSER not in said


@pytest.mark.parametrize(
    ("sick", "why"),
    [
        ("other", "only who made the stop"),
        ("late", "more than 10 min ago"),
        ("second", "another hold is on its targets"),
    ],
)
async def test_the_short_cut_has_no_other_use(make_restore: Make, sick: str, why: str) -> None:
    """Undo is for one's own, recent, only stop."""
    rig = make_restore(surface("billing/api"))
    first = await rig.stop()
    await rig.settled()
    if sick == "late":
        await rig.clock.sleep(601.0)
    if sick == "second":
        await rig.held()
    by = "U1" if sick == "other" else PROPOSER

    with pytest.raises(CannotOpen, match=why):
        await rig.open(kind="undo", hold=first.hold, by=by)


async def test_a_mistake_is_undone_by_one_other_person(make_restore: Make) -> None:
    """One confirmation, no dwell, no steps: nothing was meant to be held in the first place."""
    rig = make_restore(surface("billing/api"), surface("billing/queue"))
    first = await rig.stop(scope=Scope(surfaces=frozenset({"billing/api"})))
    await rig.settled()
    ballot = await rig.open(kind="undo", hold=first.hold, scope=Scope(surfaces=frozenset({"billing/api"})))
    rig.box.react("+1", PROPOSER)
    await rig.clock.sleep(30.0)
    assert not ballot.committed

    rig.box.react("+1", "U1")
    assert await rig.ended(ballot, within=30.0) == "completed"
    assert rig.world("billing/api").mode() is rig.board.effective(KEY) is Mode.NORMAL
