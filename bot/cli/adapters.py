"""`agent-kill adapters`: what each kind of surface can hold, needs and costs."""

import click
from rich.console import Console
from rich.table import Table

from bot.cli import common
from bot.core import kinds


@click.command("adapters")
@common.json_option
def command(as_json: bool) -> None:  # noqa: FBT001
    """Lists every kind: modes, classes, settings, permissions, reversal."""
    described = kinds()
    if as_json:
        common.print_json(described)
        return
    table = Table(title="Kinds of surface", title_justify="left", show_lines=True)
    for column in ("kind", "modes", "classes", "settings", "permissions", "reversal"):
        table.add_column(column, overflow="fold")
    for kind in described:
        table.add_row(
            *(_cell(kind[column]) for column in ("kind", "modes", "classes")),
            _settings(kind["settings"]),
            *(_cell(kind[column]) for column in ("permissions", "reversal")),
        )
    Console(highlight=False).print(table)


def _cell(value: object) -> str:
    return "\n".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _settings(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return "\n".join(_setting(item) for item in value)


def _setting(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    required = "" if item.get("required", False) else " (optional)"
    return f"{item.get('name')}{required}"
