"""What gates ask the bot: what is held at their surfaces, by whom, since when, and where to read of it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from adapters.base import Mode
from adapters.base.gated import Gated, Leasing
from bot.domain import events
from bot.domain.board import Board
from bot.service.inventory import Inventory
from bot.service.redact import redact

PARENT = "parent"  # the slot of an incident's first message


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held at one surface, and the story of the strictest hold there. `since` is Unix time."""

    mode: Mode
    by: str = ""
    reason: str = ""
    incident: str = ""
    link: str = ""
    since: float = 0.0


class Gates:
    """Answers gates from memory: the board has every hold before it is dispatched.

    Args:
        inventory: the present one.
        board: what is held.
    """

    def __init__(self, inventory: Callable[[], Inventory], board: Board) -> None:
        self._inventory, self._board = inventory, board

    def secrets(self) -> Collection[str]:
        """Those that gates sign with."""
        return dict.fromkeys(settings.secret.get_secret_value() for _, settings in self._served())

    def held(self, names: Collection[str], *, secret: str, gate: str) -> Mapping[str, Held]:
        """What is held at those surfaces that this secret is for. The gate may stay open for its lease from now on.

        Args:
            names: as the gate serves them.
            secret: that its question was signed with.
            gate: its own name.
        """
        found: dict[str, Held] = {}
        for key, settings in self._served():
            if settings.name in names and settings.secret.get_secret_value() == secret:
                for adapter in self._inventory().targets[key].adapters:
                    if isinstance(adapter, Leasing):
                        adapter.granted(gate=gate)
                held = self._story(key)
                found[settings.name] = max(held, found.get(settings.name, held), key=lambda one: one.mode)
        return found

    def _served(self) -> Iterator[tuple[str, Gated]]:
        for key, target in self._inventory().targets.items():
            for settings in _gated(surface.settings for surface in target.surfaces):
                yield key, settings

    def _story(self, target: str) -> Held:
        live = self._board.holds.live(target)
        known = [self._board.hold_events[hold] for hold in live if hold in self._board.hold_events]
        mode = self._board.effective(target)
        if not known:
            return Held(mode=mode)
        last = max(known, key=lambda event: (event.mode, event.at))
        return Held(
            mode=mode,
            by=f"{last.by.kind}:{last.by.id}",
            reason=redact(last.reason),
            incident=last.incident,
            link=self._link(last),
            since=min(event.at for event in known),
        )

    def _link(self, hold: events.HoldAdded) -> str:
        """Leads to the incident's first message, where there is one."""
        incident = self._board.incidents.get(hold.incident)
        post = incident.posts.get(PARENT) if incident else None
        return f"https://slack.com/archives/{post.channel}/p{post.ts.replace('.', '')}" if post else ""


def _gated(settings: Iterable[object]) -> Iterator[Gated]:
    return (one for one in settings if isinstance(one, Gated))
