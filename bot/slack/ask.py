"""What a person asks in Slack, whichever door it came through."""

from dataclasses import dataclass

from bot.domain import events


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Who asks, where, and with which words. `trigger` names the delivery."""

    user: str
    channel: str | None
    text: str = ""
    trigger: str | None = None
    response_url: str | None = None

    @property
    def person(self) -> events.Person:
        """Who asks, for the record."""
        return events.Person(kind="slack", id=self.user)
