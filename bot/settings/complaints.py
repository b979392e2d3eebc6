"""pydantic's errors -> sentences that name the key, what is wrong with it and what would be accepted."""

import re
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.settings.findings import accepted, shown
from bot.settings.nodes import Node, Path, Scalar, node_at

_FIXED = {
    "string_type": ("must be text", "put it in quotes"),
    "tuple_type": ("must be a list", "write [one, two], or one `- item` a line"),
    "list_type": ("must be a list", "write [one, two], or one `- item` a line"),
    "dict_type": ("must be `key: value` lines", "write the keys below it, indented"),
    "model_type": ("must be `key: value` lines", "write the keys below it, indented"),
    "model_attributes_type": ("must be `key: value` lines", "write the keys below it, indented"),
    "int_parsing": ("must be a whole number", "write it without quotes and units"),
    "int_type": ("must be a whole number", "write it without quotes and units"),
    "int_from_float": ("must be a whole number", "write it without a fraction"),
    "bool_parsing": ("must be true or false", "write true or false"),
    "bool_type": ("must be true or false", "write true or false"),
}

# How the reader names what cannot be a key (`yaml_file.py`).
_NO_KEYS = {
    "<<": ("<< merges a list of keys, and what it names is none", "write `<<: *name` with &name above"),
    "?": ("a key must be one word", "write `key: value`"),
}


def complaint(model: type[BaseModel], node: Node, error: ErrorDetails, prefix: str = "") -> tuple[str, str]:
    """Returns the message and the next step; what was written stands in it only where it cannot be a secret."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    label = (prefix + ".".join(str(part) for part in path)).rstrip(". :") or "this"
    if error["type"] == "missing":
        return f"{label} is missing", _missing(model, path)
    if error["type"] == "extra_forbidden":
        return _unknown(model, path, label)
    return _value(node, path, label, error)


def _unknown(model: type[BaseModel], path: Path, label: str) -> tuple[str, str]:
    if path[-1] in _NO_KEYS:
        message, hint = _NO_KEYS[str(path[-1])]
        return label.removesuffix(str(path[-1])) + message, hint
    return f"{label} is not a known key", accepted(str(path[-1]), _keys(model, path[:-1]))


def _value(node: Node, path: Path, label: str, error: ErrorDetails) -> tuple[str, str]:
    kind, message = error["type"], error["msg"]
    if kind == "value_error" and error["loc"][-1:] == ("[key]",):
        fault, _, hint = message.removeprefix("Value error, ").partition(": ")
        return f"{label}: {shown(str(path[-1]))} {fault}", hint
    if kind in ("enum", "literal_error"):
        choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
        return f"{label}: {_written(node, path)} is not accepted", accepted(_text(node, path), choices)
    if kind in _FIXED:
        return f"{label} {_FIXED[kind][0]}", _FIXED[kind][1]
    if kind == "value_error":
        return _own(label, node, path, message.removeprefix("Value error, "))
    return f"{label}: {message[:1].lower()}{message[1:]}", "docs/configuration.md says what is accepted"


def _own(label: str, node: Node, path: Path, message: str) -> tuple[str, str]:
    """Our own validators write "what is wrong: what to write"; they speak of the value, or of the whole part."""
    fault, _, hint = message.partition(": ")
    subject = f"{label}: {_written(node, path)} " if _text(node, path) else f"{label}: "
    return subject + fault, hint


def _text(node: Node, path: Path) -> str:
    found = node_at(node, path)
    return found.text if isinstance(found, Scalar) else ""


def _written(node: Node, path: Path) -> str:
    return shown(_text(node, path)) if _text(node, path) else "this"


def _missing(model: type[BaseModel], path: Path) -> str:
    owner = _model_at(model, path[:-1])
    info = next((info for name, info in _fields(owner).items() if name == path[-1]), None)
    return f"add it: {info.description}" if info and info.description else "add it"


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    return list(_fields(_model_at(model, path)))


def _fields(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()} if model else {}


def _model_at(model: type[BaseModel] | None, path: Path) -> type[BaseModel] | None:
    for part in path:
        if model is None:
            return None
        annotation = getattr(_fields(model).get(str(part)), "annotation", None)
        model = _model_in(annotation)
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)
    return None
