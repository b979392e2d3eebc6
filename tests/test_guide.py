"""Is the guide for authors of adapters true? Its example is put where it says, and passes the kit."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bot.cli import template

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "writing-an-adapter.md").read_text(encoding="utf-8")
MOST = 150  # lines, tests included
_FILE = re.compile(r"`(\S+\.py)`[^`]*:\n\n```python\n(.*?)```", re.DOTALL)


def test_the_example_passes_the_kit_in_few_lines(tmp_path: Path) -> None:
    """The two files of the example replace those of the template, are short, and are tested on their own."""
    folder = template.written("ssh_account", tmp_path, taken=())
    files = dict(_FILE.findall(GUIDE.partition("## The whole of one example")[2]))
    assert list(files) == ["agent_kill_ssh_account.py", "test_ssh_account.py"]
    assert sum(len(text.splitlines()) for text in files.values()) < MOST
    for name, text in files.items():
        file = folder / "tests" / name if name.startswith("test") else folder / name
        assert file.exists()
        file.write_text(text + (_defect() if name.startswith("test") else ""))
    words = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout


def _defect() -> str:
    """The guide's own seeded defect, as one more test."""
    return "\n\n" + GUIDE.partition("## The kit")[2].partition("```python\n")[2].partition("```")[0]
