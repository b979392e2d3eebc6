"""A configuration with memory surfaces, and the commands run in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import group

CONFIG = """policy: {stop: {users: [U0X]}}
agents:
  invoice-reconciliation:
    surfaces:
      ledger-of-the-european-branch: {adapter: memory, class: database}
      watched: {adapter: memory, class: tool, canary: {}}
      broken: {adapter: memory, class: tool, settings: {targett: x}}
  b: {surfaces: {x: {adapter: memory, class: tool}}}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `agent-kill WORDS…` on a terminal that is `width` wide."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    monkeypatch.setenv("AGENT_KILL_CONFIG", str(tmp_path / "c.yaml"))
    monkeypatch.setenv("AGENT_KILL_STATE_DIR", str(tmp_path / "state"))

    def command(*words: str, width: int = 80) -> Result:
        monkeypatch.setenv("COLUMNS", str(width))
        return CliRunner().invoke(group, list(words))

    return command
