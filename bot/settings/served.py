"""What a running bot serves: the file, helped out by the last good copy."""

import contextlib
from collections.abc import Mapping

from bot.domain.model import Configuration
from bot.settings import last_good
from bot.settings.environment import Environment
from bot.settings.findings import Finding
from bot.settings.loaded import load


def served(
    environment: Environment, environ: Mapping[str, str], held: frozenset[str]
) -> tuple[Configuration, tuple[Finding, ...]]:
    """The configuration to serve and what is wrong with it; a file without errors becomes the last good copy.

    Args:
        environment: names the file and the state directory.
        environ: what `${…}` refers to.
        held: the surfaces under a live hold, which no edit of the file can take away.
    """
    loaded = load(environment.config, environ)
    last = last_good.load_last(environment.state_dir, environ)
    configuration, notes = last_good.fallback(loaded, last, held)
    if last_good.may_save(loaded, notes):
        with contextlib.suppress(OSError):  # a full disk must not keep the bot from starting
            last_good.save(environment.state_dir, loaded.text)
    return configuration, (*loaded.findings, *notes)
