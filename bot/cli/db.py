"""`agent-kill db`: migrations of the ledger."""

import asyncio

import click

from bot.cli import common
from bot.store.engine import BadUrlError, default_url
from bot.store.upgrade import SchemaError, upgrade


@click.group("db")
def command() -> None:
    """The ledger's database. SQLite upgrades itself when `serve` starts; PostgreSQL only here."""


@command.command("upgrade")
def upgrade_command() -> None:
    """Applies the migrations that AGENT_KILL_DATABASE_URL lacks, all or nothing."""
    env = common.environment()
    try:
        applied = asyncio.run(upgrade(env.database_url or default_url(env.state_dir)))
    except (BadUrlError, SchemaError) as error:
        common.fail(str(error), code=1)
    click.echo(f"applied {', '.join(applied)}" if applied else "nothing to do: the database is up to date")
