"""Tree -> plain values with their references resolved, and what is wrong with the text of them."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.settings.nodes import Mapping, Node, Path, Plain, Scalar, Sequence
from bot.settings.references import FORMS, References, ReferenceUnresolved, holds_password, refers

Value = Plain | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at one line. `path` is relative to the part that was read."""

    line: int
    path: Path
    message: str
    next: str = ""


class Plainly:
    """Turns one part of the tree into values.

    Args:
        references: where references lead.
        secrets: the paths whose values must come by reference.
        credentials: whether a URL with a password written out is an error.
    """

    def __init__(self, references: References, *, secrets: Collection[Path] = (), credentials: bool = False) -> None:
        self._references = references
        self._secrets = frozenset(secrets)
        self._credentials = credentials
        self.problems: list[Problem] = []

    def value(self, node: Node, path: Path = ()) -> Value:
        """The value of `node`; what is wrong is added to `problems`, and the text stands as it was written."""
        if isinstance(node, Mapping):
            self._twice(node, path)
            return {entry.key: self.value(entry.node, (*path, entry.key)) for entry in reversed(node.entries)}
        if isinstance(node, Sequence):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
        return self._scalar(node, path)

    def _scalar(self, node: Scalar, path: Path) -> Plain:
        secret = path in self._secrets
        if node.fault:
            self._add(node.line, path, f"{_label(path)}: {node.fault[0]}", node.fault[1])
            return node.value
        if (secret and node.value is not None and not refers(node.text)) or (
            self._credentials and holds_password(node.text)
        ):
            self._literal(node, path)
        elif isinstance(node.value, str):
            return self._resolved(node, path, secret=secret)
        return node.value

    def _resolved(self, node: Scalar, path: Path, *, secret: bool) -> Plain:
        try:
            return self._references.resolve_secret(node.text) if secret else self._references.resolve(node.text)
        except ReferenceUnresolved as error:
            self._add(node.line, path, f"{_label(path)}: {error.message}", error.hint)
            return node.value

    def _literal(self, node: Scalar, path: Path) -> None:
        self._add(node.line, path, f"{_label(path)}: a secret is written out in the file", f"{FORMS}, and rotate it")

    def _twice(self, node: Mapping, path: Path) -> None:
        for twice in node.twice():
            at = (*path, twice.key)
            message = f"{_label(at)} stands twice, in lines {twice.first} and {twice.again}"
            self._add(twice.again, at, message, "keep one of them")

    def _add(self, line: int, path: Path, message: str, hint: str) -> None:
        self.problems.append(Problem(line=line, path=path, message=message, next=hint))


def _label(path: Path) -> str:
    return ".".join(str(part) for part in path) or "this"
