"""What the commands share: the environment, the configuration with its last good copy, and output."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from pydantic import SecretStr
from rich.console import Console

from bot.domain.model import Configuration
from bot.settings import Finding, SettingsError, last_good, load
from bot.settings.environment import Environment

F = TypeVar("F", bound=Callable[..., Any])
USAGE = 2


def config_option(function: F) -> F:
    """`--config FILE`, as for every command that reads the configuration."""
    return click.option(
        "--config",
        "config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="the configuration file [default: $AGENT_KILL_CONFIG, else agent-kill.yaml]",
    )(function)


def json_option(function: F) -> F:
    """`--json`: one document on standard output and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="print one JSON document and nothing else")(function)


def environment(config: Path | None = None) -> Environment:
    """Reads the environment; a bad value ends the command with 2."""
    try:
        return strict_environment(config)
    except SettingsError as error:
        fail(str(error))


def strict_environment(config: Path | None) -> Environment:
    """Reads the environment. Raises `SettingsError`."""
    return Environment.read(_variables(config))


def salvage(config: Path | None) -> tuple[Environment, tuple[Finding, ...]]:
    """Reads the environment; a bad value is a finding and counts as unset."""
    return Environment.salvage(_variables(config))


def salvaged(config: Path | None = None) -> Environment:
    """As `salvage`, the findings said at once: for a stop, which a bad value must not disarm."""
    env, findings = salvage(config)
    say_findings(findings)
    return env


def read_configuration(env: Environment, held: frozenset[str] = frozenset()) -> tuple[Configuration, list[Finding]]:
    """The configuration with what is broken quarantined, helped out by the last good copy; none at all ends with 2."""
    loaded = load(env.config, os.environ)
    configuration, notes = last_good.fallback(loaded, last_good.load_last(env.state_dir, os.environ), held)
    findings = [*loaded.findings, *notes]
    if loaded.configuration is None and not configuration.agents:
        say_findings(findings)
        fail(f"no usable configuration in {env.config}; mend it, or point AGENT_KILL_CONFIG at one")
    return configuration, findings


def _variables(config: Path | None) -> dict[str, str]:
    variables = dict(os.environ)
    if config is not None:
        variables["AGENT_KILL_CONFIG"] = str(config)
    return variables


def say_findings(findings: Iterable[Finding]) -> None:
    """Prints findings on standard error, errors first."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for finding in sorted(findings, key=lambda item: item.level != "error"):
        style = "bold red" if finding.level == "error" else "yellow"
        console.print(f"[{style}]{finding.level}[/] {finding.where}: ", end="")
        console.print(f"{finding.message}; {finding.next}" if finding.next else finding.message, markup=False)


def print_json(document: object) -> None:
    """One document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def fail(message: str, code: int = USAGE) -> NoReturn:
    """Ends the command with a message on standard error."""
    click.echo(f"agent-kill: {message}", err=True)
    sys.exit(code)


def quiet_logging(level: int = logging.WARNING) -> None:
    """Logs on standard error, for people."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells every tick


def secret(value: SecretStr | None) -> str | None:
    """The text of a secret of the environment."""
    return value.get_secret_value() if value else None
