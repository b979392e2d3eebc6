"""The bot's journal, read as any program can read it: one JSON object a line, text that may be erased beside it."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.messages import Json
from bot.sandbox.page.journal_words import Reader

_ENTRIES, _MARKS = 50, 400  # that are kept
_UNPROVEN = frozenset({"failed", "absent", "unknown", "contested", "quarantined", "left_alone"})


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to a surface; `at` is Unix seconds, `kind` as the page's API names it."""

    surface: str
    at: float
    kind: str


class JournalTail:
    """Follows every chain below a folder.

    Args:
        folder: the bot's state directory.
        called: how people call somebody, by id.
        plain: Slack's markup as people read it.

    Attributes:
        entries: the last ones, as `{chain, seq, type, at, text}`, oldest first.
        marks: what happened to each surface, oldest first.
        proofs: when each surface was last proven, in Unix seconds, while that proof stands.
    """

    def __init__(self, folder: Path, called: Callable[[str], str] = str, plain: Callable[[str], str] = str) -> None:
        self._folder, self._called, self._plain = folder, called, plain
        self._read: dict[Path, int] = {}
        self._surfaces: dict[str, tuple[str, ...]] = {}  # by target
        self._outcomes: dict[str, str] = {}  # by target
        self.entries: deque[dict[str, Any]] = deque(maxlen=_ENTRIES)
        self.marks: deque[Mark] = deque(maxlen=_MARKS)
        self.proofs: dict[str, float] = {}

    def look(self) -> bool:
        """Reads what was appended; whether that was anything."""
        found = False
        for path in sorted(self._folder.glob("journal*/**/*.jsonl")):
            for line in self._lines(path):
                found = True
                self._take(path.stem, line)
        return found

    def shown_marks(self) -> list[dict[str, Any]]:
        """The marks as JSON."""
        return [asdict(mark) for mark in self.marks]

    def _lines(self, path: Path) -> Iterator[Json]:
        """Whole lines only: the last one may be on its way."""
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        for line in whole.splitlines():
            yield json.loads(line)

    def _take(self, chain: str, line: Json) -> None:
        body = line["body"]
        kind, at = body["type"], float(body["at"])
        for target in body["targets"] if kind == "hold_added" else ():
            self._surfaces[target["key"]] = tuple(target["surfaces"])
        aside = {mark: pair[1] for mark, pair in line.get("aside", {}).items()}
        reader = Reader(aside, self._surfaces, self._called, self._plain)
        entry = {"chain": chain, "seq": line["seq"], "type": kind, "at": at, "text": reader.in_words(body)}
        self.entries.append(entry)
        match kind:
            case "hold_added":
                self._held(body, at)
            case "outcomes":
                for proof in body["proofs"]:
                    self._proven(proof, at)
            case "pairs_lifted":
                for _, target in body["pairs"]:
                    self._given_back(target, at)

    def _held(self, body: Json, at: float) -> None:
        for target in body["targets"]:
            self._mark(target["key"], at, "stop")
            self._outcomes.pop(target["key"], None)

    def _given_back(self, target: str, at: float) -> None:
        """What was proven of the stricter mode says nothing of the looser one."""
        self._mark(target, at, "relax")
        self._outcomes.pop(target, None)
        for surface in self._surfaces.get(target, ()):
            self.proofs.pop(surface, None)

    def _proven(self, proof: Json, at: float) -> None:
        target, outcome = proof["target"], proof["outcome"]
        before = self._outcomes.get(target)
        self._outcomes[target] = outcome
        for surface in self._surfaces.get(target, ()):
            if outcome != "verified":
                self.proofs.pop(surface, None)
            elif before != "verified":
                self.proofs[surface] = at
        if outcome != before:
            self._mark(target, at, _kind(outcome, before))

    def _mark(self, target: str, at: float, kind: str) -> None:
        if kind:
            self.marks.extend(Mark(surface, at, kind) for surface in self._surfaces.get(target, ()))


def _kind(outcome: str, before: str | None) -> str:
    if outcome == "verified":
        return "recut" if before == "drifted" else "proof"
    if outcome in _UNPROVEN:
        return "not_cut"
    return "drift" if outcome == "drifted" else ""
