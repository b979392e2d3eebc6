"""What surrounds one user on one server: other users it could come back as, other nodes, what a restart keeps.

Read beside the cuts, never ahead of one, and once a second per server at most however many surfaces ask.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

FRESH = 1.0  # seconds that one reading serves every surface of the server
_ASKED = (
    ("ACL", "LIST"), ("INFO", "replication"), ("CLUSTER", "NODES"), ("CONFIG", "GET", "aclfile"),
    ("CONFIG", "GET", "appendonly"), ("CONFIG", "GET", "save"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """One user as `ACL LIST` shows it."""

    name: str
    enabled: bool
    nopass: bool
    hashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Member:
    """One line of `CLUSTER NODES`: every address that it is known by."""

    number: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """One reading. What the bot may not read is empty or None, and never an error: no cut depends on it."""

    at: float
    users: tuple[Listed, ...] = ()
    role: str = ""
    family: str = ""  # the id that a primary and all its replicas share
    upstream: str = ""  # of a replica: whom it follows
    linked: bool = False  # of a replica: whether it does so now
    replicas: tuple[str, ...] = ()  # addresses, as the server tells them
    own: str = ""  # its id in a cluster
    cluster: tuple[Member, ...] = ()
    aclfile: bool | None = None
    durable: bool | None = None  # whether keys outlive a restart

    def doubles(self, user: str, hashes: frozenset[str]) -> tuple[Listed, ...]:
        """The other users that take no password, or one of these."""
        return tuple(
            one for one in self.users if one.enabled and one.name != user and (one.nopass or one.hashes & hashes)
        )


@dataclass(slots=True)
class Lookout:
    """Keeps one server's latest reading."""

    last: Around | None = None
    peers: set[str] = field(default_factory=set)  # `ip:port` of the server, as connections found it

    async def look(self, ask: Callable[..., Awaitable[Sequence[object]]], peer: str) -> Around:
        """The reading, of this second.

        Args:
            ask: sends commands over an open connection to the server.
            peer: that connection's other end.
        """
        now = asyncio.get_running_loop().time()
        if self.last is None or now - self.last.at >= FRESH:
            self.peers |= {peer} - {""}
            self.last = read(await ask(*_ASKED), now)
        return self.last


def read(answers: Iterable[object], at: float) -> Around:
    """Puts the answers of one exchange together."""
    users, replication, nodes, aclfile, appendonly, save = answers
    told = _fields(replication)
    members, own = _members(nodes)
    kept = [_setting(answer) for answer in (appendonly, save)]
    return Around(
        at=at,
        users=tuple(map(_listed, users)) if isinstance(users, list) else (),
        role=told.get("role", ""),
        family=told.get("master_replid", ""),
        upstream=f"{told['master_host']}:{told.get('master_port', '')}" if "master_host" in told else "",
        linked=told.get("master_link_status") == "up",
        replicas=tuple(_replica(value) for name, value in told.items() if name[:5] == "slave" and name[5:].isdigit()),
        own=own,
        cluster=members,
        aclfile=None if (file := _setting(aclfile)) is None else bool(file),
        durable=None if None in kept else kept[0] == "yes" or bool(kept[1]),
    )


def strangers(nodes: Mapping[str, tuple[Lookout, Around | None]]) -> tuple[str, ...]:
    """The replicas and cluster members that configured nodes tell of and that are none of them, by their addresses.

    Servers tell each other addresses of their own network, so an address that is not configured is first looked for
    among the peers of the connections; and where as many replicas follow as are configured, they are those.

    Args:
        nodes: by configured `host:port`; None where that one was not read.
    """
    known = {*nodes, *(peer for lookout, _ in nodes.values() for peer in lookout.peers)}
    seen = [around for _, around in nodes.values() if around is not None]
    members = {member.number: member for around in seen for member in around.cluster}
    own = {around.own for around in seen}
    found = [one.addresses[0] for one in members.values() if one.number not in own and known.isdisjoint(one.addresses)]
    for family in {around.family for around in seen if not around.cluster} - {""}:
        kin = [around for around in seen if around.family == family]
        told = {address for around in kin for address in around.replicas}
        if len(told) > sum(around.linked for around in kin):
            found += told - known
        if not any(around.role == "master" for around in kin):
            found += {around.upstream for around in kin} - known
    return tuple(sorted(set(found)))


def _listed(line: object) -> Listed:
    words = bytes(cast("bytes", line)).decode("utf-8", "surrogateescape").partition(" (")[0].split(" ")
    return Listed(
        name=words[1],
        enabled="on" in words[2:],
        nopass="nopass" in words[2:],
        hashes=frozenset(word[1:] for word in words[2:] if word.startswith("#")),
    )


def _replica(text: str) -> str:
    """`ip=10.0.0.2,port=6379,state=online,…` as `10.0.0.2:6379`."""
    told = dict(part.partition("=")[::2] for part in text.split(","))
    return f"{told.get('ip', '')}:{told.get('port', '')}"


def _members(answer: object) -> tuple[tuple[Member, ...], str]:
    """The members and the id of the one that answers; nothing where this is no cluster."""
    own, members = "", []
    for line in _text(answer).splitlines():
        number, address, flags = line.split(" ")[:3]
        own = number if "myself" in flags.split(",") else own
        place, _, names = address.partition(",")
        place = place.partition("@")[0]
        host = names.partition(",")[0]
        if "noaddr" not in flags.split(","):
            named = (f"{host}:{place.rpartition(':')[2]}",) if host and "=" not in host else ()
            members.append(Member(number, (place, *named)))
    return tuple(members), own


def _fields(answer: object) -> dict[str, str]:
    return dict(line.partition(":")[::2] for line in _text(answer).splitlines() if ":" in line)


def _setting(answer: object) -> str | None:
    """The value in the answer of `CONFIG GET`; None where it may not be read."""
    if not isinstance(answer, list):
        return None
    return _text(answer[1]) if len(answer) > 1 else ""


def _text(answer: object) -> str:
    return answer.decode("utf-8", "surrogateescape") if isinstance(answer, bytes) else ""
