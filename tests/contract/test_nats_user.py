"""What does `nats_user` do beside what every adapter does: streams, queue groups, other roles, others' changes?"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from adapters.base import Mode, Shared
from adapters.conformance import Keeper
from tests.contract.nats_client import Client, Gone, heard_next
from tests.contract.nats_rig import Rig, rig
from tests.contract.nats_server import Key, creds
from tests.contract.rigs.running import Running

STREAM = {"name": "WORK", "subjects": ["work.>"], "storage": "memory", "retention": "workqueue"}
CONSUMER = {"durable_name": "agent", "ack_policy": "explicit", "ack_wait": 200_000_000}


@pytest.fixture
async def there(servers: Running) -> AsyncIterator[Rig]:
    """A fresh account with JetStream."""
    made = await rig(servers.nats, jetstream=True)
    yield made
    await made.close()


@pytest.fixture
async def keeper(there: Rig) -> AsyncIterator[Keeper]:
    """Drives its role."""
    adapter = there.adapter()
    yield Keeper(adapter)
    await adapter.aclose()


async def _api(client: Client, subject: str, body: object = "") -> dict[str, object]:
    raw = json.dumps(body).encode() if body else b""
    found: dict[str, object] = json.loads(await client.request(f"$JS.API.{subject}", raw))
    assert "error" not in found, found
    return found


async def _work(there: Rig) -> None:
    """A stream with one job, and a consumer for the agent."""
    await _api(there.witness, "STREAM.CREATE.WORK", STREAM)
    await _api(there.witness, "CONSUMER.DURABLE.CREATE.WORK.agent", {"stream_name": "WORK", "config": CONSUMER})
    await there.witness.request("work.one", b"job")


async def _pulled(agent: Client) -> bytes:
    """The job; the pull asks for one more than there is, and stays open."""
    inbox = await agent.subscribe("_INBOX.pull")
    await agent.publish("$JS.API.CONSUMER.MSG.NEXT.WORK.agent", b'{"batch": 2}', reply="_INBOX.pull")
    return await heard_next(inbox)


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.FULL_STOP])
async def test_a_pulled_job_is_never_done_and_comes_back(there: Rig, keeper: Keeper, mode: Mode) -> None:
    """A job in the agent's hand and its open pull end; the stream keeps the job and hands it out after the restore."""
    await _work(there)
    agent = await there.login()
    assert await _pulled(agent) == b"job"
    cut = await keeper.restrict(mode)
    assert (cut.ended, cut.left) == (1, 0)
    with pytest.raises(Gone):
        await agent.publish("effects")
    await there.witness.request("work.two", b"another")
    info = await _api(there.witness, "CONSUMER.INFO.WORK.agent")
    assert info["ack_floor"] == {"consumer_seq": 0, "stream_seq": 0}
    await keeper.relax(Mode.NORMAL)
    await agent.close()
    agent = await there.login()
    assert await _pulled(agent) in (b"job", b"another")
    await agent.close()


async def test_read_only_leaves_listening_and_nothing_else(there: Rig, keeper: Keeper) -> None:
    """A plain subscription hears; messages, requests to JetStream, pulls and places in a queue group are refused."""
    await _work(there)
    await keeper.held(Mode.READ_ONLY)
    agent = await there.login()
    news = await agent.subscribe("news")
    await there.witness.publish("news", b"heard")
    assert await heard_next(news) == b"heard"
    for subject in ("effects", "$JS.API.STREAM.MSG.GET.WORK", "$JS.API.CONSUMER.MSG.NEXT.WORK.agent", "_INBOX.x"):
        with pytest.raises(Gone, match="Permissions Violation for Publish"):
            await agent.publish(subject, reply="effects")
    with pytest.raises(Gone, match="Permissions Violation for Subscription"):
        await agent.subscribe("news", group="workers")
    with pytest.raises(Gone, match="Permissions Violation for Subscription"):
        await agent.subscribe("private.news")
    await agent.close()


async def test_other_users_of_the_account_go_on(there: Rig, keeper: Keeper) -> None:
    """Only what the role issued is ended; a user of the account's own key keeps its connection."""
    other = await there.other()
    await keeper.held(Mode.FULL_STOP)
    await other.publish("effects")
    assert await there.effects() == 1
    await other.close()


async def test_a_user_that_the_role_issues_later_is_refused_too(there: Rig, keeper: Keeper) -> None:
    """Who holds the role's seed may issue users; none gets in while it is shut."""
    await keeper.held(Mode.FULL_STOP)
    with pytest.raises(Gone, match="Authorization"):
        await there.login(there.user())


