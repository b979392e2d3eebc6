"""Do `stop --json` and `status --json` say the same of what the agent's own credential still does?"""

import json

from tests.unit.cli.conftest import Run

WATCHED, BLIND = "invoice-reconciliation/watched", "b/x"


def attempts(text: str) -> dict[str, str]:
    """The word of each surface."""
    return {row["surface"]: row["attempt"] for row in json.loads(text)["surfaces"]}


def test_before_any_stop_nothing_was_tried(run: Run) -> None:
    """With a canary, without one, and where the surface is quarantined."""
    assert set(attempts(run("status", "--json").stdout).values()) == {"untried"}


def test_after_a_stop_both_say_the_same(run: Run) -> None:
    """The canary was refused; where there is none, nothing was tried."""
    stopped = attempts(run("stop", "full_stop", "--all", "--reason", "x", "--json").stdout)
    assert (stopped[WATCHED], stopped[BLIND]) == ("refused", "untried")
    assert attempts(run("status", "--json").stdout) == stopped
