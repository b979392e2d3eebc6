"""The report of an incident in a terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.evidence import label
from bot.domain.words import seen
from bot.report.cuts import Cut
from bot.report.incident import IncidentReport
from bot.report.moments import Moment, who
from bot.report.names import NOBODY, Names
from bot.report.record import Chains
from bot.report.times import lasting, precise, stamp
from bot.report.votes import Balloted

ROWS = 40  # surfaces that a terminal shows; the rest are counted
EXPORT = "agent-kill audit export FOLDER"
VERIFY = "agent-kill audit verify FOLDER --key key.txt --anchors anchors.txt"
_STYLE = {"asked": "bold", "not_cut": "bold red", "drift": "bold red", "cut": "green", "refused": "yellow"}


def show(report: IncidentReport, console: Console, names: Names = NOBODY) -> None:
    """Prints it: what is wrong with it, what happened, what was not cut, then the rest."""
    for line in _lines(report, names):
        console.print(line)


def _lines(report: IncidentReport, names: Names) -> Iterator[RenderableType]:
    yield from wrong(report.chains)
    yield Text(f"{report.id}, covering {stamp(report.since)} to {stamp(report.until)}", style="bold")
    yield from (_text(names.put(sentence)) for sentence in report.summary())
    yield Text()
    yield from _open_ends(report)
    yield Text()
    yield _timeline(report.moments, names)
    yield Text()
    yield _surfaces(report.cuts)
    for ballot in report.votes:
        yield Text()
        yield from _ballot(ballot, names)
    yield Text()
    yield Text("The journals", style="bold")
    yield from (_text(f"  {sentence}") for sentence in report.chains.sentences())
    yield from (_text(f"  {problem}", "yellow") for problem in report.problems)
    if report.erased:
        yield _text("  names or reasons of it were erased on request; the chain still holds that they were there")
    yield _text(f"  verify it yourself: `{EXPORT}`, then on another machine `{VERIFY}`")


def show_statement(made: dict[str, Any], console: Console) -> None:
    """What a statement says, in short: what is not proven, then the five answers."""
    names = Names(made["names"])
    console.print(_text(f"Statement over {made['period']['asked']}, {made['made_at']}", "bold"))
    console.print(Text("Not proven", style="bold yellow"))
    for line in made["not_proven"]:
        console.print(_text(f"  {names.put(line)}", "" if made["verdict"] == "intact" else "red"))
    for answer in made["answers"]:
        console.print(_text(answer["question"], "bold"))
        console.print(_text(f"  {names.put(answer['answer'])}"))
    console.print(
        _text("The whole of it, signed: --json, or --html FILE. `agent-kill audit statement FILE` checks it.")
    )


def wrong(chains: Chains) -> Iterator[RenderableType]:
    """What must be said before anything else."""
    if not chains.intact:
        yield _text(f"{chains.verdict.upper()}: what follows is not what was written, or cannot be checked", "bold red")
        yield from (_text(f"  {sentence}", "red") for sentence in chains.wrong())
        yield Text()


def _open_ends(report: IncidentReport) -> Iterator[Text]:
    """What was not cut, or not proven, and what was not for a time."""
    groups: list[tuple[str, tuple[Cut, ...], str]] = [
        ("NOT CUT", report.not_cut(), "bold red"),
        ("NOT PROVEN", report.not_proven(), "bold yellow"),
        ("WORK IN FLIGHT NOT SEEN", report.unseen(), "bold yellow"),
    ]
    for title, cuts, style in groups:
        if cuts:
            yield Text(title, style=style)
            yield from (_text(f"  {cut.surface}: {_why(cut)}") for cut in cuts[:ROWS])
            yield from _more(len(cuts) - ROWS)
    for names, said in report.shortfalls()[:ROWS]:
        yield _text(f"Not cut for a time, or late: {label(names)}: {said}", "yellow")
    if report.never_drilled:
        yield _text(f"Never drilled before it: {label(report.never_drilled)}", "yellow")
    if report.overdue:
        yield _text(f"Its drill was overdue: {label(report.overdue)}", "yellow")
    if not any(cuts for _, cuts, _ in groups):
        yield Text("Nothing is NOT CUT or NOT PROVEN at the end of what this covers.", style="green")


def _why(cut: Cut) -> str:
    words = [cut.line.outcome.replace("_", " ")]
    words += [cut.line.detail] if cut.line.detail else []
    words += [f"next: {cut.line.next}"] if cut.line.next else []
    return "; ".join(words)


def _timeline(moments: Iterable[Moment], names: Names) -> Table:
    table = Table(title="Timeline (UTC)", title_justify="left", show_lines=False)
    table.add_column("when", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("entry", overflow="fold")
    for moment in moments:
        entries = ", ".join(f"{chain}:{seq}" for chain, seq in moment.evidence[:2])
        entries += "…" if len(moment.evidence) > 2 else ""  # noqa: PLR2004  # as many as are shown
        when = precise(moment.at).removesuffix(" UTC")
        table.add_row(when, _text(names.put(sentence(moment)), _STYLE.get(moment.kind, "")), entries)
    return table


def sentence(moment: Moment) -> str:
    """One line of the timeline in words."""
    about = (
        f": {label(moment.surfaces)}" if moment.surfaces and moment.kind in {"cut", "not_cut", "drift", "back"} else ""
    )
    often = f", {moment.count:,} times" if moment.count > max(1, len(moment.surfaces)) else ""
    lasted = f" (until {precise(moment.until)})" if moment.until - moment.at >= 1 else ""
    by = f"{who(moment.who)}: " if who(moment.who) else ""
    detail = f" — {moment.detail}" if moment.detail else ""
    return f"{by}{moment.says}{about}{often}{lasted}{detail}"


def _surfaces(cuts: tuple[Cut, ...]) -> Table:
    table = Table(title="Surfaces", title_justify="left")
    for head in ("surface", "asked", "held", "at the end", "proven after", "work ended", "came back"):
        table.add_column(head, overflow="fold")
    for cut in cuts[:ROWS]:
        ended = str(cut.ended) + (" + unknown" if cut.unknown else "")
        outcome = cut.line.outcome.replace("_", " ") + (" (late)" if cut.late else "")
        cells = (cut.surface, str(cut.asked), str(cut.held or "?"), outcome, lasting(cut.proven), ended)
        table.add_row(*map(_text, cells), str(cut.drifts or ""))
    if len(cuts) > ROWS:
        table.caption = f"{len(cuts) - ROWS:,} more are in --json and --html"
    return table


def _ballot(ballot: Balloted, names: Names) -> Iterator[Text]:
    opened = ballot.opened
    yield _text(f"{opened.ballot}: {opened.scope} to {opened.mode}, quorum {opened.quorum}", "bold")
    yield from (_text(f"  shown: {line.about}: {line.says}") for line in opened.evidence)
    yield from (_text(f"  {stamp(vote.at)} {names.put(vote.who)}: {vote.says}") for vote in ballot.votes)
    yield _text(f"  {ballot.counted[0]} for, {ballot.counted[1]} against; {names.put(ending(ballot))}")


def ending(ballot: Balloted) -> str:
    """What came of it."""
    if ballot.ended is None:
        return "not over"
    return f"{ballot.ended.how} at {stamp(ballot.ended.at)}" + (f": {ballot.ended.why}" if ballot.ended.why else "")


def _more(count: int) -> Iterator[Text]:
    if count > 0:
        yield Text(f"  and {count:,} more")


def _text(words: str, style: str = "") -> Text:
    """Without characters that would drive the terminal."""
    return Text(seen(words), style=style)
