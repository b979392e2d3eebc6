"""On real servers: does a vote give back exactly what was taken, step by step, and does a stop in the middle win?"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from redis.exceptions import RedisError

from adapters.base import Mode
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.sandbox.servers import ValkeyServer
from bot.service import restore, stepping
from tests.contract import redis_rig
from tests.contract.rigs.postgres_role import GONE, PostgresRig
from tests.contract.served_restore import Served
from tests.contract.servers import Database

SQL, QUEUE = "billing/sql", "billing/queue"
STEPS = [(Mode.READ_ONLY, "reads"), (Mode.NORMAL, "reads and writes")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace has no part in what is given back."""
    monkeypatch.setattr(restore, "TICK", 0.01)
    monkeypatch.setattr(stepping, "_LOOK", 0.01)


@pytest.fixture
async def there(valkey_server: ValkeyServer) -> AsyncIterator[redis_rig.Rig]:
    """An agent's user on the server."""
    rig = await redis_rig.rig(valkey_server)
    yield rig
    await rig.close()


@pytest.fixture
def role(postgres_database: Database) -> PostgresRig:
    """An agent's role on the server."""
    return PostgresRig(postgres_database)


async def _of_role(database: Database) -> str:
    """What the agent can do in its database now."""
    try:
        session = await asyncpg.connect(database.dsn(database.agent))
    except GONE:
        return "nothing"
    try:
        await session.execute("SELECT count(*) FROM notes")
        await session.execute("INSERT INTO effects VALUES (1)")
    except asyncpg.InsufficientPrivilegeError:
        return "reads"
    finally:
        await session.close()
    return "reads and writes"


async def _of_user(there: redis_rig.Rig) -> str:
    """What the agent can do on its server now."""
    try:
        async with there.agent() as session:
            await session.get("k")
            refused = await redis_rig.refused(session, "SET", "k", "1")
    except RedisError:
        return "nothing"
    return "reads" if refused else "reads and writes"


async def test_a_role_comes_back_mode_by_mode(role: PostgresRig) -> None:
    """PostgreSQL, with a milder surface's steps between: at each step the agent's own session shows what is held."""
    adapter, before = role.adapter(), await role.authority()
    rig = Served({SQL: adapter}, lambda: _of_role(role.database))
    await rig.held()
    assert await _of_role(role.database) == "nothing"
    ballot = await rig.given_back()

    assert ballot.ended
    assert (ballot.ended.how, rig.looked) == ("completed", STEPS)
    assert await role.authority() == before
    await _close(rig, adapter)


async def test_a_user_comes_back_mode_by_mode(there: redis_rig.Rig) -> None:
    """Redis: as above."""
    adapter, before = there.adapter(), await there.line()
    rig = Served({QUEUE: adapter}, lambda: _of_user(there))
    await rig.held()
    assert await _of_user(there) == "nothing"
    ballot = await rig.given_back()

    assert ballot.ended
    assert (ballot.ended.how, rig.looked) == ("completed", STEPS)
    assert await there.line() == before
    await _close(rig)


async def test_what_others_changed_at_a_role_stays_so(role: PostgresRig) -> None:
    """Only our change is undone: a grant that a person revoked, a table that is gone and a new password stay so."""
    database, adapter = role.database, role.adapter()
    await database.run(f"CREATE TABLE doomed (n int); GRANT INSERT ON doomed TO {database.agent}", user=database.owner)
    rig = Served({SQL: adapter}, lambda: _of_role(database))
    await rig.held()
    await database.run(f"REVOKE UPDATE ON notes FROM {database.agent}", user=database.owner)
    await rig.given_back(Mode.READ_ONLY)
    await role.rotate()
    await database.run("DROP TABLE doomed", user=database.owner)
    ballot = await rig.given_back()

    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    assert await role.rotated()
    proof = rig.board.proofs[rig.key(SQL)]
    assert (proof.outcome, "doomed" in proof.detail) == (Outcome.PROBATION, True), proof
    may = "SELECT has_table_privilege($1, 'notes', $2)"
    assert await database.value(may, database.agent, "UPDATE") is False
    assert await database.value(may, database.agent, "INSERT") is True
    await _close(rig, adapter)


