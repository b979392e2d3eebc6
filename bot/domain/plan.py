"""What a stop would hold: scope → surfaces → targets, with rounding, backstops and shared targets named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from adapters.base import Mode, SurfaceClass
from bot.domain import events
from bot.domain.model import Quarantined, Risk, Surface, Unsupported

_FIRST = {risk: rank for rank, risk in enumerate(Risk)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a command names. All empty and `everything` false is an error of the caller, never "nothing to do"."""

    agents: frozenset[str] = frozenset()
    surfaces: frozenset[str] = frozenset()  # agent/surface
    classes: frozenset[SurfaceClass] = frozenset()
    everything: bool = False

    def covers(self, surface: Surface | Quarantined) -> bool:
        """Whether the surface is meant. A quarantined one of unknown class counts as every class."""
        named = self.everything or surface.agent in self.agents or surface.name in self.surfaces
        return named or surface.surface_class in self.classes or (surface.surface_class is None and bool(self.classes))

    def __str__(self) -> str:
        if self.everything:
            return "all"
        classes = sorted(f"class:{item}" for item in self.classes)
        return " ".join([*sorted(self.agents), *sorted(self.surfaces), *classes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventoried:
    """A usable surface with its target and the modes that can be held there, as far as was last observed."""

    surface: Surface
    target: str
    enforceable: frozenset[Mode]
    why: str = ""  # what stands in the way of the modes that are missing
    lines: "dict[Mode, PlanLine]" = field(default_factory=dict, init=False, compare=False, repr=False)  # made once

    def line(self, asked: Mode) -> "PlanLine":
        """The surface's line of a plan, where its target carries nothing that is out of scope."""
        made = self.lines.get(asked)
        if made is None:
            line = _line(asked, self, ())
            alone = _alone(line)
            if alone is not None:
                _ = alone.text  # made ahead of the stop
            made = self.lines[asked] = replace(line, alone=alone)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One surface of a plan. `held` is None where the surface is left alone."""

    surface: str
    adapter: str
    surface_class: SurfaceClass | None
    asked: Mode
    held: Mode | None
    target: str | None
    why: str = ""
    risk: Risk = Risk.MEDIUM
    backstop: str | None = None
    shared_with: tuple[str, ...] = ()  # surfaces out of scope that the same target carries
    alone: events.HeldTarget | None = None  # what a hold says of the target, where no other surface points at it


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A stop before it is recorded; lines are in the order of the cut."""

    mode: Mode
    scope: Scope
    lines: tuple[PlanLine, ...]

    def left(self) -> tuple[PlanLine, ...]:
        """The lines that nothing will be done about."""
        return self._left

    @cached_property
    def _left(self) -> tuple[PlanLine, ...]:
        return tuple(line for line in self.lines if line.held is None)

    @cached_property
    def rounded(self) -> tuple[PlanLine, ...]:
        """The lines that are held stricter than asked."""
        return tuple(line for line in self.lines if line.held is not None and line.held is not line.asked)

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """Surfaces that were not named and lose their authority too, since they share a target."""
        return tuple(sorted({name for line in self.lines if line.held is not None for name in line.shared_with}))

    def targets(self) -> dict[str, tuple[PlanLine, ...]]:
        """The lines by target, in the order of the cut."""
        found: dict[str, tuple[PlanLine, ...]] = {}
        for line in self.lines:
            if line.held is not None and line.target is not None:
                found[line.target] = (*found[line.target], line) if line.target in found else (line,)
        return found

    @cached_property
    def held(self) -> events.Targets:
        """What a hold says of each target, in the order of the cut."""
        return events.Targets(
            lines[0].alone if len(lines) == 1 and lines[0].alone else _held(target, lines)
            for target, lines in self.targets().items()
        )

    def prepare(self) -> None:
        """Makes what a stop and its answer need, so that they find it made."""
        _ = self.held.keys, self.held.text, self._left, self.rounded, self.beside


def round_mode(asked: Mode, enforceable: Iterable[Mode]) -> Mode | None:
    """The loosest enforceable mode that is not looser than `asked`; None where there is none."""
    return min((mode for mode in enforceable if mode >= asked), default=None)


def make_plan(mode: Mode, scope: Scope, inventory: Sequence[Inventoried], broken: Sequence[Quarantined]) -> Plan:
    """Plans a stop; pure, so that a preview and the stop itself agree.

    Args:
        mode: what is asked, stricter than normal.
        scope: what the command names.
        inventory: every usable surface of the configuration.
        broken: every quarantined one.
    """
    inside = [item for item in inventory if scope.covers(item.surface)]
    beside = _beside(scope, inventory) if len(inside) < len(inventory) else {}
    lines = [
        _line(mode, item, tuple(beside[item.target])) if item.target in beside else item.line(mode) for item in inside
    ]
    lines += [_broken_line(mode, item) for item in broken if scope.covers(item)]
    return Plan(mode=mode, scope=scope, lines=tuple(sorted(lines, key=lambda line: _FIRST[line.risk])))


def _beside(scope: Scope, inventory: Sequence[Inventoried]) -> dict[str, list[str]]:
    """Surfaces that are out of scope, by target."""
    found: dict[str, list[str]] = {}
    for item in inventory:
        if not scope.covers(item.surface):
            found.setdefault(item.target, []).append(item.surface.name)
    return found


def _alone(line: PlanLine) -> events.HeldTarget | None:
    return _held(line.target, (line,)) if line.held is not None and line.target is not None else None


def _held(target: str, lines: tuple[PlanLine, ...]) -> events.HeldTarget:
    """The target with every surface that it carries, in scope or not: all of them lose authority."""
    inside = [line.surface for line in lines]
    beside = [name for name in lines[0].shared_with if name not in inside]
    round_to = max(line.held for line in lines if line.held is not None)
    return events.HeldTarget(key=target, surfaces=(*inside, *beside), round_to=round_to)


def _line(asked: Mode, item: Inventoried, shared_with: tuple[str, ...]) -> PlanLine:
    surface = item.surface
    held = round_mode(asked, item.enforceable)
    leave = surface.unsupported is Unsupported.LEAVE and held is not asked
    return PlanLine(
        surface=surface.name,
        adapter=surface.adapter,
        surface_class=surface.surface_class,
        asked=asked,
        held=None if leave else held,
        target=item.target,
        why=_why(asked, held, item, leave=leave),
        risk=surface.risk,
        backstop=surface.backstop,
        shared_with=shared_with,
    )


def _why(asked: Mode, held: Mode | None, item: Inventoried, *, leave: bool) -> str:
    if held is asked:
        return ""
    cause = item.why or f"{item.surface.adapter} cannot hold {asked} here"
    if leave:
        return f"left alone, as configured (unsupported: leave): {cause}"
    if held is None:
        return f"cannot be cut: {cause}"
    return cause


def _broken_line(asked: Mode, item: Quarantined) -> PlanLine:
    place = f" ({item.place})" if item.place else ""
    return PlanLine(
        surface=item.name,
        adapter=item.adapter,
        surface_class=item.surface_class,
        asked=asked,
        held=None,
        target=None,
        why=f"configuration: {item.why}{place}",
        risk=Risk.HIGH,
    )
