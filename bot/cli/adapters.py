"""`agent-kill adapters`: what each kind of surface can hold, needs and costs; and how to write one of your own."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from adapters.base import Manual, Mode
from bot.cli import common, template
from bot.core import KindError, explained, kinds


@click.group("adapters", invoke_without_command=True)
@common.json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Lists every kind: modes, classes, settings, permissions, reversal."""
    if context.invoked_subcommand is not None:
        return
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


@command.command("show")
@click.argument("kind")
@click.option("--setup", is_flag=True, help="print what has to be pasted before, and what takes it back")
def show(kind: str, setup: bool) -> None:  # noqa: FBT001
    """Tells of one KIND: the technique of each mode, the settings, the least privileges, the set-up."""
    try:
        described, manual = explained(kind)
    except KindError as error:
        common.fail(str(error))
    if setup:
        click.echo(_setup(kind, manual), nl=False)
        return
    for line in (*_about(described, manual), *_needs(described, manual)):
        click.echo(line)


@command.command("new")
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="folder; here by default"
)
def new(name: str, into: Path) -> None:
    """Makes a package of an adapter NAME that passes the conformance kit on a fake, for you to put your system in."""
    try:
        folder = template.written(name, into, taken={str(kind["kind"]) for kind in kinds()})
    except template.TemplateError as error:
        common.fail(str(error))
    click.echo(f"made {folder}; next: cd {folder} && pip install -e '.[test]' && pytest")


def _about(described: dict[str, object], manual: Manual | None) -> list[str]:
    """The modes, each with its technique or what it is rounded to."""
    served = described["classes"]
    lines = [f"{described['kind']}: for {', '.join(map(str, served if isinstance(served, list) else ()))}", "", "Modes"]
    modes = described["modes"]
    able = [Mode(mode) for mode in modes] if isinstance(modes, list) else []
    for mode in sorted(set(Mode) - {Mode.NORMAL}, reverse=True):
        if mode in able:
            how = manual.techniques.get(mode, "") if manual else "its package does not say how"
        else:
            how = f"held as {min((one for one in able if one > mode), default='nothing: NOT CUT')}"
        lines.append(f"  {mode!s:<15} {how}")
    if manual:
        lines.append(f"  {'work in flight':<15} {manual.in_flight}")
    if described["parks"]:
        lines.append(f"  {'what is parked':<15} kept at the surface, for people to release or to drop")
    return [*lines, f"  {'given back':<15} {described['reversal']}".replace("_", " ")]


def _needs(described: dict[str, object], manual: Manual | None) -> list[str]:
    """Settings, privileges, and where to read on."""
    lines = ["", "Settings"]
    settings = described["settings"]
    for item in settings if isinstance(settings, list) else ():
        where = "canary." if item["in"] == "canary" else ""
        needed = "required" if item["required"] else "optional"
        lines.append(f"  {where + item['name']:<15} {item['description']} ({item['type']}, {needed})")
    permissions = described["permissions"]
    lines += ["", "The least that the bot needs"]
    lines += [f"  {right}" for right in permissions] if isinstance(permissions, list) and permissions else ["  nothing"]
    if manual:
        lines += ["", f"Set-up: agent-kill adapters show {described['kind']} --setup", f"Read on: {manual.docs}"]
    return lines


def _setup(kind: str, manual: Manual | None) -> str:
    if manual is None:
        common.fail(f"the adapter {kind!r} brings no set-up text: look at the pages of the package that brings it")
    mark = "--" if manual.setup.startswith("--") else "#"
    undo = "".join(f"{mark} {line}" for line in manual.undo.splitlines(keepends=True))
    return f"{manual.setup.rstrip()}\n\n{mark} To undo it:\n{undo.rstrip()}\n"


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
