"""`python -m bot.sandbox`: a simulated workspace as a process of its own."""

import asyncio
import json
import signal
from pathlib import Path

import click

from bot.sandbox.manifest import Manifest
from bot.sandbox.simulator import Simulator


@click.command()
@click.option("--manifest", type=click.Path(exists=True, path_type=Path), default=Path("manifest.yml"))
@click.option("--port", default=0, help="0 takes a free one.")
@click.option("--request-url", default="", help="The app's /slack/events: deliver over HTTP and not Socket Mode.")
def main(manifest: Path, port: int, request_url: str) -> None:
    """Serves until interrupted; the first line of output is the environment for the bot, as JSON."""
    asyncio.run(_serve(Manifest.load(manifest), port, request_url))


async def _serve(manifest: Manifest, port: int, request_url: str) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Simulator(manifest, port=port) as simulator:
        if request_url:
            simulator.use("http", url=request_url)
        secret = {"SLACK_SIGNING_SECRET": simulator.signing_secret}
        click.echo(json.dumps(simulator.environment | (secret if request_url else {})))
        await stopped.wait()


if __name__ == "__main__":
    main()
