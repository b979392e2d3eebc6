"""Is what others changed while a surface was shut told in few words, and nothing claimed that is not known?"""

from collections.abc import Callable

import pytest

from adapters.base import DIGEST, Mode
from adapters.errors import Unreachable
from adapters.memory import Memory
from bot.domain.events import Outcomes
from bot.service.others import Others, in_few_words, together
from tests.unit.service.restore_rig import RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
NAME, KEY = "billing/api", "memory:billing/api"


async def _said(rig: RestoreRig) -> tuple[str, ...] | None:
    return await Others(seal=rig.seal, board=rig.board).of(rig.inventory.targets[KEY])


async def test_without_a_look_before_the_stop_nothing_is_claimed(make_restore: Make) -> None:
    """What it was like is not known, and so neither is what changed."""
    rig = make_restore(surface(NAME))
    await rig.held()
    assert await _said(rig) is None


async def test_our_own_cut_is_no_news_and_another_credential_is(make_restore: Make) -> None:
    """Told by a digest that is never shown, on the ballot and in the proof of a step."""
    rig = make_restore(surface(NAME), step=0.0)
    await rig.watch.tick()
    await rig.held()
    assert await _said(rig) == ()
    rig.world(NAME).credential = "rotated"
    rig.world(NAME).rights["unattended"] = "off"

    assert await _said(rig) == ("unattended: off, by somebody else", "credential: changed")
    rig.box.react("+1", "U1", "U2")
    await rig.ended(await rig.open())
    (*_, last) = (event.proofs[0] for event in rig.journal.written if isinstance(event, Outcomes))
    assert last.detail.endswith("unattended: off, by somebody else; credential: changed"), last
    assert DIGEST not in str(rig.journal.written)


async def test_what_cannot_be_compared_fails_no_step(make_restore: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step's proof says that it could not be read; the surface comes back all the same."""
    rig = make_restore(surface(NAME), step=0.0)
    await rig.watch.tick()
    await rig.held()

    async def note(adapter: Memory) -> None:
        raise Unreachable(f"{adapter.target_key()} is gone")

    monkeypatch.setattr(Memory, "note", note)
    rig.box.react("+1", "U1", "U2")
    ballot = await rig.open()
    await rig.ended(ballot)

    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    assert rig.world(NAME).mode() is Mode.NORMAL
    assert (
        "what others changed meanwhile: could not be read (memory:billing/api is gone)" in rig.board.proofs[KEY].detail
    )


async def test_a_surface_that_has_nothing_to_note_is_known_all_the_same(
    make_restore: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no agent's account now, its state before the stop is kept, for the day after."""

    async def nothing(adapter: Memory) -> None:
        """No account."""

    monkeypatch.setattr(Memory, "note", nothing)
    rig = make_restore(surface(NAME))
    await rig.watch.tick()

    assert KEY in rig.board.baselines


def test_what_is_told_twice_is_told_once() -> None:
    """An adapter names what it kept, the comparison what changed: the same thing needs one clause."""
    assert together(["commands", "doomed: gone"], ["commands: chosen by somebody else"]) == (
        "doomed: gone",
        "commands: chosen by somebody else",
    )


def test_thousands_of_changes_are_five_and_a_number() -> None:
    """A report has lines of a bounded length."""
    said = in_few_words(f"grant {number}: taken away" for number in range(1_000))
    assert (len(said), said[-1]) == (6, "and 995 more changes")
