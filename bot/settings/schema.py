"""JSON Schema (draft 2020-12) of the configuration file, for editors."""

from typing import Any

from pydantic import BaseModel

from adapters.registry import KindError, Registry, default
from bot.settings.defaults import FROM_SURFACE, MARK
from bot.settings.shapes import FileShape
from bot.settings.terms import NAME

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = r"\$\{"
_BY_REFERENCE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|^file:/"
_PLAIN = ("integer", "number", "boolean")
Schema = dict[str, Any]


def json_schema(registry: Registry | None = None) -> Schema:
    """The whole file; `settings` and `canary` of a surface are those of its `adapter`. A broken kind is left out."""
    registry = registry or default()
    schema = FileShape.model_json_schema(by_alias=True)
    definitions: Schema = schema.pop("$defs")
    definitions = {_short(name): definition for name, definition in definitions.items()}
    _referable(schema)
    _referable(definitions)
    surface = definitions["Surface"]
    surface["properties"]["adapter"]["examples"] = list(registry.kinds())
    surface["allOf"] = [_kind(registry, kind, definitions) for kind in registry.kinds()]
    _named(schema, definitions)
    return {"$schema": DRAFT, **schema, "patternProperties": {"^x-": True}, "$defs": definitions}


def _short(name: str) -> str:
    return name.removesuffix("Shape")


def _kind(registry: Registry, kind: str, definitions: Schema) -> Schema:
    """`if` the adapter is this kind, `then` these are its settings."""
    then: Schema = {}
    try:
        adapter = registry.adapter_class(kind)
    except KindError:
        return {"if": _is(kind), "then": True}
    then["settings"] = _part(f"{kind}.settings", adapter.config_type, definitions)
    canary = adapter.canary_type
    then["canary"] = {"anyOf": [_part(f"{kind}.canary", canary, definitions), {"type": "null"}]} if canary else False
    then["class"] = {"enum": sorted(str(served) for served in adapter.classes)}
    needs_settings = any(info.is_required() for info in adapter.config_type.model_fields.values())
    return {"if": _is(kind), "then": {"properties": then, "required": ["settings"] if needs_settings else []}}


def _is(kind: str) -> Schema:
    return {"properties": {"adapter": {"const": kind}}, "required": ["adapter"]}


def _part(name: str, model: type[BaseModel], definitions: Schema) -> Schema:
    schema = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}.{{model}}")
    for below, definition in schema.pop("$defs", {}).items():
        _referable(definition)
        definitions[f"{name}.{_short(below)}"] = definition
    _referable(schema)
    definitions[name] = schema
    return {"$ref": f"#/$defs/{name}"}


def _referable(node: Any) -> None:
    """Secrets only by reference, and a number may be a reference too, as the reader takes them."""
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _referable(child)
    if not isinstance(node, dict):
        return
    if node.get(MARK) == FROM_SURFACE:
        del node[MARK]
        node.pop("default", None)  # the surface's name, which differs from one to the next
    if isinstance(node.get("title"), str):
        del node["title"]  # pydantic's, from the names of our classes
    if isinstance(node.get("$ref"), str):
        node["$ref"] = _short(node["$ref"])
    if node.get("format") == "password":
        node.update(pattern=_BY_REFERENCE)
        del node["format"]
        node.pop("writeOnly", None)
    elif node.get("type") in _PLAIN:
        bounds = {key: node.pop(key) for key in ("type", "minimum", "maximum") if key in node}
        node["anyOf"] = [bounds, {"type": "string", "pattern": _REFERENCE}]


def _named(schema: Schema, definitions: Schema) -> None:
    """Ids are names wherever parts are listed by id."""
    names = {"pattern": f"^{NAME.pattern}$"}
    for owner, part in ((schema, "agents"), (schema, "drills"), (definitions["Agent"], "surfaces")):
        owner["properties"][part]["propertyNames"] = names
