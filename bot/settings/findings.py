"""What is wrong, missing or worth knowing in a configuration, in sentences for a person."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Level = Literal["error", "gap", "not_armed", "note"]

# What must not be repeated in a message even where it was written in the wrong place: tokens and passwords in URLs.
_SECRET = re.compile(r"xox[a-z]-\S+|xapp-\S+|(?<=://)[^/\s@]*:[^/\s@]+(?=@)|[A-Za-z0-9+_=.-]{32,}")
_LONGEST = 60
_MOST = 20  # accepted words that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. `where` is `file:line`, an agent, `agent/surface` or the name of an environment variable.

    `tabled` ones also stand in the tables of the inventory, where people read them.
    """

    where: str
    level: Level
    message: str
    next: str = ""
    tabled: bool = False

    def to_json(self) -> dict[str, str]:
        """As `check --json` prints it."""
        return {"where": self.where, "level": self.level, "message": self.message, "next": self.next}

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f"; {self.next}" if self.next else "")


class SettingsError(Exception):
    """An environment variable is unusable. The text names it, the reason and the next step, never its value.

    Args:
        variable: the name of the variable.
        reason: what is wrong with it.
        next_step: what to do.
    """

    def __init__(self, variable: str, reason: str, next_step: str) -> None:
        super().__init__(f"{variable} {reason}; {next_step}")
        self.variable, self.reason, self.next_step = variable, reason, next_step

    def finding(self) -> Finding:
        """The same as a finding of level *error*."""
        return Finding(
            where=self.variable, level="error", message=f"{self.variable} {self.reason}", next=self.next_step
        )


def shown(text: str) -> str:
    """`text` fit to stand in a message: quoted, short, and without what looks like a secret."""
    clean = _SECRET.sub("…", text)
    return repr(clean if len(clean) <= _LONGEST else clean[:_LONGEST] + "…")


def accepted(wrong: str, choices: Iterable[str]) -> str:
    """A hint that names the accepted words, and the one that was probably meant."""
    known = list(choices)
    close = get_close_matches(wrong, known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}? " if close else ""
    listed = ", ".join(known[:_MOST]) + (", …" if len(known) > _MOST else "")
    return f"{hint}accepted: {listed or 'nothing'}"
