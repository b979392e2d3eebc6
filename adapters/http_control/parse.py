"""Reads HTTP/1.1 answers strictly (RFC 9112): what is not plain and whole is `Odd`, and left to the large client."""

import re
from dataclasses import dataclass
from functools import lru_cache

from adapters.http_control.answer import LIMIT, Answer

_LONGEST = 16 * 1024  # bytes of a head that are read
_SAME = 64  # heads that are remembered: ten thousand receivers send the same few
_SIZE = 1024  # bytes of a chunk's first line
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [^\r\n\0]*)?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NUMBER = re.compile(rb"[0-9]{1,9}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\r\n\0]*)?")
_EMPTY = frozenset({204, 304})
_OURS = (b"x-agent-kill-mode", b"x-agent-kill-answer")
_WANTED = frozenset({b"content-length", b"transfer-encoding", b"connection", *_OURS})


class Odd(ValueError):  # it is no error: another client may well understand it
    """An answer that this reader does not take: an interim one, another version, no length, a doubtful head."""


class TooLong(ValueError):  # as Odd
    """A body of more than `LIMIT` bytes."""


class Reading:
    """One answer that is being read. Feed it until it yields; `keep` then says whether the connection lives on."""

    def __init__(self) -> None:
        self._buffer = b""
        self._head: _Head | None = None
        self._body = bytearray()
        self._left = -1  # bytes of the chunk that is being read, its end of line included; -1: its first line is next
        self.keep = False

    def feed(self, data: bytes) -> Answer | None:
        """Takes bytes; yields the answer once it is whole.

        Raises:
            Odd: not to be read here.
            TooLong: the body is too long.
        """
        self._buffer = self._buffer + data if self._buffer else data
        head = self._head = self._head or self._taken()
        if head is None:
            return None
        if head.length is not None:
            if len(self._buffer) < head.length:
                return None
            body, self._buffer = self._buffer[: head.length], self._buffer[head.length :]
        elif self._chunks():
            body = bytes(self._body)
        else:
            return None
        self.keep = head.keep and not self._buffer
        return Answer(head.status, body, head.mode, head.signature)

    def _taken(self) -> "_Head | None":
        """The head, off the buffer, once it is whole."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST:
                raise Odd("a long head")
            return None
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return _read(head)

    def _chunks(self) -> bool:
        """Takes what is there of the chunks; says whether the last one is."""
        while True:
            if self._left < 0 and not self._chunk_begins():
                return False
            if self._left == 0:
                return self._ends()
            taken = self._buffer[: self._left]
            self._buffer = self._buffer[len(taken) :]
            self._left -= len(taken)
            self._body += taken
            if len(self._body) > LIMIT + 2:
                raise TooLong
            if self._left:
                return False
            if not self._body.endswith(b"\r\n"):
                raise Odd("a chunk without its end")
            del self._body[-2:]
            self._left = -1

    def _chunk_begins(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0 and len(self._buffer) <= _SIZE:
            return False
        size = _CHUNK.fullmatch(self._buffer[: max(end, 0)])
        if size is None:
            raise Odd("a chunk of no size")
        self._buffer = self._buffer[end + 2 :]
        self._left = int(size[1], 16)
        if self._left:
            self._left += 2
        return True

    def _ends(self) -> bool:
        if len(self._buffer) < 2:  # noqa: PLR2004  # the empty line
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise Odd("a trailer")
        self._buffer = self._buffer[2:]
        return True


@dataclass(frozen=True, slots=True)
class _Head:
    """What the first lines of an answer say; `length` of the body in bytes, None where it comes in chunks."""

    status: int
    length: int | None
    keep: bool
    mode: str
    signature: str


@lru_cache(maxsize=_SAME)
def _read(head: bytes) -> _Head:
    first, *lines = head.split(b"\r\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise Odd("a status line of another kind")
    status, fields = int(found[1]), _fields(lines)
    keep = fields.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    mode, signature = (fields.get(name, b"").decode("latin-1") for name in _OURS)
    return _Head(status, _length(status, fields), keep, mode, signature)


def _length(status: int, fields: dict[bytes, bytes]) -> int | None:
    length, encoding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if length is None and encoding is None and status in _EMPTY:
        return 0
    if encoding is not None:
        if encoding.lower() != b"chunked" or length is not None:
            raise Odd("a length that is told in two ways, or in another")
        return None
    if length is None or not _NUMBER.fullmatch(length):
        raise Odd("no length")
    if int(length) > LIMIT:
        raise TooLong
    return 0 if status in _EMPTY else int(length)


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    """The header fields that matter; every line is checked."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or b"\n" in value or b"\r" in value or b"\0" in value:
            raise Odd("a doubtful head")
        name = name.lower()
        if name in _WANTED:
            if name in found:
                raise Odd("a field that is there twice")
            found[name] = value.strip(b" \t")
    return found
