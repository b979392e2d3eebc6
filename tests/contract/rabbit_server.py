"""A private RabbitMQ node: ports, database, cookie and name server of its own, on loopback alone."""

import contextlib
import json
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, ClassVar

from bot.sandbox.servers import HOST, Server, ServerError, free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # as the user that we are; the one on the PATH changes users
ADMIN, PASSWORD = "admin", "test-password"
_CONFIGURATION = f"""\
listeners.tcp.1 = {HOST}:{{amqp}}
distribution.listener.interface = {HOST}
management.tcp.ip = {HOST}
management.tcp.port = {{api}}
management.tcp.idle_timeout = 180000
management.tcp.inactivity_timeout = 180000
management.tcp.request_timeout = 180000
default_user = {ADMIN}
default_pass = {PASSWORD}
log.file = false
log.console = true
log.console.level = error
"""


class NameServer(Server):
    """An `epmd` of our own, which nodes of other people do not find."""

    name: ClassVar[str] = "epmd"

    def _command(self) -> Sequence[str]:
        program = shutil.which("epmd")
        if program is None:
            raise ServerError("epmd is not installed: make tools")
        return [program, "-address", HOST, "-port", str(self.port)]


class RabbitServer(Server):
    """One node, with the management API; the administrator is `ADMIN`, and there is no guest.

    Args:
        names: the name server that it shares with others; one of its own when None.
        joins: a node whose cluster it becomes a member of.
    """

    name: ClassVar[str] = "RabbitMQ"

    def __init__(self, *, names: NameServer | None = None, joins: "RabbitServer | None" = None) -> None:
        super().__init__()
        self.names = names or NameServer()
        self._own_names, self._joins = names is None, joins
        self.api, self._distribution = free_port(), free_port()

    @property
    def url(self) -> str:
        """Of the management API."""
        return f"http://{HOST}:{self.api}"

    @property
    def amqp(self) -> str:
        """Of AMQP."""
        return f"amqp://{HOST}:{self.port}"

    @property
    def node(self) -> str:
        """Its name in the cluster."""
        return f"rabbit{self.api}@localhost"

    def call(self, method: str, path: str, body: object = None, *, user: str = ADMIN) -> Any:
        """What a call of the management API answers; None where there is nothing of that name."""
        line = HTTPConnection(HOST, self.api, timeout=30)
        login = b64encode(f"{user}:{PASSWORD}".encode()).decode()
        try:
            said = None if body is None else json.dumps(body)
            headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
            line.request(method, f"/api{path}", said, headers)
            reply = line.getresponse()
            text = reply.read()
        finally:
            line.close()
        if reply.status == 404:
            return None
        if reply.status >= 300:
            raise ServerError(f"{self.name} answered {reply.status} to {method} {path}: {text[:300]!r}")
        return json.loads(text) if text else True

    def freeze(self) -> None:
        """As of every server, and returns once each of its threads stands still: on several processors some go on."""
        super().freeze()
        until = time.monotonic() + 5
        while not all(_still(pid) for pid in self._beams()):
            if time.monotonic() > until:
                raise ServerError(f"{self.name} did not stand still within 5 s of SIGSTOP")
            time.sleep(0.001)

    def stop(self) -> None:
        """Ends the node at once, and the name server if it is its own."""
        self.crash()
        super().stop()
        if self._own_names:
            self.names.stop()

    def _beams(self) -> list[int]:
        found = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True, check=False).stdout
        return [int(pid) for pid in found.split()]

    def _prepare(self) -> None:
        if not PROGRAM.exists():
            raise ServerError("rabbitmq-server is not installed: make tools (as root)")
        if self._own_names:
            self.names.start()
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="ascii")

    def _command(self) -> Sequence[str]:
        written = self.folder / "rabbitmq.conf"
        text = _CONFIGURATION.format(amqp=self.port, api=self.api)
        for number, node in enumerate([self._joins.node, self.node] if self._joins else (), start=1):
            text += f"cluster_formation.classic_config.nodes.{number} = {node}\n"
        written.write_text(text, encoding="ascii")
        home = (self._joins or self).folder  # the cookie is there
        said = {
            "HOME": home, "ERL_EPMD_PORT": self.names.port, "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": self.node, "RABBITMQ_DIST_PORT": self._distribution,
            "RABBITMQ_MNESIA_BASE": self.folder / "db", "RABBITMQ_LOG_BASE": self.folder / "log",
            "RABBITMQ_PID_FILE": self.folder / "pid", "RABBITMQ_CONFIG_FILE": written,
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        return ["env", *(f"{name}={value}" for name, value in said.items()), str(PROGRAM)]

    def _serves(self) -> bool:
        with contextlib.suppress(OSError, ServerError, ValueError):
            return bool(self.call("GET", "/health/checks/port-listener/" + str(self.port)))
        return False


def _still(pid: int) -> bool:
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)
