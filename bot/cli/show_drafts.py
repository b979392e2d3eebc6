"""What the command line shows of drafts: tables by surface, one of them whole, or JSON. Foreign text cannot act."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from adapters.base import Mode
from bot.cli.common import print_json
from bot.cli.layout import Row, layout
from bot.domain.drafts import Proposal
from bot.domain.event_base import Person
from bot.service.decisions import came_of
from bot.service.lots import Found, Listing, Lot
from bot.service.redact import redact, redact_lines

_WHAT = 160  # characters of a line of the list


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One draft with what the journals know of it. `expires_at` is Unix time; None where the bot has not seen it."""

    found: Found
    proposal: Proposal
    held: Mode
    expires_at: float | None

    @property
    def state(self) -> str:
        """One word or two."""
        standing, last = self.proposal.standing(), self.proposal.last()
        if standing is not None:
            return {"release": "releasing", "drop": "dropping", "expire": "expiring"}[standing.verdict]
        if last is not None and last.how == "unknown":
            return "UNKNOWN"
        if self.found.digest in self.proposal.asked:
            return "asked for"
        return "waits" if self.found.draft.waits else "draft"


class Progress:
    """A bar over the places that are asked, on a terminal; nothing anywhere else."""

    def __init__(self, number: int, *, quiet: bool) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("asking surfaces"), BarColumn(), MofNCompleteColumn())
        self._bars = Bars(*columns, console=console, transient=True) if console.is_terminal and not quiet else None
        self._task = self._bars.add_task("", total=number) if self._bars else None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def advance(self) -> None:
        """One more has answered."""
        if self._bars and self._task is not None:
            self._bars.advance(self._task)


def listing(entries: Sequence[Entry], looked: Sequence[tuple[Lot, Listing]], *, as_json: bool) -> None:
    """Everything that is parked, by surface."""
    problems = [(", ".join(lot.names), it.trouble) for lot, it in looked if it.trouble]
    more = {lot.key: max(0, (it.number or 0) - len(it.found)) for lot, it in looked}
    if as_json:
        told = [{"surface": names, "why": why} for names, why in problems]
        print_json({"drafts": [document(it) for it in entries], "more": sum(more.values()), "problems": told})
        return
    console = Console(highlight=False)
    by_lot: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        by_lot.setdefault(entry.found.lot.key, []).append(entry)
    for key, rows in by_lot.items():
        console.print(_table(rows, more[key], console.width))
    for names, why in problems:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            Text(f"{names} cannot be listed: {why}", "bold red")
        )
    if not looked:
        console.print("No configured surface parks anything: see `agent-kill adapters`.")
    elif not entries and not problems:
        console.print("Nothing is parked.")
    elif entries:
        console.print("Next: agent-kill drafts show ID · release ID (asks in Slack) · drop ID")


def _table(rows: Sequence[Entry], more: int, width: int) -> Any:
    first = rows[0]
    lot = first.found.lot
    number = f"{len(rows) + more:,} parked" + (f", the oldest {len(rows):,} are shown" if more else "")
    title = f"{', '.join(lot.names)} ({lot.surfaces[0].adapter}), held at {first.held}: {number}"
    table = [
        Row(
            name=it.found.name,
            cells=(Text(it.state), Text(_time(it.found.draft.at)), Text(_time(it.expires_at))),
            detail=printable(redact(it.found.draft.what))[:_WHAT],
        )
        for it in rows
    ]
    return layout(title, ("state", "parked", "dropped at"), table, width=width, detail="what", name="draft")


def one(entry: Entry, *, as_json: bool) -> None:
    """One of them, whole."""
    if as_json:
        print_json(document(entry))
        return
    draft, console = entry.found.draft, Console(highlight=False, soft_wrap=True)
    facts = {
        "draft": entry.found.name,
        "on": f"{', '.join(entry.found.lot.names)} ({entry.found.lot.surfaces[0].adapter}), there {draft.id}",
        "state": f"{entry.state}, held at {entry.held}",
        "parked": _time(draft.at),
        "dropped at": _time(entry.expires_at),
        "what": printable(redact(draft.what)),
    }
    for name, value in facts.items():
        console.print(Text.assemble((f"{name}: ", "bold"), value))
    if draft.arguments:
        console.print(Text("arguments:", "bold"))
        console.print(Text(_indented(redact_lines(draft.arguments))))
    for line in _story(entry.proposal):
        console.print(Text(line))


def document(entry: Entry) -> dict[str, Any]:
    """One of them, for programs."""
    found = entry.found
    return {
        "id": found.name,
        "surfaces": list(found.lot.names),
        "adapter": found.lot.surfaces[0].adapter,
        "surface_id": found.draft.id,
        "digest": found.digest,
        "what": redact(found.draft.what),
        "arguments": redact_lines(found.draft.arguments),
        "waits": found.draft.waits,
        "state": entry.state,
        "held": str(entry.held),
        "parked_at": _iso(found.draft.at),
        "expires_at": _iso(entry.expires_at),
    }


def _story(proposal: Proposal) -> list[str]:
    """What was asked and decided, oldest first."""
    told = [(it.at, f"{_time(it.at)} {_person(it.by)} asked for its release") for it in proposal.asked.values()]
    for decided in proposal.decided.values():
        settled = proposal.settled.get(decided.decision)
        came = came_of(settled) if settled else "It is being carried out."
        told.append((decided.at, f"{_time(decided.at)} {_person(decided.by)} decided to {decided.verdict} it. {came}"))
    return [line for _, line in sorted(told)]


def printable(text: str) -> str:
    """Without anything that a terminal would obey."""
    return "".join(char for char in text if unicodedata.category(char)[0] != "C")


def _indented(text: str) -> str:
    return "\n".join(f"  {printable(line)}" for line in text.splitlines())


def _person(by: Person) -> str:
    return "the bot" if by.kind == "bot" else printable(by.id)


def _time(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M")


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="seconds")
