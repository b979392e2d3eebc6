"""What does a start make of the holds that it finds in the journals?"""

from collections.abc import Callable

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"
KEY = f"memory:{NAME}"


def _board_of(rig: Rig) -> Board:
    board = Board()
    for event in rig.journal.written:
        board.apply(event)
    return board


async def test_an_unfinished_stop_is_finished(make_rig: Make) -> None:
    """P2: a hold that was recorded and never carried out is carried out by the next start."""
    dead = make_rig(surface(NAME))
    dead.world(NAME).faults.hang = True
    await dead.stop()
    await dead.aclose()

    reborn = make_rig(surface(NAME), board=_board_of(dead))
    reborn.stops.carry_on([KEY])
    lines = await reborn.settled()

    assert Outcome.VERIFIED is lines[NAME].outcome
    assert Mode.FULL_STOP is reborn.world(NAME).mode()


async def test_what_was_proven_is_looked_at_and_not_cut_again(make_rig: Make) -> None:
    """A restart does not end the sessions that a read_only surface lets in."""
    first = make_rig(surface(NAME))
    await first.stop(Mode.READ_ONLY)
    await first.settled()
    await first.aclose()

    reborn = make_rig(surface(NAME), board=_board_of(first))
    reborn.shared, world = first.shared, first.world(NAME)
    reborn.inventory.targets[KEY].adapters = first.inventory.targets[KEY].adapters
    world.calls.clear()
    reborn.stops.carry_on([KEY])
    await reborn.clock.sleep(1.0)

    assert "observe" in world.calls
    assert "restrict" not in world.calls


async def test_what_was_proven_and_cannot_be_looked_at_is_cut_again(make_rig: Make) -> None:
    """After a restart nobody knows how long it was out of reach: the cut is tried until the surface answers."""
    first = make_rig(surface(NAME))
    await first.stop(Mode.READ_ONLY)
    await first.settled()
    await first.aclose()

    reborn = make_rig(surface(NAME), board=_board_of(first))
    reborn.shared, world = first.shared, first.world(NAME)
    reborn.inventory.targets[KEY].adapters = first.inventory.targets[KEY].adapters
    world.faults.unreachable = True
    world.calls.clear()
    reborn.stops.carry_on([KEY])
    await reborn.until(lambda: world.calls.count("restrict") > 1)
    world.faults.unreachable = False
    lines = await reborn.settled()

    assert lines[NAME].outcome is Outcome.VERIFIED


async def test_what_came_loose_while_the_bot_was_down_is_cut_again(make_rig: Make) -> None:
    """A proven surface that reads looser after the restart is cut again at once."""
    first = make_rig(surface(NAME))
    await first.stop()
    await first.settled()
    await first.aclose()

    reborn = make_rig(surface(NAME), board=_board_of(first))
    reborn.stops.carry_on([KEY])

    await reborn.until(lambda: reborn.world(NAME).mode() is Mode.FULL_STOP, within=1.0)


async def test_a_held_target_without_a_surface_is_not_cut(make_rig: Make) -> None:
    """A surface that left the configuration stays held and stands under NOT CUT with what to do."""
    first = make_rig(surface(NAME))
    await first.stop()
    await first.settled()
    await first.aclose()

    reborn = make_rig(surface("billing/other"), board=_board_of(first))
    reborn.stops.carry_on([KEY])
    await reborn.clock.sleep(0.1)
    line = reborn.lines()[NAME]

    assert Outcome.UNKNOWN is line.outcome
    assert "no surface of the configuration" in line.detail


async def test_what_another_process_proved_is_read_before_the_own_proof_is_written(make_rig: Make) -> None:
    """The command line cut it and ended two sessions: its journal is not read after the proof that found none left."""
    first = make_rig(surface(NAME), surface("billing/db"))
    await first.stop()
    stop = next(event for event in first.journal.written if isinstance(event, events.HoldAdded))
    rig = make_rig(surface(NAME), surface("billing/db"))
    theirs = events.Proof(
        target=KEY, outcome=Outcome.VERIFIED, asked=Mode.FULL_STOP, held=Mode.FULL_STOP, ended=2, token="theirs"
    )
    read: list[float] = []

    def refresh() -> bool:
        read.append(rig.clock.now())
        rig.board.apply(events.Outcomes(at=stop.at + 0.001, proofs=(theirs,)))
        return True

    rig.refresh = refresh
    rig.board.apply(stop)
    rig.stops.carry_on([KEY])
    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=5.0)
    assert (rig.lines()[NAME].ended, rig.board.proofs[KEY].token) == (2, rig.world(NAME).token)
    read.clear()
    rig.dispatcher.wake(["memory:billing/db"])
    await rig.until(lambda: rig.lines()["billing/db"].outcome is Outcome.VERIFIED, within=5.0)
    assert read == []


async def test_what_another_process_ended_stays_counted(make_rig: Make) -> None:
    """The command line and the bot cut the same stop at once: whoever comes second finds nothing left to end."""
    rig = make_rig(surface(NAME))
    rig.world(NAME).faults.slow = 0.3
    await rig.stop()
    await rig.clock.sleep(0.1)
    theirs = events.Proof(
        target=KEY, outcome=Outcome.VERIFIED, asked=Mode.FULL_STOP, held=Mode.FULL_STOP, ended=2, token="theirs"
    )
    rig.board.apply(events.Outcomes(at=rig.clock.now(), proofs=(theirs,)))

    await rig.until(lambda: rig.board.proofs[KEY].token != "theirs")
    assert rig.lines()[NAME].ended == 2
    rig.dispatcher.check(KEY)
    await rig.clock.sleep(2.0)
    assert rig.lines()[NAME].ended == 2

    rig.world(NAME).faults.slow = 0.0
    rig.world(NAME).rights.update(login="on")
    rig.dispatcher.check(KEY)
    await rig.until(lambda: rig.board.proofs[KEY].outcome is Outcome.DRIFTED)
    await rig.until(lambda: rig.board.proofs[KEY].outcome is Outcome.VERIFIED)
    assert rig.lines()[NAME].ended == 0
