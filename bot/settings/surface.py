"""One surface of the file -> `Surface`, or `Quarantined` with everything that is wrong with it."""

from adapters.base import Adapter, Config, SurfaceClass
from adapters.registry import BrokenKind, UnknownKind
from bot.domain.model import Quarantined, Surface
from bot.settings.defaults import filled
from bot.settings.findings import accepted
from bot.settings.nodes import Entry, Mapping, Node, Scalar
from bot.settings.read import Read, read
from bot.settings.secrets import secret_paths
from bot.settings.shapes import SurfaceShape
from bot.settings.source import Source
from bot.settings.terms import ARMED_NAME, name_fault
from bot.settings.values import Plainly, Problem

_OWN_PART = ("settings", "canary")  # what the adapter's own types check


class SurfaceReader:
    """Reads one surface.

    Args:
        source: the file that it stands in.
        agent: the id of its agent.
        entry: its key and its value.
    """

    def __init__(self, source: Source, agent: str, entry: Entry) -> None:
        self._source, self._agent, self._entry = source, agent, entry
        self._prefix = f"{agent}/{entry.key}: "
        self._problems: list[Problem] = []

    def read(self) -> Surface | Quarantined:
        """Reports what is wrong; one wrong thing quarantines the surface and nothing else."""
        self._name()
        shape = self._shape()
        adapter = self._adapter(shape)
        settings = self._part(adapter.config_type, "settings") if adapter else None
        canary = self._canary(adapter) if adapter else None
        if shape and adapter:
            self._class(adapter, shape.surface_class)
        self._source.report(self._problems)
        if self._problems or shape is None or settings is None:
            return self.quarantined(self._why(), shape)
        return self._made(shape, settings, canary)

    def quarantined(self, why: str, shape: SurfaceShape | None = None) -> Quarantined:
        """This surface, out of use for that reason."""
        line = self._problems[0].line if self._problems else self._entry.line
        return Quarantined(
            agent=self._agent,
            id=safe_name(self._entry.key),
            why=why,
            place=self._source.place(line),
            adapter=self._written("adapter"),
            surface_class=shape.surface_class if shape else self._class_written(),
        )

    def _made(self, shape: SurfaceShape, settings: Config, canary: Config | None) -> Surface:
        self._source.backstops[f"{self._agent}/{self._entry.key}"] = self._line("backstop")
        return Surface(
            agent=self._agent,
            id=self._entry.key,
            adapter=shape.adapter,
            surface_class=shape.surface_class,
            settings=settings,
            canary=canary,
            risk=shape.risk,
            deadline=shape.deadline,
            drain=shape.drain,
            unsupported=shape.unsupported,
            backstop=shape.backstop,
            backlog=shape.backlog,
            place=self._source.place(self._entry.line),
        )

    def _why(self) -> str:
        first = self._problems[0] if self._problems else None
        message = first.message.removeprefix(self._prefix) if first else "it cannot be read"
        more = f" (and {len(self._problems) - 1} more)" if len(self._problems) > 1 else ""
        return self._source.references.redact(message) + more

    def _name(self) -> None:
        if fault := name_fault(self._entry.key):
            # A surface's id is only ever typed behind its agent's, so that the words of the commands are free here.
            if "word of the commands" in fault:
                return
            self._wrong(self._entry.line, f"the surface's id {fault.partition(': ')[0]}", fault.partition(": ")[2])

    def _shape(self) -> SurfaceShape | None:
        found: Read[SurfaceShape] = read(
            SurfaceShape, self._own_keys(), Plainly(self._source.references), prefix=self._prefix
        )
        self._problems += found.problems
        return found.shape

    def _own_keys(self) -> Node:
        """The surface without the parts that the adapter's own types check; null parts count as not given."""
        node = self._entry.node
        if not isinstance(node, Mapping):
            return node
        kept = [entry for entry in node.entries if entry.key not in _OWN_PART]
        for part in _OWN_PART:
            kept += node.all(part)[1:]
        return Mapping(line=node.line, entries=kept)

    def _adapter(self, shape: SurfaceShape | None) -> type[Adapter] | None:
        kind = shape.adapter if shape else self._written("adapter")
        if not kind:
            return None
        try:
            return self._source.registry.adapter_class(kind)
        except UnknownKind:
            hint = accepted(kind, self._source.registry.kinds())
            self._wrong(self._line("adapter"), f"there is no adapter {kind!r}", hint)
        except BrokenKind as error:
            message, _, hint = str(error).rpartition("; ")
            self._wrong(self._line("adapter"), message, hint)
        return None

    def _class(self, adapter: type[Adapter], written: SurfaceClass) -> None:
        if written not in adapter.classes:
            message = f"the adapter {adapter.kind} does not serve the class {written}"
            self._wrong(self._line("class"), message, f"accepted: {', '.join(sorted(adapter.classes))}")

    def _canary(self, adapter: type[Adapter]) -> Config | None:
        node = self._node("canary")
        if node is None:
            return None
        if adapter.canary_type is None:
            self._wrong(self._line("canary"), f"the adapter {adapter.kind} takes no canary", "remove it")
            return None
        return self._part(adapter.canary_type, "canary")

    def _part(self, model: type[Config], part: str) -> Config | None:
        node = filled(model, self._node(part) or Mapping(line=self._entry.line), self._own_name())
        plainly = Plainly(self._source.references, secrets=set(secret_paths(model, node)), credentials=True)
        found = read(model, node, plainly, prefix=f"{self._prefix}{part}.")
        self._problems += found.problems
        return found.shape

    def _own_name(self) -> str:
        return f"{self._agent}/{safe_name(self._entry.key)}"

    def _node(self, part: str) -> Node | None:
        entry = self._entry.node.get(part) if isinstance(self._entry.node, Mapping) else None
        nothing = entry is None or (isinstance(entry.node, Scalar) and entry.node.value is None)
        return None if nothing or entry is None else entry.node

    def _line(self, part: str) -> int:
        entry = self._entry.node.get(part) if isinstance(self._entry.node, Mapping) else None
        return entry.line if entry else self._entry.line

    def _written(self, part: str) -> str:
        node = self._node(part)
        return safe_name(node.text) if isinstance(node, Scalar) else ""

    def _class_written(self) -> SurfaceClass | None:
        written = self._written("class")
        return SurfaceClass(written) if written in list(SurfaceClass) else None

    def _wrong(self, line: int, message: str, hint: str) -> None:
        self._problems.append(Problem(line=line, path=(), message=self._prefix + message, next=hint))


def safe_name(text: str) -> str:
    """`text` as a name that can stand in a report: what is not harmless in one becomes `_`."""
    return text if ARMED_NAME.fullmatch(text) else "".join(_harmless(char) for char in text[:64]) or "_"


def _harmless(char: str) -> str:
    return char if ARMED_NAME.fullmatch(char) else "_"
