"""The names that a stop may be given, and the names that a mistyped word may have meant."""

from collections.abc import Iterable, Sequence

from adapters.base import SurfaceClass
from bot.domain.model import Agent
from bot.domain.plan import Scope
from bot.domain.words import Word, distance, fold, squash

ALL = "all"
MAX_NEAR = 4  # candidates that are offered
_MAX_WORD = 64  # a longer word is prose
_SHORT = 5  # up to this length one edit is near, above it two
_MIN = 3  # a shorter word is near by case and punctuation alone
_PREFIX = 4  # so many letters of the beginning are enough


class Names:
    """Every name of one configuration. Built once per configuration; look-ups take microseconds."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._agents = {agent.id for agent in agents}
        self._agents_folded = {fold(agent.id): agent.id for agent in agents}
        self._surfaces = {name for agent in agents for name, _ in _surfaces(agent)}
        self._classes = {f"class:{item}": item for item in SurfaceClass}
        self._folded: dict[str, list[str]] = {}
        self._people: dict[str, list[str]] = {}
        for name in (ALL, *self._classes, *sorted(self._agents), *sorted(self._surfaces)):
            self._alias(name, name)
        for item in SurfaceClass:
            self._alias(item, f"class:{item}")
            self._alias(f"{item}s", f"class:{item}")
        for agent in agents:
            self._alias("".join(agent.name.split()), agent.id)
            for name, short in _surfaces(agent):
                self._alias(short, name)
            for person in agent.slack_identities:
                self._people.setdefault(person, []).append(agent.id)

    def _alias(self, alias: str, name: str) -> None:
        for key in {fold(alias), squash(alias)} - {""}:
            known = self._folded.setdefault(key, [])
            if name not in known:
                known.append(name)

    def scope(self, word: Word) -> Scope | None:
        """What exactly this word names; None where it names nothing."""
        if word.mention:
            return None
        text = word.text
        if text in self._agents:
            return Scope(agents=frozenset({text}))
        if text in self._surfaces:
            return Scope(surfaces=frozenset({text}))
        if text in self._classes:
            return Scope(classes=frozenset({self._classes[text]}))
        return Scope(everything=True) if text == ALL else None

    def near(self, word: Word) -> tuple[str, ...]:
        """The names that a word, which names nothing exactly, may have meant; best first, at most `MAX_NEAR`."""
        if word.mention in self._people:
            return tuple(self._people[word.mention][:MAX_NEAR])
        if len(word.text) > _MAX_WORD:
            return ()
        text = word.text.replace("\\", "/")
        if not fold(text).startswith("clas"):
            text = text.replace(":", "/")
        found = self._same(text) or self._listed(text) or self._mistyped(fold(text))
        return tuple(dict.fromkeys(found))[:MAX_NEAR]

    def shaped(self, word: Word) -> bool:
        """Whether the word has the form of a target (`agent/surface`, `class:x`), which prose seldom has."""
        head, _, tail = word.text.partition("/")
        path = bool(head and tail) and ":" not in head and "/" not in tail
        return not word.mention and (path or fold(word.text).startswith("class:"))

    def _same(self, text: str) -> list[str]:
        return self._folded.get(fold(text)) or self._folded.get(squash(text)) or []

    def _listed(self, text: str) -> list[str]:
        """`billing,payroll`: several names in one word, offered as the words that they should have been."""
        parts = [part for part in text.replace("+", ",").replace(";", ",").split(",") if part]
        names = [self._same(part) for part in parts]
        return [" ".join(name[0] for name in names)] if names and all(names) else []

    def _mistyped(self, word: str) -> list[str]:
        if len(word) < _MIN:
            return []
        limit = 1 if len(word) <= _SHORT else 2
        scored = [(score, key) for key in self._pool(word) if (score := _score(word, key, limit)) <= limit]
        return [name for _, key in sorted(scored) for name in self._folded[key]]

    def _pool(self, word: str) -> Iterable[str]:
        """A word with a slash or a colon can only mean a name that has one; a plain word means an agent or `all`."""
        for mark in "/:":
            if mark in word:
                return [key for key in self._folded if mark in key]
        return [*self._agents_folded, ALL]  # "data leak" is a reason, and no slip of `class:database`


def _surfaces(agent: Agent) -> list[tuple[str, str]]:
    usable = [(surface.name, surface.id) for surface in agent.surfaces]
    return usable + [(surface.name, surface.id) for surface in agent.quarantined]


def _score(word: str, key: str, limit: int) -> int:
    if len(word) >= _PREFIX and key.startswith(word):
        return limit
    return distance(word, key, limit)
