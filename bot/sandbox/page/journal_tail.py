"""The bot's journal, read as any program can read it: one JSON object a line, text that may be erased beside it."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.messages import Json

Reveal = Callable[[object], str]
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

    Attributes:
        entries: the last ones, as `{chain, seq, type, at, text}`, oldest first.
        marks: what happened to each surface, oldest first.
        proofs: when each surface was last proven, in Unix seconds, while that proof stands.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        body, aside = line["body"], {mark: pair[1] for mark, pair in line.get("aside", {}).items()}
        kind, at = body["type"], float(body["at"])
        entry = {"chain": chain, "seq": line["seq"], "type": kind, "at": at, "text": in_words(body, aside)}
        self.entries.append(entry)
        match kind:
            case "hold_added":
                self._held(body, at)
            case "outcomes":
                for proof in body["proofs"]:
                    self._proven(proof, at)
            case "pairs_lifted":
                for _, target in body["pairs"]:
                    self._mark(target, at, "relax")

    def _held(self, body: Json, at: float) -> None:
        for target in body["targets"]:
            self._surfaces[target["key"]] = tuple(target["surfaces"])
            self._mark(target["key"], at, "stop")
            self._outcomes.pop(target["key"], None)

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


def in_words(body: Json, aside: dict[str, str]) -> str:
    """One entry in a short sentence."""
    kind = str(body["type"])
    tell = _WORDS.get(kind)
    return tell(body, lambda value: aside.get(str(value), str(value))) if tell else kind.replace("_", " ")


def _held(body: Json, text: Reveal) -> str:
    reason = f": {text(body['reason'])}" if body.get("reason") else ""
    return f"{body['mode']} on {body['scope']} asked by {text(body['by']['id'])}{reason}"


def _short(target: str) -> str:
    """The end of a target's key, which names the thing."""
    return target.partition(":")[2].removeprefix("http://") or target


_WORDS: dict[str, Callable[[Json, Reveal], str]] = {
    "hold_added": _held,
    "outcomes": lambda body, _: ", ".join(f"{_short(one['target'])} {one['outcome']}" for one in body["proofs"]),
    "refusal": lambda body, text: f"refused {text(body['by']['id'])}: {body['why']}",
    "reason_given": lambda body, text: f"reason given by {text(body['by']['id'])}: {text(body['reason'])}",
    "undo_recorded": lambda body, _: f"undo record of {_short(body['target'])}, encrypted",
    "posted": lambda body, _: f"posted in Slack: {body['slot']}",
    "incident_closed": lambda body, text: f"{body['incident']} closed by {text(body['by']['id'])}",
    "pairs_lifted": lambda body, _: f"lifted on {', '.join(_short(target) for _, target in body['pairs'])}",
    "note": lambda body, _: str(body["text"]),
}
