"""What Celery's nodes say of themselves: which queues they take tasks from, which tasks they have, what tasks left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.celery_workers.mailbox import Order, Told

LOOK = tuple(Order(method) for method in ("active_queues", "active", "reserved", "scheduled", "agent_kill_alive"))
END = Order("agent_kill_end")


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        name: as `celery@host`.
        queues: those of the surface that it takes tasks from.
        tasks: ids of the surface's tasks that it runs, has fetched, or has put off.
        alive: processes that tasks left; None where the node does not tell.
    """

    name: str
    queues: frozenset[str]
    tasks: frozenset[str]
    alive: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look.

    Attributes:
        nodes: all that answered, by name.
        silent: the surface's own that did not, or not to all.
        mute: how many others heard and did not answer.
    """

    nodes: Mapping[str, Node]
    silent: tuple[str, ...]
    mute: int

    @property
    def off(self) -> bool:
        """Whether no node takes tasks of the surface."""
        return not any(node.queues for node in self.nodes.values())

    @property
    def tasks(self) -> frozenset[str]:
        """Those that any node has."""
        return frozenset(task for node in self.nodes.values() for task in node.tasks)

    def left(self, own: Iterable[str]) -> int | None:
        """How much may still act; None where that is not known."""
        alive = [self.nodes[name].alive for name in own if name in self.nodes]
        known = len(self.tasks) + sum(one or 0 for one in alive)
        return known or (None if self.silent or self.mute or None in alive else 0)

    def state(self, own: Iterable[str], queues: Iterable[str]) -> dict[str, str | None]:
        """The facts that a cut may replace: who takes tasks from which queue."""
        names = sorted({*own, *self.nodes})
        facts = {f"{name} {queue}": self.nodes.get(name) for name in names for queue in queues}
        return {key: None if node is None else ON if _of(key) in node.queues else OFF for key, node in facts.items()}


ON, OFF = "on", "off"


def _of(key: str) -> str:
    return key.partition(" ")[2]


def seen(told: Told, own: tuple[str, ...], queues: tuple[str, ...], *, first: bool = True) -> Seen:
    """Reads the answers to `LOOK`, which are the first of the orders or the last."""
    looked = told.answers[: len(LOOK)] if first else told.answers[-len(LOOK) :]
    asked, *lists, alive = looked
    complete = [name for name in asked if all(name in one for one in (*lists, alive))]
    nodes = {
        name: Node(
            name,
            frozenset(queues) & {str(one.get("name")) for one in _dicts(asked[name])},
            frozenset(_tasks(name in own, queues, *(one[name] for one in lists))),
            _left(alive[name]),
        )
        for name in complete
    }
    silent = tuple(name for name in own if name not in nodes)
    return Seen(nodes, silent, max(0, told.mute - len(silent)))


def took(told: Told, queues: tuple[str, ...]) -> tuple[str, ...]:
    """Who took tasks from which queue, as keys of `Seen.state`, by the answers to a look; late ones count."""
    taken = {node: {str(one.get("name")) for one in _dicts(said)} for node, said in told.answers[0].items()}
    return tuple(f"{node} {queue}" for node in sorted(taken) for queue in queues if queue in taken[node])


def _tasks(mine: bool, queues: tuple[str, ...], *lists: Any) -> Iterable[str]:  # noqa: FBT001  # whether the node is the surface's own
    """On a node of the surface every task; on another those that came by one of its queues."""
    for one in (entry.get("request", entry) for entries in lists for entry in _dicts(entries)):
        if mine or (one.get("delivery_info") or {}).get("routing_key") in queues:
            yield str(one.get("id"))


def _left(answer: Any) -> int | None:
    left = answer.get("left") if isinstance(answer, dict) else None
    return left if isinstance(left, int) else None


def _dicts(entries: Any) -> list[dict[str, Any]]:
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
