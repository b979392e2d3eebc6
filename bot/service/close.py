"""Closes an incident: when nothing is held any more, or with everything that is still held listed and owned."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain import events
from bot.domain.board import Board, Incident
from bot.domain.model import Configuration
from bot.service.ports import Clock, Reporter


@dataclass(frozen=True, slots=True)
class Closed:
    """The incident is closed; `owned` stays held, each with whoever owns it."""

    incident: str
    owned: tuple[events.Owned, ...]


@dataclass(frozen=True, slots=True)
class NotClosed:
    """It stays open; `orphans` are held surfaces that nobody owns, empty where there is no incident at all."""

    orphans: tuple[str, ...] = ()


class Closing:
    """The use case behind `/agent-kill close`.

    Args:
        board: the fold of every journal.
        record: of the recorder.
        configuration: for the owners.
    """

    def __init__(
        self,
        *,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        configuration: Callable[[], Configuration],
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._board = board
        self._record = record
        self._configuration = configuration
        self._clock = clock
        self._reporter = reporter

    def close(self, channel: str | None, by: events.Person) -> Closed | NotClosed:
        """Closes the open incident of a channel. Holds are left as they are: only a restore ends one."""
        incident = self._board.open_incident(channel)
        if incident is None:
            return NotClosed()
        owners = self._owners()
        held = self.held(incident)
        orphans = tuple(surface for surface in held if not owners.get(surface.partition("/")[0]))
        if orphans:
            return NotClosed(orphans)
        owned = tuple(events.Owned(surface=name, owner=owners[name.partition("/")[0]]) for name in held)
        # no wait for the disk: after a crash the incident is merely open again
        self._record(events.IncidentClosed(at=self._clock.now(), incident=incident.id, by=by, owned=owned))
        self._reporter.wake(incident.id)
        return Closed(incident.id, owned)

    def held(self, incident: Incident) -> tuple[str, ...]:
        """The surfaces that the incident's own holds still bind, in the order of its stops."""
        found: dict[str, None] = {}
        left = (hold for hold in self._board.hold_events.values() if hold.incident == incident.id)
        for hold in (*incident.holds, *(hold for hold in left if hold.origin == "restore")):
            for target in hold.targets:
                if hold.hold in self._board.holds.live(target.key):
                    found.update(dict.fromkeys(target.surfaces))
        return tuple(found)

    def _owners(self) -> dict[str, str]:
        return {agent.id: agent.owner for agent in self._configuration().agents if agent.owner}
