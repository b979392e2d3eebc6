"""Does a stop from the command line always have a reason?"""

import pytest

from tests.unit.cli.conftest import Run


@pytest.mark.parametrize("reason", ["", "  ", "\t\n"])
@pytest.mark.parametrize("more", [[], ["--json"], ["--dry-run"]])
def test_an_empty_reason_is_a_usage_error(run: Run, reason: str, more: list[str]) -> None:
    """Exit code 2, why, and that nothing was stopped."""
    done = run("stop", "full_stop", "--agent", "b", "--reason", reason, *more)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "--reason is empty" in done.stderr
    assert "Nothing was stopped" in done.stderr


def test_a_reason_stops(run: Run) -> None:
    """The same words with a reason."""
    assert run("stop", "full_stop", "--agent", "b", "--reason", "spends").exit_code == 0
