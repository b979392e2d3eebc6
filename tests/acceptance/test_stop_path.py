"""Is the stop path free of what it must not depend on?"""

import json
import os
import subprocess
import sys
from pathlib import Path

_FORBIDDEN = ("slack_bolt", "slack_sdk", "sqlalchemy", "alembic", "aiosqlite", "apscheduler", "PIL", "bot.report")
_RESTORES = ("bot.domain.trust", "bot.domain.evidence", "bot.service.evaluate", "bot.service.evidence")
_PROGRAM = """
import json, sys
from bot.cli import group
try:
    group(["stop", "full_stop", "--all", "--reason", "look at the modules", "--json"])
except SystemExit as end:
    code = end.code
modules = {part for name in sys.modules for part in (name, name.partition(".")[0])}
print(json.dumps({"code": code, "modules": sorted(modules)}), file=sys.stderr)
"""


def test_a_stop_from_the_command_line_loads_only_the_stop_path(tmp_path: Path) -> None:
    """`agent-kill stop` never imports Slack, SQLAlchemy or the scheduler, nor what only a restore asks for."""
    config = tmp_path / "agent-kill.yaml"
    config.write_text("agents: {a: {name: A, surfaces: {x: {adapter: memory, class: api, settings: {}}}}}\n")
    variables = {"AGENT_KILL_CONFIG": str(config), "AGENT_KILL_STATE_DIR": str(tmp_path / "state")}

    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | variables,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(ran.stderr.splitlines()[-1])

    assert told["code"] == 0
    assert json.loads(ran.stdout)["not_cut"] == []
    assert {*_FORBIDDEN, *_RESTORES} & set(told["modules"]) == set()
