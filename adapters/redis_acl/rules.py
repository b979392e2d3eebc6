"""One ACL user as plain facts, and facts as the arguments of `ACL SETUSER`. Nothing here talks to a server.

A fact's key is a change's key: `enabled`, `commands`, `key <pattern>`, `channel <pattern>`, `selector <rules>`. Each
pattern is a fact of its own, so that undoing ours leaves alone what others changed beside it. Passwords are no facts:
no cut replaces them and no restore gives them back.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import cast
from urllib.parse import quote, unquote

from adapters.base import Change, Mode
from adapters.redis_acl.commands import NOTHING, Catalogue

MARK = "agent-kill:"  # of the inert selector `(-@all %R~agent-kill:TOKEN)`, which allows nothing
Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """What one rule allows: the user's own, or one selector's. Key patterns carry `R`, `W` or `RW`."""

    commands: str
    keys: Mapping[str, str]
    channels: tuple[str, ...] = ()
    databases: str = ""  # Valkey's limit to some databases, of a selector; never loosened, so never a fact

    def selector(self) -> str:
        """This grant as the text of a selector, without its parentheses."""
        limit = self.databases if self.databases.startswith("db=") else ""
        return " ".join(
            filter(None, (*_keys(self.keys), *(f"&{name}" for name in self.channels), self.commands, limit))
        )

    def drafts(self, known: Catalogue, prefix: str) -> bool:
        """Whether it writes nothing but keys under `prefix`."""
        if known.only_reads(self.commands):
            return "select" not in known.allowed(
                self.commands
            )  # with it, what another rule allows is written elsewhere
        written = (pattern for pattern, kind in self.keys.items() if "W" in kind)
        return known.only_drafts(self.commands) and all(pattern.startswith(prefix) for pattern in written)


@dataclass(frozen=True, slots=True)
class User:
    """What `ACL GETUSER` says."""

    enabled: bool
    nopass: bool
    hashes: frozenset[str]  # SHA-256 of each password, in hexadecimal
    root: Grant
    selectors: tuple[Grant, ...]
    mark: str | None
    modern: bool  # Redis 7 or Valkey: selectors and read-only key patterns

    def facts(self) -> dict[str, str]:
        """Everything that a cut may replace."""
        return {
            "enabled": "on" if self.enabled else "off",
            "commands": self.root.commands,
            **{f"key {pattern}": kind for pattern, kind in self.root.keys.items()},
            **{f"channel {pattern}": "yes" for pattern in self.root.channels},
            **{f"selector {grant.selector()}": "yes" for grant in self.selectors},
        }

    def judged(self, known: Catalogue, prefix: str = "") -> Mode:
        """The loosest mode that these rules amount to for a session that is open; `prefix` is the drafts'."""
        if not self.enabled and self.idle(known):
            return Mode.FULL_STOP
        grants = (self.root, *self.selectors)
        if all(known.only_reads(grant.commands) for grant in grants):
            return Mode.READ_ONLY
        return Mode.DRAFT_ONLY if prefix and all(grant.drafts(known, prefix) for grant in grants) else Mode.NORMAL

    def idle(self, known: Catalogue) -> bool:
        """Whether no command is allowed at all."""
        return not any(known.some(grant.commands) for grant in (self.root, *self.selectors))

    def accepts(self, password: str) -> bool:
        """Whether this is a current password of the user, enabled or not."""
        return self.nopass or sha256(password.encode()).hexdigest() in self.hashes


def parse(reply: object) -> User | None:
    """Reads the answer of `ACL GETUSER` (RESP2): None where there is no such user."""
    if not isinstance(reply, list):
        return None
    fields = _pairs(reply)
    flags = _words(fields.get("flags"))
    every = [_grant(_pairs(one)) for one in cast("list[list[object]]", fields.get("selectors") or [])]
    marks = [mark for mark in map(_mark, every) if mark is not None]
    return User(
        enabled="on" in flags,
        nopass="nopass" in flags,
        hashes=frozenset(_words(fields.get("passwords"))),
        root=_grant(fields),
        selectors=tuple(grant for grant in every if _mark(grant) is None),
        mark=marks[0] if len(marks) == 1 else None,
        modern="selectors" in fields,
    )


def setuser(facts: Facts, *, mark: str | None, modern: bool) -> list[str]:
    """The rules of one `ACL SETUSER` that make a user exactly `facts`, whatever it was; passwords stay."""
    keys = {name.removeprefix("key "): kind for name, kind in facts.items() if name.startswith("key ")}
    rules = [facts["enabled"], NOTHING, *facts["commands"].split(), "resetkeys", *_keys(keys), "resetchannels"]
    rules += _channels(name.removeprefix("channel ") for name in facts if name.startswith("channel "))
    if modern:
        rules.append("clearselectors")
        rules += [f"({name.removeprefix('selector ')})" for name in facts if name.startswith("selector ")]
        rules += [f"({NOTHING} %R~{MARK}{quote(mark, safe='')})"] if mark else []
    return rules


