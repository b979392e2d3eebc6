import contextlib
import socket
from pathlib import Path

import asyncpg
import pytest

from bot.sandbox.processes import descendants
from tests.contract.servers import Database, PostgresServer, ValkeyServer


def _answers(server: ValkeyServer, seconds: float) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as line:
        line.sendall(b"PING\r\n")
        return line.recv(64)


async def test_postgres_serves_the_roles_of_a_test(postgres_database: Database) -> None:
    """A test's agent can write to the table that its owner shared."""
    await postgres_database.run("INSERT INTO effects VALUES (1)", user=postgres_database.agent)
    assert await postgres_database.value("SELECT count(*) FROM effects") == 1


def test_postgres_leaves_no_process_behind() -> None:
    """Stopping the server ends all its processes and removes its folder."""
    with PostgresServer() as server:
        family = (server.pid, *descendants(server.pid))
        assert len(family) > 1
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
    assert not server.folder.exists()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.port), timeout=1):
        pass


async def test_a_frozen_postgres_is_silent_until_it_thaws(postgres_server: PostgresServer) -> None:
    """Freezing reaches the sessions that are open: they answer again only after the thaw."""
    line = await asyncpg.connect(postgres_server.dsn())
    postgres_server.freeze()
    try:
        with pytest.raises(TimeoutError):
            await asyncpg.connect(postgres_server.dsn(), timeout=0.2)
    finally:
        postgres_server.thaw()
    assert await line.fetchval("SELECT 1") == 1
    await line.close()


def test_valkey_freezes_thaws_and_comes_back_on_its_port() -> None:
    """Freeze, thaw, crash and restart act on the process; the port stays."""
    with ValkeyServer() as server:
        port = server.port
        server.freeze()
        with pytest.raises(TimeoutError):
            _answers(server, 0.2)
        server.thaw()
        assert _answers(server, 5).startswith(b"-NOAUTH")
        server.crash()
        with pytest.raises(ConnectionRefusedError):
            _answers(server, 1)
        server.restart()
        assert server.port == port
        assert _answers(server, 5).startswith(b"-NOAUTH")
    with contextlib.suppress(ConnectionRefusedError):
        _answers(server, 1)
        pytest.fail("the server still answers after stop")
