"""Is what `agent-kill adapters show KIND --setup` prints enough for the bot, and does its undo take it back?"""

from pydantic import SecretStr

from adapters import registry
from adapters.base import Manual, Mode, Shared
from adapters.conformance import Keeper
from adapters.postgres_role import Canary, PostgresRole, Settings
from adapters.redis_acl import RedisAcl, RedisAclConfig
from tests.contract.redis_rig import rig
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
