"""`agent-kill gate`: the gate that agents' calls go through."""

import asyncio
import logging
from pathlib import Path

import click

from bot.cli import common
from bot.gate.process import Gate, serve
from bot.gate.route import KIND, routes

_PORT = click.IntRange(0, 65535)


@click.command("gate")
@common.config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="where agents reach it")
@click.option("--port", type=_PORT, default=3100, show_default=True, help="for agents")
@click.option("--control-host", default="127.0.0.1", show_default=True, help="where the bot reaches it, and no agent")
@click.option("--control-port", type=_PORT, default=3101, show_default=True, help="for the bot")
@click.option("--verbose", is_flag=True, help="log what is done, not only what goes wrong")
def command(config: Path | None, host: str, port: int, control_host: str, control_port: int, verbose: bool) -> None:  # noqa: FBT001, PLR0917  # click gives them by name
    """Runs the gate until SIGTERM: a process of its own, which agents' calls go through.

    It serves every surface whose adapter is `gate` under /{agent}/{surface}/, answers other gateways under
    /v1/authorize/, and keeps the modes and what it parked in the state directory.
    """
    common.quiet_logging(logging.INFO if verbose else logging.WARNING)
    env = common.salvaged(config)
    configuration, _ = common.read_configuration(env)
    for broken in (one for agent in configuration.agents for one in agent.quarantined if one.adapter == KIND):
        click.echo(f"agent-kill: {broken.name} is NOT served here ({broken.place}): {broken.why}", err=True)
    found = routes(configuration)
    if not found:
        common.fail(f"no surface in {env.config} has the adapter gate; run `agent-kill adapters show gate`")
    try:
        asyncio.run(serve(Gate(found, env.state_dir), host, port, control_host, control_port))
    except OSError as error:
        common.fail(f"cannot serve: {error}", code=1)
