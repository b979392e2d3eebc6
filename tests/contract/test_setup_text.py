"""Is what `agent-kill adapters show KIND --setup` prints enough for the bot, and does its undo take it back?"""

import asyncio
import shlex
import sys

from pydantic import SecretStr

from adapters import registry
from adapters.base import Manual, Mode, Shared
from adapters.conformance import Keeper
from adapters.postgres_role import Canary, PostgresRole, Settings
from adapters.rabbitmq_user import RabbitmqUser, RabbitmqUserCanary, RabbitmqUserConfig
from adapters.redis_acl import RedisAcl, RedisAclConfig
from tests.contract.rabbit_server import ADMIN
from tests.contract.redis_rig import rig
from tests.contract.rigs.running import Running
from tests.contract.servers import PASSWORD, Database, ValkeyServer


def _manual(kind: str) -> Manual:
    found = registry.manual(kind)
    assert found
    return found


def _statements(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(("--", "#"))]


async def test_the_set_up_of_a_postgres_role(postgres_database: Database) -> None:
    """As a superuser, with the names put in: nothing is missing, stops and ways back work, and nothing is left."""
    there, manual = postgres_database, _manual("postgres_role")
    setup = manual.setup
    for name, real in {"<agent>": there.agent, "<owner>": there.owner, "<password>": PASSWORD}.items():
        setup = setup.replace(name, real)
    await there.run(setup)
    config = {"dsn": there.dsn("kill_bot"), "role": there.agent, "parking": True}
    canary = {"dsn": there.dsn(there.agent)}
    adapter = PostgresRole(
        config=Settings.model_validate(config), canary=Canary.model_validate(canary), shared=Shared()
    )
    assert await adapter.preflight() == ()
    keeper = Keeper(adapter)
    for mode in sorted(adapter.modes):
        await keeper.held(mode)
        await keeper.relax(Mode.NORMAL)
    await adapter.aclose()
    await there.run(setup.partition("BEGIN;")[2].partition("COMMIT;")[0])  # again, as after an upgrade
    await there.run(manual.undo)
    assert await there.value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '!agent_kill%'") == 0
    assert await there.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'agent_kill'") == 0
    assert await there.value("SELECT count(*) FROM pg_roles WHERE rolname = 'kill_bot'") == 0


async def test_the_set_up_of_a_redis_user(valkey_server: ValkeyServer) -> None:
    """As the administrator, with the names put in: nothing is missing, queues included, and nothing is left of it."""
    there, manual = await rig(valkey_server), _manual("redis_acl")
    names = {"<password>": "pw", "<queue>": "jobs*", "<draft_prefix>": "draft:", "<proposed>": "orders:*"}
    for statement in _statements(manual.setup):
        for name, real in (names | {"<agent>": there.user}).items():
            statement = statement.replace(name, real)  # noqa: PLW2901  # one name after the other
        await there.witness.execute_command(*statement.split())  # type: ignore[no-untyped-call]  # the library's
    url = SecretStr(valkey_server.url(user="agent_kill", password="pw"))
    config = RedisAclConfig(url=url, user=there.user, queues=("jobs",), draft_prefix="draft:")
    adapter = RedisAcl(config=config, canary=None, shared=Shared())
    assert await adapter.preflight() == ()
    assert (await adapter.observe()).enforceable == RedisAcl.modes
    keeper = Keeper(adapter)
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert cut.held is Mode.FULL_STOP
    await adapter.hold(label="one")
    await keeper.relax(Mode.NORMAL)
    await adapter.aclose()
    for line in _statements(manual.undo):
        await there.acl(*line.split()[1:])
    assert await there.acl("GETUSER", "agent_kill") is None
    await there.close()


async def test_the_set_up_of_a_rabbitmq_user(servers: Running) -> None:
    """By rabbitmqadmin, with the names put in: nothing is missing, all modes hold, and nothing is left of it."""
    server, manual = servers.rabbit, _manual("rabbitmq_user")
    names = {
        "<VHOST>": "setup", "<EXCHANGE>": "billing.out", "<TO>": "billing.events", "<QUEUES>": "billing.work",
        "<AGENT>": "billing", "<PASSWORD OF THE BOT>": PASSWORD, "<CONFIGURE>": "", "<WRITE>": "^billing", "<READ>": "",
    }  # fmt: skip
    server.call("PUT", "/vhosts/setup")
    server.call("PUT", "/users/guest", {"password": "guest", "tags": "administrator"})
    server.call("PUT", f"/permissions/setup/{ADMIN}", {"configure": ".*", "write": ".*", "read": ".*"})
    server.call("PUT", "/users/billing", {"password": PASSWORD, "tags": ""})
    server.call("PUT", "/exchanges/setup/billing.events", {"type": "topic", "durable": True})
    server.call("PUT", "/queues/setup/billing.work", {"durable": True})
    await _administered(manual.setup, names, server.api)
    given = {
        "url": server.url, "amqp": server.amqp, "login": "agent_kill", "password": PASSWORD, "user": "billing",
        "vhost": "setup", "exchange": "billing.out", "to": "billing.events", "queues": ["billing.work"],
    }  # fmt: skip
    canary = RabbitmqUserCanary(url=SecretStr(f"amqp://billing:{PASSWORD}@127.0.0.1:{server.port}/setup"))
    adapter = RabbitmqUser(config=RabbitmqUserConfig.model_validate(given), canary=canary, shared=Shared())
    assert await adapter.preflight() == ()
    keeper = Keeper(adapter)
    for mode in sorted(RabbitmqUser.modes):
        await keeper.held(mode)
    assert (await adapter.list()).number == 0
    assert (await adapter.hold(label="one")).number == 0
    await keeper.relax(Mode.NORMAL)
    await adapter.aclose()
    await _administered(manual.undo, names, server.api)
    assert server.call("GET", "/users/agent_kill") is None
    assert server.call("GET", "/exchanges/setup/billing.out") is None
    assert [row["name"] for row in server.call("GET", "/queues/setup") if "billing.out" in row["name"]] == []
    server.call("DELETE", "/vhosts/setup")
    server.call("DELETE", "/users/billing")


async def _administered(text: str, names: dict[str, str], port: int) -> None:
    """Runs the lines by the node's own program."""
    for name, real in names.items():
        text = text.replace(name, real)
    login = ["--host", "127.0.0.1", "--port", str(port), "--username", ADMIN, "--password", PASSWORD]
    for line in _statements(text.replace("\\\n", "")):
        words = shlex.split(line)
        words[0] = "/usr/bin/rabbitmqadmin"
        program = await asyncio.create_subprocess_exec(sys.executable, *words, *login, stdout=asyncio.subprocess.PIPE)
        said, _ = await program.communicate()
        assert program.returncode == 0, f"{line}: {said.decode()}"
