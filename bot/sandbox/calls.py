"""The record of every Web API call."""

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Web API.

    Attributes:
        token: `bot`, `app`, `none` or `unknown`.
        at: seconds since 1970 on the workspace's clock.
        elapsed_ms: how long the simulator took to answer, faults included.
        status: the HTTP status; 0 when the connection was dropped instead.
    """

    method: str
    args: dict[str, Any]
    token: str
    at: float
    elapsed_ms: float
    status: int
    answer: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether Slack did it."""
        return self.answer.get("ok") is True

    @property
    def error(self) -> str | None:
        """Slack's error code, if any."""
        return self.answer.get("error")


class CallLog(list[Call]):
    """Every call in the order in which it was answered."""

    def of(self, method: str, *, ok: bool | None = None) -> list[Call]:
        """The calls of one method, optionally only those that succeeded or failed."""
        return [call for call in self if call.method == method and ok in (None, call.ok)]

    def count(self, method: Any) -> int:
        """How often a method was called."""
        return sum(call.method == method for call in self)

    def counts(self) -> Counter[str]:
        """How often each method was called."""
        return Counter(call.method for call in self)
