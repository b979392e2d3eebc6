"""The undo record of an episode, for adapters whose surface is plain facts: key by key, a text or None.

Relaxing compares what was, what our cuts left and what is found now, and takes back our own changes alone.
"""

from collections.abc import Iterable, Mapping, Sequence

from adapters.base import Change

Facts = Mapping[str, str | None]


def first(undo: Iterable[Change]) -> dict[str, str | None]:
    """What each recorded fact was when the episode began: the first record of a key wins."""
    began: dict[str, str | None] = {}
    for change in undo:
        began.setdefault(change.key, change.was)
    return began


def changes(base: Facts, now: Facts, undo: Iterable[Change]) -> tuple[Change, ...]:
    """What a cut replaces to leave `now`, beyond what `undo` holds."""
    known = set(undo)
    made = (Change(key=key, was=base.get(key), now=now[key]) for key in now)
    return tuple(change for change in made if change.was != change.now and change not in known)


def undone(found: Facts, undo: Sequence[Change]) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Takes back our own changes, fact by fact: (was, now, found). Also names what others changed and is kept."""
    target, kept = dict(found), []
    for key, was in first(undo).items():
        here = found.get(key)
        owed = _owed(key, here, undo)
        target[key] = here if owed is None else owed[0]
        if target[key] != was:
            kept.append(key)
    return target, tuple(kept)


def others(before: Facts, now: Facts, undo: Sequence[Change]) -> tuple[str, ...]:
    """What others changed between two readings, a clause each; what our own cuts explain is left out."""
    back, _ = undone(now, undo)
    keys = sorted(key for key in {*before, *back} if before.get(key) != back.get(key))
    return tuple(f"{key}: {_how(before.get(key), back.get(key))}" for key in keys)


def _how(was: str | None, here: str | None) -> str:
    if was is None or here is None:
        return "added" if was is None else "taken away"
    return "chosen by somebody else"


def _owed(key: str, here: str | None, undo: Sequence[Change]) -> tuple[str | None] | None:
    """What the latest of our changes that left this fact as it is found here had replaced; None where none did.

    What another step of ours had left there is nobody's choice.
    """
    ours = [it for it in undo if it.key == key and it.now == here]
    left = {it.now for it in undo if it.key == key}
    chosen = [it.was for it in ours if it.was not in left]
    return ((chosen[-1] if chosen else first(undo)[key]),) if ours else None
