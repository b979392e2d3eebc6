"""Verifies journals offline: no bot, no database, nothing imported of them, and short enough to be read whole.

It also runs alone, beside `cryptography` and `rfc8785`: `python verify.py FOLDER key.txt anchors.txt`.
A line is `{"seq", "prev", "body", "h", "aside"}` with h = SHA-256(0x00 || prev || seq || RFC 8785 form of body); the
first prev is SHA-256("agent-kill journal" || 0x00 || chain). Anchors are C2SP signed notes (c2sp.org/signed-note), and
lines "anchor chain:seq:hash" as they stand in Slack: the only defence against somebody who computes a chain anew.
"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_NOTE = re.compile(
    r"^agent-kill/([a-z0-9_-]+)\n([0-9]{1,15})\n([\w+/]{43}=)\n((?:[^\n—]+\n)*)\n((?:— .+\n)+)",
    re.MULTILINE | re.ASCII,
)
_OTHER = re.compile(r"^chain ([a-z0-9_-]+) ([0-9]{1,15}) ([\w+/]{43}=)$", re.MULTILINE | re.ASCII)
_LINE = re.compile(r"\b([a-z0-9][a-z0-9_-]*):([0-9]{1,15}):([0-9a-f]{16,64})\b", re.ASCII)
_MARK = re.compile(r"sha256:[0-9a-f]{64}")
Head = tuple[str, int, str, str]  # chain, entry, what its hash begins with, who saw it
_WRONG = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


@dataclass
class Result:
    """What was found. `bad` holds (chain, entry, what is wrong), the first of each chain; empty: intact."""

    entries: dict[str, int] = field(default_factory=dict)
    torn: dict[str, int] = field(default_factory=dict)  # bytes of a line that a crash left unfinished
    erased: int = 0  # texts that were taken out
    anchors: int = 0  # heads compared with
    bad: list[tuple[str, int, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    not_given: set[str] = field(default_factory=set)  # chains that others saw, where single files were given

    @property
    def code(self) -> int:
        """0 intact, 1 tampered, 2 unreadable."""
        return 1 if self.bad else 2 if self.unreadable else 0


def verify(paths: Sequence[Path], keys: str, anchors: str | None = None) -> Result:
    """Checks every chain in `paths` (folders or files) against its hashes, the others' cross-links and the anchors."""
    result, chains, seen = Result(), dict[str, list[str]](), list[Head]()
    try:
        seen += notes_and_lines(anchors or "", read_keys(keys), result.bad)
        result.unreadable += ["there is no anchor in the anchors"] if anchors is not None and not seen else []
    except _WRONG as error:
        result.unreadable.append(f"the key cannot be read: {error}")
    result.anchors = len(seen)
    files = [file for path in paths for file in (sorted(path.rglob("*.jsonl")) if path.is_dir() else [path])]
    for file in files:
        try:
            digests = _read_chain(file.stem, file.read_bytes(), result, seen)
        except OSError as error:
            result.unreadable.append(f"{file}: {error.strerror}")
            continue
        _merge(chains, file.stem, digests, result)
    if not any(result.entries.values()) and not result.bad:
        result.unreadable.append("there is no entry of a journal in what was given")
    broken, whole = {chain for chain, _, _ in result.bad}, any(path.is_dir() for path in paths)
    for chain, seq, digest, by in sorted(seen):
        wrong = None if chain in broken else _compare(seq, digest, by, chains.get(chain))
        if wrong and (whole or chain in chains):
            broken.add(chain)
            result.bad.append((chain, *wrong))
        elif wrong:
            result.not_given.add(chain)
    return result


def _read_chain(chain: str, data: bytes, result: Result, seen: list[Head]) -> list[str]:
    """The hashes of a chain up to its first bad entry, that of the beginning first."""
    digests = [hashlib.sha256(b"agent-kill journal\x00" + chain.encode("utf-8", "replace")).hexdigest()]
    *lines, torn = data.split(b"\n")
    for seq, line in enumerate(lines, start=1):
        try:
            body, erased = _read_entry(line, seq, digests)
            heads = body.get("heads", []) if body.get("type") == "heads_seen" else []
            seen += [(str(name), int(at), str(digest), f"entry {seq} of {chain}") for name, at, digest in heads]
        except _WRONG as error:
            result.bad.append((chain, seq, str(error)))
            break
        result.erased += erased
    result.entries[chain] = max(len(digests) - 1, result.entries.get(chain, 0))
    if torn:
        result.torn[chain] = len(torn)
    return digests


