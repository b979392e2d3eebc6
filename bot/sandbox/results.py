"""What a person saw after doing something."""

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.delivery import Delivery
from bot.sandbox.messages import Ephemeral, Json, Message


@dataclass(slots=True)
class SlashResult:
    """What came of a slash command.

    Attributes:
        shown: the sentence that Slack itself shows in place of an answer, empty when there is none.
        error: `dispatch_failed`, `operation_timeout`, `not_in_threads`, `unknown_command`, `not_in_channel`,
            `is_archived`, or empty.
        ack_ms: from the payload leaving to the acknowledgement, in milliseconds; None without one.
        answer: the message that the acknowledgement carried, if any.
        payload: what was delivered.
    """

    error: str = ""
    shown: str = ""
    ack_ms: float | None = None
    answer: Ephemeral | Message | None = None
    delivery: Delivery | None = None
    payload: Json = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the app acknowledged it in time."""
        return not self.error

    @property
    def text(self) -> str:
        """What the person reads at once: the app's answer or Slack's own sentence."""
        return self.answer.text if self.answer else self.shown

    @property
    def response_url(self) -> str:
        """Where the app may answer later."""
        return str(self.payload.get("response_url", ""))

    @property
    def trigger_id(self) -> str:
        """The trigger id that the app got."""
        return str(self.payload.get("trigger_id", ""))


@dataclass(slots=True)
class InteractionResult:
    """What came of a click, a shortcut or a submitted modal.

    Attributes:
        error: `not_acknowledged` (the person sees a warning sign), or empty.
        errors: messages by block id, when a submission was refused.
    """

    error: str = ""
    ack_ms: float | None = None
    errors: dict[str, str] = field(default_factory=dict)
    response: Any = None
    delivery: Delivery | None = None
    payload: Json = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the app acknowledged it in time."""
        return not self.error
