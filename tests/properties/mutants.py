"""Mutates the stop path with mutmut in a folder of its own, and names the mutants that no test notices.

mutmut is not among the requirements: where it is missing it is installed into a temporary environment beside this one.
`make mutants` runs it; `docs/mutants.md` lists what survives and why.
`ONLY=bot/domain/holds.py make mutants` is faster.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUTMUT = "mutmut==3.8.1"
PATHS = ("bot/domain", "bot/service/stop.py", "bot/service/dispatch.py", "bot/service/lane.py", "bot/journal")
TESTS = ("tests/unit/domain", "tests/unit/service", "tests/unit/journal", "tests/properties")
LEFT_OUT = (
    "tests/properties/test_model.py",
    "tests/properties/test_explorer.py",
    "tests/unit/domain/test_commands_fuzz.py",
)
TIME = float(os.environ.get("MUTANTS_SECONDS", "900"))


def _configure(folder: Path, only: tuple[str, ...]) -> None:
    """Settings of mutmut stand in pyproject.toml; the copy gets them, the project does not."""
    ignored = [f'"--ignore={path}"' for path in LEFT_OUT]
    chosen = ", ".join(f'"{path}"' for path in only)
    tests = ", ".join(f'"{path}"' for path in TESTS)
    text = (folder / "pyproject.toml").read_text()
    text += (
        f'\n[tool.mutmut]\nsource_paths = ["bot", "adapters"]\nonly_mutate = [{chosen}]\n'
        f'also_copy = ["tests", "model"]\npytest_add_cli_args = ["-q", "-x", {", ".join(ignored)}]\n'
        f"pytest_add_cli_args_test_selection = [{tests}]\n"
    )
    (folder / "pyproject.toml").write_text(text)


def _python(folder: Path) -> str:
    """An interpreter with mutmut and everything that the tests need."""
    if shutil.which("mutmut", path=sysconfig.get_path("scripts")):
        return sys.executable
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "tests.pth").write_text(sysconfig.get_path("purelib"))
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "--quiet", "install", MUTMUT], check=True)
    return python


def main() -> int:
    """Prints the survivors; exits 1 where there are any."""
    only = tuple(os.environ.get("ONLY", " ".join(PATHS)).split())
    patterns = tuple(path if path.endswith(".py") else f"{path}/*" for path in only)
    with tempfile.TemporaryDirectory(prefix="agent-kill-mutants-") as name:
        folder = Path(name)
        copy = folder / "project"
        copy.mkdir()
        for part in ("bot", "adapters", "tests", "model"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        _configure(copy, patterns)
        python = _python(folder)
        environment = {**os.environ, "HYPOTHESIS_PROFILE": "mutants"}
        stopped = False
        try:
            subprocess.run([python, "-m", "mutmut", "run"], cwd=copy, timeout=TIME, env=environment, check=False)
        except subprocess.TimeoutExpired:
            stopped = True
            sys.stdout.write(f"\nstopped after {TIME:g} s; what was not run is listed as not checked\n")
        listed = subprocess.run(
            [python, "-m", "mutmut", "results"], cwd=copy, capture_output=True, text=True, check=False
        )
        survivors = [line.strip() for line in listed.stdout.splitlines() if line.strip().endswith(": survived")]
        for line in survivors:
            mutant = line.removesuffix(": survived")
            shown = subprocess.run(
                [python, "-m", "mutmut", "show", mutant], cwd=copy, capture_output=True, text=True, check=False
            )
            sys.stdout.write(f"\n{mutant}\n{shown.stdout}")
        unchecked = listed.stdout.count(": not checked")
        ended = listed.returncode == 0 and not stopped
        sys.stdout.write(f"\n{len(survivors)} mutants survived, {unchecked} were not checked\n")
        return 0 if ended and not survivors and not unchecked else 1


if __name__ == "__main__":
    sys.exit(main())
