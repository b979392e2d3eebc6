"""What came back of one call."""

from dataclasses import dataclass

LIMIT = 64 * 1024  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the headers that matter, and the body up to `LIMIT` bytes."""

    status: int
    body: bytes = b""
    mode: str = ""  # the header X-Agent-Kill-Mode
    signature: str = ""  # the header X-Agent-Kill-Answer
