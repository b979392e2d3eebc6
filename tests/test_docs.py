"""Do the pages say what is true? Links, names, commands, variables, examples and the first real surface are tried."""

import ast
import base64
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import click
import pytest
import yaml

from bot.cli import group
from bot.core import kinds
from bot.domain import commands
from bot.settings import load
from bot.settings.environment import _Reader
from tests.contract.nats_server import example as nats_secret
from tests.contract.servers import PASSWORD, PostgresServer

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXT.values())
MISSING = TEXT[README].partition("## What does not exist yet")[2].partition("\n## ")[0]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
SLASH = {item["command"] for item in MANIFEST["features"]["slash_commands"]}
SAID = {str(mode) for mode in commands.MODES} | {"plan", "help", "close", "undo", "MODE", "TARGET", "…"}

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_TYPED = re.compile(r"(?:^|[\s(])agent-kill ([a-z][^\n#|]*)", re.MULTILINE)
_OPTION = re.compile(r"--[a-z][a-z-]*")
_VARIABLE = re.compile(r"\b(?:AGENT_KILL|SLACK)_[A-Z_]*[A-Z]\b")
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_SECRET_FILE = re.compile(r"file:/[\w./-]+")
_PLACE = re.compile(r"`((?:bot|adapters|tests|requirements|docs)/[\w./-]*\w/?)(?::([\w.]+))?`")

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", TEXT[page])


def code(page: Path) -> str:
    """Everything on a page that is set as code."""
    return "\n".join([*(body for _, body in _FENCE.findall(TEXT[page])), *_INLINE.findall(prose(page))])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def known() -> dict[str, click.Command]:
    """Every command of the command line, by the words that are typed."""
    context = click.Context(group)
    found: dict[str, click.Command] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = command.commands if isinstance(command, click.Group) else {}
        found |= {f"{name} {word}": item for word, item in inner.items()}
        if not isinstance(command, click.Group) or command.invoke_without_command:
            found[name] = command
    return found


def options(command: click.Command) -> set[str]:
    """The long options that its help shows."""
    shown = [item for item in command.params if isinstance(item, click.Option) and not item.hidden]
    return {name for item in shown for name in item.opts if name.startswith("--")}


def wrong(line: str) -> str:
    """What is wrong with a typed `agent-kill …`; empty where it exists."""
    words = line.split(">", maxsplit=1)[0].removeprefix("agent-kill ").split()
    name = next((name for name in (" ".join(words[:2]), words[0]) if name in known()), None)
    if name is None:
        return f"no such command: {line}"
    command = known()[name]
    rest = words[len(name.split()) :]
    takes_words = any(isinstance(item, click.Argument) for item in command.params)
    if rest and rest[0][0].isalpha() and not takes_words:
        return f"{name} takes no {rest[0]}"
    unknown = set(_OPTION.findall(" ".join(rest))) - options(command) - {"--help"}
    return f"{name} has no {', '.join(sorted(unknown))}" if unknown else ""


def is_listed_as_missing(line: str) -> bool:
    """Whether the README says that this command does not exist yet."""
    words = line.removeprefix("agent-kill ").split()
    return any(f"`agent-kill {' '.join(words[:count])}`" in MISSING for count in (1, 2))


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a page or a heading of this repository resolves."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not path.startswith("https://") and not (target.exists() and (not anchor or anchor in anchors(target))):
            broken.append(link)
    assert broken == []


@by_page
def test_named_places_in_the_code_exist(page: Path) -> None:
    """`bot/file.py:Class.method` names a file that exists, and a definition in it."""
    broken = []
    for path, name in _PLACE.findall(prose(page)):
        here = ROOT / path
        defined = _definitions(here) if name and here.is_file() else {""}
        if not here.exists() or name not in defined:
            broken.append(f"{path}:{name}")
    assert broken == []


def _definitions(path: Path) -> set[str]:
    found = {""}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
            inner = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
            found.update(f"{node.name}.{item.name}" for item in inner)
        if isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return found


