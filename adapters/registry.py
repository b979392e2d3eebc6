"""Which kinds of adapter there are, by name; a kind is imported when somebody asks for it and not before.

Built-in kinds are modules of this package. Others come as entry points of the group `agent_kill.adapters`, whose
name is the kind and whose value is the class. A built-in kind cannot be replaced.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Annotated, Literal, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from adapters.base import Adapter, Config, Manual, Mode, Shared
from adapters.base.parked import Parked

GROUP = "agent_kill.adapters"
BUILT_IN = (
    "advisory_flag",
    "celery_workers",
    "gate",
    "haproxy_gateway",
    "http_control",
    "memory",
    "nats_user",
    "postgres_role",
    "rabbitmq_user",
    "redis_acl",
    "rq_queue",
    "supervisor_process",
)
DECLARED = (
    "kind",
    "modes",
    "classes",
    "permissions",
    "reversal",
    "marks",
    "attests",
    "config_type",
    "canary_type",
    "target_key",
    "preflight",
    "observe",
    "restrict",
    "relax",
    "attempt",
    "aclose",
)

AdapterType = type[Adapter]
Loader = Callable[[], AdapterType]


class KindError(Exception):
    """A kind of adapter cannot be used; the text says which, why and what to do."""


class UnknownKind(KindError):
    """No adapter of that name is installed.

    Args:
        kind: the name that was asked for.
        known: the names that there are.
    """

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        self.kind, self.known = kind, tuple(known)
        close = get_close_matches(kind, self.known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        super().__init__(f"there is no adapter {kind!r}; {hint}known: {', '.join(self.known) or 'none'}")


class BrokenKind(KindError):
    """An adapter of that name is installed and cannot be loaded, or does not keep the contract."""

    def __init__(self, kind: str, why: str) -> None:
        self.kind = kind
        super().__init__(f"the adapter {kind!r} cannot be used: {why}; install or mend the package that brings it")


class Registry:
    """Adapter classes by kind.

    Args:
        loaders: how each kind is imported.
        problems: what was wrong with what is installed, in sentences; the kinds named there are not replaced.
    """

    def __init__(self, loaders: Mapping[str, Loader], problems: tuple[str, ...] = ()) -> None:
        self._loaders = dict(sorted(loaders.items()))
        self._loaded: dict[str, AdapterType] = {}
        self.problems = problems

    @classmethod
    def of(cls, *classes: AdapterType) -> "Registry":
        """A registry of just these classes."""
        return cls({adapter.kind: partial(_same, adapter) for adapter in classes})

    @classmethod
    def installed(cls, found: Iterable[EntryPoint] | None = None) -> "Registry":
        """The built-in kinds and the installed entry points; a name that is taken stays whose it was."""
        loaders: dict[str, Loader] = {kind: partial(_built_in, kind) for kind in BUILT_IN}
        problems: list[str] = []
        for point in entry_points(group=GROUP) if found is None else found:
            if point.name in loaders:
                problems.append(_taken(point))
            else:
                loaders[point.name] = point.load
        return cls(loaders, tuple(problems))

    def kinds(self) -> tuple[str, ...]:
        """Every kind, sorted; listing imports nothing."""
        return tuple(self._loaders)

    def adapter_class(self, kind: str) -> AdapterType:
        """Imports the class of that kind.

        Raises:
            UnknownKind: nothing of that name is installed.
            BrokenKind: its package cannot be imported, or its class does not keep the contract.
        """
        if kind not in self._loaded:
            self._loaded[kind] = self._load(kind)
        return self._loaded[kind]

    def build(self, kind: str, *, config: Config, canary: Config | None, shared: Shared) -> Adapter:
        """Makes one adapter, without I/O. Raises as `adapter_class` does."""
        made: Adapter = self.adapter_class(kind)(config=config, canary=canary, shared=shared)  # type: ignore[call-arg]  # a protocol states no constructor
        return made

    def describe(self, kind: str) -> dict[str, object]:
        """What `agent-kill adapters --json` prints for one kind. Raises as `adapter_class` does."""
        adapter = self.adapter_class(kind)
        return {
            "kind": adapter.kind,
            "modes": [str(mode) for mode in Mode if mode in adapter.modes],
            "classes": sorted(str(served) for served in adapter.classes),
            "settings": [
                *_fields("settings", adapter.config_type),
                *(_fields("canary", adapter.canary_type) if adapter.canary_type else ()),
            ],
            "permissions": list(adapter.permissions),
            "reversal": adapter.reversal,
            "parks": issubclass(adapter, Parked),
        }

    def manual(self, kind: str) -> Manual | None:
        """What the kind tells of itself; None where its package brings nothing. Raises as `adapter_class` does."""
        found = getattr(self.adapter_class(kind), "manual", None)
        return found if isinstance(found, Manual) else None

    def _load(self, kind: str) -> AdapterType:
        if kind not in self._loaders:
            raise UnknownKind(kind, self._loaders)
        try:
            adapter = self._loaders[kind]()
        except Exception as error:  # a stranger's package may fail in any way; the others still work
            raise BrokenKind(kind, f"{type(error).__name__}: {error}") from error
        _keeps_contract(kind, adapter)
        return adapter


def _same(adapter: AdapterType) -> AdapterType:
    return adapter


def _built_in(kind: str) -> AdapterType:
    module = import_module(f"adapters.{kind}")
    for value in vars(module).values():
        if _declares(value, kind, module):
            return value  # type: ignore[no-any-return]  # checked right above
    raise ImportError(f"{module.__name__} declares no adapter class of kind {kind!r}")


def _declares(value: object, kind: str, module: ModuleType) -> bool:
    # A kind may be a module or a package, whose class then lives in one of its modules.
    own = isinstance(value, type) and f"{value.__module__}.".startswith(f"{module.__name__}.")
    return own and getattr(value, "kind", None) == kind


def _taken(point: EntryPoint) -> str:
    owner = point.dist.name if point.dist else point.value
    whose = "a built-in adapter" if point.name in BUILT_IN else "another package's adapter"
    return (
        f"the package {owner} brings an adapter named {point.name!r}, which is {whose} and is not replaced; "
        "remove it, or rename its entry point"
    )


def _keeps_contract(kind: str, adapter: object) -> None:
    missing = [name for name in DECLARED if not hasattr(adapter, name)]
    if missing:
        raise BrokenKind(kind, f"its class lacks {', '.join(missing)}")
    declared = getattr(adapter, "kind")  # noqa: B009  # what was loaded is only now known to have it
    if declared != kind:
        raise BrokenKind(kind, f"its class says that its kind is {declared!r}")


def _fields(part: str, model: type[BaseModel], prefix: str = "") -> Iterable[dict[str, object]]:
    """Every field, and after a field that is a part of its own, that part's: `nodes`, `nodes.socket`."""
    for field_name, info in model.model_fields.items():
        name = f"{prefix}{info.alias or field_name}"
        yield {
            "name": name,
            "in": part,
            "type": _type(info.annotation),
            "required": info.is_required(),
            "default": _default(info),
            "description": info.description or "",
        }
        if (inner := _part(info.annotation)) is not None:
            yield from _fields(part, inner, f"{name}.")


