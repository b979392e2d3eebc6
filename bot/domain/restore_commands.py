"""What a line of `/agent-restore` means. Pure, and as strict as `commands.py`: what is not plain is asked back.

A target, a mode or a reason is never guessed: more than was meant could come back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import Mode
from bot.domain.commands import (
    END,
    JOINS,
    MAX_CHOICE,
    AskBack,
    Choice,
    Help,
    Here,
    Refused,
    as_typed,
    asks_for_help,
    ended,
    kin,
    listing,
    quoted,
    read_mode,
    read_targets,
    union,
)
from bot.domain.plan import Scope
from bot.domain.words import Word, distance, fold, reason, split, squash

ASKED = tuple(mode for mode in Mode if mode is not Mode.FULL_STOP)  # what may be asked for, the loosest first
WRITER = "writer:"
_NOTHING = "Nothing was changed"
_FAR = 2  # edits of a mistyped mode
_OFFERED = 4  # buttons of one question


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Asks for a vote on giving authority back. The scope and the reason are never empty."""

    mode: Mode
    scope: Scope
    reason: str


@dataclass(frozen=True, slots=True)
class NoReason:
    """Everything but the reason is there; `line` is what was understood so far."""

    line: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Goes without the proof of a surface, or without a writer's journal (`writer:NAME`)."""

    subject: str
    reason: str


RestoreCommand = Restore | NoReason | Acknowledge | Help | Refused | AskBack


def parse_restore(line: str, here: Here, held: Sequence[str] = ()) -> RestoreCommand:
    """Reads the text of `/agent-restore`. Never raises.

    Args:
        line: as Slack sends it.
        here: where it was typed.
        held: ids of the agents that are held now, which a question offers.
    """
    words = split(line)
    if asks_for_help(words) or words[0].text == END:
        return Help()
    if fold(words[0].text) == "acknowledge":
        return _acknowledge(words[1:], here)
    mode, used = read_mode(words)
    if mode is not None:
        targets, after = read_targets(words[used:], here)
        return _ask_or_take(mode, targets, after, here, held, marked=ended(words[used:], targets))
    targets, rest = read_targets(words, here)
    if ended(words, targets):
        return _no_mode(targets, rest, here, marked=True)
    mode, used = read_mode(rest)
    if mode is None:
        return _no_mode(targets, rest, here, marked=False)
    after = rest[used:]
    marked = bool(after) and after[0].text == END
    return _ask_or_take(mode, targets, after[1:] if marked else after, here, held, marked=marked)


def _ask_or_take(
    mode: Mode, targets: list[str], after: list[Word], here: Here, held: Sequence[str], *, marked: bool
) -> RestoreCommand:
    if mode is Mode.FULL_STOP:
        return Refused(f"`full_stop` gives nothing back: name {_modes()}. {_NOTHING}.")
    question = None if marked else _doubt(mode, targets, after, here)
    if question is not None:
        return question
    scopes = [scope for text in targets if (scope := here.names.scope(Word(text))) is not None]
    if not scopes:
        return _no_target(mode, after, here, held)
    why = reason(after)
    line = f"{mode} {' '.join(targets)}"
    return Restore(mode=mode, scope=union(scopes), reason=why) if why else NoReason(line)


def _doubt(mode: Mode, targets: list[str], after: list[Word], here: Here) -> AskBack | None:
    """The question that the first word of the reason raises; None where it is plainly prose."""
    if not after:
        return None
    word, rest = after[0], after[1:]
    if (fold(word.text) in JOINS or word.text in JOINS) and targets and rest:
        names = _meant(rest[0], here)
        said = f"Is `{quoted(rest[0])}` to come back too, or is it part of the reason?"
        return _ask(said, mode, targets, names, rest[1:], after) if names else None
    names = _meant(word, here)
    if not names and not here.names.shaped(word):
        return None
    exact = here.names.scope(word) is not None
    said = f"Is `{quoted(word)}` to come back too?" if exact else f"`{quoted(word)}` is not quite a target here."
    return _ask(said, mode, targets, names or tuple(kin(word, here)), rest, after)


def _meant(word: Word, here: Here) -> tuple[str, ...]:
    return (word.text,) if here.names.scope(word) else here.names.near(word)


