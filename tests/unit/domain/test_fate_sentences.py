"""Is everything that the switch shares with what it is to contain said, the worst first, each with its next step?"""

from dataclasses import replace

import pytest
from pydantic import Field, SecretStr

from adapters.base import Config, SurfaceClass
from bot.domain.fate import API, DATABASE, PROXIES, Fate, Login, Network, logins, shared_fate
from bot.domain.model import Agent, Configuration, Surface

TOKEN = "SLACK_BOT_TOKEN"
KILLER = "redis://killer:k@r.example"


class Settings(Config):
    """An address and a name."""

    dsn: str = ""
    urls: list[str] = Field(default_factory=list)
    role: str = ""
    key: SecretStr | None = None


def surface(name: str, dsn: str = "", canary: Settings | None = None, **more: object) -> Surface:
    """A surface of agent `a` with these settings."""
    made = Settings.model_validate({"dsn": dsn, **more})
    return Surface(agent="a", id=name, adapter="x", surface_class=SurfaceClass.API, settings=made, canary=canary)


def own(what: str, value: str) -> list[Login]:
    """A login of the bot's."""
    return list(logins(what, value, secret=True))


def found(*surfaces: Surface, bot: list[Login] | None = None, network: Network | None = None) -> list[Fate]:
    """What is shared."""
    configuration = Configuration(agents=(Agent(id="a", name="a", surfaces=surfaces),))
    return list(shared_fate(configuration, bot or [], network or Network()))


def one(*surfaces: Surface, bot: list[Login] | None = None, network: Network | None = None) -> dict[str, object]:
    """The one thing that is shared, as it is printed."""
    (fate,) = found(*surfaces, bot=bot, network=network)
    return fate.json()


def test_what_runs_beside_the_bot() -> None:
    """With the verb that fits their number; whatever is elsewhere is left out."""
    assert one(surface("x", "redis://localhost"), surface("y", "redis://r.example"), surface("z")) == {
        "kind": "machine",
        "with": "this machine",
        "surfaces": ["a/x"],
        "message": "a/x runs on the bot's own machine: if it goes down, so does the switch",
        "next": "run the bot on a machine that its agents do not share",
    }
    both = one(surface("x", "redis://localhost"), surface("y", urls=["redis://r.example", "http://127.0.0.1"]))
    assert both["message"] == "a/x, a/y run on the bot's own machine: if it goes down, so does the switch"


def test_a_long_list_names_four_and_counts_the_rest() -> None:
    """Beside it stand all of them."""
    four = [surface(f"s{number}", "redis://localhost") for number in range(4)]
    assert str(one(*four)["message"]).startswith("a/s0, a/s1, a/s2, a/s3 run on")
    many = [surface(f"s{number}", "redis://localhost") for number in range(1005)]
    assert str(one(*many)["message"]).startswith("a/s0, a/s1, a/s2, a/s3 and 1,001 more run on")
    assert one(*many)["surfaces"] == [f"a/s{number}" for number in range(1005)]


def test_the_ledger_on_a_server_of_an_agent() -> None:
    """The other surfaces of its host are said apart, and those of that server not again."""
    surfaces = (
        surface("x", "postgresql://k@db.example/x"),
        surface("y", urls=["redis://z.example", "redis://db.example"]),
        surface("z", urls=["redis://db.example", "postgresql://db.example"]),
    )
    server, host = found(*surfaces, bot=own(DATABASE, "postgresql://bot:s@db.example/kill"))
    assert server.json() == {
        "kind": "server",
        "with": "AGENT_KILL_DATABASE_URL",
        "surfaces": ["a/x", "a/z"],
        "message": "AGENT_KILL_DATABASE_URL and a/x, a/z are one server, db.example:5432: if it goes down or is cut, "
        "so is the ledger: stops go on from the journal, restores wait",
        "next": "point AGENT_KILL_DATABASE_URL to a server that no agent uses",
    }
    assert host.json() == {
        "kind": "host",
        "with": "AGENT_KILL_DATABASE_URL",
        "surfaces": ["a/y"],
        "message": "AGENT_KILL_DATABASE_URL and a/y are on one host, db.example: if it goes down, both do",
        "next": "move one of them to another host, or point AGENT_KILL_DATABASE_URL elsewhere",
    }


