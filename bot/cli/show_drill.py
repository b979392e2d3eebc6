"""What the command line shows of drills: a list, bars while one runs, and its scorecard, as a table or as JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from bot.cli.common import print_json
from bot.cli.layout import Row, layout
from bot.domain import drill_events as drills
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.practice import Run

_STEPS = ("waiting", "cut", "given back")
_HOW = {"passed": "bold green", "failed": "bold red", "void": "bold yellow", "refused": "bold yellow"}


class Progress:
    """A bar for each surface on a terminal: cut, then given back. Nothing anywhere else."""

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[step]}"),
            TimeElapsedColumn(),
        )
        self._bars = Bars(*columns, console=console, transient=True) if console.is_terminal and not quiet else None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def update(self, board: Board, run: Run) -> None:
        """Shows how far each surface is."""
        if self._bars is None or run.started is None:
            return
        for target in run.started.targets:
            step = _step(board, run, target.key)
            for name in target.surfaces:
                if name not in self._tasks:
                    self._tasks[name] = self._bars.add_task(name, total=len(_STEPS) - 1, step=_STEPS[0])
                self._bars.update(self._tasks[name], completed=step, step=_STEPS[step])


def _step(board: Board, run: Run, key: str) -> int:
    if key in run.given_back:
        return 2
    proof = board.proofs.get(key)
    cut = run.started is not None and proof is not None and proof.asked >= run.started.mode
    return 1 if cut and board.is_proven(key) else 0


def listing(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Every drill with its last result."""
    if as_json:
        print_json(list(rows))
        return
    console = Console(highlight=False)
    if not rows:
        console.print("No drill is configured: write one below `drills:` in the configuration file.")
        return
    table = [
        Row(
            name=row["drill"],
            cells=(Text(row["kind"]), Text(row["mode"]), _last(row["last"]), Text((row["next_due"] or "never")[:16])),
            detail=", ".join(row["surfaces"])
            + (f"; backstops {', '.join(row['backstops'])}" if row["backstops"] else ""),
        )
        for row in rows
    ]
    columns = ("kind", "mode", "last", "next (UTC)")
    console.print(layout("drills", columns, table, width=console.width, detail="surfaces", name="drill"))


def _last(last: dict[str, Any] | None) -> Text:
    return Text(f"{last['how']} {last['at'][:16]}", style=_HOW[last["how"]]) if last else Text("never run")


def scorecard(run: Run, *, as_json_: bool) -> None:
    """What a run measured. What is left held closes it."""
    if as_json_:
        print_json(as_json(run))
        return
    console, ended = Console(highlight=False), run.ended
    if ended is None:
        return
    rows = [Row(name=score.surface, cells=_cells(score), detail=score.detail) for score in ended.card.surfaces]
    if rows:
        columns = ("held", "outcome", "cut ms", "proof ms", "of ms", "effects", "ended", "left", "back ms")
        console.print(layout(f"drill {ended.drill}, {ended.card.mode}", columns, rows, width=console.width))
    for fault in ended.card.faults:
        console.print(f"fault {fault.fault}: {'survived' if fault.survived else 'NOT survived'}")
    for remark in (*ended.card.remarks, *([f"load: {ended.card.load}"] if ended.card.load else [])):
        console.print(Text(remark))
    console.print(Text(f"{ended.how}{f': {ended.why}' if ended.why else ''}", style=_HOW[ended.how]))
    if run.left:
        names = ", ".join(run.left.surfaces)
        console.print(Text(f"LEFT HELD: {names}. Next: a vote gives it back, with /agent-restore", style="bold red"))


def _cells(score: drills.SurfaceScore) -> tuple[Text, ...]:
    style = "green" if score.outcome is Outcome.VERIFIED else "bold red"
    return (
        Text(str(score.held or "?")),
        Text(score.outcome.replace("_", " "), style=style),
        *(Text(_number(it)) for it in (score.cut_ms, score.proof_ms, score.deadline_ms)),
        Text("no witness" if score.effects is None else str(score.effects)),
        Text(str(score.ended)),
        Text("unknown" if score.left is None else str(score.left)),
        Text(_number(score.given_back_ms)),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def as_json(run: Run) -> dict[str, Any]:
    """A run that ended, for programs."""
    ended, claimed = run.ended, run.claimed
    return {
        "run": run.id,
        "drill": ended.drill if ended else None,
        "how": ended.how if ended else None,
        "why": ended.why if ended else "",
        "at": datetime.fromtimestamp(ended.at, tz=UTC).isoformat(timespec="seconds") if ended else None,
        "by": claimed.by.model_dump(mode="json") if claimed else None,
        "scheduled": claimed.scheduled if claimed else None,
        "left_held": list(run.left.surfaces) if run.left else [],
        "card": ended.card.model_dump(mode="json") if ended else None,
    }
