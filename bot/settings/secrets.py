"""Which values of an adapter's settings are secrets, by the types that the adapter declares."""

from collections.abc import Iterator
from typing import get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from bot.settings.nodes import Entry, Mapping, Node, Path, Sequence

# Headers that are never secret, where an adapter takes every value of a mapping as one.
_PUBLIC = frozenset({"accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"})


def secret_paths(model: type[BaseModel], node: Node) -> Iterator[Path]:
    """The paths in `node` whose values the model takes as secrets."""
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    for entry in _entries(node):
        if entry.key in fields:
            yield from _below((entry.key,), fields[entry.key].annotation, entry.node)


def _below(path: Path, annotation: object, node: Node) -> Iterator[Path]:
    if annotation in (SecretStr, SecretBytes):
        yield path
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from ((*path, *rest) for rest in secret_paths(annotation, node))
    elif get_origin(annotation) is dict or _is_mapping(annotation):
        for entry in (entry for entry in _entries(node) if entry.key.lower() not in _PUBLIC):
            yield from _below((*path, entry.key), get_args(annotation)[-1], entry.node)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            for arg in get_args(annotation):
                yield from _below((*path, index), arg, item)
    else:
        for arg in get_args(annotation):
            yield from _below(path, arg, node)


def _is_mapping(annotation: object) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and hasattr(origin, "keys") and len(get_args(annotation)) > 1


def _entries(node: Node) -> list[Entry]:
    return node.entries if isinstance(node, Mapping) else []
