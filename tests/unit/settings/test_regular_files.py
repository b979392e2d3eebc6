"""Does a pipe in the place of a file end in an error at once, instead of a stop that waits for ever?"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import last_good
from bot.settings.loaded import load
from tests.unit.settings.fakes import ENVIRON, FAKES, GOOD, good_but, loaded

_SOON = 20  # seconds that a process gets which would otherwise never end
_STOP = ["stop", "full_stop", "--all", "--reason", "x"]


def made(kind: str, path: Path) -> Path:
    """Puts something that is no regular file at `path`, or behind a link at `path`."""
    if kind == "link to a pipe":
        os.mkfifo(path.with_name("behind"))
        path.symlink_to(path.with_name("behind"))
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    else:
        os.mkfifo(path)
    return path


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "socket"])
def test_a_configuration_that_is_no_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    """With the path, what it is, and how to name another."""
    path = made(kind, tmp_path / "c.yaml")
    (error,) = load(path, ENVIRON, FAKES).errors
    assert error.where == f"{path}:1"
    assert "the configuration file cannot be read" in error.message
    assert "--config" in error.next
    if kind != "socket":  # the system itself refuses to open one
        assert "it is a named pipe, not a regular file" in error.message


def test_a_link_to_a_regular_file_is_read(tmp_path: Path) -> None:
    """As a mounted secret or a release folder has it."""
    (tmp_path / "real").write_text(GOOD)
    (tmp_path / "c.yaml").symlink_to(tmp_path / "real")
    assert load(tmp_path / "c.yaml", ENVIRON, FAKES).findings == ()


def test_a_secret_behind_a_pipe_quarantines_its_surface_alone(tmp_path: Path) -> None:
    """`check` and `stop` go on with the others."""
    path = made("pipe", tmp_path / "secret")
    found = loaded(good_but('"${LEDGER_AGENT_DSN}"', f"file:{path}"))
    assert found.configuration
    assert [error.message for error in found.errors] == [
        f"billing/ledger: canary.dsn: the secret file {path} is not a regular file"
    ]
    assert found.configuration.surfaces()


def test_a_last_good_copy_that_is_a_pipe_is_no_copy(tmp_path: Path) -> None:
    """The stop goes on without it."""
    made("pipe", tmp_path / last_good.FILE)
    assert last_good.read(tmp_path) is None


@pytest.mark.parametrize("words", [["check"], _STOP], ids=["check", "stop"])
@pytest.mark.parametrize("name", ["pipe", "stdin"])
def test_check_and_stop_end_at_once(words: list[str], name: str, tmp_path: Path) -> None:
    """Exit code 2, and a sentence; a terminal's or a pipe's standard input is no configuration file either."""
    path = made("pipe", tmp_path / "c.yaml") if name == "pipe" else Path("/dev/stdin")
    variables = {"AGENT_KILL_CONFIG": str(path), "AGENT_KILL_STATE_DIR": str(tmp_path / "state")}
    reading, writing = os.pipe()
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "bot", *words],
            env=os.environ | variables,
            stdin=reading,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SOON,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert ran.returncode == 2
    assert "it is a named pipe, not a regular file" in ran.stderr
