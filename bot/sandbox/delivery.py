"""What Slack sends to the app, and what came of it."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["slash_commands", "interactive", "events_api"]
Trouble = Literal["", "no_connection", "timeout", "http_error", "connection_failed", "refused"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app answered to one attempt.

    Attributes:
        trouble: empty when it was acknowledged in time.
        body: the payload of the acknowledgement, if any.
        status: the HTTP status; 0 in Socket Mode and without an answer.
        no_retry: the app asked for no further attempt (`X-Slack-No-Retry: 1`).
    """

    trouble: Trouble = ""
    body: Any = None
    elapsed_ms: float = 0.0
    status: int = 0
    no_retry: bool = False


@dataclass(slots=True)
class Delivery:
    """One payload on its way to the app.

    Attributes:
        name: the event type, the command or the interaction type.
        replies: one per attempt, in order.
        lost: a fault swallowed it.
    """

    id: str
    kind: Kind
    name: str
    payload: dict[str, Any]
    replies: list[Reply] = field(default_factory=list)
    lost: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether some attempt was acknowledged in time."""
        return any(not reply.trouble for reply in self.replies)


class Transport(Protocol):
    """A way to the app: Socket Mode or HTTP."""

    async def send(self, delivery: Delivery, *, attempt: int, reason: str) -> Reply:
        """Makes one attempt; `attempt` is 0 for the first, `reason` why there is another one."""
