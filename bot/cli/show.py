"""What the command line shows of a stop: the same report as in Slack, as a table or as JSON."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from adapters.base import Attempt
from bot.cli import unarmed
from bot.cli.common import print_json
from bot.cli.layout import Row, layout
from bot.domain.armed import Armed, State, is_part, not_armed
from bot.domain.outcome import Outcome
from bot.domain.plan import Plan, PlanLine
from bot.domain.practice import Practised
from bot.domain.report import Line, Report
from bot.service.ports import Receipt

_STYLE = {Outcome.VERIFIED: "green", Outcome.APPLIED: "yellow", Outcome.PENDING: "cyan"}
_NAMED = 5  # surfaces that were not drilled
_ROWS = 30  # surfaces that a live table shows; the rest are counted
PROVEN = "Everything in scope is cut and proven."


class Progress:
    """A live table on a terminal; nothing anywhere else."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, transient=True) if self._console.is_terminal and not quiet else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def update(self, report: Report) -> None:
        """Shows how far the cuts are, what is open first."""
        if self._live:
            lines = sorted(report.lines, key=lambda line: line.settled)
            title = f"{_done(report)} of {len(lines)} surfaces settled"
            self._live.update(_table(lines[:_ROWS], title, self._console.width))


def plan(plan: Plan, found: Mapping[str, Armed], *, as_json: bool) -> None:
    """What would be held, and what of it is not armed now. `found` is what the armed check knows, by subject."""
    inside = {line.surface for line in plan.lines}
    lost = [it for it in not_armed(found) if it.subject in inside or is_part(it.subject)]
    if as_json:
        told = {"mode": plan.mode.value, "scope": str(plan.scope), "surfaces": _plan_json(plan, found)}
        print_json({**told, "not_armed": [it.json() for it in lost]})
        return
    console = Console(highlight=False)
    rows = [
        Row(
            name=line.surface,
            cells=(
                Text(line.adapter or "?"),
                Text(str(line.surface_class or "?")),
                Text(line.risk),
                Text(str(line.held)) if line.held else Text("NOT CUT", style="bold red"),
                _now(found.get(line.surface)),
            ),
            detail=_remarks(line),
        )
        for line in plan.lines
    ]
    title = f"{plan.mode} on {plan.scope} would hold"
    columns = ("adapter", "class", "risk", "held", "now")
    console.print(layout(title, columns, rows, width=console.width, detail="remarks"))
    for said in unarmed.lines(lost):
        console.print(Text(said, style="bold red"))


def _now(item: Armed | None) -> Text:
    """Whether it could be cut now, as the running bot last found it."""
    if item is None or item.state in {State.UNCHECKED, State.STALE}:
        return Text("not checked", style="yellow")
    return Text("armed", style="green") if item.ok else Text("NOT ARMED", style="bold red")


def _remarks(line: PlanLine) -> str:
    remarks = [line.why] if line.why else []
    remarks += [f"shared with {', '.join(line.shared_with)}"] if line.shared_with else []
    remarks += [f"backstop {line.backstop}"] if line.backstop else []
    return "; ".join(remarks)


def stopped(receipt: Receipt, report: Report, *, adopted: bool, practice: Practised, as_json: bool) -> None:
    """The end of a stop. NOT CUT and NOT PROVEN close it."""
    if as_json:
        print_json(_stop_json(receipt, report, practice))
        return
    console = Console(highlight=False)
    title = f"{report.incident}: {report.mode} on {receipt.plan.scope}"
    console.print(_table(report.lines, title, console.width))
    if not receipt.recorded:
        console.print("[bold red]NOT RECORDED[/]: no disk took the hold; note it elsewhere and repeat it later")
    elif not adopted:
        console.print(
            "Recorded here; restores cannot see this hold yet: no running bot has read this journal. "
            "Where the bot runs elsewhere: agent-kill journal push --to URL"
        )
    for title, names in (("never drilled", practice.never), ("drill overdue", practice.overdue)):
        if names:
            console.print(Text(f"{title}: {', '.join(names[:_NAMED])}{_more(names)}"))
    _close(console, "NOT CUT", report.not_cut(), "bold red")
    _close(console, "NOT PROVEN", report.not_proven(), "bold yellow")
    if not report.not_cut() and not report.not_proven():
        console.print(PROVEN, style="bold green")


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""


def _close(console: Console, title: str, lines: tuple[Line, ...], style: str) -> None:
    if not lines:
        return
    console.print(Text(title, style=style))
    for line in lines:
        console.print(Text(f"  {line.surface}: {line.outcome}, {line.detail or 'no answer yet'}. Next: {line.next}"))


def _table(lines: Sequence[Line], title: str, width: int) -> RenderableType:
    rows = [Row(name=line.surface, cells=_cells(line), detail=line.detail) for line in lines]
    return layout(title, ("asked", "held", "outcome", "agent", "ended", "ms"), rows, width=width)


def _cells(line: Line) -> tuple[Text, ...]:
    return (
        Text(str(line.asked)),
        Text(str(line.held) if line.held else "?"),
        Text(line.outcome.replace("_", " "), style=_STYLE.get(line.outcome, "bold red")),
        Text(line.attempt or "not asked"),
        Text(str(line.ended) + (f" +{line.unknown} unknown" if line.unknown else "")),
        Text(f"{line.elapsed_ms:.0f}"),
    )


def _done(report: Report) -> int:
    return sum(line.settled for line in report.lines)


def _plan_json(plan: Plan, found: Mapping[str, Armed]) -> list[dict[str, Any]]:
    return [
        {
            "surface": line.surface,
            "adapter": line.adapter,
            "class": line.surface_class,
            "asked": line.asked.value,
            "held": line.held.value if line.held else None,
            "risk": line.risk,
            "backstop": line.backstop,
            "shared_with": list(line.shared_with),
            "armed": found[line.surface].state if line.surface in found else None,
            "detail": line.why,
        }
        for line in plan.lines
    ]


def _stop_json(receipt: Receipt, report: Report, practice: Practised) -> dict[str, Any]:
    return {
        "incident": receipt.incident,
        "hold": receipt.hold,
        "mode": report.mode.value,
        "recorded": "journal" if receipt.recorded else "none",
        "surfaces": [_line_json(line) for line in report.lines],
        "not_cut": [line.surface for line in report.not_cut()],
        "not_proven": [line.surface for line in report.not_proven()],
        "never_drilled": list(practice.never),
        "drill_overdue": list(practice.overdue),
    }


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "surface": line.surface,
        "adapter": line.adapter,
        "class": line.surface_class,
        "asked": line.asked.value,
        "held": line.held.value if line.held else None,
        "outcome": line.outcome,
        "attempt": line.attempt or Attempt.UNTRIED,
        "ended": line.ended,
        "unknown": line.unknown,
        "elapsed_ms": line.elapsed_ms,
        "detail": line.detail,
    }
