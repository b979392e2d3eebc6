"""What adapters offer whose targets keep the writes that a mode forbids, so that a person can decide on each.

`draft_only` and `approval_gated` count as enforced only with this protocol: a write that is refused and lost is
`read_only`, whatever it is called.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from adapters.base import Adapter, Change, Config, Gate, Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One write that the agent asked for and that was parked instead of done."""

    id: str  # the surface's own name for it: the same over restarts, 1 to 64 of [A-Za-z0-9._:-]
    what: (
        str  # what would be done, in one printable line of at most `WHAT`: "INSERT INTO refunds", "publish to payments"
    )
    arguments: str = ""  # with what, as plain text and at most `ARGUMENTS` characters; the bot redacts it
    at: float | None = None  # when it was parked, Unix seconds by the surface's clock; None where it keeps no time
    waits: bool = False  # parked under approval_gated, for a decision; else a draft, kept until asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """What is parked, oldest first."""

    items: tuple[Draft, ...]
    number: int | None  # how many there are in all, which may be more than were asked for; None where that is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What came of a release."""

    done: bool  # the write had its effect now, by this call or by the same one repeated; never by another
    why: str = ""  # why it had none: gone, released before, expired, a stricter hold came, refused by the surface


WHAT = 2_000  # characters that say what would be done
ARGUMENTS = 4_000  # characters of a draft's arguments; what is longer ends in an ellipsis


def legible(text: str, most: int = WHAT) -> str:
    """A stranger's text in one line that can be shown and stored: what cannot be printed is written out.

    So two names that differ in a control sign alone look different. What is longer than `most` ends in an ellipsis.
    """
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def unless_stricter(adapter: Adapter, gate: Gate) -> Gate:
    """The gate of a release, for surfaces that do not see to it themselves: a no while more than drafts is held.

    The surface is looked at first, so that `gate` is asked last.
    """

    async def asked(changes: tuple[Change, ...]) -> bool:
        return (await adapter.observe()).mode <= Mode.DRAFT_ONLY and await gate(changes)

    return asked


@runtime_checkable
class Parked(Protocol):
    """Optional: for adapters of surfaces that park. Each call raises as the verbs of an adapter do.

    What is parked outlives restarts of the surface, of the bot, and a stricter cut; the agent can neither release
    nor change nor remove it with its own credential.
    """

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:
        """Which modes park on a surface that is configured so; empty where none does. No I/O."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """The oldest `limit` that are parked. Changes nothing."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Does what was parked under that id, once however often it is asked for; `by` approved it, for the record.

        Asks `gate(())` last before the effect and does nothing on a no: a stop that came meanwhile voids an approval.
        Nor does it anything while the surface itself is held stricter than draft_only, whatever the gate says.
        What is released is what was listed: a draft that was changed since it was parked is refused.
        """

    async def drop(self, *, draft: str, by: str) -> bool:
        """Removes one for good, without effect. False where it is not there (any more)."""