async def test_two_roles_of_one_account_are_stopped_at_once(there: Rig) -> None:
    """Both share one JWT; neither's cut is lost, and each gives back its own."""
    second = Key.new("A")
    claims = there.claims()
    claims["nats"]["signing_keys"].append({"kind": "user_scope", "key": second.public, "role": "b", "template": {}})
    await there.store(claims)
    before = there.claims()["nats"]
    shared = Shared()
    adapters = [there.adapter(shared=shared), there.adapter(shared=shared, role=second.public)]
    keepers = [Keeper(adapter) for adapter in adapters]
    await asyncio.gather(*(keeper.restrict(Mode.FULL_STOP) for keeper in keepers))
    for keeper in keepers:
        await keeper.settled(Mode.FULL_STOP)
    await asyncio.gather(*(keeper.relax(Mode.NORMAL) for keeper in keepers))
    assert there.claims()["nats"] == before
    for adapter in adapters:
        await adapter.aclose()


async def test_an_account_pushed_over_the_cut_is_seen_and_cut_again(there: Rig, keeper: Keeper) -> None:
    """Somebody's older copy of the account, handed to the servers, reads as normal without a mark."""
    copy = there.claims()
    await keeper.held(Mode.FULL_STOP)
    await there.store({**copy, "iat": there.claims()["iat"]})
    seen = await keeper.adapter.observe()
    assert (seen.mode, seen.token) == (Mode.NORMAL, None)
    await keeper.held(Mode.FULL_STOP)


async def test_what_others_chose_in_the_template_stays(there: Rig, keeper: Keeper) -> None:
    """A field that somebody changed while it was shut is kept through a step to read_only and back to normal."""
    await keeper.held(Mode.FULL_STOP)
    await there.change(sub={"deny": ["private.>", "secret.>"]})
    first = await keeper.relax(Mode.READ_ONLY)
    assert first.kept == ("sub",)
    await keeper.relax(Mode.NORMAL)
    template = there.scope(there.claims())["template"]
    assert template["sub"] == {"deny": ["private.>", "secret.>"]}
    assert template["pub"] == {"allow": [">"]}


async def test_a_server_that_cannot_tell_is_cut_and_not_proven(there: Rig, keeper: Keeper) -> None:
    """A revocation beyond the year 9999 silences the account's report: the cut is made, and nobody calls it proven."""
    claims = there.claims()
    claims["nats"]["revocations"] = {Key.new("U").public: 1 << 40}
    await there.store(claims)
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert cut.left is None
    assert "0 of 1 servers" in cut.why
    with pytest.raises(Gone, match="Authorization"):
        await there.login()


async def test_a_key_without_a_template_cannot_be_held(there: Rig, keeper: Keeper) -> None:
    """A plain signing key has nothing to shut; the sentence says what to make of it."""
    claims = there.claims()
    claims["nats"]["signing_keys"] = [there.role.public]
    await there.store(claims)
    seen = await keeper.adapter.observe()
    assert (seen.exists, seen.mode, seen.enforceable) == (True, Mode.NORMAL, frozenset())
    assert "make it a scoped one" in seen.why


async def test_preflight_compares_what_is_configured(there: Rig) -> None:
    """The number of servers, the operator's key, and whose user the canary is."""
    adapter = there.adapter(servers=2, operator_seed=Key.new("O").seed)
    there.agent = creds(Key.new("U"), there.key, account=there.key.public)
    other = there.adapter()
    said = " ".join([*await adapter.preflight(), *await other.preflight()])
    for part in ("servers is 2, and 1 servers answer", "no key of the operator", "canary: its user was not issued"):
        assert part in said
    await adapter.aclose()
    await other.aclose()


async def test_a_kicked_line_is_opened_again(there: Rig, keeper: Keeper) -> None:
    """A warm connection that the server ended between two calls is replaced without an error."""
    await keeper.adapter.observe()
    listed = json.loads(await there.admin.request("$SYS.REQ.SERVER.PING.CONNZ", b'{"acc": "", "auth": true}'))
    server = listed["server"]["id"]
    for one in listed["data"]["connections"]:
        if one.get("name") == "agent-kill":
            await there.admin.request(f"$SYS.REQ.SERVER.{server}.KICK", json.dumps({"cid": one["cid"]}).encode())
    await keeper.held(Mode.FULL_STOP)
