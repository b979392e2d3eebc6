"""One line of a journal: canonical JSON, chained by SHA-256, with erasable text beside the hash.

A line is `{"seq", "prev", "body", "h", "aside"}`. `h = SHA-256(0x00 || prev || seq || body)` over the RFC 8785 form of
`body`; `seq` is eight bytes, big-endian. Erasable text stands in `body` as a salted commitment and in `aside` as the
salt and the text, so that an erasure changes no hash.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import rfc8785
from pydantic import BaseModel

from bot.domain.events import EVENT, AnyEvent, Aside, HoldAdded, Targets

_LEAF = b"\x00"
_SALT_BYTES = 16
ERASED = "[erased]"
_MARK = "sha256:"
_SAFE = 2**53  # integers below it are the same in both languages
_SMALL = 1e-4  # Python writes smaller numbers with an exponent
_SAME = frozenset({str, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

Json = Any  # what json.loads gives


class _LongWayError(Exception):
    """The fast encoder would not give the canonical form."""


class BrokenLineError(ValueError):
    """A line that is not what the writer wrote; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A line's place in its chain."""

    seq: int
    digest: str  # hexadecimal


def genesis(chain: str) -> Link:
    """The link before the first line; it binds the chain's name."""
    return Link(seq=0, digest=hashlib.sha256(b"agent-kill journal\x00" + chain.encode()).hexdigest())


def digest(prev: str, seq: int, body: Json) -> str:
    """The hash of a line, in hexadecimal."""
    return _digest(prev, seq, (canonical(body),))


def canonical(body: Json) -> bytes:
    """The RFC 8785 form.

    The standard library's encoder, which is written in C, gives the same bytes for everything but numbers that Python
    and JavaScript write differently, and keys that they sort differently: those take the long way.

    Raises:
        ValueError: there is no such form.
    """
    try:
        return _short_way(body)
    except _LongWayError:
        return rfc8785.dumps(body)


def _short_way(body: Json) -> bytes:
    return _ENCODER.encode(_plain(body)).encode()


def _digest(prev: str, seq: int, body: Iterable[bytes]) -> str:
    made = hashlib.sha256(_LEAF + bytes.fromhex(prev) + seq.to_bytes(8, "big"))
    for part in body:
        made.update(part)
    return made.hexdigest()


def _plain(value: Json) -> Json:
    """The value with numbers that both write alike: 2.0 as 2. Raises `_LongWayError` for what they do not."""
    kind = type(value)
    if kind is dict:
        if not all(map(str.isascii, value)):
            raise _LongWayError
        return {key: item if type(item) in _SAME else _plain(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) in _SAME else _plain(item) for item in value]
    if kind is int and -_SAFE < value < _SAFE:
        return value
    if kind is float and value.is_integer() and -_SAFE < value < _SAFE:
        return int(value)
    if kind is float and _SMALL <= abs(value) < _SAFE:
        return value
    raise _LongWayError


def encode(event: AnyEvent, before: Link) -> tuple[bytes, Link]:
    """Writes an event as the line after `before`; returns the line with its newline, and its link."""
    aside: dict[str, list[str]] = {}
    seq = before.seq + 1
    try:
        form = _short_form(event, aside)
    except _LongWayError:
        aside.clear()
        body = _commit(event, aside)
        link = Link(seq=seq, digest=digest(before.digest, seq, body))
        line = {"seq": seq, "prev": before.digest, "body": body, "h": link.digest, "aside": aside}
        return json.dumps(line, separators=(",", ":"), ensure_ascii=True).encode() + b"\n", link
    # both ways write plain text alike, so that it is written once; but for DEL, which a line escapes
    link = Link(seq=seq, digest=_digest(before.digest, seq, form))
    first = f'{{"seq":{seq},"prev":"{before.digest}","body":'.encode()
    last = f',"h":"{link.digest}","aside":{json.dumps(aside, separators=(",", ":"))}}}\n'.encode()
    return b"".join((first, *(part.replace(b"\x7f", b"\\u007f") for part in form), last)), link


def _short_form(event: AnyEvent, aside: dict[str, list[str]]) -> tuple[bytes, ...]:
    """The canonical body, in parts. A stop's targets bring their own text, which was made before the stop came.

    Raises:
        _LongWayError: a line would write it in another way than this.
    """
    parts: tuple[bytes, ...]
    if isinstance(event, HoldAdded):
        form = _short_way(_commit(event.model_copy(update={"targets": Targets()}), aside))
        before, mark, after = form.partition(b',"targets":[]')  # a quote in a text is escaped
        parts = (before, mark[:-2], event.targets.text, after)
    else:
        parts = (_short_way(_commit(event, aside)),)
    if not all(map(bytes.isascii, parts)):
        raise _LongWayError
    return parts


def decode(line: str, before: Link | None) -> tuple[AnyEvent, Link]:
    """Reads a line back and checks its hash, and that it follows `before` where that is known.

    Raises:
        BrokenLineError: not JSON, not a line, a wrong hash, a wrong place, or an event of no known kind.
    """
    try:
        raw = json.loads(line)
        seq, prev, body, claimed, aside = raw["seq"], raw["prev"], raw["body"], raw["h"], raw.get("aside")
        found = digest(prev, seq, body)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BrokenLineError(f"not a journal line: {type(error).__name__}") from error
    if found != claimed:
        raise BrokenLineError(f"entry {seq}: its hash does not match its body")
    if before is not None and (seq, prev) != (before.seq + 1, before.digest):
        raise BrokenLineError(f"entry {seq} does not follow entry {before.seq}")
    try:
        event = EVENT.validate_python(_reveal(body, aside), strict=False)
    except ValueError as error:
        raise BrokenLineError(f"entry {seq}: not an event of this version") from error
    return event, Link(seq=seq, digest=claimed)


def _commit(model: BaseModel, aside: dict[str, list[str]]) -> Json:
    """The model as JSON with every `Aside` field replaced by its commitment."""
    body: dict[str, Json] = model.model_dump(mode="json")
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if any(isinstance(item, Aside) for item in info.metadata):
            body[name] = _commitment(value, aside) if value else value
        elif isinstance(value, BaseModel):
            body[name] = _commit(value, aside)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel) and _erasable(type(value[0])):
            body[name] = [_commit(item, aside) for item in value]
    return body


def _erasable(kind: type[BaseModel]) -> bool:
    return any(isinstance(item, Aside) for info in kind.model_fields.values() for item in info.metadata)


def _commitment(text: str, aside: dict[str, list[str]]) -> str:
    salt = secrets.token_hex(_SALT_BYTES)
    mark = _MARK + hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()
    aside[mark] = [salt, text]
    return mark


def _reveal(value: Json, aside: dict[str, list[str]]) -> Json:
    """The body with commitments replaced by their text; one whose text is gone, or does not match, reads erased."""
    if isinstance(value, dict):
        return {key: _reveal(item, aside) for key, item in value.items()}
    if isinstance(value, list):
        return [_reveal(item, aside) for item in value]
    if isinstance(value, str) and value.startswith(_MARK):
        return _text_of(value, aside)
    return value


def _text_of(mark: str, aside: dict[str, list[str]]) -> str:
    try:
        salt, text = aside[mark]
        kept = _MARK + hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()
    except (KeyError, ValueError, TypeError, AttributeError):
        return ERASED
    return text if kept == mark else ERASED
