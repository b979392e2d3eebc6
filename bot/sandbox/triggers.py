"""Trigger ids: valid for three seconds and for one use."""

from bot.sandbox.clock import Clock
from bot.sandbox.errors import SlackError, bad_arguments
from bot.sandbox.identity import Ids

LIFETIME = 3.0


class Triggers:
    """Hands out trigger ids and takes them back (docs.slack.dev/interactivity/handling-user-interaction)."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock, self._ids = clock, ids
        self._issued: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def issue(self, user: str) -> str:
        """A new trigger id for what this person just did."""
        trigger = self._ids.trigger()
        self._issued[trigger] = (user, self._clock.now())
        return trigger

    def exchange(self, trigger: object) -> str:
        """Uses a trigger id up.

        Returns:
            The person who made it.

        Raises:
            SlackError: `invalid_arguments`, `invalid_trigger_id`, `exchanged_trigger_id` or `expired_trigger_id`.
        """
        if not isinstance(trigger, str) or trigger.count(".") != 2:  # noqa: PLR2004  # 132456.7890123.abcdef
            raise bad_arguments("invalid `trigger_id`")
        if trigger not in self._issued:
            raise SlackError("invalid_trigger_id")
        user, at = self._issued[trigger]
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        if self._clock.now() - at > LIFETIME:
            raise SlackError("expired_trigger_id")
        self._used.add(trigger)
        return user
