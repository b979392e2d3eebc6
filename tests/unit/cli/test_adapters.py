"""Does `agent-kill adapters` tell enough to set a kind up, and does its template work outside this repository?"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.base import Mode
from bot.cli.adapters import command
from bot.core import explained, kinds

KINDS = [str(kind["kind"]) for kind in kinds()]
SITE = "agent_kill_lamp-0.1.0.dist-info"


def run(*words: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(command, words)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_shown_whole(kind: str) -> None:
    """Every mode with its technique or what it is rounded to, every setting and privilege, and where to read on."""
    said = run("show", kind).output
    described, manual = explained(kind)
    assert manual, f"{kind} brings no manual"
    modes, settings, permissions = described["modes"], described["settings"], described["permissions"]
    assert isinstance(modes, list)
    assert isinstance(settings, list)
    assert isinstance(permissions, list)
    for mode in set(Mode) - {Mode.NORMAL}:
        assert f"  {mode}" in said
        assert manual.techniques[mode] in said if str(mode) in modes else "held as" in said
    assert [item["name"] for item in settings if item["name"] not in said] == []
    assert [right for right in permissions if right not in said] == []
    assert f"docs/adapters/{kind}.md" in said


@pytest.mark.parametrize("kind", KINDS)
def test_the_set_up_comes_with_its_undo(kind: str) -> None:
    """What is pasted comes first, as it is; what takes it back follows in comments, so that both can be pasted."""
    said = run("show", kind, "--setup").output
    _, manual = explained(kind)
    assert manual
    before, _, after = said.partition("To undo it:\n")
    assert before.startswith(manual.setup.rstrip())
    assert [line for line in after.splitlines() if not line.startswith(("--", "#"))] == []
    assert manual.undo.splitlines()[0] in after


def test_an_unknown_kind_names_the_known_ones() -> None:
    """Exit code 2, what there is, and what was probably meant."""
    result = run("show", "redis_alc")
    assert result.exit_code == 2
    assert f"there is no adapter 'redis_alc'; did you mean redis_acl? known: {', '.join(KINDS)}" in result.output


@pytest.mark.parametrize(
    ("name", "why"),
    [("Lamp", "is no name of a kind"), ("class", "is no name of a kind"), ("memory", "already: choose another name")],
)
def test_a_name_that_cannot_be_given(name: str, why: str, tmp_path: Path) -> None:
    """Nothing is made; the error says what is accepted."""
    result = run("new", name, "--into", str(tmp_path))
    assert (result.exit_code, why in result.output, list(tmp_path.iterdir())) == (2, True, [])


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """What somebody wrote already is not overwritten."""
    assert run("new", "lamp", "--into", str(tmp_path)).exit_code == 0
    (tmp_path / "agent-kill-lamp" / "README.md").write_text("mine")
    result = run("new", "lamp", "--into", str(tmp_path))
    assert result.exit_code == 2
    assert "is there already" in result.output
    assert (tmp_path / "agent-kill-lamp" / "README.md").read_text() == "mine"


def test_the_template_passes_the_kit_from_outside(tmp_path: Path) -> None:
    """Its own tests pass where they were made, and once installed the bot knows its kind and its manual."""
    assert run("new", "lamp", "--into", str(tmp_path)).exit_code == 0
    made = tmp_path / "agent-kill-lamp"
    tested = _python(made, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout

    point = tomllib.loads((made / "pyproject.toml").read_text())["project"]["entry-points"]["agent_kill.adapters"][
        "lamp"
    ]
    (made / SITE).mkdir()
    (made / SITE / "METADATA").write_text("Metadata-Version: 2.1\nName: agent-kill-lamp\nVersion: 0.1.0\n")
    (made / SITE / "entry_points.txt").write_text(f"[agent_kill.adapters]\nlamp = {point}\n")
    shown = _python(made, "-m", "bot", "adapters", "show", "lamp")
    assert "locks the account" in shown.stdout, shown.stderr


def _python(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False
    )
