"""Does a port that is taken end the start with the variable to set?"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.web.listener import cannot_listen

_CONFIG = "policy: {stop: {users: [U0X]}}\nagents: {a: {surfaces: {x: {adapter: memory, class: api}}}}\n"


@pytest.mark.parametrize(
    ("variable", "other", "what"),
    [
        ("AGENT_KILL_PORT", "AGENT_KILL_ADMIN_PORT", "public"),
        ("AGENT_KILL_ADMIN_PORT", "AGENT_KILL_PORT", "private"),
    ],
)
def test_serve_names_the_address_and_the_variable(variable: str, other: str, what: str, tmp_path: Path) -> None:
    """One sentence, no traceback."""
    (tmp_path / "c.yaml").write_text(_CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        variables = {
            "AGENT_KILL_CONFIG": str(tmp_path / "c.yaml"),
            "AGENT_KILL_STATE_DIR": str(tmp_path / "state"),
            variable: str(port),
            other: "0",
        }
        ran = subprocess.run(
            [sys.executable, "-m", "bot", "serve"],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ran.returncode != 0
    said = f"the {what} listener cannot start: 127.0.0.1:{port} is taken; set {variable} to a free port"
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_another_fault_is_told_with_its_reason() -> None:
    """An address of another machine, a name that leads nowhere."""
    said = cannot_listen(OSError(99, "x"), "public", "192.0.2.1:3000", "AGENT_KILL_PORT")
    assert "192.0.2.1:3000: Cannot assign requested address" in said
    unknown = socket.gaierror(-2, "Name or service not known")
    assert "Name or service not known" in cannot_listen(unknown, "public", "nowhere:1", "AGENT_KILL_PORT")
