"""Reads every chain of the journal folders, incrementally: what another process appended is seen at the next call."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.events import AnyEvent
from bot.journal.chain import BrokenLineError, Link, decode, genesis
from bot.journal.folders import is_ours
from bot.journal.pushed import FOLDER, OBEYED

_SUFFIX = ".jsonl"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One journaled event with its place in its chain; `line` is the journal's own text of it."""

    chain: str
    seq: int
    digest: str
    line: str
    event: AnyEvent


@dataclass(slots=True)
class _Cursor:
    """How far a file was read. `head` is None after a damaged line: the rest is kept, its place cannot be checked."""

    head: Link | None
    offset: int = 0
    problems: list[str] = field(default_factory=list)


class Reader:
    """Follows all chains below the folders.

    Args:
        folders: the journal folders; one that is missing, or that others can write to, is empty. Of the one with what
            other hosts handed over (`pushed.FOLDER`), entries that would loosen anything are read and not given.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._cursors: dict[Path, _Cursor] = {}
        self._unread: list[str] = []

    def new(self, *, but: str | None = None) -> list[Entry]:
        """Entries that were appended since the last call, chain by chain, without the chain `but`.

        Damage is logged and skipped; what cannot be read now is `unread` until the next call.
        """
        self._unread = []
        return [entry for path in self._paths() if path.stem != but for entry in self._read(path)]

    @property
    def unread(self) -> tuple[str, ...]:
        """What the last call could not read, a sentence each: a stop may stand there that nobody knows."""
        return tuple(self._unread)

    def problems(self) -> list[str]:
        """What is damaged or cannot be read, a sentence each."""
        return [*self._unread, *(problem for cursor in self._cursors.values() for problem in cursor.problems)]

    def heads(self) -> dict[str, Link]:
        """The last good link of each chain."""
        return {path.stem: cursor.head for path, cursor in self._cursors.items() if cursor.head and cursor.head.seq}

    def _paths(self) -> Iterable[Path]:
        for folder in self._folders:
            if is_ours(folder):
                yield from self._journals(folder)

    def _journals(self, folder: Path) -> Sequence[Path]:
        try:
            return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
        except FileNotFoundError:
            return ()
        except OSError as error:  # `glob` would leave some of these out in silence
            self._cannot_read(f"the journals in {folder}", error)
            return ()

    def _read(self, path: Path) -> Iterable[Entry]:
        cursor = self._cursors.setdefault(path, _Cursor(head=genesis(path.stem)))
        try:
            if path.stat().st_size <= cursor.offset:
                return
            with path.open("rb") as file:
                file.seek(cursor.offset)
                data = file.read()
        except OSError as error:
            self._cannot_read(f"the journal {path.name}", error)
            return
        whole = data[: data.rfind(b"\n") + 1]  # a line without its newline is still being written, or torn
        cursor.offset += len(whole)
        for raw in whole.splitlines():
            entry = self._decode(path, cursor, raw)
            if entry and (path.parent.name != FOLDER or self._is_obeyed(cursor, entry)):
                yield entry

    def _cannot_read(self, what: str, error: OSError) -> None:
        self._unread.append(f"{what} cannot be read: {error.strerror}; nothing is given back until that is mended")
        _log.warning("%s", self._unread[-1])  # the text says it all

    @staticmethod
    def _is_obeyed(cursor: _Cursor, entry: Entry) -> bool:
        """Whoever hands a journal over can add holds with it, and end none."""
        obeyed = entry.event.type in OBEYED
        if not obeyed:
            place = f"entry {entry.seq} of the journal {entry.chain}"
            cursor.problems.append(f"{place} was pushed and says {entry.event.type}: it is kept and not obeyed")
            _log.error("%s", cursor.problems[-1])  # the text says it all
        return obeyed

    def _decode(self, path: Path, cursor: _Cursor, raw: bytes) -> Entry | None:
        try:
            line = raw.decode()
            event, cursor.head = decode(line, cursor.head)
        except (BrokenLineError, UnicodeDecodeError) as error:
            cursor.problems.append(f"journal {path.name}: {error}; the rest is kept")
            _log.error("%s", cursor.problems[-1])  # the text says it all
            cursor.head = None
            return None
        return Entry(chain=path.stem, seq=cursor.head.seq, digest=cursor.head.digest, line=line, event=event)