async def test_what_a_person_left_of_a_user_stays_so_and_is_shown(there: redis_rig.Rig) -> None:
    """Redis: of the commands that a person chose meanwhile none comes back, and a step's proof names what was kept."""
    rig = Served({QUEUE: there.adapter()}, lambda: _of_user(there))
    await rig.held()
    await there.acl("SETUSER", there.user, "-@all", "+get")
    ballot = await rig.given_back()

    assert ballot.ended
    assert (ballot.ended.how, rig.looked[-1]) == ("completed", (Mode.NORMAL, "reads"))
    assert "commands" in rig.board.proofs[rig.key(QUEUE)].detail, rig.board.proofs[rig.key(QUEUE)]
    await _close(rig)


async def test_a_new_password_of_a_user_stays(there: redis_rig.Rig) -> None:
    """Redis: credentials are never restored, and one that the canary does not know is no reason to give up."""
    rig = Served({QUEUE: there.adapter()}, lambda: _of_user(there))
    await rig.held()
    await there.acl("SETUSER", there.user, "resetpass", ">rotated")
    ballot = await rig.given_back()

    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    assert await _of_user(there) == "nothing"
    session = await there.login("rotated")
    assert not await redis_rig.refused(session, "SET", "any", "1")
    await session.aclose()
    await _close(rig)


async def test_only_the_surface_that_was_voted_comes_back(role: PostgresRig, there: redis_rig.Rig) -> None:
    """A partial restore leaves the other server's line as it is, byte by byte."""
    adapter = role.adapter()
    rig = Served({SQL: adapter, QUEUE: there.adapter()}, lambda: _of_role(role.database))
    await rig.held()
    stopped = await there.line()
    ballot = await rig.given_back(scope=Scope(surfaces=frozenset({SQL})))

    assert ballot.ended
    assert (ballot.ended.how, rig.looked) == ("completed", STEPS)
    assert await there.line() == stopped
    assert await _of_user(there) == "nothing"
    await _close(rig, adapter)


async def test_two_servers_and_their_steps_come_back_together(role: PostgresRig, there: redis_rig.Rig) -> None:
    """Both in one ballot, each in its own steps."""
    adapter = role.adapter()

    async def both() -> str:
        return "; ".join([await _of_role(role.database), await _of_user(there)])

    rig = Served({SQL: adapter, QUEUE: there.adapter()}, both)
    await rig.held()
    ballot = await rig.given_back()

    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    assert [seen for _, seen in rig.looked] == ["reads; reads", "reads and writes; reads and writes"]
    await _close(rig, adapter)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.01, 0.03])
async def test_a_stop_in_a_step_wins_on_the_server(role: PostgresRig, delay: float) -> None:
    """However near to the step's own calls it lands: nothing is looser, and a session that came in between is ended."""
    database, adapter = role.database, role.adapter()
    rig = Served({SQL: adapter}, lambda: _of_role(database))
    await rig.held()
    sessions: list[asyncpg.Connection] = []
    coming = asyncio.create_task(_keep_coming(database, sessions))
    rig.box.react("+1", "U1", "U2", "U3")
    ballot = await rig.open()
    while ballot.step == 0:  # noqa: ASYNC110  # the board rings no bell
        await asyncio.sleep(0)
    await asyncio.sleep(delay)
    await rig.stop(reason="no, wait")

    assert await rig.ended(ballot, within=30.0) == "aborted"
    key = rig.key(SQL)
    await rig.until(lambda: rig.board.is_proven(key) and rig.board.proofs[key].outcome is Outcome.VERIFIED)
    coming.cancel()
    assert rig.board.effective(key) is Mode.FULL_STOP
    assert await _of_role(database) == "nothing"
    for session in sessions:
        with pytest.raises(GONE):
            await session.execute("SELECT 1")
        session.terminate()
    await _close(rig, adapter)


async def _keep_coming(database: Database, sessions: "list[asyncpg.Connection]") -> None:
    """The agent logs in whenever it can."""
    while True:
        try:
            sessions.append(await asyncpg.connect(database.dsn(database.agent)))
        except GONE:
            await asyncio.sleep(0.001)


async def _close(rig: Served, *adapters: object) -> None:
    await rig.aclose()
    for adapter in adapters:
        await adapter.aclose()  # type: ignore[attr-defined]  # the contract's
