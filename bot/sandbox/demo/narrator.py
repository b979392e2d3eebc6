"""Tells the play on a terminal, or into a pipe: short lines, colours that a dark and a light ground both carry."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

_PIPE = 110  # columns where nobody says how wide it is


class Narrator:
    """Prints. On a terminal what takes time turns a spinner; in a pipe there are no control characters.

    Args:
        console: where to.
    """

    def __init__(self, console: Console | None = None) -> None:
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if console is None and reconfigure:
            reconfigure(errors="replace")  # a terminal without emoji shows a question mark, and no traceback
        self._console = console or Console(highlight=False, soft_wrap=False, emoji=False)
        self._began = time.monotonic()

    def title(self, text: str, below: str = "") -> None:
        """The headline of the play, or of its end."""
        self._console.print()
        self._put(Text(text, style="bold"), 0)
        if below:
            self._indented(below, "dim")

    def step(self, number: int, of: int, title: str) -> None:
        """A step begins."""
        self._console.print()
        self._console.print(Text(f"[{number}/{of}] {title}", style="bold"))

    def say(self, text: str) -> None:
        """What is happening."""
        self._indented(text)

    def typed(self, who: str, where: str, text: str) -> None:
        """What somebody types in Slack."""
        line = Text(f"{who} in #{where}:  ").append(text, style="bold magenta")
        self._put(line, 4)

    def ran(self, text: str) -> None:
        """What somebody types in a terminal."""
        self._put(Text("$ ").append(text, style="bold magenta"), 4)

    def quoted(self, lines: Sequence[str], note: str) -> None:
        """What Slack shows."""
        for line in lines:
            self._put(Text(line), 6, "| ")
        self._indented(f"({note})", "dim", 6)

    def true(self, text: str) -> None:
        """Something that was checked and is so."""
        self._put(Text("ok  ", style="bold green").append(Text(text, style="")), 4)

    def false(self, text: str) -> None:
        """Something that should be so and is not."""
        self._put(Text("NOT SO  ", style="bold red").append(Text(text, style="")), 4)

    def numbers(self, heading: str, rows: Mapping[str, str]) -> None:
        """A name and a figure a line."""
        self._indented(heading, "dim")
        width = max(map(len, rows), default=0)
        for name, value in rows.items():
            self._indented(f"{name:<{width}}  {value}", indent=6)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While something takes time: a spinner, or in a pipe one line before it."""
        if self._console.is_terminal:
            with self._console.status(f"  {text} ..."):
                yield
        else:
            self._indented(f"... {text}", "dim")
            yield

    def thread(self, heading: str, messages: Iterable[tuple[str, str, list[str]]]) -> None:
        """A thread as people read it: (who, when, lines) for each message, the first one the parent."""
        self._console.print()
        self._console.print(Text(heading, style="bold"))
        for place, (who, when, lines) in enumerate(messages):
            indent = 2 if place == 0 else 6
            self._console.print()
            self._put(Text(who, style="bold").append(f"  {when}", style="dim"), indent)
            for line in lines:
                self._indented(line, indent=indent)

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def _indented(self, text: str, style: str = "", indent: int = 4) -> None:
        self._put(Text(text, style=style), indent)

    def _put(self, text: Text, indent: int, margin: str = "") -> None:
        """Wraps by words, without the blanks that would fill each line up; `margin` begins every line."""
        width = self._console.width if self._console.is_terminal else _PIPE
        for line in text.wrap(self._console, max(width - indent - len(margin), 20)) or [Text()]:
            line.rstrip()
            self._console.print(Text(" " * indent + margin).append(line), soft_wrap=True)
