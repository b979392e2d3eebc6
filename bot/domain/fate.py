"""Shared fate: if this goes down or is cut, so does the switch. Pure comparisons of places and credentials.

Nothing here knows a kind of adapter: whatever in a surface's settings is written as an address is a place, whatever is
secret is a credential. Credentials are compared by digest and never shown.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from bot.domain.model import Configuration, Surface

Kind = Literal["machine", "server", "host", "account", "credential", "backstop", "way", "disk"]
_PORTS = {
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "nats": 4222,
    "tls": 4222,
    "amqp": 5672,
    "amqps": 5671,
    "mysql": 3306,
    "http": 80,
    "https": 443,
}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST_PORT = re.compile(r"[A-Za-z0-9_.-]+:[0-9]{1,5}")
_BEARER = re.compile(r"(?i)^(bearer|token|basic)\s+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place on the network; a socket file has no host and no port."""

    host: str
    port: int | None = None
    database: str = ""

    def __str__(self) -> str:
        return (self.host or "a socket of this machine") + (f":{self.port}" if self.port else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One value: where it leads, as whom, and a digest of the secret in it.

    Args:
        what: the variable or the setting, for people.
        endpoint: None for a secret that is no address.
        user: empty where the address names none.
        digest: None where there is no secret.
    """

    what: str
    endpoint: Endpoint | None = None
    user: str = ""
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What of one surface can be shared.

    Args:
        own: the bot's logins there.
        agents: the agent's own logins (its canary).
        names: plain values of its settings, among them the account that it stops.
    """

    surface: Surface
    own: tuple[Login, ...]
    agents: tuple[Login, ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One thing that the switch shares with what it is to contain."""

    kind: Kind
    with_: str
    surfaces: tuple[str, ...]
    message: str
    next: str

    def json(self) -> dict[str, object]:
        """As `agent-kill check --json` prints it."""
        return {
            "kind": self.kind,
            "with": self.with_,
            "surfaces": list(self.surfaces),
            "message": self.message,
            "next": self.next,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What names lead to.

    Args:
        addresses: by host name; a host that is not in it is compared by its name.
        here: addresses and names of this machine.
    """

    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    here: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1", ""})

    def of(self, endpoint: Endpoint) -> frozenset[str]:
        """Everything that names its host; this machine has one name."""
        found = {endpoint.host, *self.addresses.get(endpoint.host, ())}
        return frozenset({_HERE}) if found & self.here else frozenset(found)

    def is_here(self, endpoint: Endpoint) -> bool:
        """Whether it is this machine."""
        return _HERE in self.of(endpoint)

    def same_host(self, one: Endpoint, other: Endpoint) -> bool:
        """Whether both are one machine."""
        return bool(self.of(one) & self.of(other))

    def same_server(self, one: Endpoint, other: Endpoint) -> bool:
        """Whether both are one server on it."""
        return one.port == other.port and self.same_host(one, other)


_HERE = "this machine"


def logins(what: str, value: str, *, secret: bool) -> Iterator[Login]:
    """What one value leads to. A plain value that is no address is none."""
    if _URL.match(value):
        parts = value.split(",")
        scheme = value.partition("://")[0]
        yield from (_of_url(what, part if "://" in part else f"{scheme}://{part}") for part in parts)
    elif secret:
        yield Login(what=what, digest=_digest(_BEARER.sub("", value.strip())))
    elif _HOST_PORT.fullmatch(value):
        host, port = value.split(":")
        yield Login(what=what, endpoint=Endpoint(host.lower(), int(port)))
    elif value.startswith("/") and value.endswith((".sock", ".socket")):
        yield Login(what=what, endpoint=Endpoint(""))


def _of_url(what: str, url: str) -> Login:
    try:
        parts = urlsplit(url)
        host, port = _host_of(parts)
    except ValueError:  # whoever reads it in earnest says what is wrong
        return Login(what=what)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    place = Endpoint(
        "" if host.startswith("/") else host,
        port or _PORTS.get(parts.scheme.partition("+")[0]),
        parts.path.strip("/").partition("/")[0],
    )
    return Login(what=what, endpoint=place, user=user, digest=_digest(f"{user}\0{password}") if password else None)


def _host_of(parts: SplitResult) -> tuple[str, int | None]:
    """The host, or the folder of its socket, and the port.

    Both may stand in the options, and a folder may be written with `%2F`: libpq, "Connection URIs".
    """
    if parts.hostname:
        return unquote(parts.hostname), parts.port
    options = dict(parse_qsl(parts.query))
    return options.get("host", "").lower(), int(options["port"]) if "port" in options else parts.port


def _digest(secret: str) -> str:
    return hashlib.sha256(f"agent-kill\0{secret}".encode()).hexdigest()


def ties(surface: Surface) -> Ties:
    """What of a surface can be shared with the bot or with another surface."""
    values = list(_values(surface.settings, ""))
    own = [login for what, value, secret in values for login in logins(what, value, secret=secret)]
    canary = list(_values(surface.canary, "canary")) if surface.canary else []
    agents = [login for what, value, secret in canary for login in logins(what, value, secret=secret)]
    names = frozenset(value for _, value, secret in values if not secret and not _URL.match(value))
    return Ties(surface=surface, own=tuple(own), agents=tuple(agents), names=names)


def _values(part: object, name: str) -> Iterator[tuple[str, str, bool]]:
    """Every text of a model, by its key, and whether it is secret."""
    if isinstance(part, SecretStr):
        yield name, part.get_secret_value(), True
    elif isinstance(part, str):
        yield name, part, False
    elif isinstance(part, BaseModel):
        for key in type(part).model_fields:
            yield from _values(getattr(part, key), f"{name}.{key}".removeprefix("."))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _values(value, f"{name}.{key}")
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _values(value, name)


def hosts(own: Iterable[Login], found: Iterable[Ties]) -> frozenset[str]:
    """Every host name that has to be resolved."""
    everything = [*own, *(login for one in found for login in (*one.own, *one.agents))]
    return frozenset(login.endpoint.host for login in everything if login.endpoint and login.endpoint.host)


def shared_fate(configuration: Configuration, own: Iterable[Login], network: Network) -> tuple[Fate, ...]:
    """Everything that the switch shares with what it is to contain, the worst first."""
    found = [ties(surface) for surface in configuration.surfaces()]
    mine = tuple(own)
    report = _Report(found, mine, network)
    return tuple(sorted(report.all(), key=lambda fate: (_ORDER.index(fate.kind), fate.with_)))


_ORDER: tuple[Kind, ...] = ("account", "credential", "server", "way", "machine", "host", "backstop")


class _Report:
    def __init__(self, found: list[Ties], own: tuple[Login, ...], network: Network) -> None:
        self._found, self._own, self._network = found, own, network

    def all(self) -> Iterator[Fate]:
        yield from self._machine()
        for login in self._own:
            yield from self._places(login)
            yield from self._credential(login)
        yield from self._accounts()
        yield from self._canaries()
        yield from self._backstops()

    def _where(self, one: Ties) -> list[Endpoint]:
        return [login.endpoint for login in one.own if login.endpoint]

    def _machine(self) -> Iterator[Fate]:
        names = [it.surface.name for it in self._found if any(map(self._network.is_here, self._where(it)))]
        if names:
            yield Fate(
                kind="machine",
                with_=_HERE,
                surfaces=tuple(names),
                message=f"{_few(names)} run{_s(names)} on the bot's own machine: if it goes down, so does the switch",
                next="run the bot on a machine that its agents do not share",
            )

    def _places(self, login: Login) -> Iterator[Fate]:
        """The bot's own servers among those that it contains."""
        place = login.endpoint
        if place is None:
            return
        same = [
            it.surface.name for it in self._found if any(self._network.same_server(place, at) for at in self._where(it))
        ]
        if same:
            way = login.what in _WAYS
            yield Fate(
                kind="way" if way else "server",
                with_=login.what,
                surfaces=tuple(same),
                message=f"{login.what} and {_few(same)} are one server, {place}: "
                + ("if it goes down or is cut, the bot is cut off from Slack" if way else _LEDGER),
                next=f"point {login.what} to a server that no agent uses",
            )
        if self._network.is_here(place):
            return  # all that is here is said of the machine
        near = [
            it.surface.name for it in self._found if any(self._network.same_host(place, at) for at in self._where(it))
        ]
        near = [name for name in near if name not in same]
        if near:
            yield Fate(
                kind="host",
                with_=login.what,
                surfaces=tuple(near),
                message=f"{login.what} and {_few(near)} are on one host, {place.host}: if it goes down, both do",
                next=f"move one of them to another host, or point {login.what} elsewhere",
            )

    def _credential(self, login: Login) -> Iterator[Fate]:
        """The bot's own secrets in the hands of an agent, or in the settings of a surface."""
        if login.digest is None:
            return
        both = [it for it in self._found if login.digest in {one.digest for one in (*it.own, *it.agents)}]
        if both:
            names = [it.surface.name for it in both]
            yield Fate(
                kind="credential",
                with_=login.what,
                surfaces=tuple(names),
                message=f"{_few(names)} use{_s(names)} the bot's own {login.what}: who takes it away takes the switch",
                next="make a credential of its own for each",
            )

    def _accounts(self) -> Iterator[Fate]:
        """A surface that stops the account under which the bot itself logs in."""
        stopped: dict[str, list[Ties]] = {}
        for it in self._found:
            for name in it.names:
                stopped.setdefault(name, []).append(it)
        used = [("its ledger", login) for login in self._own]
        used += [(it.surface.name, login) for it in self._found for login in it.own]
        shut: dict[tuple[str, str], list[str]] = {}  # what the bot is shut out of, by who stops which account
        for whose, login in used:
            for one in stopped.get(login.user, ()) if login.user else ():
                if login.endpoint and self._at(login.endpoint, one):
                    shut.setdefault((one.surface.name, login.user), []).append(whose)
        for (name, user), whose_all in shut.items():
            yield Fate(
                kind="account",
                with_=user,
                surfaces=(name,),
                message=f"{name} stops the account {user}, with which the bot itself logs in for "
                f"{_few(list(dict.fromkeys(whose_all)))}: the cut would shut the switch out",
                next="give the bot a login of its own",
            )

    def _at(self, place: Endpoint, one: Ties) -> bool:
        return any(self._network.same_server(place, at) for at in self._where(one))

    def _canaries(self) -> Iterator[Fate]:
        """A canary that is not the agent's own credential, but one of the bot's."""
        keys = {
            (login.digest, login.endpoint): it.surface.name for it in self._found for login in it.own if login.digest
        }
        for one in self._found:
            used = next((keys[key] for it in one.agents if (key := (it.digest, it.endpoint)) in keys), None)
            if used is not None:
                yield Fate(
                    kind="credential",
                    with_=used,
                    surfaces=(one.surface.name,),
                    message=f"the canary of {one.surface.name} is the bot's own login for {used}: it proves nothing "
                    "of the agent, whose own credential is tried by nobody",
                    next="put the agent's own credential into the canary",
                )

    def _backstops(self) -> Iterator[Fate]:
        by_name = {it.surface.name: it for it in self._found}
        for one in self._found:
            if one.surface.backstop not in by_name:
                continue
            other = by_name[one.surface.backstop]
            if any(self._at(place, other) for place in self._where(one)):
                yield Fate(
                    kind="backstop",
                    with_=other.surface.name,
                    surfaces=(one.surface.name,),
                    message=f"{one.surface.name} and its backstop {other.surface.name} are one server: what keeps the "
                    "one from being cut keeps the other too",
                    next="name a backstop elsewhere",
                )


DATABASE, API = "AGENT_KILL_DATABASE_URL", "SLACK_API_URL"
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_WAYS = frozenset({API, *PROXIES})
_LEDGER = "if it goes down or is cut, so is the ledger: stops go on from the journal, restores wait"
_NAMES = 4


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    return shown if len(names) <= _NAMES else f"{shown} and {len(names) - _NAMES:,} more"


def _s(names: list[str]) -> str:
    return "s" if len(names) == 1 else ""