STOPPED: Facts = {"enabled": "off", "commands": NOTHING}


def reduced(facts: Facts, known: Catalogue, prefix: str = "") -> dict[str, str]:
    """The same authority with nothing left that writes, or with a `prefix`, nothing that writes other keys.

    No pattern grows: `~billing:*` becomes `%R~billing:*`, and keys under the prefix stay what they were.
    """
    drafts = covering(facts, prefix)
    less = {"+select"} if "W" in drafts else set[str]()  # drafts are listed in one database
    left = {"enabled": facts["enabled"], "commands": known.reads_of(facts["commands"])}
    for name, value in facts.items():
        if name.startswith("key ") and "R" in value:
            left[name] = "R"
        elif name.startswith("selector ") and (text := _reduced_selector(name.removeprefix("selector "), known, less)):
            left[f"selector {text}"] = "yes"
    if less:
        left |= {"commands": known.drafts_of(facts["commands"]), f"key {prefix}*": drafts}
    return left


def covering(facts: Facts, prefix: str) -> str:
    """What the user's own patterns allow on all keys under `prefix`: "", `R`, `W` or `RW`. Selectors do not count."""
    kinds = "".join(
        value for name, value in facts.items() if prefix and name.startswith("key ") and _covers(name[4:], prefix)
    )
    return "".join(kind for kind in "RW" if kind in kinds)


def reaches(facts: Facts, prefix: str) -> bool:
    """Whether any rule may write some key under `prefix`."""
    words = [f"%{value}~{name[4:]}" for name, value in facts.items() if name.startswith("key ")]
    words += [word for name in facts if name.startswith("selector ") for word in name.split() if word[0] in "~%"]
    written = [pattern for pattern, kind in map(_key, words) if "W" in kind]
    return any(_stem(it).startswith(prefix) or (_stem(it) != it and prefix.startswith(_stem(it))) for it in written)


def _covers(pattern: str, prefix: str) -> bool:
    """Whether every key under `prefix` surely matches."""
    return pattern == f"{_stem(pattern)}*" and prefix.startswith(_stem(pattern))


def _stem(pattern: str) -> str:
    """A glob up to its first sign."""
    return next((pattern[:at] for at, sign in enumerate(pattern) if sign in "*?[\\"), pattern)


def changes(was: Facts, now: Facts, undo: Iterable[Change], known: Catalogue) -> tuple[Change, ...]:
    """What a cut replaces, beyond what `undo` holds.

    Once an episode is recorded only its own facts are followed: a state that is restricted is nobody's baseline. What
    a person took of the commands meanwhile stays taken.
    """
    undo = tuple(undo)
    first = baseline(undo)
    base = {"enabled": now["enabled"], "commands": now["commands"], **first} if first else dict[str, str | None](was)
    if first:
        base["commands"] = _left_of_commands(was, undo, known)
    names = [*base, *(name for name in now if name not in base)]
    made = (Change(key=name, was=base.get(name), now=now.get(name)) for name in names)
    return tuple(change for change in made if change.was != change.now and change not in undo)


def given(found: Facts, target: Facts) -> tuple[Change, ...]:
    """What a step back to normal changes, from what was found."""
    both = ((name, found.get(name), target.get(name)) for name in sorted({*found, *target}))
    return tuple(Change(key=name, was=here, now=then) for name, here, then in both if here != then)


def authority(found: Facts, undo: Sequence[Change], known: Catalogue) -> dict[str, str]:
    """What the agent had when the episode began, less what a person took since; `found` where nothing is recorded."""
    first = baseline(undo)
    base = {"enabled": found["enabled"], "commands": found["commands"], **first} if first else dict(found)
    if first:
        base["commands"] = _left_of_commands(found, undo, known)
    return {name: value for name, value in base.items() if value is not None}


def _left_of_commands(found: Facts, undo: Sequence[Change], known: Catalogue) -> str:
    """The commands that are owed to the agent: those of the baseline that no person took since."""
    here = found["commands"]
    chosen = [was for was in _chosen("commands", undo, undo, known) if was is not None]
    theirs = [here] if not chosen or _owed("commands", here, undo, known) is None else []
    return reduce(known.both, (*chosen, *theirs))


def _owed(name: str, here: str | None, undo: Sequence[Change], known: Catalogue) -> tuple[str | None] | None:
    """What the latest of our changes that left this fact as it is found here had replaced; None where none did."""
    ours = [it for it in undo if it.key == name and _alike(name, here, it.now, known)]
    if not ours:
        return None
    chosen = _chosen(name, ours, undo, known)
    return (chosen[-1] if chosen else baseline(undo)[name],)


def _chosen(name: str, records: Iterable[Change], undo: Iterable[Change], known: Catalogue) -> list[str | None]:
    """What others had chosen where these records replaced it; what a step of ours had left there is no choice."""
    left = [it.now for it in undo if it.key == name]
    mine = (it.was for it in records if it.key == name)
    return [was for was in mine if not any(_alike(name, was, now, known) for now in left)]


