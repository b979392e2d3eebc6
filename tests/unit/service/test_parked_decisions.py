"""Is what people decide on a draft carried out once, and only as it was shown to them?"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.base import Gate, Mode
from adapters.base.parked import Released
from adapters.errors import Refused, Unreachable
from bot.domain import draft_events as drafts
from bot.service.lots import Found
from tests.unit.service.drafts_rig import ALICE, DraftsRig
from tests.unit.service.rig import surface

Make = Callable[..., DraftsRig]


async def parked(make: Make, mode: Mode = Mode.DRAFT_ONLY) -> tuple[DraftsRig, Found]:
    """One write of the agent's is parked, and its card was posted."""
    rig = make(surface("billing/api"))
    await rig.held(mode)
    rig.proposes("billing/api", "pay 1")
    await rig.looked(5.0)
    (item,) = rig.shown()
    return rig, item


def how(rig: DraftsRig, item: Found) -> list[tuple[str, str]]:
    """What came of every decision on it."""
    return [(it.how, it.why) for it in rig.proposal(item).settled.values()]


@pytest.mark.parametrize("mode", [Mode.DRAFT_ONLY, Mode.APPROVAL_GATED])
async def test_an_approval_releases_once(make_drafts: Make, mode: Mode) -> None:
    """Recorded before it is done, with who approved it, here and at the surface; the draft is over then."""
    rig, item = await parked(make_drafts, mode)
    answer = await rig.decide(item)
    assert (answer.taken, answer.sentence) == (True, "It was released, and done once.")
    assert rig.world("billing/api").done == {"pay 1": 1}
    written = [it for it in await rig.written() if isinstance(it, drafts.DraftDecided | drafts.DraftSettled)]
    assert [type(it).__name__ for it in written] == ["DraftDecided", "DraftSettled"]
    (decided,) = rig.proposal(item).decided.values()
    assert (decided.by, decided.verdict, decided.mode) == (ALICE, "release", mode)
    assert rig.world("billing/api").released["1"] == f"slack:U0ALICE ({decided.decision})"
    again = await rig.decide(item)
    assert (again.taken, again.sentence) == (
        False,
        "Nothing was done, for it was decided before. It was released, and done once.",
    )


async def test_a_denial_drops_it_for_good(make_drafts: Make) -> None:
    """It never has its effect."""
    rig, item = await parked(make_drafts)
    answer = await rig.decide(item, "drop")
    assert answer.sentence == "It was dropped: it will not be done."
    assert not (await rig.decide(item)).taken
    assert not rig.world("billing/api").done
    assert not rig.world("billing/api").drafts


@pytest.mark.parametrize("second", ["release", "drop"])
@pytest.mark.parametrize("first", ["release", "drop"])
async def test_of_decisions_at_once_one_counts(make_drafts: Make, first: str, second: str) -> None:
    """Double clicks, and an approval that meets a denial: whoever came first decides, the other is told."""
    rig, item = await parked(make_drafts)
    rig.world("billing/api").faults.slow = 0.3
    answers = await asyncio.gather(*(rig.decide(item, verdict) for verdict in (first, second, first)))
    assert [it.taken for it in answers] == [True, False, False]
    assert answers[1].sentence.startswith(f"Nothing was done, for somebody decided to {first} it just before")
    assert sum(rig.world("billing/api").done.values()) == (first == "release")
    assert len(rig.proposal(item).decided) == 1


async def test_nothing_is_decided_that_nobody_was_shown(make_drafts: Make) -> None:
    """A forged payload: an unknown draft, a digest of something else, a draft without a card."""
    rig, item = await parked(make_drafts)
    rig.proposes("billing/api", "pay 2")
    await rig.looked(5.0)
    other = next(it for it in rig.parked.found() if it.name != item.name)
    for forged in (replace(item, name="d0000000000"), replace(item, digest=other.digest), other):
        answer = await rig.decide(forged)
        assert (answer.taken, answer.sentence) == (
            False,
            "Nothing was done: nobody was shown what this would decide on. Look at the newest card.",
        )
    assert not rig.world("billing/api").done


