"""Values that a surface's settings take from where they stand, so that adapters that keep one thing a surface agree."""

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.settings.nodes import Entry, Mapping, Node, Scalar

MARK, FROM_SURFACE = "default_from", "surface"


def filled(model: type[BaseModel], node: Node, surface: str) -> Node:
    """`node` with the surface's name in every marked field that it leaves out, or leaves empty.

    An adapter does not know the name of its surface; a field declared with
    `Field(json_schema_extra={"default_from": "surface"})` is how its settings ask for it.

    Args:
        model: the type of the adapter's settings or canary.
        node: what the file says; anything but `key: value` lines is returned as it is.
        surface: `agent/surface`.
    """
    marked = [info.alias or name for name, info in model.model_fields.items() if from_surface(info)]
    if not isinstance(node, Mapping) or not marked:
        return node
    given = [entry for entry in node.entries if entry.key not in marked or not _empty(entry.node)]
    missing = [key for key in marked if all(entry.key != key for entry in given)]
    own = [Entry(line=node.line, key=key, node=Scalar(line=node.line, text=surface, value=surface)) for key in missing]
    return Mapping(line=node.line, entries=[*given, *own])


def from_surface(info: FieldInfo) -> bool:
    """Whether the field takes the surface's name where the file gives none."""
    extra = info.json_schema_extra
    return isinstance(extra, dict) and extra.get(MARK) == FROM_SURFACE


def _empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.fault is None and node.value in (None, "")