def _read_entry(line: bytes, seq: int, digests: list[str]) -> tuple[dict[str, Any], int]:
    raw = json.loads(line.decode("ascii"))
    if json.dumps(raw, separators=(",", ":")).encode() != line or list(raw) != ["seq", "prev", "body", "h", "aside"]:
        raise ValueError("is not in the form that journals are written in")
    if type(raw["seq"]) is not int or (raw["seq"], raw["prev"]) != (seq, digests[-1]):
        raise ValueError(f"does not follow entry {seq - 1}: something was removed, inserted, moved or rewritten")
    body = raw["body"]
    prefix = b"\x00" + bytes.fromhex(digests[-1]) + seq.to_bytes(8, "big")
    if raw["h"] != (digest := hashlib.sha256(prefix + rfc8785.dumps(body)).hexdigest()):
        raise ValueError("does not match its hash: it was altered")
    marks = set(_marks(body))
    for mark, (salt, text) in raw["aside"].items():
        kept = "sha256:" + hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()
        if mark not in marks or mark != kept or bytes.fromhex(salt).hex() != salt:
            raise ValueError("has a text beside it that is not the one it was written with")
    digests.append(digest)
    return body, len(marks - raw["aside"].keys())


def _marks(value: object) -> Iterator[str]:
    """Every commitment in a body."""
    if isinstance(value, str) and _MARK.fullmatch(value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _marks(item)


def _merge(chains: dict[str, list[str]], chain: str, digests: list[str], result: Result) -> None:
    """Copies of a chain may differ in length alone."""
    other = chains.get(chain, digests)
    differ = next((seq for seq, pair in enumerate(zip(other, digests, strict=False)) if pair[0] != pair[1]), None)
    if differ is not None:
        result.bad.append((chain, differ, "is not the same in two files of this chain"))
    chains[chain] = max(other, digests, key=len)


def _compare(seq: int, digest: str, by: str, digests: list[str] | None) -> tuple[int, str] | None:
    if digests is None or not 0 <= seq < len(digests):
        end = len(digests) - 1 if digests else 0
        return end + 1, f"is missing: the chain ends at entry {end}, and {by} saw entry {seq}"
    rewritten = f"is not the entry that {by} saw: it, or one before it, was rewritten and all after it anew"
    return None if digests[seq].startswith(digest) else (seq, rewritten)


def read_keys(text: str) -> dict[tuple[str, bytes], Ed25519PublicKey]:
    """Verifier keys `name+id+base64`, one a line, by name and id. Raises ValueError."""
    keys = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, number, key = line.split("+", 2)
        raw = base64.b64decode(key, validate=True)
        if raw[:1] != b"\x01" or hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != number:
            raise ValueError(f"{name} is not an Ed25519 verifier key, or not whole")
        keys[name, bytes.fromhex(number)] = Ed25519PublicKey.from_public_bytes(raw[1:])
    if not keys:
        raise ValueError("it is empty")
    return keys


def notes_and_lines(
    text: str, keys: dict[tuple[str, bytes], Ed25519PublicKey], bad: list[tuple[str, int, str]]
) -> list[Head]:
    """The heads in a text of signed notes and of lines pasted from Slack. What no key signed is `bad`."""
    heads, end, text = list[Head](), 0, text.replace("\r\n", "\n")
    for note in _NOTE.finditer(text):
        between, end = text[end : note.start()], note.end()
        if re.search(r"^(?:agent-kill/|— )", between, re.MULTILINE):
            bad.append((note[1], int(note[2]), "an anchor before this one is damaged"))
        if not _signed(note[0].partition("\n\n")[0] + "\n", note[5], keys):
            bad.append((note[1], int(note[2]), "its anchor is not signed by the key"))
            continue
        for chain, seq, head in [(note[1], note[2], note[3]), *_OTHER.findall(note[4])]:
            heads.append((chain, int(seq), base64.b64decode(head).hex(), "an anchor"))
    for line in text.splitlines():
        found = _LINE.findall(line) if "anchor " in line else []
        heads += [(chain, int(seq), digest, "an anchor") for chain, seq, digest in found]
    return heads


def _signed(text: str, signatures: str, keys: dict[tuple[str, bytes], Ed25519PublicKey]) -> bool:
    for line in signatures.splitlines():
        try:
            name, packed = line.removeprefix("— ").split(" ")
            raw = base64.b64decode(packed, validate=True)
            if text.startswith(f"{name}\n"):
                keys[name, raw[:4]].verify(raw[4:], text.encode())
                return True
        except (InvalidSignature, *_WRONG):
            continue
    return False


if __name__ == "__main__":
    journals, *texts = map(Path, sys.argv[1:])
    found = verify([journals], *(text.read_text("utf-8", "replace") for text in texts))
    sys.stdout.write(f"{found}\n")
    sys.exit(found.code)