async def test_what_changed_since_its_card_is_not_released(make_drafts: Make) -> None:
    """What is released is what was shown, to the last character; the changed one gets a card of its own."""
    rig, item = await parked(make_drafts)
    world = rig.world("billing/api")
    world.drafts["1"] = replace(world.drafts["1"], what="pay 1000")
    await rig.decide(item)
    assert how(rig, item) == [("void", "what is parked is not what was shown: it changed since")]
    await rig.decide(item, "drop")
    assert world.drafts
    await rig.looked(5.0)
    (changed,) = rig.parked.found()
    assert (changed.name, changed.digest != item.digest) == (item.name, True)
    assert not world.done


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.FULL_STOP])
async def test_nothing_is_released_under_a_stricter_hold(make_drafts: Make, mode: Mode) -> None:
    """It stays parked, and can still be denied."""
    rig, item = await parked(make_drafts)
    await rig.held(mode)
    answer = await rig.decide(item)
    assert (answer.taken, answer.sentence) == (
        False,
        f"Nothing was released: {mode} is held there, and nothing is released under it.",
    )
    assert (await rig.decide(item, "drop")).taken
    assert not rig.world("billing/api").done


async def test_a_stop_that_comes_meanwhile_voids_an_approval(make_drafts: Make) -> None:
    """Also where it arrives after the approval was recorded, while the surface is asked, from another writer even."""
    rig, item = await parked(make_drafts, Mode.APPROVAL_GATED)
    stops: list[asyncio.Task[None]] = []

    def stop_comes() -> bool:
        stops.append(asyncio.ensure_future(rig.stop(Mode.DRAFT_ONLY)))
        return True

    rig.refresh = stop_comes
    release = item.lot.adapter.release

    async def slowly(*, draft: str, by: str, gate: Gate) -> Released:
        await gate(())  # other writers' journals are read: their stop is on its way
        await asyncio.sleep(0.5)
        return await release(draft=draft, by=by, gate=gate)

    item.lot.adapter.release = slowly  # type: ignore[method-assign]
    await rig.decide(item)
    await asyncio.gather(*stops)
    assert how(rig, item) == [("void", "draft_only came after the approval, and a stricter hold voids it")]
    assert not rig.world("billing/api").done
    rig.refresh = lambda: True
    assert (await rig.decide(item)).sentence == "It was released, and done once."  # a fresh approval counts


async def test_nothing_is_released_while_a_journal_cannot_be_read(make_drafts: Make) -> None:
    """A stop of another writer may stand there."""
    rig, item = await parked(make_drafts)
    rig.refresh = lambda: False
    answer = await rig.decide(item)
    assert answer.sentence == (
        "Nothing was done, and the decision is void: a journal cannot be read, and a stop may stand there."
    )
    assert not rig.world("billing/api").done
    rig.refresh = lambda: True
    assert (await rig.decide(item)).sentence == "It was released, and done once."


async def test_an_approval_that_is_not_on_disk_does_nothing(make_drafts: Make) -> None:
    """P4: what nobody could read afterwards is not done."""
    rig, item = await parked(make_drafts)
    rig.journal.broken = True
    answer = await rig.decide(item)
    assert answer.sentence == (
        "Nothing was done, and the decision is void: no disk takes the record, and nothing is decided without one."
    )
    assert not rig.world("billing/api").done


async def test_after_a_crash_a_release_is_unknown_and_never_repeated(make_drafts: Make) -> None:
    """The next process finds the approval without its end: it says so, and what is still parked waits for people."""
    rig, item = await parked(make_drafts)
    rig.world("billing/api").faults.hang = True
    task = asyncio.ensure_future(rig.decide(item))
    await rig.clock.sleep(0.5)
    await rig.parked.aclose()  # as a crash: nothing more is recorded
    await task
    assert rig.proposal(item).standing()
    rig.world("billing/api").faults.hang = False
    rig.parked = rig.another()
    await rig.looked(90.0)
    assert how(rig, item) == [("unknown", "the bot ended before it was known what came of it")]
    assert not rig.world("billing/api").done
    assert rig.proposal(item).open
    assert (await rig.decide(item)).sentence == "It was released, and done once."
    assert rig.world("billing/api").done == {"pay 1": 1}


async def test_after_a_crash_that_followed_the_effect_it_is_not_done_again(make_drafts: Make) -> None:
    """It is not parked any more: nobody can approve it again, and it stays unknown."""
    rig, item = await parked(make_drafts)
    release = item.lot.adapter.release

    async def dies(*, draft: str, by: str, gate: Gate) -> Released:
        await release(draft=draft, by=by, gate=gate)
        await asyncio.sleep(3600.0)
        raise AssertionError

    item.lot.adapter.release = dies  # type: ignore[method-assign]
    await rig.decide(item)
    await rig.parked.aclose()
    item.lot.adapter.release = release  # type: ignore[method-assign]
    rig.parked = rig.another()
    await rig.looked(30.0)
    assert how(rig, item)[0][0] == "unknown"
    assert rig.proposal(item).vanished
    assert (await rig.decide(item)).sentence == "Nothing was done: it is not parked any more."
    assert rig.world("billing/api").done == {"pay 1": 1}


