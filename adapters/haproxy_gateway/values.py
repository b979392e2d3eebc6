"""What stands in a map for one backend, `MODE` or `MODE:MARK`, and what of it is ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from adapters.base import Change, Mode

_HELD = {str(mode): mode for mode in (Mode.READ_ONLY, Mode.FULL_STOP)}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a map.

    Attributes:
        text: without our mark; None where there is no entry.
        mark: the token that our cut left behind the mode, in the same value, so that both change at once.
    """

    text: str | None
    mark: str | None = None

    @classmethod
    def of(cls, found: str | None) -> Self:
        """Takes a value apart. Only a mode of ours carries a mark; everything else is left as it is."""
        head, colon, mark = (found or "").partition(":")
        return cls(head, mark) if colon and head in _HELD else cls(found)

    @property
    def mode(self) -> Mode:
        """The loosest mode that it amounts to.

        What no entry and any other word mean depends on the rules, which nobody can read over the runtime API: they
        count as normal, so that a cut replaces them by a word that says what it is.
        """
        return _HELD.get(self.text or "", Mode.NORMAL)

    def held(self, mode: Mode, token: str) -> str:
        """The value that holds `mode`, or what is held already where that is stricter, with our mark."""
        return f"{max(mode, self.mode)}:{token}"


def replaced(before: Mapping[str, Value], mode: Mode, undo: Iterable[Change]) -> tuple[Change, ...]:
    """What a cut to `mode` replaced, by key. Within an episode the first record's `was` stands.

    Of a value that carried a mark already nothing is known to be anybody's baseline: without a record it stays so.
    """
    known = tuple(undo)
    made = [_replaced(key, value, mode, known) for key, value in before.items()]
    return tuple(change for change in made if change is not None and change not in known)


def _replaced(key: str, value: Value, mode: Mode, undo: tuple[Change, ...]) -> Change | None:
    ours = [change for change in undo if change.key == key]
    now = str(max(mode, value.mode))
    if not ours and (value.mark is not None or value.text == now):
        return None
    was = ours[0].was if ours else value.text
    return None if was == now else Change(key=key, was=was, now=now)


def given(key: str, found: Value, to: Mode, token: str, undo: Iterable[Change]) -> tuple[str | None, bool]:
    """What to write for a step to `to`, and whether others changed it where our cut had left it.

    Returns:
        The value, None for no entry; and True where it is kept as others left it.
    """
    ours = [change for change in undo if change.key == key]
    kept = bool(ours) and found.text not in {change.now for change in ours}
    back = Value(found.text if kept or not ours else Value.of(ours[0].was).text)
    if to is Mode.NORMAL or kept:
        return back.text, kept
    return back.held(to, token), kept
