"""One user's rights as plain facts, and what each mode leaves of them. Nothing here does I/O.

A fact's key is a change's key: `limit` (its connections), `permissions:VHOST` (configure, write and read as JSON), and
`binding:…` (one way out of its exchange). None stands for "not there".
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.base import Change, Mode
from adapters.base.record import Facts, first

OURS = "agent-kill."  # every queue of ours starts so
MARK = "agent-kill.mark"  # an exchange that does not exist: a topic permission on it means nothing
NOTHING = ""  # a pattern that matches no name
LIMIT, BOUND = "limit", "yes"
MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_PERMISSIONS, _BINDING = "permissions:", "binding:"
_GUARDED = rf"^(?!{re.escape(OURS)})(?=[\s\S]*?(?:"


@dataclass(frozen=True, slots=True)
class Way:
    """Where the agent publishes, and where that leads.

    Attributes:
        vhost: where all of it is.
        exchange: the agent's own fanout exchange; empty where nothing is set up to park.
        to: the exchange that its messages are for.
        streams: queues that may be read in read_only, because a read takes nothing away.
    """

    vhost: str
    exchange: str = ""
    to: str = ""
    streams: tuple[str, ...] = ()

    def queue(self, what: str) -> str:
        """The name of one of our queues: `drafts`, `waiting` or `done`."""
        return f"{OURS}{self.exchange}.{what}"

    def parks(self, mode: Mode) -> str:
        """The key of the only binding that a middle mode leaves."""
        return binding("queue", self.queue("waiting" if mode is Mode.APPROVAL_GATED else "drafts"))

    @property
    def write(self) -> str:
        """The pattern that matches the agent's exchange alone."""
        return f"^{re.escape(self.exchange)}$"


def binding(kind: str, name: str, routing_key: str = "", arguments: object = None) -> str:
    """The key of a binding of the agent's exchange to a queue or an exchange."""
    return _BINDING + json.dumps([kind, name, routing_key, arguments or {}], sort_keys=True)


def bound(key: str) -> tuple[str, str, str, dict[str, Any]] | None:
    """What a key of `binding` says; None of another key."""
    if not key.startswith(_BINDING):
        return None
    kind, name, routing_key, arguments = json.loads(key.removeprefix(_BINDING))
    return kind, name, routing_key, arguments


def permissions(vhost: str) -> str:
    """The key of the permissions in a vhost."""
    return _PERMISSIONS + vhost


def vhost_of(key: str) -> str | None:
    """The vhost of a key of `permissions`; None of another key."""
    return key.removeprefix(_PERMISSIONS) if key.startswith(_PERMISSIONS) else None


def triple(configure: str, write: str, read: str) -> str:
    """The value of a key of `permissions`."""
    return json.dumps([configure, write, read])


def judged(found: Facts, way: Way) -> Mode:
    """The loosest mode that these facts amount to."""
    rights = {vhost: json.loads(value) for vhost, value in _rights(found) if value is not None}
    if found.get(LIMIT) == "0" or not rights:
        return Mode.FULL_STOP
    if all(_reads_only(vhost, right, way) for vhost, right in rights.items()):
        return Mode.READ_ONLY
    if way.exchange and all(_parks_only(vhost, right, way) for vhost, right in rights.items()):
        ways = {key for key, value in found.items() if bound(key) and value is not None}
        return next((mode for mode in MIDDLE if ways == {way.parks(mode)}), Mode.NORMAL)
    return Mode.NORMAL


def reduced(mode: Mode, base: Facts, found: Facts, way: Way) -> dict[str, str | None]:
    """What `mode` leaves of `base`; ways out of the exchange that the mode does not need stay as they are found."""
    if mode is Mode.NORMAL:
        return dict(base)
    made: dict[str, str | None] = {LIMIT: "0" if mode is Mode.FULL_STOP else base.get(LIMIT)}
    for vhost, value in _rights({**found, **base}):
        made[permissions(vhost)] = None if value is None else _right(mode, vhost, json.loads(value), way)
    ways = {key: value for key, value in found.items() if bound(key)}
    if mode in MIDDLE:
        ways = {**dict.fromkeys((*ways, way.parks(mode))), way.parks(mode): BOUND}
    return {**made, **ways}


def baseline(found: Facts, undo: Sequence[Change], way: Way, *, marked: bool) -> dict[str, str | None]:
    """What the user had when the episode began; `found` where nothing is recorded.

    While our mark is on it, rights that were not recorded are what the cuts had no need to replace, or came later: no
    more of them is believed than the loosest cut leaves, and of ways out nothing, once the episode had replaced any.
    """
    began = first(undo)
    if not began or not marked:
        return {**found, **began}
    most = reduced(Mode.APPROVAL_GATED if way.exchange else Mode.READ_ONLY, found, found, way)
    base = {key: most.get(key) if vhost_of(key) is not None else value for key, value in found.items()}
    if any(bound(key) for key in began):
        base.update({key: None for key in found if bound(key)})
    return {**base, **began}


def shut(target: Facts) -> dict[str, str | None]:
    """The same, with nobody let in."""
    return {**target, LIMIT: "0"}


def alike(one: Facts, other: Facts) -> bool:
    """Whether two readings say the same; what is None is not there."""
    return _there(one) == _there(other)


def leads_elsewhere(found: Facts, target: Facts) -> bool:
    """Whether the agent's exchange has other ways out in one than in the other."""
    return any(bound(key) and found.get(key) != value for key, value in target.items())


def tight(right: str, way: Way) -> bool:
    """Whether rights in the exchange's vhost keep the agent from what is parked, in every mode."""
    names = (*(way.queue(what) for what in ("drafts", "waiting", "done")), f"{OURS}held.")
    return not any(matches(pattern, name) for pattern in json.loads(right) for name in names)


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches a name, as the node judges it; True of one that cannot be read here."""
    if pattern == NOTHING:
        return False
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def _right(mode: Mode, vhost: str, right: Sequence[str], way: Way) -> str | None:
    _, write, read = right
    here = vhost == way.vhost
    if mode is Mode.FULL_STOP:
        return None
    if mode is Mode.READ_ONLY:
        names = [name for name in way.streams if here and matches(read, name)]
        return triple(NOTHING, NOTHING, _only(names))
    kept = way.write if here and matches(write, way.exchange) else NOTHING
    return triple(NOTHING, kept, _guarded(read))


def _only(names: Sequence[str]) -> str:
    return f"^(?:{'|'.join(map(re.escape, sorted(names)))})$" if names else NOTHING


def _guarded(read: str) -> str:
    """The same pattern without the names of ours."""
    return read if read == NOTHING or read.startswith(_GUARDED) else f"{_GUARDED}{read}))"


def _reads_only(vhost: str, right: Sequence[str], way: Way) -> bool:
    configure, write, read = right
    names = [name for name in way.streams if vhost == way.vhost and matches(read, name)]
    return configure == write == NOTHING and read == _only(names)


def _parks_only(vhost: str, right: Sequence[str], way: Way) -> bool:
    configure, write, read = right
    writes = {NOTHING, way.write} if vhost == way.vhost else {NOTHING}
    return configure == NOTHING and write in writes and read == _guarded(read)


def _rights(found: Facts) -> Iterable[tuple[str, str | None]]:
    return [(vhost, value) for key, value in sorted(found.items()) if (vhost := vhost_of(key)) is not None]


def _there(found: Facts) -> dict[str, str]:
    return {key: value for key, value in found.items() if value is not None}