async def test_a_drop_that_a_process_left_is_carried_out(make_drafts: Make) -> None:
    """A denial has no effect, so it is finished; one that another process may still be at is given its time."""
    rig, item = await parked(make_drafts)
    left = drafts.DraftDecided(
        at=rig.clock.now(),
        decision="x",
        draft=item.name,
        digest=item.digest,
        verdict="drop",
        by=ALICE,
        mode=Mode.DRAFT_ONLY,
    )
    rig.recorder.record(left)
    await rig.looked(10.0)
    assert rig.proposal(item).standing() == left
    await rig.looked(40.0)
    assert how(rig, item) == [("dropped", "")]


@pytest.mark.parametrize(
    ("error", "came"),
    [
        (Refused("the role may not"), ("failed", "the role may not")),
        (Unreachable("lost"), ("unknown", "the release was sent, and no answer came: lost")),
        (TimeoutError(), ("unknown", "the release was sent, and no answer came: no answer within 10 s")),
        (ValueError("password=x"), ("unknown", "the release was sent, and no answer came: ValueError: password=***")),
    ],
)
async def test_a_release_that_nobody_answered_for_is_unknown(
    make_drafts: Make, error: Exception, came: tuple[str, str]
) -> None:
    """P3: only a surface's own no says that nothing was done. People may decide again."""
    rig, item = await parked(make_drafts)

    async def fails(*, draft: str, by: str, gate: Gate) -> Released:  # noqa: ARG001  # as the adapter's
        raise error

    item.lot.adapter.release = fails  # type: ignore[method-assign]
    answer = await rig.decide(item)
    assert how(rig, item) == [came]
    assert rig.proposal(item).open
    assert ("not known" in answer.sentence) == (came[0] == "unknown")


async def test_a_surface_that_cannot_be_read_is_not_released_on(make_drafts: Make) -> None:
    """What is parked must be compared with what was shown first; whoever waits is answered in time."""
    rig, item = await parked(make_drafts)
    rig.world("billing/api").faults.unreachable = True
    answer = await rig.decide(item)
    assert answer.sentence.startswith(
        "Nothing was done: the surface could not be read, and nothing was done: the world 'billing/api' does not answer"
    )
    rig.world("billing/api").faults.unreachable = False
    rig.world("billing/api").faults.hang = True
    assert (await rig.decide(item)).sentence == "It is under way: its card tells the rest."


async def test_what_another_released_is_told(make_drafts: Make) -> None:
    """By hand at the surface: the bot's own approval then does nothing."""
    rig, item = await parked(make_drafts)
    rig.world("billing/api").release("1", "somebody")
    assert (await rig.decide(item)).sentence == (
        "Nothing was done, and the decision is void: it is not parked any more."
    )
    rig2, item2 = await parked(make_drafts)
    rig2.world("billing/api").drafts.clear()
    assert (await rig2.decide(item2, "drop")).sentence == "Nothing was done: it was not parked any more."


async def test_an_expired_draft_is_not_released(make_drafts: Make) -> None:
    """Even before the look that drops it."""
    rig, item = await parked(make_drafts, Mode.APPROVAL_GATED)
    await rig.clock.sleep(1801.0)
    assert (await rig.decide(item)).sentence == "Nothing was released: it has expired."


async def test_a_surface_that_left_the_configuration_is_named(make_drafts: Make) -> None:
    """Then nobody can reach what it parks."""
    rig, item = await parked(make_drafts)
    rig.inventory.targets.clear()
    rig.inventory = replace(rig.inventory)
    assert (await rig.decide(item)).sentence.startswith(
        "Nothing was done: no surface of the configuration parks there any more"
    )


