"""Takes erasable texts out of a journal that nobody writes at the moment; no hash changes by it."""

import json
import os
from pathlib import Path

from bot.journal.chain_file import ChainFile
from bot.journal.folders import sync


def erase(path: Path, containing: str) -> int:
    """Drops every name and free text that contains these words, and waits until the disk has it.

    Args:
        path: `<chain>.jsonl`.
        containing: compared as it stands; not empty.

    Returns:
        How many texts were dropped.

    Raises:
        TakenError: a running bot or command writes the file.
        RottenError: the file is damaged; mended first, or its damage would pass for the erasure's.
        OSError: the disk says no; the file is as it was.
    """
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such journal", str(path))
    held = ChainFile(path)
    try:
        lines = [_without(line, containing) for line in path.read_bytes().splitlines()]
        dropped = sum(count for _, count in lines)
        if dropped:
            _replace(path, b"".join(line + b"\n" for line, _ in lines))
        return dropped
    finally:
        held.close()


def _without(line: bytes, containing: str) -> tuple[bytes, int]:
    raw = json.loads(line)
    kept = {mark: value for mark, value in raw["aside"].items() if containing not in value[1]}
    dropped = len(raw["aside"]) - len(kept)
    return json.dumps({**raw, "aside": kept}, separators=(",", ":")).encode() if dropped else line, dropped


def _replace(path: Path, data: bytes) -> None:
    """Swaps the file in whole; its name while it is written is not that of a journal."""
    fresh = path.with_suffix(".erasing")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.replace(path)
    sync(path.parent)
