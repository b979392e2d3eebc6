"""Does `agent-kill enrol` make a seed that an app can take, and tell a right code from a wrong one?"""

import re
import time
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from bot.cli.enrol import command


def enrol(*words: str) -> Result:
    """Runs it."""
    return CliRunner().invoke(command, words)


def test_a_seed_is_made_shown_once_and_tried(tmp_path: Path) -> None:
    """The file, the address and the key are one seed; only its owner reads the file."""
    file = tmp_path / "carol.seed"
    made = enrol("U0CAROL", "--file", str(file))
    assert made.exit_code == 0, made.output
    seed = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    address = re.search(r"otpauth://\S+", made.output)
    assert address
    app = pyotp.parse_uri(address[0])
    assert isinstance(app, pyotp.TOTP)
    assert (app.secret, app.issuer, app.name) == (seed, "agent-kill", "U0CAROL")
    assert f'seeds: {{U0CAROL: "file:{file}"}}' in made.output

    right = enrol("U0CAROL", "--file", str(file), "--code", app.now())
    assert (right.exit_code, right.output) == (0, "That is the code of now.\n")
    wrong = enrol("U0CAROL", "--file", str(file), "--code", app.at(time.time() - 3600))
    assert wrong.exit_code == 1
    assert "check the clocks" in wrong.output
    assert seed not in right.output + wrong.output


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second run would lock the first app out."""
    file = tmp_path / "carol.seed"
    enrol("U0CAROL", "--file", str(file))
    before = file.read_text()
    again = enrol("U0CAROL", "--file", str(file))
    assert again.exit_code == 1
    assert "nothing was enrolled" in again.output
    assert file.read_text() == before


@pytest.mark.parametrize("user", ["carol", "@carol", "S0GROUP", ""])
def test_a_name_is_no_user_id(tmp_path: Path, user: str) -> None:
    """Slack's id is asked for."""
    done = enrol(user, "--file", str(tmp_path / "seed"))
    assert done.exit_code == 2
    assert "is not a user id" in done.output
    assert not list(tmp_path.iterdir())


def test_a_file_without_a_seed_is_named(tmp_path: Path) -> None:
    """Missing, or something else."""
    (tmp_path / "other").write_text("!!")
    for name in ("none", "other"):
        done = enrol("U0CAROL", "--file", str(tmp_path / name), "--code", "123456")
        assert done.exit_code == 1
        assert "holds no seed" in done.output