@by_page
def test_named_commands_exist(page: Path) -> None:
    """A command line that a page shows exists with its options, unless the README lists it among what does not."""
    lines = [line for line in _TYPED.findall(code(page)) if not is_listed_as_missing(line)]
    assert [problem for problem in map(wrong, lines) if problem] == []


@by_page
def test_named_slash_commands_exist(page: Path) -> None:
    """What a page shows of Slack's commands is taken there, unless the README lists it among what does not exist."""
    missing = []
    for command, word in re.findall(r"(?<![\w/])(/agent-[a-z]+)(?: ([^\s`|]+))?", TEXT[page]):
        understood = command in SLASH and (command != "/agent-kill" or word in SAID or not word.isalpha())
        if not understood and f"`{command}`" not in MISSING and f"`{command} {word}`" not in MISSING:
            missing.append(f"{command} {word}")
    assert missing == []


@by_page
def test_named_make_targets_exist(page: Path) -> None:
    """`make x` is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name in re.findall(r"`make ([a-z]+)`", TEXT[page]) if name not in targets] == []


def test_what_the_readme_lists_as_missing_is_missing() -> None:
    """The list of what does not exist yet is shortened when something of it arrives."""
    arrived = [f"agent-kill {line}" for line in re.findall(r"`agent-kill ([a-z ]+)`", MISSING) if not wrong(line)]
    arrived += [name for name in re.findall(r"`(/agent-[a-z]+)`", MISSING) if name in SLASH]
    assert arrived == [], 'take them off README.md, "What does not exist yet", and show them in use there'


@pytest.mark.parametrize("name", known())
def test_every_command_is_described(name: str) -> None:
    """docs/command-line.md has a row with exactly its options, and the README shows it."""
    rows = [row for row in TEXT[ROOT / "docs/command-line.md"].splitlines() if row.startswith("| ")]
    row = next((row for row in rows if f"`agent-kill {name}" in row), "")
    assert row, f"give `agent-kill {name}` a row in the table of docs/command-line.md"
    assert set(_OPTION.findall(row)) == options(known()[name])
    assert f"`agent-kill {name}" in TEXT[README], "show it in use in README.md"


def test_everything_of_slack_is_in_the_readme() -> None:
    """The README shows each slash command, the shortcut, and every mode."""
    shown = [*SLASH, *(item["name"] for item in MANIFEST["features"]["shortcuts"]), *map(str, commands.MODES)]
    assert [name for name in shown if name not in TEXT[README]] == []
    setup = TEXT[ROOT / "docs/slack-setup.md"]
    named = [*MANIFEST["oauth_config"]["scopes"]["bot"], *MANIFEST["settings"]["event_subscriptions"]["bot_events"]]
    assert [name for name in named if f"`{name}`" not in setup] == []


def test_every_kind_of_surface_has_a_page() -> None:
    """Each kind has a page, a row in the README's table of modes, and a word in the changelog; no page has no kind."""
    names = {str(kind["kind"]) for kind in kinds()}
    assert {page.stem for page in (ROOT / "docs/adapters").glob("*.md")} == names
    assert [name for name in names if f"| [`{name}`](docs/adapters/{name}.md)" not in TEXT[README]] == []
    assert [name for name in names if name not in TEXT[ROOT / "CHANGELOG.md"]] == []


def test_the_variables_are_those_that_are_read() -> None:
    """Each variable that a page names is read, and each that is read is named on some page."""

    class Asked(dict[str, str]):
        """Remembers what was asked for."""

        def get(self, key: str, default: object = None) -> None:  # type: ignore[override]  # answers nothing
            """Answers that nothing is set."""
            self[key] = str(default)

    asked = Asked()
    _Reader(asked).environment()
    assert set(_VARIABLE.findall(EVERYTHING)) == {name for name in asked if _VARIABLE.fullmatch(name)}


def _examples() -> Iterator[tuple[str, str]]:
    """Every block of YAML that is a configuration or a part of one, by its page."""
    for page in PAGES:
        for number, (language, body) in enumerate(_FENCE.findall(TEXT[page])):
            if language == "yaml" and "expr:" not in body:
                yield f"{page.relative_to(ROOT)}-{number}", _whole(body)


