"""What do `status` and `audit export` say of anchors and writers?"""

from pathlib import Path

from bot.core import make_signer
from bot.journal.chain import Link
from tests.unit.cli.conftest import Run


def test_an_export_without_anchors_prints_a_command_that_verifies(run: Run, tmp_path: Path) -> None:
    """A host where the bot never ran has no anchors; the way to them is told beside the command."""
    run("stop", "full_stop", "--agent", "b", "--reason", "x")
    done = run("audit", "export", str(tmp_path / "export"))
    assert "give the auditor those of the bot's host" in done.stderr
    words = done.stdout.split()
    assert words[:2] == ["agent-kill", "audit"]
    assert run(*words[1:]).exit_code == 0


def test_status_names_a_writer_that_was_never_heard_of(run: Run, tmp_path: Path) -> None:
    """A restore would wait for it."""
    file = tmp_path / "c.yaml"
    assert "no journal of the writer" not in run("status", width=200).stdout
    file.write_text("writers: [bot, bastion]\n" + file.read_text())
    assert "no journal of the writer bastion was ever seen here" in run("status", width=200).stdout


def test_status_says_that_the_anchors_cannot_be_compared(run: Run, tmp_path: Path) -> None:
    """Without the key, and where the last note is another key's; no key is made for it."""
    run("stop", "full_stop", "--agent", "b", "--reason", "x")
    (tmp_path / "elsewhere").mkdir()
    stranger = make_signer(tmp_path / "elsewhere", "bot", None)
    (tmp_path / "state" / "anchors.txt").write_text(stranger.note({"bot": Link(seq=1, digest="0" * 64)}, 1.0) + "\n")
    assert "set AGENT_KILL_SIGNING_KEY as for the bot" in run("status", width=200).stdout
    assert not (tmp_path / "state" / "signing.key").exists()
    run("audit", "export", str(tmp_path / "export"))
    assert "is not signed by this bot's key" in run("status", width=400).stdout
