"""Does a hold take the targets that its plan prepared, and any others just as well?"""

import json

import rfc8785

from adapters.base import Mode
from bot.domain import events

ONE = events.HeldTarget(key="t:1", surfaces=("a/b", "a/c"), round_to=Mode.READ_ONLY)
TWO = events.HeldTarget(key="t:\u00fc", surfaces=(), round_to=Mode.FULL_STOP)


def _hold(targets: object) -> events.HoldAdded:
    fields = {"at": 1.0, "hold": "h", "incident": "i", "mode": "full_stop", "by": {"kind": "cli", "id": "root"}}
    return events.HoldAdded.model_validate(fields | {"targets": targets})


def test_what_a_plan_prepared_is_not_copied() -> None:
    """The very object is in the hold, with all that was made of it."""
    prepared = events.Targets([ONE, TWO])
    assert _hold(prepared).targets is prepared


def test_a_tuple_or_json_becomes_the_same_targets() -> None:
    """A journal that is read back, and a hold that was made by hand, are equal to the prepared one."""
    prepared = _hold(events.Targets([ONE, TWO]))
    for targets in ((ONE, TWO), [ONE.model_dump(mode="json"), TWO.model_dump(mode="json")]):
        assert _hold(targets) == prepared
        assert _hold(targets).targets.keys == ("t:1", "t:\u00fc")
    assert events.HoldAdded.model_validate_json(prepared.model_dump_json()) == prepared


def test_the_text_is_the_canonical_form_of_the_list() -> None:
    """Also where there is none."""
    for targets in (events.Targets([ONE, TWO]), events.Targets()):
        assert targets.text == rfc8785.dumps(json.loads(_hold(targets).model_dump_json())["targets"])