async def test_a_release_under_way_is_nobody_elses(make_drafts: Make) -> None:
    """Ticks go on meanwhile: it is neither called unknown, nor expired, nor begun a second time."""
    rig, item = await parked(make_drafts, Mode.APPROVAL_GATED)
    await rig.clock.sleep(1780.0)
    rig.world("billing/api").faults.slow = 4.0
    assert (await rig.decide(item)).sentence == "It is under way: its card tells the rest."
    await rig.looked(60.0)
    settled = [it.how for it in await rig.written() if isinstance(it, drafts.DraftSettled)]
    assert settled == ["released"]
    assert [it.verdict for it in rig.proposal(item).decided.values()] == ["release"]


async def test_what_is_settled_is_settled_once(make_drafts: Make) -> None:
    """Ticks after a decision that came to nothing say nothing more of it, and another decision counts."""
    rig, item = await parked(make_drafts)
    world = rig.world("billing/api")
    world.drafts["1"] = replace(world.drafts["1"], what="pay 1000")
    await rig.decide(item)
    world.drafts["1"] = replace(world.drafts["1"], what="pay 1")
    await rig.looked(60.0)
    settled = [it for it in await rig.written() if isinstance(it, drafts.DraftSettled)]
    assert [it.how for it in settled] == ["void"]
    await rig.decide(item)
    await rig.looked(60.0)
    assert [it.how for it in rig.proposal(item).settled.values()] == ["void", "released"]


async def test_every_unsettled_decision_of_an_earlier_process_is_taken_up(make_drafts: Make) -> None:
    """Behind one that is settled too."""
    rig, item = await parked(make_drafts)
    for number, settled in enumerate((True, False)):
        made = {"draft": item.name, "digest": item.digest, "by": ALICE, "mode": Mode.DRAFT_ONLY}
        name = f"x{number}"
        rig.recorder.record(drafts.DraftDecided(at=rig.clock.now(), decision=name, verdict="release", **made))
        if settled:
            rig.recorder.record(
                drafts.DraftSettled(at=rig.clock.now(), decision=name, draft=item.name, how="void", why="x")
            )
    await rig.looked(3.0)
    assert [it[0] for it in how(rig, item)] == ["void", "unknown"]


async def test_the_record_says_how_old_the_roster_was(make_drafts: Make) -> None:
    """For whoever asks later whether the approver was one."""
    rig, item = await parked(make_drafts)
    await rig.decide(item, roster_age=2.5)
    (decided,) = rig.proposal(item).decided.values()
    assert decided.roster_age == 2.5


async def test_a_drop_needs_no_card(make_drafts: Make) -> None:
    """It has no effect: the command line drops what it lists. What was never seen so is not dropped."""
    rig = make_drafts(surface("billing/api"))
    await rig.held()
    rig.proposes("billing/api", "pay 1")
    await rig.looked(5.0)
    (item,) = rig.parked.found()
    assert not (await rig.decide(item)).taken
    assert not (await rig.decide(replace(item, digest="0"), "drop")).taken
    assert (await rig.decide(item, "drop")).sentence == "It was dropped: it will not be done."


async def test_an_orderly_end_lets_a_release_come_to_its_end(make_drafts: Make) -> None:
    """For three seconds; only then is it left for the next start to call it unknown."""
    rig, item = await parked(make_drafts)
    rig.world("billing/api").faults.slow = 1.2
    await rig.decide(item)
    await rig.parked.aclose()
    assert how(rig, item) == [("released", "")]


async def test_a_drop_that_fails_may_be_repeated(make_drafts: Make) -> None:
    """The surface's own words say why; the draft is still there."""
    rig, item = await parked(make_drafts)
    drop = item.lot.adapter.drop

    async def fails(*, draft: str, by: str) -> bool:  # noqa: ARG001  # as the adapter's
        raise Unreachable("the way is lost")

    item.lot.adapter.drop = fails  # type: ignore[method-assign]
    await rig.decide(item, "drop")
    assert how(rig, item) == [("failed", "the way is lost")]
    item.lot.adapter.drop = drop  # type: ignore[method-assign]
    assert (await rig.decide(item, "drop")).sentence == "It was dropped: it will not be done."


async def test_a_surface_that_says_no_is_believed(make_drafts: Make) -> None:
    """Its reason is told, and the draft waits on."""
    rig, item = await parked(make_drafts)

    async def refuses(*, draft: str, by: str, gate: Gate) -> Released:  # noqa: ARG001  # as the adapter's
        return Released(done=False, why="the table refuses it")

    item.lot.adapter.release = refuses  # type: ignore[method-assign]
    await rig.decide(item)
    assert how(rig, item) == [("failed", "the table refuses it")]
    assert rig.proposal(item).open