def _ask(  # noqa: PLR0917  # the parts of one question
    said: str, mode: Mode, targets: list[str], names: Sequence[str], rest: Sequence[Word], after: Sequence[Word]
) -> AskBack:
    choices = [_choice(mode, [*targets, *name.split()], rest) for name in names]
    if targets and (made := _choice(mode, targets, after)):
        choices.append(Choice(label=f"{made.label}, \u201c{quoted(after[0])}\u201d is the reason", line=made.line))
    return AskBack(f"{said} {_NOTHING} yet: choose, or type it again.", tuple(it for it in choices if it))


def _choice(mode: Mode, targets: Sequence[str], after: Sequence[Word]) -> Choice | None:
    head = f"{mode} {' '.join(targets)}"
    if len(head) > MAX_CHOICE // 2:
        return None
    tail = reason(after)
    return Choice(label=head, line=as_typed(f"{head} {END} {tail}" if tail else head))


def _no_mode(targets: list[str], rest: Sequence[Word], here: Here, *, marked: bool) -> RestoreCommand:
    """Asks which mode was meant, or which target where the word before it names none; `marked` words are the reason."""
    word = rest[0] if rest and not marked else None
    likely = _near_modes(word) if word else []
    if word is not None and not likely and (names := here.names.near(word)):
        mode, used = read_mode(rest[1:])
        if mode is not None and mode is not Mode.FULL_STOP:
            said = f"`{quoted(word)}` is not quite a target here."
            choices = [_choice(mode, [*targets, *name.split()], rest[1 + used :]) for name in names]
            return AskBack(f"{said} {_NOTHING} yet: choose, or type it again.", tuple(it for it in choices if it))
    if not targets:
        return _no_name(rest[0], here)
    choices = [_choice(mode, targets, rest[1:] if likely else rest) for mode in likely or ASKED]
    return AskBack(f"To which mode? {_NOTHING} yet: choose, or type it again.", tuple(it for it in choices if it))


def _near_modes(word: Word) -> list[Mode]:
    return [mode for mode in ASKED if distance(squash(word.text[:64]), squash(str(mode)), _FAR) <= _FAR]


def _no_name(word: Word, here: Here) -> Refused:
    near = here.names.near(word)
    hint = f"Did you mean {listing(near)}?" if near else f"Type `/agent-restore TARGET MODE reason` with {_modes()}."
    return Refused(f"`{quoted(word)}` is neither a target nor a mode here. {hint} {_NOTHING}.")


def _no_target(mode: Mode, after: Sequence[Word], here: Here, held: Sequence[str]) -> RestoreCommand:
    """A restore without a target is asked back: `everything` is never meant by silence."""
    names = list(held or [agent.id for agent in here.configuration.agents])[:_OFFERED]
    choices = [_choice(mode, [name], after) for name in names]
    said = f"What is to come back to {mode}? Name an agent or `agent/surface`."
    return AskBack(f"{said} {_NOTHING} yet: choose, or type it again.", tuple(it for it in choices if it))


def _acknowledge(words: Sequence[Word], here: Here) -> Acknowledge | Refused:
    usage = "Type `/agent-restore acknowledge agent/surface reason`, or `writer:NAME` for a journal"
    if not words:
        return Refused(f"What is missing? {usage}. {_NOTHING}.")
    word = words[0]
    scope = here.names.scope(word)
    known = bool(scope and scope.surfaces) or word.text.removeprefix(WRITER) in _writers(word, here)
    if not known:
        near = _near_subjects(word, here)
        hint = f"Did you mean {listing(near)}?" if near else f"{usage}."
        return Refused(f"`{quoted(word)}` is neither a surface nor an enrolled writer. {hint} {_NOTHING}.")
    rest = words[1:]
    why = reason(rest[1:] if rest and rest[0].text == END else rest)
    if not why:
        return Refused(f"Say why it may be missing: `/agent-restore acknowledge {quoted(word)} WHY`. {_NOTHING}.")
    return Acknowledge(word.text, why)


def _writers(word: Word, here: Here) -> tuple[str, ...]:
    return here.configuration.writers if word.text.startswith(WRITER) and not word.mention else ()


def _near_subjects(word: Word, here: Here) -> tuple[str, ...]:
    if word.text.startswith(WRITER):
        return tuple(f"{WRITER}{name}" for name in here.configuration.writers[:_OFFERED])
    return tuple(name for name in here.names.near(word) if "/" in name)


def _modes() -> str:
    return listing([str(mode) for mode in ASKED])
