"""Copies of the journals that other hosts hand over: checked, appended, never written as chains of our own.

Whoever pushes may add holds and speak for the cuts of its own host. What would loosen or close anything is kept, for
the audit, and is never obeyed: see `OBEYED`.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.journal import folders
from bot.journal.chain import BrokenLineError, Link, decode, genesis

FOLDER = "journal-pushed"
OBEYED = frozenset(
    {"hold_added", "reason_given", "undo_recorded", "undos_recorded", "outcomes", "heads_seen", "refusal", "note"}
)
_FORKS = 8  # kept of one chain


class GapError(ValueError):
    """Entries are missing between what is here and what was pushed. `next` is the first that is wanted."""

    def __init__(self, chain: str, wanted: int) -> None:
        super().__init__(f"entry {wanted} of the journal {chain} comes next: push from there")
        self.next = wanted


class ForkError(ValueError):
    """Another history of the chain is here already. `seq` is the first entry that differs."""

    def __init__(self, chain: str, seq: int) -> None:
        super().__init__(
            f"entry {seq} of the journal {chain} is not the one that was pushed before: one of the two was altered, or "
            "two hosts write under one name. Nothing was overwritten; find out which is right"
        )
        self.seq = seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a host last said of its chain: its head then, when (Unix time), and how many of its entries are here."""

    head: Link
    at: float
    have: int


class Pushed:
    """The folder of copies. Its methods block, and one thread at a time may call `take`.

    Args:
        folder: made with mode 0700 at the first push; each chain is `<chain>.jsonl`, what its host said of its head
            `<chain>.head`, another history that somebody offered `<chain>.fork-…`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests: dict[str, list[str]] = {}

    def take(self, chain: str, head: Link, lines: Sequence[str], *, at: float) -> Link:
        """Appends what is new, and waits until the disk has it.

        Args:
            chain: its name.
            head: of the chain at its host, now.
            lines: entries in their order; those that are here already are skipped.
            at: Unix time in seconds.

        Returns:
            The last entry that is here now.

        Raises:
            GapError: entries before these are missing.
            ForkError: another history is here; the offered one was put aside.
            BrokenLineError: a line is not an entry, or the copy here is damaged.
            OSError: the disk says no; nothing that was answered is lost.
        """
        folders.make(self.folder)
        digests = self._digests.pop(chain, None) or self._load(chain)
        try:
            new, after = self._new(chain, digests, lines)
        except ForkError:
            self._put_aside(chain, lines)
            raise
        self._append(chain, new)
        self._digests[chain] = after  # only now: after an error the file is read anew
        if head.seq < len(after) and after[head.seq] != head.digest:
            raise ForkError(chain, head.seq)
        self._say(chain, head, at)
        return Link(seq=len(after) - 1, digest=after[-1])

    def heard(self) -> Mapping[str, Heard]:
        """What every host last said, by chain."""
        return dict(self._heard()) if folders.is_ours(self.folder) else {}

    def forks(self) -> list[str]:
        """The chains of which somebody offered another history."""
        if not folders.is_ours(self.folder):
            return []
        return sorted({path.name.partition(".fork-")[0] for path in self.folder.glob("*.fork-*")})

    def _load(self, chain: str) -> list[str]:
        """The hashes of what is here, that of the beginning first; a torn tail is dropped, for it was not answered."""
        path, head = self._path(chain), genesis(chain)
        digests = [head.digest]
        if not path.exists():
            return digests
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            try:
                head = decode(line.decode(), head)[1]
            except (BrokenLineError, UnicodeDecodeError) as error:
                text = (
                    f"the copy of the journal {chain} here is damaged ({error}): move {path.name} away and push again"
                )
                raise BrokenLineError(text) from error
            digests.append(head.digest)
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        return digests

    def _new(self, chain: str, digests: list[str], lines: Sequence[str]) -> tuple[list[str], list[str]]:
        """The lines that are not here yet, and the hashes with theirs."""
        after, new = list(digests), list[str]()
        for line in lines:
            seq, prev, digest = _checked(line)
            if seq > len(after):
                raise GapError(chain, len(after))
            if seq < len(after):
                if after[seq] != digest:
                    raise ForkError(chain, seq)
                continue
            if prev != after[-1]:
                raise ForkError(chain, seq - 1)
            after.append(digest)
            new.append(line)
        return new, after

    def _append(self, chain: str, lines: Sequence[str]) -> None:
        path = self._path(chain)
        fresh = not path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            data = "".join(f"{line}\n" for line in lines).encode()
            while data:
                data = data[os.write(fd, data) :]
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if fresh:
            folders.sync(self.folder)

    def _say(self, chain: str, head: Link, at: float) -> None:
        fresh = self.folder / f"{chain}.head-new"
        fresh.write_text(json.dumps([head.seq, head.digest, at]))
        fresh.replace(self.folder / f"{chain}.head")

    def _heard(self) -> Iterator[tuple[str, Heard]]:
        for path in self.folder.glob("*.head"):
            try:
                seq, digest, at = json.loads(path.read_text())
                loaded = self._digests.get(path.stem)
                have = len(loaded) - 1 if loaded else self._path(path.stem).read_bytes().count(b"\n")
            except (OSError, ValueError, TypeError):
                continue  # as if it had never been heard of
            yield path.stem, Heard(head=Link(seq=seq, digest=digest), at=at, have=have)

    def _put_aside(self, chain: str, lines: Sequence[str]) -> None:
        digest = _checked(lines[-1])[2]
        path = self.folder / f"{chain}.fork-{digest[:16]}"
        if len(list(self.folder.glob(f"{chain}.fork-*"))) < _FORKS:
            path.write_text("".join(f"{line}\n" for line in lines))

    def _path(self, chain: str) -> Path:
        return self.folder / f"{chain}.jsonl"


def is_of(writer: str, chain: str) -> bool:
    """Whether the chain is that writer's: its name alone, or with the number of a further file."""
    name, _, number = chain.rpartition("-")
    return chain == writer or (name == writer and number.isascii() and number.isdigit())


def _checked(line: str) -> tuple[int, str, str]:
    """Sequence number, hash before, own hash. Raises `BrokenLineError` for what no writer wrote."""
    _, link = decode(line, None)
    raw = json.loads(line)
    if type(link.seq) is not int or json.dumps(raw, separators=(",", ":")) != line:
        raise BrokenLineError(f"entry {link.seq} is not in the form that journals are written in")
    return link.seq, str(raw["prev"]), link.digest
