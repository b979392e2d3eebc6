"""`agent-kill enrol`: makes the seed of one voter's second factor, and tries a code against it."""

import os
import sys
import time
from pathlib import Path

import click
import pyotp

from bot.service.second_factor import STEP, matching
from bot.settings.terms import user_id


@click.command("enrol")
@click.argument("user")
@click.option(
    "--file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The secret file that the seed is written to, mode 0600.",
)
@click.option("--code", help="Try this code of the app against the file, and write nothing.")
def command(user: str, file: Path, code: str | None) -> None:
    """Enrols the voter USER (a Slack user id) for the second factor of a restore.

    Writes a new seed to the file, and shows it once, for an authenticator app.
    """
    try:
        user_id(user)
    except ValueError as error:
        raise click.BadParameter(f"{user!r} {error}", param_hint="USER") from None
    if code is None:
        _make(user, file.absolute())
    else:
        _try(file, code)


def _make(user: str, file: Path) -> None:
    seed = pyotp.random_base32()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        click.echo(f"{file} cannot be created: {error.strerror}; nothing was enrolled", err=True)
        sys.exit(1)
    with os.fdopen(handle, "w") as written:
        written.write(f"{seed}\n")
    click.echo(f"The seed of {user} is in {file}. For their authenticator app, once and over a safe way:\n")
    click.echo(f"  {pyotp.TOTP(seed, interval=STEP).provisioning_uri(name=user, issuer_name='agent-kill')}\n")
    click.echo(f"or typed in as the key {seed} (time-based, six digits). In the configuration file:\n")
    click.echo(f'  policy: {{restore: {{second_factor: {{seeds: {{{user}: "file:{file}"}}}}}}}}\n')
    click.echo(f"Then try what the app shows: agent-kill enrol {user} --file {file} --code CODE")


def _try(file: Path, code: str) -> None:
    try:
        found = matching(file.read_text().strip(), "".join(code.split()), time.time())
    except (OSError, ValueError) as error:
        click.echo(f"{file} holds no seed that can be read: {error}", err=True)
        sys.exit(1)
    if found is None:
        click.echo("That is not the code of now: check the clocks of this host and of the app's device.", err=True)
        sys.exit(1)
    click.echo("That is the code of now.")
