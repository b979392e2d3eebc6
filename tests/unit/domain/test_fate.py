"""Is what the switch shares with what it contains found, by places and by credentials, and never shown?"""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from pydantic import Field, SecretStr

from adapters.base import Config, SurfaceClass
from bot.domain.fate import DATABASE, Endpoint, Fate, Login, Network, hosts, logins, shared_fate, ties
from bot.domain.model import Agent, Configuration, Surface


class Node(Config):
    """A part of settings."""

    socket: str


class Settings(Config):
    """Everything that settings can look like."""

    dsn: SecretStr | None = None
    url: str = ""
    role: str = ""
    nodes: tuple[Node, ...] = ()
    headers: dict[str, SecretStr] = Field(default_factory=dict)


def surface(name: str, canary: Settings | None = None, **settings: object) -> Surface:
    """A surface with these settings."""
    agent, _, own = name.partition("/")
    made = Settings.model_validate(settings)
    return Surface(agent=agent, id=own, adapter="x", surface_class=SurfaceClass.API, settings=made, canary=canary)


def at(dsn: str) -> SecretStr:
    """A secret address."""
    return SecretStr(dsn)


def fates(*surfaces: Surface, own: Iterable[Login] = (), network: Network | None = None) -> dict[str, Fate]:
    """What is shared, by kind."""
    configuration = Configuration(agents=(Agent(id="a", name="a", surfaces=surfaces),))
    found = shared_fate(configuration, own, network or Network())
    assert len({fate.kind for fate in found}) == len(found), found
    return {fate.kind: fate for fate in found}


def ledger(url: str) -> list[Login]:
    """The bot's own database."""
    return list(logins(DATABASE, url, secret=True))


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("postgresql://u:p@DB.example/ledger", [Endpoint("db.example", 5432, "ledger")]),
        ("postgresql+asyncpg://u@db.example:6000/x", [Endpoint("db.example", 6000, "x")]),
        ("postgres:///x?host=/run/pg", [Endpoint("", 5432, "x")]),
        ("rediss://u:p@[::1]/0", [Endpoint("::1", 6379, "0")]),
        ("nats://one:4222,two:4333", [Endpoint("one", 4222), Endpoint("two", 4333)]),
        ("https://api.example/control?x=1", [Endpoint("api.example", 443, "control")]),
        ("proxy.example:9999", [Endpoint("proxy.example", 9999)]),
        ("/run/haproxy/admin.sock", [Endpoint("")]),
        ("billing_agent", []),
        ("postgresql://[broken", [None]),
    ],
)
def test_every_way_to_write_a_place_is_read(value: str, places: list[Endpoint | None]) -> None:
    """A value that is none is left alone."""
    assert [login.endpoint for login in logins("x", value, secret=False)] == places


def test_the_ledger_on_a_server_that_is_contained() -> None:
    """By name, and by address where names differ; on one host at another port it is the host."""
    own = ledger("postgresql://bot:s@db.example/kill")
    one = surface("a/one", dsn=at("postgresql://k:t@db.example/ledger"))
    assert fates(one, own=own).keys() == {"server"}
    other = surface("a/two", dsn=at("postgresql://k:t@10.0.0.7/ledger"))
    assert not fates(other, own=own)
    network = Network(addresses={"db.example": frozenset({"10.0.0.7"})})
    assert fates(other, own=own, network=network)["server"].surfaces == ("a/two",)
    near = surface("a/three", dsn=at("redis://k:t@10.0.0.7"))
    found = fates(near, own=own, network=network)
    assert found.keys() == {"host"}
    assert "10.0.0.7" not in found["host"].surfaces


def test_the_bots_own_machine() -> None:
    """Loopback, a socket file, and an address that is this machine's own."""
    here = Network(addresses={"me.example": frozenset({"192.0.2.1"})}, here=Network().here | {"192.0.2.1"})
    surfaces = (
        surface("a/one", url="redis://k@localhost:1"),
        surface("a/two", nodes=(Node(socket="/run/ha.sock"),)),
        surface("a/three", url="http://me.example/x"),
        surface("a/four", url="http://else.example/x"),
    )
    assert fates(*surfaces, network=here)["machine"].surfaces == ("a/one", "a/two", "a/three")


def test_the_account_that_the_bot_itself_uses() -> None:
    """Its ledger's, or that of another surface on the same server; a name elsewhere is another account."""
    own = ledger("postgresql://kill_bot:s@db.example:7000/kill")
    one = surface("a/one", dsn=at("postgresql://root:t@db.example:7000/x"), role="kill_bot")
    assert "its ledger" in fates(one, own=own)["account"].message
    away = surface("a/one", dsn=at("postgresql://root:t@other.example/x"), role="kill_bot")
    assert "account" not in fates(away, own=own)
    both = (one, surface("a/two", dsn=at("postgresql://kill_bot:u@db.example:7000/x"), role="agent"))
    assert "a/two" in fates(*both)["account"].message


@pytest.mark.parametrize("token", ["xoxb-1-secret", "Bearer xoxb-1-secret"])
def test_the_bots_own_token_in_the_hands_of_an_agent(token: str) -> None:
    """Also in a header of its canary. The token is in no message."""
    own = list(logins("SLACK_BOT_TOKEN", "xoxb-1-secret", secret=True))
    one = surface("a/one", canary=Settings(headers={"Authorization": SecretStr(token)}))
    found = fates(one, own=own)
    assert (found["credential"].with_, found["credential"].surfaces) == ("SLACK_BOT_TOKEN", ("a/one",))
    assert "secret" not in json.dumps(found["credential"].json())


def test_a_canary_that_is_the_bots_own_login() -> None:
    """It would prove nothing; the agent's own login of the same server is fine."""
    dsn = at("postgresql://kill_bot:s3cret@db.example/x")
    assert "canary" in fates(surface("a/one", canary=Settings(dsn=dsn), dsn=dsn))["credential"].message
    agents = at("postgresql://agent:other@db.example/x")
    assert not fates(surface("a/one", canary=Settings(dsn=agents), dsn=dsn))


def test_a_backstop_on_the_same_server() -> None:
    """What keeps the one from being cut keeps the other too."""
    one = replace(surface("a/one", url="redis://k@r.example"), backstop="a/two")
    assert fates(one, surface("a/two", url="redis://k@r.example"))["backstop"].surfaces == ("a/one",)
    assert not fates(one, surface("a/two", url="redis://k@s.example"))


def test_the_names_that_have_to_be_resolved() -> None:
    """Of the bot and of every surface, canaries included."""
    one = surface("a/one", canary=Settings(url="http://c.example"), url="http://b.example")
    assert hosts(ledger("postgresql://d.example/x"), [ties(one)]) == {"b.example", "c.example", "d.example"}
