"""What does a configuration find by its name?"""

from bot.domain.model import Configuration
from tests.unit.domain.places import CONFIGURATION


def test_an_agent_is_found_by_its_id_alone() -> None:
    """Nobody where there is none of that id."""
    found = CONFIGURATION.agent("payroll")
    assert found is CONFIGURATION.agents[2]
    assert CONFIGURATION.agent("payroll agent") is None
    assert Configuration().agent("payroll") is None


def test_the_surfaces_are_those_of_every_agent() -> None:
    """In the file's order, without the quarantined ones."""
    assert [surface.name for surface in CONFIGURATION.surfaces()] == [
        "billing/ledger",
        "billing/queue",
        "billing-eu/ledger",
        "payroll/jobs",
        "ops/shell",
    ]
    assert Configuration().surfaces() == ()
