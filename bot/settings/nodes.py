"""The tree of a YAML file: every key and value with the line that it stands on."""

from collections.abc import Iterator
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
Plain = str | int | float | bool | None


@dataclass(slots=True, kw_only=True)
class Scalar:
    """A single value; `text` is what was written, `value` what it means.

    Where something stands that cannot be read and that keeps nothing else from being read, `fault` says what and
    what to do; the part that it belongs to is then wrong, and no other.
    """

    line: int
    text: str
    value: Plain
    fault: tuple[str, str] | None = None
    size: int = 1  # nodes, with what its aliases stand for
    depth: int = 0


@dataclass(slots=True, kw_only=True)
class Sequence:
    """A list."""

    line: int
    items: "list[Node]" = field(default_factory=list)
    size: int = 1  # nodes, with what its aliases stand for
    depth: int = 0


@dataclass(slots=True, kw_only=True)
class Entry:
    """One key of a mapping with its value; `line` is the key's."""

    line: int
    key: str
    node: "Node"


@dataclass(slots=True, kw_only=True)
class Twice:
    """A key that stands twice in one mapping."""

    key: str
    first: int
    again: int


@dataclass(slots=True, kw_only=True)
class Mapping:
    """Keys and values in the file's order. A key may stand twice: `get` takes the first, `all` gives both."""

    line: int
    entries: list[Entry] = field(default_factory=list)
    merged: list[Entry] = field(default_factory=list)  # what `<<` brought, until `settle`
    size: int = 1  # nodes, with what its aliases stand for
    depth: int = 0

    def settle(self) -> None:
        """Takes in what was merged: own keys win over merged ones, earlier merges over later ones."""
        own = {entry.key for entry in self.entries}
        for entry in self.merged:
            if entry.key not in own:
                own.add(entry.key)
                self.entries.append(entry)
        self.merged = []

    def get(self, key: str) -> Entry | None:
        """The first entry of that key."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def all(self, key: str) -> "list[Entry]":
        """Every entry of that key."""
        return [entry for entry in self.entries if entry.key == key]

    def twice(self) -> Iterator[Twice]:
        """The keys of this mapping that stand here more than once."""
        first: dict[str, int] = {}
        for entry in self.entries:
            if entry.key in first:
                yield Twice(key=entry.key, first=first[entry.key], again=entry.line)
            first.setdefault(entry.key, entry.line)


Node = Scalar | Sequence | Mapping


def line_of(node: Node, path: Path, *, key: bool = False) -> int:
    """The line of what stands at `path`, or of the nearest thing above it.

    With `key`, the line of the key itself; else that of its value, which only differs where it stands below.
    """
    line = node.line
    for part in path:
        step = _step(node, part)
        if step is None:
            return line
        line, node = step
    return line if key or not isinstance(node, Scalar) else node.line


def node_at(node: Node, path: Path) -> Node | None:
    """What stands at `path`."""
    for part in path:
        step = _step(node, part)
        if step is None:
            return None
        node = step[1]
    return node


def _step(node: Node, part: str | int) -> tuple[int, Node] | None:
    if isinstance(node, Mapping):
        entry = node.get(str(part))
        return (entry.line, entry.node) if entry else None
    if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
        return node.items[part].line, node.items[part]
    return None
