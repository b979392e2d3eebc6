"""Is what surfaces park found while a middle mode is held, and never in the way of a stop?"""

from collections.abc import Callable

import pytest

from adapters.base import Mode
from bot.domain import draft_events as drafts
from bot.service.lots import look
from tests.unit.service.drafts_rig import ALICE, DraftsRig
from tests.unit.service.rig import surface

Make = Callable[..., DraftsRig]


@pytest.mark.parametrize(("mode", "waits"), [(Mode.DRAFT_ONLY, False), (Mode.APPROVAL_GATED, True)])
async def test_what_is_parked_under_a_middle_mode_is_found(make_drafts: Make, mode: Mode, *, waits: bool) -> None:
    """Within seconds, and journaled once: how it waits, on which surface, and a digest of what it is."""
    rig = make_drafts(surface("billing/api"))
    await rig.held(mode)
    rig.proposes("billing/api", "pay 1", "pay 2")
    await rig.looked()

    assert [item.draft.what for item in rig.parked.found()] == ["pay 1", "pay 2"]
    seen = [event for event in await rig.written() if isinstance(event, drafts.DraftsSeen)]
    assert len(seen) == 1
    assert [(it.surfaces, it.waits) for it in seen[0].drafts] == [(("billing/api",), waits)] * 2


async def test_nothing_is_looked_at_where_nothing_is_held(make_drafts: Make) -> None:
    """A surface at normal, and one under a full stop without drafts, are left alone."""
    rig = make_drafts(surface("billing/api"), surface("mail/box"))
    await rig.held(Mode.FULL_STOP)
    await rig.looked()
    assert "list" not in rig.world("billing/api").calls + rig.world("mail/box").calls


async def test_drafts_are_still_known_under_a_stricter_hold(make_drafts: Make) -> None:
    """They stay parked; looks are rarer then."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    rig.proposes("billing/api", "pay 1")
    await rig.looked(5.0)
    await rig.held(Mode.FULL_STOP)
    before = rig.world("billing/api").calls.count("list")
    await rig.looked(62.0)
    assert [item.draft.what for item in rig.parked.found()] == ["pay 1"]
    assert 2 <= rig.world("billing/api").calls.count("list") - before <= 4


async def test_no_look_begins_while_a_cut_is_under_way(make_drafts: Make) -> None:
    """P1: what can wait waits."""
    rig = make_drafts(surface("billing/api"), surface("mail/box", deadline=20.0))
    await rig.held()
    rig.world("mail/box").faults.hang = True
    await rig.stop(Mode.FULL_STOP)
    await rig.clock.sleep(0.1)
    rig.world("billing/api").calls.clear()
    await rig.looked(10.0)
    assert rig.dispatcher.is_hurried()
    assert "list" not in rig.world("billing/api").calls


async def test_a_surface_that_does_not_answer_hides_no_other(make_drafts: Make) -> None:
    """It is told as a problem, and looked at again."""
    rig = make_drafts(*(surface(f"billing/api{number}") for number in range(6)))
    await rig.held()
    for number in range(5):
        rig.world(f"billing/api{number}").faults.hang = True
    rig.proposes("billing/api5", "pay 1")
    await rig.looked(30.0)
    assert [item.draft.what for item in rig.parked.found()] == ["pay 1"]
    assert rig.parked.problems()[0] == "what billing/api0 parks cannot be listed: it did not answer within 10 s"
    for number in range(5):
        rig.world(f"billing/api{number}").faults.hang = False
    await rig.looked(130.0)
    assert rig.parked.problems() == []


async def test_a_surface_that_refuses_the_bot_is_told(make_drafts: Make) -> None:
    """With its own words."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    rig.world("billing/api").faults.refuse = True
    await rig.looked(5.0)
    (told,) = rig.parked.problems()
    assert told.startswith("what billing/api parks cannot be listed: the world 'billing/api' refuses the bot")


async def test_a_thousand_proposals_at_once_are_bounded(make_drafts: Make) -> None:
    """A look takes the oldest hundred, the number of all is known, and what is decided makes room for the next."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    rig.proposes("billing/api", *(f"pay {number}" for number in range(1000)))
    await rig.looked(10.0)
    (listing,) = rig.parked.listings.values()
    assert (len(listing.found), listing.number) == (100, 1000)
    assert len(rig.board.proposals.all) == 100
    (first, *_) = rig.shown()
    assert (await rig.decide(first)).taken
    await rig.looked(10.0)
    assert len(rig.board.proposals.all) == 101


async def test_what_somebody_removed_by_hand_is_gone(make_drafts: Make) -> None:
    """After several listings without it; one listing that misses it says nothing, and it may come back."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    world = rig.proposes("billing/api", "pay 1")
    await rig.looked(3.0)
    (item,) = rig.parked.found()
    kept = world.drafts.pop("1")
    await rig.looked(3.0)
    assert not rig.proposal(item).vanished
    await rig.looked(10.0)
    assert rig.proposal(item).vanished
    assert not list(rig.parked.found())
    world.drafts["1"] = kept
    await rig.looked(10.0)
    assert rig.proposal(item).open


