"""`agent-kill demo`: the main job on real servers and a simulated Slack workspace."""

import asyncio
import sys

import click

from bot.cli import common


@click.command("demo")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="of the page, on 127.0.0.1; a free one unless set"
)
@click.option("--script", is_flag=True, help="play it in the terminal; exit 0 only if each step really happened")
@click.option("--no-browser", is_flag=True, help="print the address of the page and open no browser")
@click.option("--keep", is_flag=True, help="with --script: leave everything running after the play, until Ctrl-C")
@click.option("--bot-command", default="", hidden=True, help="what to run in place of agent-kill")
def command(*, port: int, script: bool, no_browser: bool, keep: bool, bot_command: str) -> None:
    """Shows agents that really work, the real bot, and a simulated Slack workspace, on a page in the browser.

    Needs no Slack workspace and no root: PostgreSQL and Valkey come from wheels, Slack is simulated on loopback, and
    everything lives in a temporary folder. Ctrl-C ends it and leaves nothing behind.

    With --script it plays stop, proof, drift and re-cut in the terminal and checks each step against a witness. Exit 0:
    every step really happened; 1: one did not, and the logs are kept.
    """
    from bot.sandbox.demo import show  # noqa: PLC0415  # the help must not need the demo's servers
    from bot.sandbox.page import run  # noqa: PLC0415  # as above

    playing = (
        show.run(bot_command=bot_command, keep=keep)
        if script
        else run.run(port=port, browser=not no_browser, bot_command=bot_command)
    )
    try:
        sys.exit(asyncio.run(playing))
    except (KeyboardInterrupt, asyncio.CancelledError):
        common.fail("the demo was interrupted; every process that it started is stopped", code=130)
