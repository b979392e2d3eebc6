"""What the product logs as its own failure is a violation: a restore that failed inside must not look refused."""

import logging


class Logged(logging.Handler):
    """Adds every error that the product logs within its context."""

    def __init__(self, violations: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._violations = violations

    def emit(self, record: logging.LogRecord) -> None:
        """As a handler."""
        self._violations.append(f"it failed: {record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")

    def __enter__(self) -> None:
        logging.getLogger("bot").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("bot").removeHandler(self)
