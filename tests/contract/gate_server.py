"""A private `agent-kill gate`, in a process of its own, with many surfaces for one agent after the other."""

import itertools
import json
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from bot.sandbox.processes import send
from bot.sandbox.servers import HOST, Server, free_port

SECRET = "gate-secret"
SURFACES = 150
_NUMBERS = itertools.count()


class GateServer(Server):
    """One gate.

    Args:
        upstream: port of the upstream of every surface.
        more: further settings of every surface.
        names: the surfaces of the agent `billing`.
        fresh: without a mode on the disk yet.
        folder: where the state lies; kept where it is given.
        own: further settings of single surfaces.
    """

    name = "the gate"

    def __init__(
        self,
        upstream: int,
        more: Mapping[str, object] | None = None,
        *,
        names: Sequence[str] = (),
        fresh: bool = False,
        folder: Path | None = None,
        own: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(folder=folder)
        self.upstream, self._more, self._fresh = upstream, dict(more or {}), fresh
        self.names = list(names) or [f"s{number}" for number in range(SURFACES)]
        self.control = free_port()
        self._own = own or {}

    def settings(self, name: str) -> dict[str, object]:
        """Of one surface, as the bot and the gate have them."""
        return {
            "name": f"billing/{name}",
            "gates": [{"control": f"http://{HOST}:{self.control}"}],
            "secret": "${GATE_SECRET}",
            "upstream": f"http://{HOST}:{self.upstream}",
            "patience": "0s",
            **self._more,
            **self._own.get(name, {}),
        }

    def door(self, name: str) -> str:
        """Where the agent calls."""
        return f"http://{HOST}:{self.port}/billing/{name}"

    def state(self, name: str) -> Path:
        """Where its mode lies."""
        return self.folder / "state" / "gate" / f"billing~{name}" / "mode.json"

    def write(self, name: str, mode: str, mark: str | None = None) -> None:
        """Sets a mode by hand, as `docs/adapters/gate.md` says."""
        story = {"by": "", "reason": "", "incident": "", "link": "", "since": 0.0}
        told = {"mode": mode, "mark": mark, "generation": 0, "fresh": False, "story": story}
        self.state(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state(name).write_text(json.dumps(told))

    def reload(self) -> None:
        """Has it read the modes again."""
        send(self.pid, signal.SIGHUP)

    def fresh_name(self) -> str:
        """A surface that no test had."""
        return self.names[next(_NUMBERS)]

    def _prepare(self) -> None:
        surfaces = {name: {"adapter": "gate", "class": "api", "settings": self.settings(name)} for name in self.names}
        agents = {"billing": {"name": "Billing", "surfaces": surfaces}}
        (self.folder / "gate.yaml").write_text(yaml.safe_dump({"agents": agents}), encoding="utf-8")
        for name in self.names if not self._fresh else ():
            self.write(name, "normal")

    def _serves(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.control), timeout=1):
            return super()._serves()
        return False

    def _command(self) -> Sequence[str]:
        environment = [f"AGENT_KILL_STATE_DIR={self.folder / 'state'}", f"GATE_SECRET={SECRET}"]
        options = ["--port", str(self.port), "--control-port", str(self.control)]
        config = ["--config", str(self.folder / "gate.yaml")]
        return ["/usr/bin/env", *environment, sys.executable, "-m", "bot", "gate", *config, *options]
