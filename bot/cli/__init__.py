"""The `agent-kill` command. Each subcommand is imported when it is called, so that `stop` loads only the stop path."""

import importlib
import sys

import click

_COMMANDS = {
    "serve": "run the bot",
    "demo": "play the main job on a simulated Slack workspace and real servers",
    "check": "validate the configuration and the inventory",
    "stop": "stop agents now, with Slack, the database and the bot down",
    "drill": "rehearse a stop now through the running bot, or list the drills",
    "drafts": "list what surfaces parked of what agents asked for, and decide on it",
    "status": "show what is held, surface by surface",
    "journal": "hand this host's journal to the running bot",
    "report": "tell an incident from the journals, as text, a page or JSON",
    "audit": "verify journals offline, or export them for an auditor",
    "adapters": "list the kinds of surface, with their modes and settings",
    "enrol": "make the seed of a voter's second factor",
    "gate": "run the gate that agents' calls go through",
    "schema": "print the JSON Schema of the configuration file",
    "db": "migrations of the ledger",
}


class _Lazy(click.Group):
    """A group that imports `bot.cli.<command>` when the command is asked for, and not for the list."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bot.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agent-kill", prog_name="agent-kill")
def group() -> None:
    """Stops AI agents on every surface where they hold authority, and proves each cut.

    \b
    In a bad hour:   agent-kill stop full_stop --all --reason "what happened"
    What is held:    agent-kill status
    """  # noqa: D301  # click reads the backspace as "keep these lines"


def main() -> None:
    """The entry point; usage and configuration errors exit with 2."""
    try:
        group(prog_name="agent-kill")
    except KeyboardInterrupt:
        sys.exit(130)
