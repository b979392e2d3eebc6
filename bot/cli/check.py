"""`agent-kill check`: what is wrong, missing or not armed, before the bad hour."""

import asyncio
import os
import sys
from pathlib import Path

import click

from bot.cli import common
from bot.core import Core
from bot.service.probe import Probed
from bot.settings import Finding, Loaded, SettingsError, load
from bot.settings.check import check, ok
from bot.settings.environment import Environment

FINDINGS = 1
UNREADABLE = 2


@click.command("check")
@click.option("--probe", "probe_too", is_flag=True, help="contact every surface, read-only")
@common.config_option
@common.json_option
def command(probe_too: bool, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Validates configuration and inventory strictly. Exit 0: clean; 1: findings; 2: unreadable.

    Gaps (a class of authority with neither a surface nor a reason) and notes alone leave the exit code 0.
    """
    common.quiet_logging()
    env, findings = _environment(config)
    loaded = load(env.config, os.environ)
    findings = (*findings, *check(loaded, env))
    if probe_too and loaded.configuration:
        findings = (*findings, *asyncio.run(_probe(loaded, env)))
    fine = ok(findings)
    if as_json:
        common.print_json({"ok": fine, "findings": [finding.to_json() for finding in findings]})
    else:
        common.say_findings(findings)
        click.echo(_summary(findings, env.config))
    if loaded.configuration is None:
        sys.exit(UNREADABLE)
    sys.exit(0 if fine else FINDINGS)


def _environment(config: Path | None) -> tuple[Environment, tuple[Finding, ...]]:
    try:
        return common.strict_environment(config), ()
    except SettingsError as error:
        env, _ = common.salvage(config)
        return env, (error.finding(),)


async def _probe(loaded: Loaded, env: Environment) -> list[Finding]:
    assert loaded.configuration  # noqa: S101  # the caller looked
    core = Core(
        loaded.configuration, state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key)
    )
    try:
        return [finding for probed in await core.probe() for finding in _findings(probed)]
    finally:
        await core.aclose()


def _findings(probed: Probed) -> list[Finding]:
    step = "until this is mended the surface cannot be cut; give the bot what is missing and run this again"
    bad = [Finding(where=probed.surface, level="not_armed", message=text, next=step) for text in probed.problems]
    return bad + [Finding(where=probed.surface, level="note", message=text) for text in probed.remarks]


def _summary(findings: tuple[Finding, ...], config: Path) -> str:
    if not findings:
        return f"{config}: nothing to complain about"
    counts = {level: sum(finding.level == level for finding in findings) for level in ("error", "not_armed", "gap")}
    return f"{config}: {counts['error']} errors, {counts['not_armed']} not armed, {counts['gap']} gaps"
