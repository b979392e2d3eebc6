"""What people changed at a target while it was shut: what it was like before, against what it is now."""

from collections.abc import Iterable, Mapping

from adapters.base import DIGEST, Change, Noting, Observation
from adapters.errors import AdapterError
from bot.domain.board import Board
from bot.service.baseline import Before, before
from bot.service.inventory import Target
from bot.service.seal import Seal

_MOST = 5  # changes of one target that are named before the rest is counted


class Others:
    """Compares with the last reading from before the stop; changes nothing, and no stop waits for it.

    Args:
        seal: opens what was recorded.
        board: the fold of every journal.
    """

    def __init__(self, *, seal: Seal, board: Board) -> None:
        self._seal = seal
        self._board = board

    def before(self, key: str) -> Before | None:
        """The target as it was last looked at while nothing restricted it."""
        return before(self._board, self._seal, key)

    async def of(
        self, target: Target, *, seen: Observation | None = None, undo: tuple[Change, ...] | None = None
    ) -> tuple[str, ...] | None:
        """What others changed, `NAME: WHAT` each; None where its kind does not tell or nothing is known from before.

        Args:
            target: whose.
            seen: what was read of it just now; without it, it is read.
            undo: what is ours; without it, as the journals have it.

        Raises:
            AdapterError: it cannot be read now.
        """
        adapter, was = target.adapter, self.before(target.key)
        if was is None or not isinstance(adapter, Noting):
            return None
        seen = seen or await adapter.observe()
        ours = self._seal.open(self._board.undo.get(target.key, ())) if undo is None else undo
        notes = await adapter.note()
        if notes is None:
            return None
        return (*adapter.others(before=was.state, now=seen.state, undo=ours), *_noted(was.notes, notes))

    async def at_a_step(self, target: Target, undo: tuple[Change, ...], seen: Observation) -> tuple[str, ...]:
        """As `of`, for the proof of a restore step, which does not fail for it."""
        try:
            return await self.of(target, seen=seen, undo=undo) or ()
        except AdapterError as error:
            return (f"what others changed meanwhile: could not be read ({error})",)


def in_few_words(said: Iterable[str]) -> tuple[str, ...]:
    """The first of them, and how many more there are."""
    found = tuple(said)
    rest = len(found) - _MOST
    return (*found[:_MOST], f"and {rest} more changes") if rest > 0 else found


def together(kept: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """What an adapter kept and what others changed, each thing once."""
    named = {text.rpartition(": ")[0]: text for text in others}
    rest = [text for text in kept if text.rpartition(": ")[0] not in named and text not in named]
    return (*rest, *in_few_words(named.values()))


def _noted(was: Mapping[str, str | None], now: Mapping[str, str]) -> tuple[str, ...]:
    """What was noted otherwise; a digest is never shown."""
    names = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
    return tuple(f"{name}: {_how(was.get(name), now.get(name))}" for name in names)


def _how(was: str | None, now: str | None) -> str:
    if now is None:
        return "gone"
    if DIGEST in {now[: len(DIGEST)], (was or "")[: len(DIGEST)]}:
        return "changed" if was else "not known before"
    return f"{was} before, {now} now" if was else now
