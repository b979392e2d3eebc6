"""`agent-kill serve`: the bot."""

import asyncio
import gc
import importlib
import logging
import os
from pathlib import Path
from types import ModuleType

import click

from bot.cli import common
from bot.core import Core
from bot.domain.model import Configuration
from bot.service.shortage import is_shortage, take_descriptors
from bot.settings.environment import Environment
from bot.settings.served import served

_log = logging.getLogger(__name__)
_AGAIN = 0.2  # seconds until the rest of the bot is loaded again
_YOUNG = 50_000  # objects between two looks for garbage: ten thousand cuts make some hundred thousand at once


@click.command("serve")
@common.config_option
@click.option("--verbose", is_flag=True, help="log what is done, not only what goes wrong")
def command(config: Path | None, verbose: bool) -> None:  # noqa: FBT001
    """Runs the bot until SIGTERM. SIGHUP reads the configuration again.

    Socket Mode when SLACK_APP_TOKEN is set, HTTP mode when SLACK_SIGNING_SECRET is; both may be on. Without Slack the
    command line, POST /v1/stop and the private listener work.
    """
    common.quiet_logging(logging.INFO if verbose else logging.WARNING)
    take_descriptors()
    env = common.environment(config)
    problem = asyncio.run(_serve(env))
    if problem:
        common.fail(f"cannot serve: {problem}", code=1)


async def _serve(env: Environment) -> str:
    """Finishes what is unfinished first: the rest of the bot is loaded while the first cuts are on their way.

    Returns why it cannot serve; empty after an ordinary end.
    """
    core = Core(Configuration(), state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    core.read()
    configuration, findings = served(env, os.environ, core.board.held_surfaces())
    common.say_findings(finding for finding in findings if finding.level == "error")
    if not configuration.agents:
        common.fail(f"no usable agent in {env.config}; run `agent-kill check` and mend what it names")
    core.reload(configuration)
    core.recover()
    app = await _the_rest()
    gc.freeze()  # what is loaded by now stays: to look through it again and again would hold the cuts up
    gc.set_threshold(_YOUNG, 20, 50)
    problem: str = await app.serve(env, core, findings)
    return problem


async def _the_rest() -> ModuleType:
    """Loads the rest of the bot. The cuts may hold every descriptor; each gives its own back by its deadline."""
    while True:
        try:
            return await asyncio.to_thread(importlib.import_module, "bot.app")
        except (OSError, ImportError) as error:
            if not is_shortage(error):
                raise
            _log.warning("the rest of the bot cannot be loaded yet, the cuts go on: %s", error)
            await asyncio.sleep(_AGAIN)
