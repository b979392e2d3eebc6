"""The servers of one test process, each started when somebody first asks for it."""

import socket
from contextlib import ExitStack
from functools import cached_property
from tempfile import TemporaryDirectory

from bot.sandbox.servers import HOST
from tests.contract import parking_program
from tests.contract.celery_worker import CeleryNodes
from tests.contract.flag_server import FlagServer
from tests.contract.gate_server import GateServer
from tests.contract.http_rig import Farm, farm
from tests.contract.nats_server import NatsServer
from tests.contract.rabbit_server import RabbitServer
from tests.contract.rq_worker import RqWorkers
from tests.contract.servers import PostgresServer, ValkeyServer
from tests.contract.supervisor_server import SupervisorServer


class Running:
    """Servers until `close`."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    @cached_property
    def postgres(self) -> PostgresServer:
        """A PostgreSQL."""
        return self._stack.enter_context(PostgresServer())

    @cached_property
    def valkey(self) -> ValkeyServer:
        """A Valkey that keeps its keys."""
        return self._stack.enter_context(ValkeyServer(options=("--appendonly", "yes")))

    @cached_property
    def nats(self) -> NatsServer:
        """A NATS with JetStream."""
        return self._stack.enter_context(NatsServer())

    @cached_property
    def rabbit(self) -> RabbitServer:
        """A RabbitMQ."""
        return self._stack.enter_context(RabbitServer())

    @cached_property
    def receivers(self) -> Farm:
        """A process of HTTP receivers."""
        return self._stack.enter_context(farm())

    @cached_property
    def services(self) -> Farm:
        """A process of services with the reference receiver in them."""
        folder = self._stack.enter_context(TemporaryDirectory())
        return self._stack.enter_context(farm(1, parking_program.__name__, folder))

    @cached_property
    def gate(self) -> GateServer:
        """A gate with many surfaces, in front of a socket that each test's own upstream takes."""
        return self._stack.enter_context(GateServer(self.gate_line.getsockname()[1]))

    @cached_property
    def gate_line(self) -> socket.socket:
        """What listens behind that gate: no other program gets the port between two tests."""
        return self._stack.enter_context(socket.create_server((HOST, 0)))

    @cached_property
    def flags(self) -> FlagServer:
        """A server of feature flags."""
        return self._stack.enter_context(FlagServer())

    @cached_property
    def supervisor(self) -> SupervisorServer:
        """A supervisord with the bot's extension."""
        return self._stack.enter_context(SupervisorServer())

    @cached_property
    def supervisor_plain(self) -> SupervisorServer:
        """A supervisord as it comes."""
        return self._stack.enter_context(SupervisorServer(extension=False))

    @cached_property
    def rq(self) -> RqWorkers:
        """RQ workers over the Valkey."""
        return self._stack.enter_context(RqWorkers(self.valkey))

    @cached_property
    def celery(self) -> CeleryNodes:
        """Celery workers over the Valkey."""
        return self._stack.enter_context(CeleryNodes(self.valkey))

    def close(self) -> None:
        """Stops them."""
        self._stack.close()