def _whole(body: str) -> str:
    """A surface alone, or with its name, becomes a file around it."""
    part = yaml.safe_load(body)
    if "agents" in part:
        return body
    surfaces = {"one": part} if "adapter" in part else part
    return yaml.safe_dump({"policy": {"stop": {"users": ["U0ALICE"]}}, "agents": {"billing": {"surfaces": surfaces}}})


EXAMPLES = dict(_examples())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_load(name: str, tmp_path: Path) -> None:
    """A configuration that a page shows is read without any error, once its secrets are there."""
    text = EXAMPLES[name]
    (tmp_path / "secret").write_text("postgresql://agent:pw@db.example/ledger")
    (tmp_path / "secret").chmod(0o600)
    file = tmp_path / "agent-kill.yaml"
    file.write_text(_SECRET_FILE.sub(f"file:{tmp_path}/secret", text))
    environ = {name: _secret(name) for name in _REFERENCE.findall(text)}
    assert [str(error) for error in load(file, environ).errors] == []


def _secret(variable: str) -> str:
    if variable.startswith("NATS_"):
        return nats_secret(variable)
    if variable.endswith("_DSN"):
        return "postgresql://someone:pw@db.example/ledger"
    if variable == "MQ_AGENT_URL":
        return "amqp://someone:pw@queue.example/vhost"
    if variable.endswith("_SEED"):
        return base64.b32encode(variable.ljust(20).encode()).decode()
    return "redis://someone:pw@cache.example/0" if variable.endswith("_URL") else "a-secret-of-a-fair-length"


SET_UP = f"""
CREATE ROLE ledger_owner LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE billing_agent LOGIN PASSWORD '{PASSWORD}';
"""
TABLE = "CREATE TABLE invoices (n int); GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO billing_agent"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this page's own."""
    with PostgresServer() as running:
        yield running


async def _run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _agent_kill(folder: Path, line: str, **variables: str) -> dict[str, Any]:
    """Runs a command as the README shows it, in the shell's own reading of it, with `--json`."""
    environ = {"PATH": os.environ["PATH"], "AGENT_KILL_STATE_DIR": str(folder / "state"), **variables}
    words = [sys.executable, "-m", "bot", *shlex.split(line)[1:], "--json"]
    environ["AGENT_KILL_CONFIG"] = str(folder / "agent-kill.yaml")
    done = subprocess.run(words, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def test_the_first_real_surface_works_as_the_readme_says(server: PostgresServer, tmp_path: Path) -> None:
    """Its SQL gives the bot enough, its file loads, `check --probe` finds nothing missing, and the stop is proven."""
    section = TEXT[README].partition("## The first real surface")[2].partition("\n## ")[0]
    blocks = dict(reversed(_FENCE.findall(section)))
    await _run(server.dsn(database="postgres"), SET_UP, "CREATE DATABASE ledger OWNER ledger_owner", blocks["sql"])
    await _run(server.dsn(database="ledger", user="ledger_owner", password=PASSWORD), TABLE)
    (tmp_path / "agent-kill.yaml").write_text(blocks["yaml"])
    agent = server.dsn(database="ledger", user="billing_agent", password=PASSWORD)
    variables = {
        "LEDGER_ADMIN_DSN": server.dsn(database="ledger", user="kill_bot", password="CHANGE-ME"),
        "LEDGER_AGENT_DSN": agent,
    }

    found = _agent_kill(tmp_path, "agent-kill check --probe", **variables)["findings"]
    assert [item for item in found if item["level"] in {"error", "not_armed"}] == []

    line = "agent-kill stop read_only --surface billing/ledger --reason plan --dry-run"
    assert line in section
    _agent_kill(tmp_path, line, **variables)
    stopped = _agent_kill(tmp_path, line.removesuffix(" --dry-run"), **variables)
    assert [(row["held"], row["outcome"], row["attempt"]) for row in stopped["surfaces"]] == [
        ("read_only", "verified", "refused")
    ]
    await _run(agent, "SELECT count(*) FROM invoices")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await _run(agent, "INSERT INTO invoices VALUES (1)")