def baseline(undo: Iterable[Change]) -> dict[str, str | None]:
    """What each fact was when the episode began: the first record of a key wins."""
    first: dict[str, str | None] = {}
    for change in undo:
        first.setdefault(change.key, change.was)
    return first


def undone(found: Facts, undo: Sequence[Change], known: Catalogue) -> tuple[dict[str, str], tuple[str, ...]]:
    """Takes back our own changes, fact by fact: (was, now, found). Also names what others changed and is kept.

    What somebody chose between two of our steps, the later one replaced: that comes back, not what was first.
    """
    target, kept = dict(found), []
    for name, was in baseline(undo).items():
        here = found.get(name)
        if _alike(name, here, was, known):
            continue
        ours = _owed(name, here, undo, known)
        back = here if ours is None else ours[0]
        target.pop(name, None)
        target.update({name: back} if back is not None else {})
        if not _alike(name, back, was, known):
            kept.append(name)
    return target, tuple(kept)


def replaced(
    found: Facts, target: Facts, undo: Sequence[Change], kept: Iterable[str], known: Catalogue
) -> tuple[Change, ...]:
    """As `changes`, for a step between: of what others changed, their choice is what it replaces."""
    first = baseline(undo)
    theirs = {name: found.get(name) for name in kept if _owed(name, found.get(name), undo, known) is None}
    theirs |= {name: value for name, value in found.items() if name not in first} if first else {}
    made = (
        Change(key=it.key, was=theirs.get(it.key, it.was), now=it.now) for it in changes(found, target, undo, known)
    )
    return tuple(change for change in made if change.was != change.now)


def others(
    before: Mapping[str, str | None], now: Mapping[str, str | None], undo: Sequence[Change], known: Catalogue
) -> tuple[str, ...]:
    """What others changed between two readings of the facts, a clause each; what our own cuts explain is left out."""
    said = []
    for name in sorted({*before, *now}):
        was, here = before.get(name), now.get(name)
        ours = _owed(name, here, undo, known)
        back = here if ours is None else ours[0]
        if not _alike(name, back, was, known):
            said.append(f"{name}: {_how(was, back)}")
    return tuple(said)


def _how(was: str | None, here: str | None) -> str:
    if was is None or here is None:
        return "added" if was is None else "taken away"
    return "chosen by somebody else"


def _alike(name: str, one: str | None, other: str | None, known: Catalogue) -> bool:
    return known.alike(one, other) if name == "commands" else one == other


def _reduced_selector(text: str, known: Catalogue, less: Container[str]) -> str:
    """One selector with its reads only, without those of `less`, or "" where nothing is left of it."""
    words = text.split()
    reads = known.reads_of(" ".join(word for word in words if word[0] in "+-"))
    commands = " ".join(word for word in reads.split() if word not in less)
    keys = {pattern: "R" for pattern, kind in map(_key, (w for w in words if w[0] in "~%")) if "R" in kind}
    limit = next((word for word in words if word.startswith("db=")), "")
    return "" if commands == NOTHING or not keys else Grant(commands, keys, (), limit).selector()


def _grant(fields: Mapping[str, object]) -> Grant:
    keys = dict(_key(word) for word in _words(fields.get("keys")))
    channels = tuple(word.removeprefix("&") for word in _words(fields.get("channels")))
    return Grant(_text(fields.get("commands")), keys, channels, _text(fields.get("databases")))


def _mark(grant: Grant) -> str | None:
    found = next((pattern for pattern in grant.keys if pattern.startswith(MARK)), None)
    ours = found is not None and grant.commands == NOTHING
    return unquote(found.removeprefix(MARK)) if found is not None and ours else None


def _key(word: str) -> tuple[str, str]:
    """`~a`, `%R~a` or (Redis 6, without its sign) `a`, as (pattern, kind)."""
    if word.startswith("%"):
        kind, _, pattern = word[1:].partition("~")
        return pattern, kind.upper()
    return word.removeprefix("~"), "RW"


def _keys(keys: Mapping[str, str]) -> list[str]:
    """A server takes no pattern beside `~*`, which covers them all."""
    if keys.get("*") == "RW":
        return ["~*"]
    return [f"~{pattern}" if kind == "RW" else f"%{kind}~{pattern}" for pattern, kind in sorted(keys.items())]


def _channels(patterns: Iterable[str]) -> list[str]:
    """The same holds for `&*`."""
    every = sorted(patterns)
    return ["&*"] if "*" in every else [f"&{pattern}" for pattern in every]


def _pairs(reply: Sequence[object]) -> dict[str, object]:
    return {_text(name): value for name, value in zip(reply[::2], reply[1::2], strict=True)}


def _words(value: object) -> list[str]:
    """Redis 7 answers one text, Redis 6 a list."""
    return [_text(word) for word in value] if isinstance(value, list) else _text(value).split()


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value or "")
