"""Does a running bot know what it shares with what it contains, and notice when that changes?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from adapters.memory import Settings
from bot.domain.fate import DATABASE, logins
from bot.domain.model import Agent, Configuration, Surface
from bot.service import independence
from tests.unit.service.rig import LoopClock, surface


class Placed(Settings):
    """Settings with an address."""

    dsn: str


def of(*addresses: str) -> Configuration:
    """An agent with a surface at each address."""
    surfaces: Mapping[str, Surface] = {
        f"s{number}": replace(surface(f"billing/s{number}"), settings=Placed(dsn=dsn))
        for number, dsn in enumerate(addresses)
    }
    return Configuration(agents=(Agent(id="billing", name="Billing", surfaces=tuple(surfaces.values())),))


async def test_what_is_shared_is_found_again_after_a_reload(tmp_path: Path) -> None:
    """The ledger on the server of a surface: known after a tick, gone after the reload that moves the surface."""
    configurations = [of("postgresql://bot@192.0.2.7/one")]
    own = tuple(logins(DATABASE, "postgresql://ledger@192.0.2.7/two", secret=True))
    found = independence.Independence(lambda: configurations[-1], own, (tmp_path / "one",), LoopClock())
    assert found.fates() == ()
    await found.tick()
    (fate,) = found.fates()
    assert (fate.kind, fate.surfaces) == ("server", ("billing/s0",))
    configurations.append(of("postgresql://bot@192.0.2.8/one"))
    await found.tick()
    assert found.fates() == ()


async def test_nothing_is_asked_anew_while_nothing_changed(tmp_path: Path) -> None:
    """A tick costs nothing then; the disks of the journal are told too."""
    asked = []

    def configuration() -> Configuration:
        asked.append(1)
        return CONFIGURATION

    found = independence.Independence(configuration, (), (tmp_path / "one", tmp_path / "two"), LoopClock())
    await found.tick()
    first = found.fates()
    await found.tick()
    assert [fate.kind for fate in first] == ["disk"]
    assert found.fates() is first
    assert len(asked) == 2


CONFIGURATION = of("192.0.2.7:5432")
