"""What does a value of the settings lead to: which place, as whom, and with which secret?"""

import hashlib

import pytest
from pydantic import Field, SecretStr

from adapters.base import Config, SurfaceClass
from bot.domain.fate import Endpoint, Login, Network, hosts, logins, ties
from bot.domain.model import Surface


class Node(Config):
    """A part of settings."""

    socket: str


class Settings(Config):
    """Everything that settings can look like."""

    dsn: SecretStr | None = None
    url: str = ""
    role: str = ""
    port: int = 5
    nodes: tuple[Node, ...] = ()
    names: list[str] = Field(default_factory=list)
    headers: dict[str, SecretStr] = Field(default_factory=dict)


def surface(canary: Settings | None = None, **settings: object) -> Surface:
    """A surface with these settings."""
    made = Settings.model_validate(settings)
    return Surface(agent="a", id="one", adapter="x", surface_class=SurfaceClass.API, settings=made, canary=canary)


def one(value: str, *, secret: bool = False) -> Login:
    """The one login of a value."""
    (login,) = logins("x", value, secret=secret)
    return login


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("postgresql://h", 5432),
        ("postgres://h", 5432),
        ("redis://h", 6379),
        ("rediss://h", 6379),
        ("nats://h", 4222),
        ("tls://h", 4222),
        ("amqp://h", 5672),
        ("amqps://h", 5671),
        ("mysql://h", 3306),
        ("mysql+aiomysql://h", 3306),
        ("http://h", 80),
        ("HTTPS://H", 443),
        ("postgresql://h:1", 1),
        ("gopher://h", None),
    ],
)
def test_a_place_without_a_port_has_that_of_its_kind(url: str, port: int | None) -> None:
    """Else `redis://h` and `redis://h:6379` would be two servers."""
    assert one(url).endpoint == Endpoint("h", port)


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("postgresql://h/ledger", Endpoint("h", 5432, "ledger")),
        ("postgresql://h/ledger/", Endpoint("h", 5432, "ledger")),
        ("postgresql://h/X", Endpoint("h", 5432, "X")),
        ("http://h/control/stop", Endpoint("h", 80, "control")),
        ("postgresql:///x?host=/run/pg&port=1", Endpoint("", 1, "x")),
        ("postgresql:///x?host=DB.example", Endpoint("db.example", 5432, "x")),
        ("postgresql://:7/x?host=DB.example", Endpoint("db.example", 7, "x")),
        ("postgresql:///x", Endpoint("", 5432, "x")),
        ("http://h/x?port=9&host=else", Endpoint("h", 80, "x")),
        ("postgresql://%2Frun%2Fpg/x", Endpoint("", 5432, "x")),
        ("Proxy_1.example:99", Endpoint("proxy_1.example", 99)),
        ("/run/x.socket", Endpoint("")),
        ("/run/x.sock", Endpoint("", None, "")),
    ],
)
def test_a_place_is_read_however_it_is_written(value: str, endpoint: Endpoint) -> None:
    """A folder of sockets in place of a host is this machine; a host is in lower case."""
    assert one(value) == Login(what="x", endpoint=endpoint, user="", digest=None)


@pytest.mark.parametrize("value", ["plain", "/run/x.txt", "run/x.sock", "host:123456", "host:", "two words:80", "://x"])
def test_what_is_no_place_leads_nowhere(value: str) -> None:
    """A word, a file, a port that is none."""
    assert list(logins("x", value, secret=False)) == []


def test_a_list_of_places_may_name_its_kind_once() -> None:
    """Or each time, or where it likes."""
    places = ["one:1", "nats://two", "three:3", "four"]
    found = [login.endpoint for login in logins("x", "nats://" + ",".join(places), secret=False)]
    assert found == [Endpoint("one", 1), Endpoint("two", 4222), Endpoint("three", 3), Endpoint("four", 4222)]


def test_a_broken_place_is_named_without_a_place() -> None:
    """Whoever reads it in earnest says what is wrong."""
    for url in ("postgresql://[broken", "redis://h:port", "postgresql:///x?port=any"):
        assert one(url, secret=True) == Login(what="x")


def test_a_login_is_its_user_with_its_password() -> None:
    """As they are meant, not as an address has to write them; without a password there is no secret."""
    found = one("postgresql://kill%40bot:s%2Fx@h/d")
    assert (found.user, found.digest) == ("kill@bot", one("redis://kill%40bot:s%2fx@elsewhere").digest)
    assert found.digest not in {
        one("redis://kill%40bot:other@h").digest,
        one("redis://else:s%2Fx@h").digest,
        one("redis://kill%40bots:%2Fx@h").digest,
        None,
    }
    assert (one("redis://kill@h").user, one("redis://kill@h").digest) == ("kill", None)
    assert one("redis://:p@h").digest != one("redis://:q@h").digest


