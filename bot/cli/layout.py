"""A table as wide as the terminal takes: one line a surface, or on a narrow one each surface with its lines below."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_DETAIL = 30  # characters below which a column of sentences is hard to read
_GAP = 3  # characters between two columns, with the rule between them
_INDENT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One surface, or what else is listed: its name, a short cell for each column, and a sentence of any length."""

    name: str
    cells: tuple[Text, ...]
    detail: str = ""


def layout(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    width: int,
    detail: str = "detail",
    name: str = "surface",
) -> RenderableType:
    """The rows, with no name or word broken where the width allows.

    Args:
        title: stands above.
        columns: heads of the short cells.
        rows: in the order to show.
        width: characters of a line of the terminal.
        detail: head of the sentences.
        name: head of the names.
    """
    sizes = [max(len(head), *(row.cells[i].cell_len for row in rows)) for i, head in enumerate(columns) if rows]
    longest_name = max((Text(row.name).cell_len for row in rows), default=0)
    taken = max(longest_name, len(name)) + sum(sizes) + _GAP * (len(sizes) + 2) + 1
    longest = max((len(word) for row in rows for word in row.detail.split()), default=0)
    wanted = min(max(_DETAIL, longest), max((Text(row.detail).cell_len for row in rows), default=0))
    if taken + max(wanted, len(detail)) <= width:
        return _table(title, (name, *columns), rows, detail)
    return _stacked(title, columns, sizes, rows, width)


def _table(title: str, heads: Sequence[str], rows: Sequence[Row], detail: str) -> Table:
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, no_wrap=True)
    table.add_column(detail, overflow="fold")
    for row in rows:
        table.add_row(Text(row.name), *row.cells, Text(row.detail))
    return table


def _stacked(title: str, columns: Sequence[str], sizes: Sequence[int], rows: Sequence[Row], width: int) -> Group:
    parts: list[RenderableType] = [Text(title, style="italic")]
    parts.append(_indented(_line([Text(head, style="bold") for head in columns], sizes)))
    for row in rows:
        parts.append(Text(_folded(row.name, width), style="bold", overflow="fold"))
        parts.append(_indented(_line(row.cells, sizes)))
        parts += [_indented(Text(_parted(row.detail, width - _INDENT), overflow="fold"))] if row.detail else []
    return Group(*parts)


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, _INDENT), expand=False)


def _line(cells: Sequence[Text], sizes: Sequence[int]) -> Text:
    line = Text(overflow="fold")
    for number, (cell, size) in enumerate(zip(cells, sizes, strict=True)):
        line.append_text(cell)
        if number + 1 < len(sizes):
            line.append(" " * (size - cell.cell_len + 2))
    return line


def _folded(name: str, width: int) -> str:
    """A name that is longer than a line is parted where its agent ends."""
    agent, slash, surface = name.partition("/")
    return name if Text(name).cell_len <= width or not slash else f"{agent}/\n{' ' * _INDENT}{surface}"


def _parted(sentence: str, room: int) -> str:
    """The sentence with words that are longer than a line, as paths are, parted behind a `/`."""
    return " ".join(_word(word, room) for word in sentence.split(" "))


def _word(word: str, room: int) -> str:
    lines = [""]
    for part in re.findall(r"[^/]*/|[^/]+", word) if len(word) > room else [word]:
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
