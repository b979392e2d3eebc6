"""The flag server in a process of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bot.sandbox.servers import Server
from tests.contract import flag_program


class FlagServer(Server):
    """See `flag_program`."""

    name = "the flag server"

    def _command(self) -> Sequence[str]:
        return [sys.executable, str(Path(flag_program.__file__)), str(self.port), str(self.folder / "flags.json")]
