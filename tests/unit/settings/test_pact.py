"""How much may a restore give back, by the pact, and what if nobody can read it?"""

import jsonschema
import pytest

from adapters.base import Mode
from bot.settings.schema import json_schema
from tests.unit.settings.fakes import FAKES, GOOD, good_but, loaded

_PURPOSE = "{purpose: Reconciles invoices, "


def _loosest(text: str) -> Mode:
    found = loaded(text)
    assert found.findings == ()
    assert found.configuration is not None
    return found.configuration.agents[0].pact.loosest


def test_without_a_word_everything_may_be_given_back() -> None:
    """The default is normal, in the model and in the schema."""
    assert _loosest(GOOD) is Mode.NORMAL
    assert json_schema(FAKES)["$defs"]["Pact"]["properties"]["loosest"]["default"] == "normal"


@pytest.mark.parametrize("mode", Mode)
def test_each_mode_may_be_the_loosest(mode: Mode) -> None:
    """A pact may even give nothing back."""
    assert _loosest(good_but(_PURPOSE, f"{_PURPOSE}loosest: {mode}, ")) is mode


@pytest.mark.parametrize("wrong", ["loosest: read-only", "loosest: [read_only]", "losest: read_only", "loosest: 3"])
def test_a_pact_that_cannot_be_read_lets_nobody_restore(wrong: str) -> None:
    """A bound that was mistyped must not become none: the surfaces stay armed, and nobody may vote."""
    found = loaded(good_but(_PURPOSE, f"{_PURPOSE}{wrong}, "))
    assert [finding.where for finding in found.errors] == ["agent-kill.yaml:15"]
    assert found.configuration is not None
    restore = found.configuration.policy.restore
    assert restore.frozen == "agents.billing.pact cannot be read, so that more could be given back than it allows"
    assert (restore.groups, restore.users) == ((), ())
    assert len(found.configuration.surfaces()) == 3


def test_editors_know_the_modes() -> None:
    """The schema takes each mode and refuses other words."""
    pact = json_schema(FAKES)["$defs"]["Pact"]
    jsonschema.validate({"loosest": "draft_only"}, pact)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"loosest": "draft-only"}, pact)