def _part(annotation: object) -> type[BaseModel] | None:
    """The model that a field holds, itself or as a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for arg in get_args(annotation) if (inner := _part(arg)) is not None), None)


def _default(info: FieldInfo) -> object:
    if info.is_required():
        return None
    value = info.get_default(call_default_factory=True, validated_data={})
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def _type(annotation: object) -> str:
    args = [arg for arg in get_args(annotation) if arg is not type(None)]
    if any(secret in (annotation, *args) for secret in (SecretStr, SecretBytes)):
        return "secret"
    origin = get_origin(annotation)
    plain = bool(args) and isinstance(args[0], type) and _part(args[0]) is None
    if origin in (tuple, list) and not plain:  # of plain types the annotation reads well, and scripts know it
        return f"list of {_type(args[0])}"
    if origin is Annotated or (len(args) == 1 and not isinstance(annotation, type)):
        return _type(args[0])
    if origin is Literal:
        return " | ".join(map(str, args))
    if _part(annotation) is not None:
        return "section"
    return getattr(annotation, "__name__", str(annotation)).lower() if isinstance(annotation, type) else str(annotation)


_DEFAULT: list[Registry] = []


def default() -> Registry:
    """The registry of what is installed, made on first use."""
    if not _DEFAULT:
        _DEFAULT.append(Registry.installed())
    return _DEFAULT[0]


def kinds() -> tuple[str, ...]:
    """Every installed kind."""
    return default().kinds()


def adapter_class(kind: str) -> AdapterType:
    """See `Registry.adapter_class`."""
    return default().adapter_class(kind)


def build(kind: str, *, config: Config, canary: Config | None, shared: Shared) -> Adapter:
    """See `Registry.build`."""
    return default().build(kind, config=config, canary=canary, shared=shared)


def describe(kind: str) -> dict[str, object]:
    """See `Registry.describe`."""
    return default().describe(kind)


def manual(kind: str) -> Manual | None:
    """See `Registry.manual`."""
    return default().manual(kind)
