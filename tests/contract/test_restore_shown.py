"""On real servers: is what others changed while a surface was shut shown, before the vote and after?"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.sandbox.servers import ValkeyServer
from bot.service import restore, stepping
from bot.service.others import Others
from tests.contract import redis_rig
from tests.contract.rigs.postgres_role import PostgresRig
from tests.contract.served_restore import Served
from tests.contract.servers import Database

SQL, QUEUE = "billing/sql", "billing/queue"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace has no part in what is shown."""
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


async def _nothing() -> str:
    return ""


async def _before(rig: Served, name: str) -> tuple[str, ...]:
    """What a ballot that is opened now says of the surface."""
    found = await Others(seal=rig.seal, board=rig.board).of(rig.inventory.targets[rig.key(name)])
    assert found is not None, "no reading from before the stop is known"
    return found


async def _after(rig: Served) -> str:
    """What the proof of the last step says."""
    ballot = await rig.given_back()
    assert ballot.ended
    assert ballot.ended.how == "completed", ballot.ended
    told = [item for event in await rig.written() if isinstance(event, events.Outcomes) for item in event.proofs]
    return next(item.detail for item in reversed(told) if item.outcome is Outcome.PROBATION)


async def test_a_grant_that_was_revoked_during_a_full_stop_is_shown(role: PostgresRig) -> None:
    """PostgreSQL: a full stop takes no grant, and yet the one that a person revoked meanwhile is named."""
    database, adapter = role.database, role.adapter()
    rig = Served({SQL: adapter}, _nothing)
    await rig.watch.tick()
    await rig.held()
    assert await _before(rig, SQL) == ()
    await database.run(f"REVOKE UPDATE ON notes FROM {database.agent}", user=database.owner)

    (said,) = await _before(rig, SQL)
    assert said.startswith("UPDATE on table public.notes in "), said
    assert said.endswith(": taken away"), said
    assert said in await _after(rig)
    await rig.aclose()
    await adapter.aclose()


async def test_a_membership_that_was_dropped_is_shown(role: PostgresRig) -> None:
    """PostgreSQL: memberships are nobody's to give back, and the one that is gone is named."""
    database, adapter = role.database, role.adapter()
    group = f"{database.agent}_group"
    await database.run(f"CREATE ROLE {group}; GRANT {group} TO {database.agent}")
    rig = Served({SQL: adapter}, _nothing)
    await rig.watch.tick()
    await rig.held()
    await database.run(f"REVOKE {group} FROM {database.agent}; DROP ROLE {group}")

    assert await _before(rig, SQL) == (f"membership in {group}: gone",)
    assert f"membership in {group}: gone" in await _after(rig)
    await rig.aclose()
    await adapter.aclose()


async def test_a_password_that_was_rotated_is_shown_by_the_canary(role: PostgresRig) -> None:
    """PostgreSQL with the least rights: the server asks for the password before it looks at the login."""
    adapter = role.adapter()
    rig = Served({SQL: adapter}, _nothing)
    await rig.watch.tick()
    await rig.held()
    assert await _before(rig, SQL) == ()
    await role.rotate()

    assert await _before(rig, SQL) == ("password of the role: not the canary's any more",)
    assert "password of the role: not the canary's any more" in await _after(rig)
    await rig.aclose()
    await adapter.aclose()


async def test_a_password_that_was_rotated_is_shown_where_the_bot_may_read_it(role: PostgresRig) -> None:
    """PostgreSQL, a bot that may read `pg_authid`: a digest is compared, and no hash of the server stands in it."""
    database, adapter = role.database, role.adapter()
    await database.run(f"GRANT SELECT (oid, rolpassword) ON pg_authid TO {database.bot}")
    rig = Served({SQL: adapter}, _nothing)
    await rig.watch.tick()
    await rig.held()
    stored = str(await database.value("SELECT rolpassword FROM pg_authid WHERE rolname = $1", database.agent))
    known = Others(seal=rig.seal, board=rig.board).before(rig.key(SQL))
    assert known is not None
    assert str(known.notes["password of the role"]).startswith("sha256:")
    assert not any(part in str(known) for part in stored.replace("$", ":").split(":") if len(part) > 20)
    await role.rotate()

    assert "password of the role: changed" in await _before(rig, SQL)
    assert "password of the role: changed" in await _after(rig)
    await rig.aclose()
    await adapter.aclose()


async def test_what_a_cut_took_itself_is_not_shown_as_changed(role: PostgresRig) -> None:
    """PostgreSQL, read_only: the grants that our own cut took are no news."""
    adapter = role.adapter()
    rig = Served({SQL: adapter}, _nothing)
    await rig.watch.tick()
    await rig.held(Mode.READ_ONLY)

    assert await _before(rig, SQL) == ()
    assert await _after(rig) == ""
    await rig.aclose()
    await adapter.aclose()


async def test_what_a_person_set_at_a_user_is_shown(there: redis_rig.Rig) -> None:
    """Redis: commands, a key and a password, each by name."""
    rig = Served({QUEUE: there.adapter()}, _nothing)
    await rig.watch.tick()
    await rig.held()
    assert await _before(rig, QUEUE) == ()
    await there.acl("SETUSER", there.user, "-@all", "+get", "~other:*", "resetpass", ">rotated")

    shown = ("commands: chosen by somebody else", "key other:*: added", "passwords: changed")
    assert set(await _before(rig, QUEUE)) == set(shown)
    detail = await _after(rig)
    assert all(said in detail for said in shown), detail
    await rig.aclose()


async def test_commands_and_a_password_that_were_set_together_survive_another_cut(there: redis_rig.Rig) -> None:
    """Redis: without a current canary a step is cut again, and what a person left of the commands is still all."""
    rig = Served({QUEUE: there.adapter()}, _nothing)
    await rig.watch.tick()
    await rig.held()
    await there.acl("SETUSER", there.user, "-@all", "+get", "resetpass", ">rotated")

    detail = await _after(rig)
    assert "commands: chosen by somebody else" in detail, detail
    session = await there.login("rotated")
    assert not await redis_rig.refused(session, "GET", "k")
    assert await redis_rig.refused(session, "SET", "k", "1")
    await session.aclose()
    await rig.aclose()


async def test_a_choice_survives_every_further_cut(there: redis_rig.Rig) -> None:
    """Redis: cut again and again after a person narrowed the commands, never more than the person left comes back."""
    rig = Served({QUEUE: there.adapter()}, _nothing)
    await rig.watch.tick()
    await rig.held(Mode.READ_ONLY)
    await there.acl("SETUSER", there.user, "-@all", "+get")
    await rig.held(Mode.FULL_STOP)
    await there.acl("SETUSER", there.user, "on", "+@all")  # somebody loosens it: cut again, and nobody's baseline
    await asyncio.sleep(0)
    rig.dispatcher.check(rig.key(QUEUE))
    await rig.until(lambda: bool(rig.board.drifts.get(rig.key(QUEUE))))
    await rig.settled()

    await _after(rig)
    async with there.agent() as session:
        assert not await redis_rig.refused(session, "GET", "k")
        assert await redis_rig.refused(session, "SET", "k", "1")
    await rig.aclose()
