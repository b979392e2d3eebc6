"""`agent-kill demo`: the main job on real servers and a simulated Slack workspace."""

import asyncio
import sys

import click

from bot.cli import common


@click.command("demo")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="of the page; it is not in this version")
@click.option("--script", is_flag=True, help="play it in the terminal; exit 0 only if each step really happened")
@click.option("--no-browser", is_flag=True, help="do not open the page; it is not in this version")
@click.option("--keep", is_flag=True, help="leave everything running after the play, until Ctrl-C")
@click.option("--bot-command", default="", hidden=True, help="what to run in place of agent-kill")
def command(*, port: int, script: bool, no_browser: bool, keep: bool, bot_command: str) -> None:
    """Plays stop, proof, drift and re-cut with agents that really work, and checks each step against a witness.

    Needs no Slack workspace and no root: PostgreSQL and Valkey come from wheels, Slack is simulated on loopback, and
    everything lives in a temporary folder. Exit 0: every step really happened; 1: one did not, and the logs are kept.
    """
    from bot.sandbox.demo.show import run  # noqa: PLC0415  # the help must not need the demo's servers

    if not script:
        click.echo("The demo's page is not in this version; the same play follows in the terminal (demo --script).")
    del port, no_browser
    try:
        sys.exit(asyncio.run(run(bot_command=bot_command, keep=keep)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        common.fail("the demo was interrupted; every process that it started is stopped", code=130)