@pytest.mark.parametrize("same", ["t0ken", " t0ken\n", "Bearer t0ken", "token  t0ken", "BASIC t0ken"])
def test_a_secret_is_known_again_however_it_is_sent(same: str) -> None:
    """Beside its scheme in a header, or with the end of the line of its file."""
    found = one(same, secret=True)
    assert found == Login(what="x", digest=one("t0ken", secret=True).digest)
    assert found.digest not in {None, one("t0kens", secret=True).digest, one("xBearer t0ken", secret=True).digest}


def test_a_secret_is_not_to_be_known_from_its_digest_elsewhere() -> None:
    """It is no plain hash that a list of leaked ones would have, and a secret that looks like a place is none."""
    assert one("t0ken", secret=True).digest != hashlib.sha256(b"t0ken").hexdigest()
    assert one("host:80", secret=True).endpoint is None


def test_everything_in_a_surface_is_looked_through() -> None:
    """By the key that it stands under; the canary's apart, for it is the agent's own."""
    found = ties(
        surface(
            canary=Settings(url="http://c.example", headers={"X": SecretStr("k")}),
            dsn="redis://r.example",
            url="http://u.example",
            role="billing",
            nodes=[{"socket": "/run/x.sock"}],
            names=["jobs", "n.example:1"],
            headers={"Authorization": "t"},
        )
    )
    assert [(it.what, it.endpoint) for it in found.own] == [
        ("dsn", Endpoint("r.example", 6379)),
        ("url", Endpoint("u.example", 80)),
        ("nodes.socket", Endpoint("")),
        ("names", Endpoint("n.example", 1)),
        ("headers.Authorization", None),
    ]
    assert [(it.what, it.endpoint) for it in found.agents] == [
        ("canary.url", Endpoint("c.example", 80)),
        ("canary.headers.X", None),
    ]
    assert found.names == {"billing", "/run/x.sock", "jobs", "n.example:1"}
    assert ties(surface()).agents == ()


def test_only_names_are_resolved() -> None:
    """A socket has none, and a secret that is no address leads nowhere."""
    own = [Login(what="x", digest="ab"), one("/run/x.sock"), one("redis://r.example")]
    assert hosts(own, []) == {"r.example"}


HERE = Network(addresses={"me": frozenset({"10.0.0.1"}), "db": frozenset({"10.0.0.2"})}, here=frozenset({"10.0.0.1"}))


@pytest.mark.parametrize(
    ("one_", "other", "host", "server"),
    [
        (Endpoint("db", 1), Endpoint("10.0.0.2", 1), True, True),
        (Endpoint("db", 1), Endpoint("10.0.0.2", 2), True, False),
        (Endpoint("db", 1), Endpoint("else", 1), False, False),
        (Endpoint("me", 1), Endpoint("10.0.0.1", 1), True, True),
        (Endpoint("unknown", 1), Endpoint("unknown", 1), True, True),
    ],
)
def test_a_machine_is_known_by_any_of_its_names(one_: Endpoint, other: Endpoint, host: object, server: object) -> None:
    """A server is a machine with a port."""
    assert (HERE.same_host(one_, other), HERE.same_server(one_, other)) == (host, server)


def test_this_machine_has_one_name() -> None:
    """By name, by address, and by default as loopback and sockets."""
    assert [HERE.is_here(Endpoint(name)) for name in ("me", "10.0.0.1", "db", "")] == [True, True, False, False]
    assert HERE.of(Endpoint("db")) == {"db", "10.0.0.2"}
    assert HERE.of(Endpoint("me")) == HERE.of(Endpoint("10.0.0.1"))
    found = [Network().is_here(Endpoint(name)) for name in ("localhost", "127.0.0.1", "::1", "", "db")]
    assert found == [True, True, True, True, False]


def test_a_place_is_said_as_people_write_it() -> None:
    """A socket by what it is."""
    assert [str(Endpoint("db", 5432, "x")), str(Endpoint("db")), str(Endpoint("")), str(Endpoint("", 6379))] == [
        "db:5432",
        "db",
        "a socket of this machine",
        "a socket of this machine:6379",
    ]
