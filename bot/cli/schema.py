"""`agent-kill schema`: JSON Schema of the configuration file, for editors."""

import click

from bot.cli import common
from bot.settings.schema import json_schema


@click.command("schema")
def command() -> None:
    """Prints the JSON Schema (draft 2020-12) of the configuration file."""
    common.print_json(json_schema())
