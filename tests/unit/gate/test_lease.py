"""When may a gate that does not answer be counted as closed?"""

from collections.abc import AsyncIterator

import pytest

from adapters.base import Mode, Shared
from adapters.base.gated import Gated
from adapters.errors import Unreachable
from adapters.gate import GateSurface
from bot.sandbox.servers import HOST, free_port

LONG_AGO = 60.0  # seconds


def surface(on_lease_expiry: str) -> GateSurface:
    """One whose only gate is away."""
    settings = {
        "name": "billing/one",
        "gates": [{"control": f"http://{HOST}:{free_port()}"}],
        "secret": "s",
        "lease": "5s",
        "on_lease_expiry": on_lease_expiry,
    }
    return GateSurface(config=Gated.model_validate(settings), canary=None, shared=Shared())


@pytest.fixture
async def closing() -> AsyncIterator[GateSurface]:
    """One that says `close`."""
    made = surface("close")
    yield made
    await made.aclose()


def later(adapter: GateSurface) -> None:
    """Everything that happened was long ago."""
    adapter._born -= LONG_AGO
    adapter._granted = {gate: at - LONG_AGO for gate, at in adapter._granted.items()}


async def test_a_process_that_never_let_it_go_on_knows_nothing(closing: GateSurface) -> None:
    """A stop at the command line runs beside the bot, which may still do so."""
    later(closing)
    with pytest.raises(Unreachable):
        await closing.observe()


async def test_it_is_closed_once_its_lease_is_over(closing: GateSurface) -> None:
    """Not before; then it reads as a full stop with nothing under way."""
    closing.granted(gate="one")
    with pytest.raises(Unreachable):
        await closing.observe()
    later(closing)
    seen = await closing.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, 0)
    assert "lease has passed" in seen.why


async def test_a_gate_that_asked_since_may_be_this_one(closing: GateSurface) -> None:
    """The bot cannot reach it, and it reaches the bot: its lease runs on."""
    closing.granted(gate="one")
    later(closing)
    closing.granted(gate="two")
    with pytest.raises(Unreachable):
        await closing.observe()


async def test_what_was_let_go_on_before_this_bot_started_counts(closing: GateSurface) -> None:
    """The bot of before may have done so up to its end."""
    closing.granted(gate="one")
    later(closing)
    closing._born += LONG_AGO
    with pytest.raises(Unreachable):
        await closing.observe()


async def test_one_that_keeps_its_mode_is_never_counted() -> None:
    """Whatever time passed."""
    kept = surface("keep")
    kept.granted(gate="one")
    later(kept)
    with pytest.raises(Unreachable):
        await kept.observe()
    await kept.aclose()
