"""Event ids that were handled, so that Slack's retries are handled once and a first delivery is never dropped."""

from bot.service.ports import Clock

_KEEP = 86_400.0  # seconds; Slack's last retry comes after five minutes
_MOST = 10_000


class SeenEvents:
    """Marked after the work, not before: a delivery that failed is done by its retry."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: dict[str, float] = {}

    def handled(self, event_id: str | None) -> bool:
        """Whether this event was handled."""
        return event_id in self._at

    def mark(self, event_id: str | None) -> None:
        """Remembers an event that was handled; forgets the oldest ones."""
        if not event_id:
            return
        now = self._clock.monotonic()
        self._at[event_id] = now
        while len(self._at) > _MOST or now - next(iter(self._at.values())) > _KEEP:
            del self._at[next(iter(self._at))]