async def test_surfaces_of_one_target_share_what_is_parked(make_drafts: Make) -> None:
    """It is one draft, with the names of both."""
    rig = make_drafts(surface("billing/api", world="w"), surface("mail/api", world="w"))
    await rig.held()
    rig.proposes("w", "pay 1")
    await rig.looked(5.0)
    (item,) = rig.parked.found()
    assert item.lot.names == ("billing/api", "mail/api")


async def test_a_draft_that_nobody_decides_on_is_dropped_in_time(make_drafts: Make) -> None:
    """What waits for a decision after half an hour, reckoned from when it was first seen, and by nobody's order."""
    rig = make_drafts(surface("billing/api"))
    await rig.held(Mode.APPROVAL_GATED)
    world = rig.proposes("billing/api", "pay 1")
    await rig.looked(5.0)
    (item,) = rig.parked.found()
    await rig.looked(1700.0)
    assert rig.proposal(item).open
    await rig.looked(130.0)
    ended = rig.proposal(item).ended()
    assert ended
    assert ended.how == "dropped"
    (decided,) = rig.proposal(item).decided.values()
    assert (decided.verdict, decided.by.kind) == ("expire", "bot")
    assert not world.drafts
    assert not world.done


async def test_what_cannot_be_dropped_in_time_is_not_tried_without_end(make_drafts: Make) -> None:
    """Once a minute, so that a surface that refuses fills no journal."""
    rig = make_drafts(surface("billing/api"))
    await rig.held(Mode.APPROVAL_GATED)
    world = rig.proposes("billing/api", "pay 1")
    await rig.looked(5.0)
    (item,) = rig.parked.found()

    async def refuse(*, draft: str, by: str) -> bool:
        raise ValueError(f"{draft} {by}")

    item.lot.adapter.drop = refuse  # type: ignore[method-assign]  # a surface that cannot
    await rig.looked(2100.0)
    assert 3 <= len(rig.proposal(item).decided) <= 7
    assert "1" in world.drafts


async def test_of_very_many_surfaces_some_are_looked_at_with_each_tick(make_drafts: Make) -> None:
    """In turn, so that all are seen in the end and the process is never busy with it."""
    rig = make_drafts(*(surface(f"billing/api{number}") for number in range(200)))
    await rig.held()
    for number in range(200):
        rig.world(f"billing/api{number}").faults.slow = 0.01
        rig.proposes(f"billing/api{number}", "pay 1")
    await rig.parked.tick()
    assert len(rig.parked._looking) == 50
    await rig.looked(20.0)
    assert len(list(rig.parked.found())) == 200


async def test_what_was_asked_for_is_found_however_many_are_before_it(make_drafts: Make) -> None:
    """The oldest hundred, and of the rest those that somebody named."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    rig.proposes("billing/api", *(f"pay {number}" for number in range(300)))
    await rig.looked(5.0)
    (lot,) = {item.lot.key: item.lot for item in rig.parked.found()}.values()
    last = next(it for it in (await look(lot, 300)).found if it.draft.what == "pay 299")
    rig.recorder.record(drafts.DraftsSeen(at=rig.clock.now(), drafts=(last.seen(),)))
    rig.recorder.record(drafts.DraftAsked(at=rig.clock.now(), draft=last.name, digest=last.digest, by=ALICE))
    await rig.looked(5.0)
    (listing,) = rig.parked.listings.values()
    assert (len(listing.found), listing.number) == (101, 300)
    assert listing.found[-1].name == last.name


async def test_open_drafts_are_looked_at_often_under_an_old_hold(make_drafts: Make) -> None:
    """Every two seconds; an old hold without any every ten."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    await rig.looked(700.0)
    calls = rig.world("billing/api").calls
    before = calls.count("list")
    await rig.looked(100.0)
    assert 9 <= calls.count("list") - before <= 11
    rig.proposes("billing/api", "pay 1")
    await rig.looked(20.0)
    before = calls.count("list")
    await rig.looked(100.0)
    assert 45 <= calls.count("list") - before <= 51
