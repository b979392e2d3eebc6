"""What a line typed in Slack means. Pure: a line and the place where it was typed give exactly one command.

A stop is never guessed: a word that only nearly names a target, or a mode, is asked back, so that a typing error
neither misses an agent nor stops them all.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain.model import Agent, Configuration, Quarantined, Surface
from bot.domain.names import ALL, MAX_NEAR, Names
from bot.domain.plan import Scope
from bot.domain.words import Word, distance, fold, reason, shorten, split, squash

MODES = tuple(mode for mode in Mode if mode is not Mode.NORMAL)
MAX_CHOICE = 1900  # characters of a choice's line; Slack allows 2,000 in a button's value
_BY_SQUASHED = {squash(str(mode)): mode for mode in Mode}
_STOP_WORDS = frozenset({"stop", "kill", "halt", "pause", "freeze", "off", "disable", "terminate", "shutdown"})
HELP = frozenset({"", "help", "h"})  # folded: `--help` and `?` are among them
JOINS = frozenset({"and", "&", "+", "plus", ",", "und"})
_NO_MARKUP = str.maketrans({"`": "'", "<": "(", ">": ")", "&": "+"})
_FAR = 64  # characters that are compared, and edits that are counted
END = "--"  # every word after it is the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Where a line was typed, and the names that count there; `holds` are the ids of every hold that is known."""

    channel: str | None
    configuration: Configuration
    names: Names = field(repr=False)
    holds: Collection[str] = field(default=(), repr=False)

    @property
    def incident(self) -> bool:
        """Whether this is the incident channel, the only place where `all` is taken."""
        return self.channel is not None and self.channel == self.configuration.workspace.incident_channel

    def bound(self) -> tuple[str, ...]:
        """Ids of the agents that are bound to this channel."""
        agents = self.configuration.agents
        return tuple(agent.id for agent in agents if agent.channel is not None and agent.channel == self.channel)

    def default(self) -> tuple[str, ...]:
        """The target words of a stop that names none."""
        return (ALL,) if self.incident else self.bound()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop, or with `preview` the plan of one. The scope is never empty."""

    mode: Mode
    scope: Scope
    reason: str = ""
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Help:
    """Usage was asked for, or nothing that could be read as a command; then `said` tells what was wrong."""

    said: str = ""


@dataclass(frozen=True, slots=True)
class Close:
    """Closes the incident of this channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Asks for the state; of everything where no scope is named."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is understood and cannot be taken here; the sentence names what to type instead."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One button: what it says, and the line that pressing it stands for."""

    label: str
    line: str


@dataclass(frozen=True, slots=True)
class AskBack:
    """Nothing was stopped yet: which of these was meant?"""

    sentence: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """Says that a stop was a mistake; the newest of whoever says so where no hold is named."""

    hold: str | None
    reason: str


KillCommand = Stop | Help | Close | Undo | Refused | AskBack


def parse_kill(line: str, here: Here) -> KillCommand:
    """Reads the text of `/agent-kill`. Never raises."""
    words = split(line)
    if asks_for_help(words):
        return Help()
    first = fold(words[0].text)
    if first == "close":
        return Close()
    if first == "undo":
        return _undo(words[1:], here)
    if first == "plan":
        return _parse_stop(words[1:], here, preview=True)
    return _parse_stop(words, here, preview=False)


def asks_for_help(words: Sequence[Word]) -> bool:
    """Whether it is a bare command, or one word that asks for usage."""
    return len(words) <= 1 and all(fold(word.text) in HELP for word in words)


def _undo(words: Sequence[Word], here: Here) -> Undo | Refused:
    """A word that has the form of a hold and is none is never taken for the reason of undoing another one."""
    hold = words[0].text if words and not words[0].mention else ""
    if hold not in here.holds:
        if hold.startswith("hold-"):
            return Refused(f"`{quoted(words[0])}` is not a hold that is known here: the incident's message names it.")
        return Undo(None, reason(words))
    rest = words[1:]
    return Undo(hold, reason(rest[1:] if rest and rest[0].text == END else rest))


def parse_picked(mode: str, targets: str, why: str, here: Here) -> KillCommand:
    """Reads the fields of a form, where each has its own meaning. Never raises.

    Args:
        mode: as typed.
        targets: target words and nothing else.
        why: the reason.
        here: where the form was opened.
    """
    words = split(targets)
    for word in words:
        if here.names.scope(word) is None:
            near = listing(here.names.near(word))
            hint = f"did you mean {near}?" if near else "name an agent, `agent/surface` or `class:queue`."
            return Refused(f"`{quoted(word)}` is not a target here: {hint} Nothing was stopped.")
    return _parse_stop([*split(mode)[:2], *words, Word(END), *split(why)], here, preview=False)


def parse_status(line: str, here: Here) -> Status | Refused:
    """Reads the text of `/agent-status`. Never raises."""
    words = split(line)
    scopes = [here.names.scope(word) for word in words]
    for word, scope in zip(words, scopes, strict=True):
        if scope is None:
            near = here.names.near(word)
            hint = " or ".join(f"`/agent-status {name}`" for name in near) or "`/agent-status` for every agent"
            return Refused(f"`{quoted(word)}` is not an agent here. Type {hint}.")
    found = [scope for scope in scopes if scope is not None]
    return Status(scope=union(found) if found else Scope(everything=True))


def _parse_stop(words: Sequence[Word], here: Here, *, preview: bool) -> KillCommand:
    mode, used = read_mode(words)
    rest = words[used:]
    if mode is Mode.NORMAL:
        return Refused(
            "A stop never gives authority back. Open a vote with `/agent-restore TARGET MODE reason`. Nothing changed."
        )
    if mode is None:
        return _ask_mode(words, here, preview=preview)
    targets, after = read_targets(rest, here)
    verb = f"plan {mode}" if preview else str(mode)
    question = None if ended(rest, targets) else _doubt(verb, targets, after, here)
    if question is not None:
        return question
    return _stop(mode, targets, after, here, preview=preview)


def read_mode(words: Sequence[Word]) -> tuple[Mode | None, int]:
    """Reads the mode in any spelling that can mean nothing else: `full-stop`, `FULL_STOP`, `full stop`."""
    for count in (1, 2):
        if not any(word.mention for word in words[:count]):
            mode = _BY_SQUASHED.get(squash("".join(word.text for word in words[:count])))
            if mode is not None:
                return mode, count
    return None, 0


def read_targets(words: Sequence[Word], here: Here) -> tuple[list[str], list[Word]]:
    """The words that name targets from the first on, and the words after them, without the mark that ends targets."""
    count = next((i for i, word in enumerate(words) if here.names.scope(word) is None), len(words))
    after = list(words[count:])
    return [word.text for word in words[:count]], after[1:] if after and after[0].text == END else after


def ended(words: Sequence[Word], targets: Sequence[str]) -> bool:
    """Whether the person drew the line between targets and reason, so that nothing is left to ask."""
    return len(words) > len(targets) and words[len(targets)].text == END


def _doubt(verb: str, targets: list[str], after: list[Word], here: Here) -> AskBack | None:
    """The question that a word after the targets raises; None where it is plainly the reason."""
    if not after:
        return None
    if not after[0].mention and {fold(after[0].text), after[0].text} & JOINS:
        return _doubt_join(verb, targets, after, here)
    word = after[0]
    near = here.names.near(word)
    if not targets and near == (ALL,) and here.incident:
        near = ()  # it means what no target at all means here
    shaped = here.names.shaped(word)
    if near or shaped:
        names = near or kin(word, here)
        choices = [_choice(verb, [*targets, *name.split()], after[1:]) for name in names]
        said = f"`{quoted(word)}` is not quite a target here." if near else f"`{quoted(word)}` names no target here."
        if not names and not targets and here.incident:
            return _ask_again(said, here)
        return _ask(said, [*choices, _as_reason(verb, targets, after, here)])
    return None


def kin(word: Word, here: Here) -> list[str]:
    """What exists of the kind that a word has the form of, nearest first, at most `MAX_NEAR`."""
    agents = here.configuration.agents
    if fold(word.text).startswith("class:"):
        present = [item.surface_class for agent in agents for item in _all_of(agent)]
        return _nearest(word.text, {f"class:{item}" for item in present if item is not None})
    head, _, _ = word.text.partition("/")
    agent = next((agent for agent in agents if fold(agent.id) == fold(head)), None)
    if agent is None:
        return []
    return [*_nearest(word.text, {item.name for item in _all_of(agent)})[: MAX_NEAR - 1], agent.id]


def _all_of(agent: Agent) -> list[Surface | Quarantined]:
    return [*agent.surfaces, *agent.quarantined]


def _nearest(text: str, names: Iterable[str]) -> list[str]:
    scored = sorted((distance(fold(text[:_FAR]), name, _FAR), name) for name in names)
    return [name for _, name in scored[:MAX_NEAR]]


def _ask_again(said: str, here: Here) -> AskBack:
    """Without a button: the only thing to offer would be to stop every agent."""
    known = listing([agent.id for agent in here.configuration.agents][:10])
    names = f" The agents are {known}." if known else ""
    return AskBack(f"{said} Nothing was stopped yet: type it again, with `--` before the reason.{names}", ())


def _doubt_join(verb: str, targets: list[str], after: list[Word], here: Here) -> AskBack | None:
    following = after[1] if len(after) > 1 else None
    if following is None or not targets:
        return None
    exact = here.names.scope(following)
    names = (following.text,) if exact else here.names.near(following)
    if not names:
        return None
    choices = [_choice(verb, [*targets, *name.split()], after[2:]) for name in names]
    said = f"Is `{quoted(following)}` to be stopped too, or is it part of the reason?"
    return _ask(said, [*choices, _as_reason(verb, targets, after, here)])


def _ask(said: str, choices: Sequence[Choice | None]) -> AskBack:
    return AskBack(f"{said} Nothing was stopped yet: choose, or type it again.", tuple(c for c in choices if c))


def _choice(verb: str, targets: Sequence[str], after: Sequence[Word], *, mark: bool = False) -> Choice | None:
    head = f"{verb} {' '.join(targets)}"
    if len(head) > MAX_CHOICE // 2:
        return None
    tail = reason(after)
    line = f"{head} {END} {tail}" if mark and tail else f"{head} {tail}".strip()
    return Choice(label=head, line=as_typed(line))


def _as_reason(verb: str, targets: Sequence[str], after: Sequence[Word], here: Here) -> Choice | None:
    """The choice to stop what stands before the doubtful word, with that word as the reason's first."""
    chosen = targets or here.default()
    made = _choice(verb, chosen, after, mark=True) if chosen else None
    return made and Choice(label=f"{made.label}, \u201c{quoted(after[0])}\u201d is the reason", line=made.line)