@pytest.mark.parametrize("way", ["SLACK_API_URL", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"])
def test_the_way_to_slack_through_a_server_of_an_agent(way: str) -> None:
    """A proxy, or what stands before Slack."""
    assert way in {API, *PROXIES}
    assert one(surface("x", "http://proxy.example:3128"), bot=own(way, "http://proxy.example:3128")) == {
        "kind": "way",
        "with": way,
        "surfaces": ["a/x"],
        "message": f"{way} and a/x are one server, proxy.example:3128: if it goes down or is cut, the bot is cut off "
        "from Slack",
        "next": f"point {way} to a server that no agent uses",
    }


def test_what_is_on_this_machine_is_not_said_twice() -> None:
    """The ledger here and a surface here share the machine; that they share a host says no more."""
    ledger = own(DATABASE, "postgresql://bot:s@localhost/kill")
    assert [it.kind for it in found(surface("x", "redis://localhost"), bot=ledger)] == ["machine"]
    both = found(surface("x", "postgresql://127.0.0.1"), bot=ledger)
    assert [it.kind for it in both] == ["server", "machine"]


def test_the_bots_own_secret_in_a_surface() -> None:
    """In its settings or in its canary; of a secret that leads nowhere only that is said."""
    bot = own(TOKEN, "xoxb-1")
    assert one(surface("x", key="xoxb-1"), surface("y", key="xoxb-2"), bot=bot) == {
        "kind": "credential",
        "with": TOKEN,
        "surfaces": ["a/x"],
        "message": f"a/x uses the bot's own {TOKEN}: who takes it away takes the switch",
        "next": "make a credential of its own for each",
    }
    pair = one(surface("x", key="xoxb-1"), surface("y", key="xoxb-1"), bot=bot)
    assert pair["message"] == f"a/x, a/y use the bot's own {TOKEN}: who takes it away takes the switch"
    assert one(surface("x", canary=Settings(key=SecretStr("xoxb-1"))), bot=bot)["surfaces"] == ["a/x"]
    assert found(surface("x", "redis://r.example"), bot=own(DATABASE, "redis://d.example")) == []


def test_the_account_that_a_surface_stops() -> None:
    """Said once for whoever uses it there, the ledger first; the server alone is another sentence."""
    surfaces = (
        surface("x", "redis://root:k@r.example", role="killer"),
        surface("y", KILLER, role="agent"),
        surface("z", "redis://killer:k@s.example", role="agent"),
    )
    fates = found(*surfaces[:2], bot=own("OTHER", KILLER))
    assert fates[0].json() == {
        "kind": "account",
        "with": "killer",
        "surfaces": ["a/x"],
        "message": "a/x stops the account killer, with which the bot itself logs in for its ledger, a/y: the cut would "
        "shut the switch out",
        "next": "give the bot a login of its own",
    }
    assert [it.kind for it in fates] == ["account", "credential", "server"]
    assert "for its ledger, a/y: the cut" in found(*surfaces[:2], bot=own("A", KILLER) + own("B", KILLER))[0].message
    alone = one(*surfaces)
    assert (alone["kind"], alone["surfaces"]) == ("account", ["a/x"])
    assert "logs in for a/y: the cut" in str(alone["message"])


def test_an_account_of_its_own_server_is_the_surfaces_own() -> None:
    """A surface that logs in with the name that it stops shuts itself out."""
    itself = one(surface("x", KILLER, role="killer"))
    assert (itself["kind"], itself["surfaces"]) == ("account", ["a/x"])
    assert "logs in for a/x: the cut" in str(itself["message"])


def test_a_name_that_happens_to_be_empty_is_no_account() -> None:
    """A login without a user, a secret without a place, and a name that nobody stops."""
    surfaces = (
        surface("x", "redis://r.example"),
        surface("y", "redis://:k@r.example"),
        surface("z", "redis://u@r.example"),
    )
    assert found(*surfaces) == []
    assert found(surface("x", "redis://r.example", role="t"), bot=[Login(what="x", user="t")]) == []


def test_a_canary_with_the_bots_own_login() -> None:
    """Of whichever surface that is; on another server the same login is another one."""
    same = Settings(dsn=KILLER)
    assert one(surface("x", KILLER), surface("y", "redis://s.example", same)) == {
        "kind": "credential",
        "with": "a/x",
        "surfaces": ["a/y"],
        "message": "the canary of a/y is the bot's own login for a/x: it proves nothing of the agent, whose own "
        "credential is tried by nobody",
        "next": "put the agent's own credential into the canary",
    }
    assert found(surface("x", "redis://killer:k@s.example", same)) == []
    assert found(surface("x", "redis://r.example", Settings(dsn="redis://r.example"))) == []


def test_a_backstop_beside_what_it_stands_behind() -> None:
    """On one server with any of its places; one that is not configured, or is elsewhere, shares nothing."""
    x = replace(surface("x", urls=["redis://q.example", "redis://r.example"]), backstop="a/y")
    assert one(surface("w"), x, surface("y", urls=["redis://r.example", "redis://s.example"])) == {
        "kind": "backstop",
        "with": "a/y",
        "surfaces": ["a/x"],
        "message": "a/x and its backstop a/y are one server: what keeps the one from being cut keeps the other too",
        "next": "name a backstop elsewhere",
    }
    assert found(x, surface("y", "redis://s.example")) == []
    assert found(x, surface("z", "redis://r.example")) == []


def test_the_worst_is_said_first() -> None:
    """What shuts the switch out, then what takes it along, then what only weakens it; alike ones by name."""
    near = "postgresql://killer:k@db.example"
    surfaces = (
        replace(surface("x", near, role="killer"), backstop="a/y"),
        surface("y", near, Settings(dsn=near)),
        surface("z", urls=["redis://localhost", "redis://db.example", "http://p.example"]),
        surface("w", key="xoxb-1"),
    )
    bot = [*own("HTTPS_PROXY", "http://p.example"), *own(DATABASE, "postgresql://killer:s@db.example/kill")]
    bot += own(TOKEN, "xoxb-1")
    assert [(it.kind, it.with_) for it in found(*surfaces, bot=bot)] == [
        ("account", "killer"),
        ("credential", TOKEN),
        ("credential", "a/y"),
        ("server", DATABASE),
        ("way", "HTTPS_PROXY"),
        ("machine", "this machine"),
        ("host", DATABASE),
        ("backstop", "a/y"),
    ]
