"""Anchors outside the database: a file of signed notes, and what the journals must not contradict in it."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.journal.folders import sync
from bot.journal.verify import Head, notes_and_lines, read_keys

_END = re.compile(b"^\xe2\x80\x94 .+\\n\\n", re.MULTILINE)  # a signature and the blank line after its note


class AnchorFile:
    """An append-only file of signed notes, a blank line after each. Its methods block: call them in a thread.

    Args:
        path: made with mode 0600. Copy it to another machine: who owns this disk can cut it short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mended = False

    def append(self, note: str) -> None:
        """Appends a note and waits until the disk has it. Raises OSError."""
        fresh = not self.path.exists()
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._drop_torn(fd)
            data = f"{note}\n".encode()
            while data:
                data = data[os.write(fd, data) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        if fresh:
            sync(self.path.parent)

    def last(self, verifier_key: str) -> list[Head]:
        """The heads of the last note; empty without any. Raises OSError, and ValueError where a note is not ours."""
        try:
            text = self.path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return []
        bad: list[tuple[str, int, str]] = []
        begin = text.rpartition("\n— ")[0].rfind("\nagent-kill/") + 1
        heads = notes_and_lines(text[begin:], read_keys(verifier_key), bad)
        if bad:
            raise ValueError(
                f"the last note of {self.path.name} is not signed by this bot's key: put the right key back in "
                "AGENT_KILL_SIGNING_KEY, or, where the key was changed on purpose, move the file away and keep it"
            )
        return heads

    def _drop_torn(self, fd: int) -> None:
        """What follows the last whole note was torn off by a crash; looked at once, since nobody else writes here."""
        if self._mended:
            return
        data = self.path.read_bytes()
        end = max((found.end() for found in _END.finditer(data)), default=0)
        if end < len(data):
            os.ftruncate(fd, end)
        self._mended = True


def contradictions(folders: Sequence[Path], heads: Iterable[Head]) -> list[str]:
    """Where the journals on this disk are not those that were anchored, a sentence each. Blocks.

    Args:
        folders: the journal folders.
        heads: of a note whose signature was checked.
    """
    found = (_contradiction(folders, chain, seq, digest) for chain, seq, digest, _ in heads if seq)
    return [sentence for sentence in found if sentence]


def _contradiction(folders: Sequence[Path], chain: str, seq: int, digest: str) -> str | None:
    files = [folder / f"{chain}.jsonl" for folder in folders if (folder / f"{chain}.jsonl").is_file()]
    advice = "an old copy was put back, or it was altered; find out before anything is restored"
    if not files:
        return f"the journal {chain} is gone, whose entry {seq} was anchored: {advice}"
    hashes = [_hash_of(file, seq) for file in files]
    if digest in hashes:
        return None
    if all(item is None for item in hashes):
        return f"the journal {chain} ends before its entry {seq}, which was anchored: {advice}"
    return f"entry {seq} of the journal {chain} is not the one that was anchored: {advice}"


def _hash_of(file: Path, seq: int) -> str | None:
    """The hash that stands in a line; its own check is the reader's business."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if number == seq:
                try:
                    return str(json.loads(line)["h"])
                except (ValueError, KeyError, TypeError, RecursionError):
                    return ""
    return None
