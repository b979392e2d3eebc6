"""`agent-kill serve`: the bot."""

import asyncio
import logging
import os
from pathlib import Path

import click

from bot.app import App, read
from bot.cli import common
from bot.domain.model import Configuration
from bot.settings import Finding
from bot.settings.environment import Environment
from bot.store.engine import BadUrlError
from bot.store.lock import AlreadyServedError


@click.command("serve")
@common.config_option
@click.option("--verbose", is_flag=True, help="log what is done, not only what goes wrong")
def command(config: Path | None, verbose: bool) -> None:  # noqa: FBT001
    """Runs the bot until SIGTERM. SIGHUP reads the configuration again.

    Socket Mode when SLACK_APP_TOKEN is set, HTTP mode when SLACK_SIGNING_SECRET is; both may be on. Without Slack the
    command line, POST /v1/stop and the private listener work.
    """
    common.quiet_logging(logging.INFO if verbose else logging.WARNING)
    env = common.environment(config)
    configuration, findings = read(env, os.environ, frozenset())
    common.say_findings(finding for finding in findings if finding.level == "error")
    if not configuration.agents:
        common.fail(f"no usable agent in {env.config}; run `agent-kill check` and mend what it names")
    try:
        asyncio.run(_serve(env, configuration, findings))
    except (OSError, AlreadyServedError, BadUrlError) as error:
        common.fail(f"cannot serve: {error}", code=1)


async def _serve(env: Environment, configuration: Configuration, findings: tuple[Finding, ...]) -> None:
    """The bot is composed inside the loop that it lives in."""
    await App(env, configuration, findings).run()