def as_typed(line: str) -> str:
    """Escapes as Slack does, so that a choice is read back as the same words."""
    return shorten(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), MAX_CHOICE)


def _ask_mode(words: Sequence[Word], here: Here, *, preview: bool) -> Help | AskBack:
    verb = "plan " if preview else ""
    if not words:
        return Help("`plan` needs a mode, as in `/agent-kill plan full_stop`.")
    word, squashed = words[0], squash(words[0].text)
    rest = " ".join(item.shown() for item in words[1:])
    likely = [mode for key, mode in _BY_SQUASHED.items() if mode in MODES and distance(squashed, key, 2) <= 2]  # noqa: PLR2004
    if squashed in _STOP_WORDS:
        likely = list(reversed(MODES))
    if not likely and here.names.near(word):
        likely, rest = list(reversed(MODES)), " ".join(item.shown() for item in words)
    if not likely:
        return Help(f"`{quoted(word)}` is not a mode. Nothing was stopped.")
    choices = [
        Choice(label=f"{verb}{mode} {shorten(rest, 40)}".strip(), line=as_typed(f"{verb}{mode} {rest}".strip()))
        for mode in likely
    ]
    return _ask("The mode comes first.", choices)


def _stop(mode: Mode, targets: Sequence[str], after: Sequence[Word], here: Here, *, preview: bool) -> Stop | Refused:
    scopes = [scope for text in targets if (scope := here.names.scope(Word(text))) is not None]
    if not scopes and here.incident:
        scopes = [Scope(everything=True)]
    if not scopes and here.bound():
        scopes = [Scope(agents=frozenset(here.bound()))]
    if not scopes:
        return Refused(_unbound(mode, here))
    scope = union(scopes)
    if scope.everything and not here.incident:
        return Refused(_all_elsewhere(mode, here))
    return Stop(mode=mode, scope=scope, reason=reason(after), preview=preview)


