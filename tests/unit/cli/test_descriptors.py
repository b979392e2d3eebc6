"""Does the process that stops take every descriptor that the system allows it?"""

import resource
from collections.abc import Iterator

import pytest

from tests.unit.cli.conftest import Run


@pytest.fixture
def most() -> Iterator[int]:
    """What is allowed, while fewer are set."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, most - 1), most))
    yield most
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


@pytest.mark.parametrize("words", [["stop", "full_stop", "--agent", "b", "--reason", "spends"], ["serve"]])
def test_a_stop_of_thousands_is_not_held_up_by_the_usual_limit(
    run: Run, most: int, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command line and in the bot, which is given no configuration here and ends at once."""
    if words == ["serve"]:
        monkeypatch.setenv("AGENT_KILL_CONFIG", "/nowhere")
    run(*words)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most
