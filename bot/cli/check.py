"""`agent-kill check`: what is wrong, missing or not armed, before the bad hour."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from bot.cli import common, inventory
from bot.core import Core, journal_folders
from bot.domain.coverage import Coverage, coverage
from bot.domain.fate import Fate, Network, shared_fate
from bot.domain.model import Configuration
from bot.service.independence import disk_fates, found
from bot.service.probe import Probed
from bot.settings import Finding, SettingsError, load
from bot.settings.check import check, declared, ok
from bot.settings.environment import Environment
from bot.settings.own_logins import own_logins

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
    stock = None
    if loaded.configuration:
        stock = asyncio.run(_take(loaded.configuration, env, probe_too=probe_too))
        findings = (*findings, *(finding for probed in stock.probed for finding in _findings(probed)), *stock.shared())
    fine = ok(findings)
    if as_json:
        common.print_json({"ok": fine, "findings": [finding.to_json() for finding in findings], **_document(stock)})
    else:
        if stock:
            problems = {probed.surface: probed.problems for probed in stock.probed}
            inventory.show(stock.coverage, stock.fates, problems, probed=probe_too)
        common.say_findings(finding for finding in findings if not finding.tabled)
        click.echo(_summary(findings, env.config))
    if loaded.configuration is None:
        sys.exit(UNREADABLE)
    sys.exit(0 if fine else FINDINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """The inventory as it was taken."""

    coverage: Coverage
    fates: tuple[Fate, ...]
    probed: tuple[Probed, ...] = ()

    def shared(self) -> list[Finding]:
        return [
            Finding(where=_INDEPENDENCE, level="gap", message=it.message, next=it.next, tabled=True)
            for it in self.fates
        ]


_INDEPENDENCE = "independence"


def _document(stock: _Stock | None) -> dict[str, object]:
    """What `--json` says beside the findings; documented in `docs/inventory.md`."""
    if stock is None:
        return {"coverage": None, "shared_fate": []}
    return {"coverage": stock.coverage.json(), "shared_fate": [fate.json() for fate in stock.fates]}


def _environment(config: Path | None) -> tuple[Environment, tuple[Finding, ...]]:
    try:
        return common.strict_environment(config), ()
    except SettingsError as error:
        env, _ = common.salvage(config)
        return env, (error.finding(),)


async def _take(configuration: Configuration, env: Environment, *, probe_too: bool) -> _Stock:
    """Without `probe_too` nothing is contacted, not even the resolver: hosts are compared by their names."""
    own = own_logins(env, os.environ)
    if not probe_too:
        fates = (*shared_fate(configuration, own, Network()), *disk_fates(journal_folders(env.state_dir)))
        return _Stock(coverage=coverage(configuration, declared(configuration)), fates=fates)
    core = Core(configuration, state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    try:
        probed = tuple(await core.probe())
    finally:
        await core.aclose()
    fates = await found(configuration, own, journal_folders(env.state_dir))
    return _Stock(coverage=coverage(configuration, declared(configuration, probed)), fates=fates, probed=probed)


def _findings(probed: Probed) -> list[Finding]:
    step = "until this is mended the surface cannot be cut; give the bot what is missing and run this again"
    name = probed.surface
    bad = [Finding(where=name, level="not_armed", message=text, next=step, tabled=True) for text in probed.problems]
    return bad + [Finding(where=name, level="note", message=text, tabled=True) for text in probed.remarks]


def _summary(findings: tuple[Finding, ...], config: Path) -> str:
    if not findings:
        return f"{config}: nothing to complain about"
    counts = {level: sum(finding.level == level for finding in findings) for level in ("error", "not_armed", "gap")}
    return f"{config}: {counts['error']} errors, {counts['not_armed']} not armed, {counts['gap']} gaps"
