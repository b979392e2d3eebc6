"""The bot, as a process like any other: started, signalled, killed; nothing of it is imported."""

import asyncio
import json
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.demo.child import Child, Ended, last_lines, python
from bot.sandbox.servers import free_port


@dataclass(frozen=True, slots=True)
class Said:
    """What a command of the bot printed, and how it ended."""

    code: int
    output: str

    @property
    def document(self) -> Any:
        """The one JSON document of `--json`; None where it is none."""
        try:
            return json.loads(self.output)
        except ValueError:
            return None


class Product:
    """The ordinary `agent-kill`, run with an ordinary environment.

    Args:
        folder: its log and its state directory go here.
        variables: its environment.
        command: what stands for `agent-kill`; this interpreter with `-m bot` when empty.
    """

    def __init__(self, folder: Path, variables: dict[str, str], command: str = "") -> None:
        self._folder = folder
        self.log = folder / "bot.log"
        self.configuration = folder / "agent-kill.yaml"
        self.state = folder / "state"
        self.admin_port = free_port()  # the same after a restart, for whoever looks at its status
        self._command = tuple(shlex.split(command)) or python("bot")
        self._variables = variables | {
            "AGENT_KILL_CONFIG": str(self.configuration),
            "AGENT_KILL_STATE_DIR": str(self.state),
            "AGENT_KILL_PORT": "0",
            "AGENT_KILL_ADMIN_PORT": str(self.admin_port),
        }
        self._serve: Child | None = None

    @property
    def pid(self) -> int:
        """The process id of `serve`; 0 before the start."""
        return self._serve.pid if self._serve else 0

    @property
    def running(self) -> bool:
        """Whether `serve` is alive."""
        return self._serve is not None and self._serve.running

    async def start(self) -> None:
        """Starts `agent-kill serve`; whether it serves is for Slack to see."""
        self._serve = Child((*self._command, "serve"), log=self.log, variables=self._variables, listen=False)
        await self._serve.start()

    def reload(self) -> None:
        """Tells it to read its configuration again."""
        if self._serve:
            self._serve.signal(signal.SIGHUP)

    async def kill(self) -> None:
        """`kill -9`; returns when it is gone."""
        if self._serve:
            self._serve.kill()
            await self._serve.wait()

    async def stop(self) -> None:
        """Ends it in good order."""
        if self._serve:
            await self._serve.stop()

    async def run(self, *words: str, seconds: float = 60.0) -> Said:
        """Runs another command of it to the end. Raises `Ended` when it takes longer than `seconds`."""
        output, log = self._folder / f"{words[0]}.out", self._folder / f"{words[0]}.log"
        output.unlink(missing_ok=True)
        # its standard output and error go to files of their own, as a shell would do it
        inner = f"exec {shlex.join([*self._command, *words])} 2>>{shlex.quote(str(log))}"
        child = Child(("/bin/sh", "-c", inner), log=output, variables=self._variables, listen=False)
        await child.start()
        try:
            async with asyncio.timeout(seconds):
                code = await child.wait()
        except TimeoutError:
            raise Ended(f"`agent-kill {words[0]}` did not end within {seconds:g} s: {last_lines(log)}") from None
        finally:
            await child.stop()
        return Said(code, output.read_text(encoding="utf-8", errors="replace"))
