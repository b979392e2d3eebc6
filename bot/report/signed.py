"""Signs a statement, and finds every byte of one that was changed since.

The signature is a C2SP signed note (c2sp.org/signed-note) of the bot's Ed25519 key, as under its checkpoints, over

    statement by agent-kill/bot              no checkpoint begins so
    period 2026-Q3
    made 2026-10-01T08:00:00.000Z
    verdict intact
    json base64                              SHA-256 of the statement's RFC 8785 form
    page base64                              SHA-256 of the page up to the comment with the note; in a page only

A file has one form only, so that there is no byte that no hash covers.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.journal.checkpoint import Signer
from bot.journal.verify import read_keys

_OPEN, _SHUT = "<!-- signed statement\n", "-->\n"
_NOTE = re.compile(
    r"statement by (?P<by>\S+)\nperiod (?P<period>.+)\nmade (?P<made>\S+)\nverdict (?P<verdict>\S+)\n"
    r"json (?P<json>\S+)\n(?:page (?P<page>\S+)\n)?\n\u2014 (?P<name>\S+) (?P<packed>\S+)\n"
)
_ID = 4  # bytes of a key's id
Json = dict[str, Any]


class ForgedError(ValueError):
    """Not what the key signed; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Genuine:
    """What a genuine statement says of itself. `verdict` is of the journals that it was made from."""

    by: str
    period: str
    made: str
    verdict: str


def signed_json(statement: Json, signer: Signer) -> str:
    """The statement with its note, as a file."""
    return _file({"statement": statement, "note": signer.sign(_text(statement, None))})


def signed_page(statement: Json, page: str, signer: Signer) -> str:
    """The page with the note in a comment at its end."""
    note = signer.sign(_text(statement, _hash(page.encode())))
    return f"{page}{_OPEN}{note}{_SHUT}"


def check(data: bytes, keys: str) -> Genuine:
    """Checks a file of either kind.

    Args:
        data: the file, whole.
        keys: verifier keys, one a line.

    Raises:
        ForgedError: a byte was changed, or no key of these signed it.
        ValueError: the keys cannot be read.
    """
    known = read_keys(keys)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ForgedError("it is not text") from None
    return _check_json(text, known) if text.startswith("{") else _check_page(text, known)


def _check_json(text: str, keys: Mapping[tuple[str, bytes], Ed25519PublicKey]) -> Genuine:
    try:
        found = json.loads(text)
        statement, note = found["statement"], found["note"]
        again = _file({"statement": statement, "note": note})
        digest = _hash(rfc8785.dumps(statement))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise ForgedError("it is not a signed statement, or it was cut short") from None
    if again != text or not isinstance(note, str):
        raise ForgedError("it is not in the form that statements are written in")
    return _checked(note, keys, "json", digest)


def _check_page(text: str, keys: Mapping[tuple[str, bytes], Ed25519PublicKey]) -> Genuine:
    page, mark, rest = text.rpartition(_OPEN)
    if not mark or not rest.endswith(_SHUT):
        raise ForgedError("it has no signature at its end, or more after it")
    return _checked(rest.removesuffix(_SHUT), keys, "page", _hash(page.encode()))


def _checked(note: str, keys: Mapping[tuple[str, bytes], Ed25519PublicKey], part: str, digest: str) -> Genuine:
    found = _NOTE.fullmatch(note)
    if found is None:
        raise ForgedError("its signature is not in the form that statements are signed in")
    if found[part] != digest:
        raise ForgedError("it was changed after it was signed")
    _verify(note.rpartition("\n\u2014 ")[0], found, keys)
    return Genuine(by=found["by"], period=found["period"], made=found["made"], verdict=found["verdict"])


def _verify(text: str, found: re.Match[str], keys: Mapping[tuple[str, bytes], Ed25519PublicKey]) -> None:
    try:
        raw = base64.b64decode(found["packed"], validate=True)
        if base64.b64encode(raw).decode() != found["packed"] or found["name"] != found["by"]:
            raise ForgedError("its signature was changed")
        keys[found["name"], raw[:_ID]].verify(raw[_ID:], text.encode())
    except KeyError:
        raise ForgedError(f"it is signed by a key of {found['name']} that is not the one given") from None
    except (InvalidSignature, ValueError) as error:
        raise error if isinstance(error, ForgedError) else ForgedError("its signature does not fit it") from None


def _text(statement: Json, page: str | None) -> str:
    lines = [
        f"statement by {statement['made_by']}",
        f"period {statement['period']['asked']}",
        f"made {statement['made_at']}",
        f"verdict {statement['verdict']}",
        f"json {_hash(rfc8785.dumps(statement))}",
        *([f"page {page}"] if page else []),
    ]
    return "\n".join(lines) + "\n"


def _hash(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _file(content: Json) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