def union(scopes: Sequence[Scope]) -> Scope:
    """Everything that any of the scopes names."""
    return Scope(
        agents=frozenset().union(*(scope.agents for scope in scopes)),
        surfaces=frozenset().union(*(scope.surfaces for scope in scopes)),
        classes=frozenset().union(*(scope.classes for scope in scopes)),
        everything=any(scope.everything for scope in scopes),
    )


def _unbound(mode: Mode, here: Here) -> str:
    ids = [agent.id for agent in here.configuration.agents]
    if not ids:
        return (
            "No agent is configured, so nothing was stopped. Add one to the configuration, then run `agent-kill check`."
        )
    place = here.configuration.workspace.incident_channel
    everywhere = f", or `/agent-kill {mode}` in <#{place}> for all of them" if place else ""
    return (
        f"No agent is bound to this channel, so nothing was stopped. Name one, as in `/agent-kill {mode} {ids[0]}`"
        f" ({listing(ids[:10])}){everywhere}."
    )


def _all_elsewhere(mode: Mode, here: Here) -> str:
    place = here.configuration.workspace.incident_channel
    where = f"in <#{place}>" if place else "once `workspace.incident_channel` is configured"
    return (
        f"`all` is only taken {where}, so nothing was stopped. Type `/agent-kill {mode} all` there,"
        f" name the agents here, or use the command line: `agent-kill stop {mode} --all --reason \u2026`."
    )


def listing(names: Sequence[str]) -> str:
    """Names, as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def quoted(word: Word) -> str:
    """A typed word inside a sentence of ours: no mark-up of Slack's survives in it."""
    return shorten(word.shown().translate(_NO_MARKUP), 80)
