"""Keys, credentials and tokens as NATS writes them: base32 text with a prefix and a checksum, JWTs signed by Ed25519.

The format is that of the `nkeys` and `jwt` (version 2) libraries of the NATS project.
"""

import base64
import binascii
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SEED = 18 << 3  # "S"
_KINDS = {"O": 14 << 3, "A": 0, "U": 20 << 3}
_KEY = 32  # bytes of a key
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A key with its secret half."""

    public: str
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, seed: str) -> Self:
        """Reads a seed (`SO…`, `SA…`, `SU…`). Raises `ValueError` without repeating it."""
        raw = _unpacked(seed.strip())
        kind = ((raw[0] & 7) << 5) | (raw[1] >> 3)
        letter = next((letter for letter, number in _KINDS.items() if number == kind), "")
        if raw[0] & 0xF8 != _SEED or not letter or len(raw) != _KEY + 2:
            raise ValueError("a NATS seed starts with SO, SA or SU")
        return cls._made(letter, raw[2:])

    @classmethod
    def _made(cls, letter: str, secret: bytes) -> Self:
        private = Ed25519PrivateKey.from_private_bytes(secret)
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(_packed(bytes([_KINDS[letter]]) + public), private)

    def sign(self, data: bytes) -> str:
        """The signature as a server wants it."""
        return _text(self._private.sign(data))

    def token(self, claims: dict[str, Any]) -> str:
        """A JWT of these claims, issued by this key."""
        named = {**claims, "iss": self.public, "jti": ""}
        digest = sha256(json.dumps(named, sort_keys=True).encode()).digest()
        named["jti"] = base64.b32encode(digest).decode().rstrip("=")
        body = ".".join(_text(json.dumps(part, separators=(",", ":")).encode()) for part in (_HEADER, named))
        return f"{body}.{self.sign(body.encode())}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a `.creds` file holds: a user's JWT and its seed."""

    jwt: str = field(repr=False)
    pair: Pair

    @classmethod
    def of(cls, text: str) -> Self:
        """Reads the text of a `.creds` file. Raises `ValueError` without repeating it."""
        parts = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("-")]
        token = next((part for part in parts if part.count(".") == 2), None)  # noqa: PLR2004  # header, claims, signature
        seed = next((part for part in parts if part.startswith("SU")), None)
        if token is None or seed is None:
            raise ValueError("NATS credentials are the text of a .creds file: a user JWT and a seed SU…")
        claims(token)
        return cls(token, Pair.of(seed))


def claims(token: str) -> dict[str, Any]:
    """What a JWT says; its signature is not looked at. Raises `ValueError`."""
    try:
        found = json.loads(_bytes(token.split(".")[1]))
    except (IndexError, ValueError) as error:
        raise ValueError("this is no NATS JWT") from error
    if not isinstance(found, dict):
        raise ValueError("this is no NATS JWT")  # noqa: TRY004  # the text is wrong, whatever its type
    return found


def issued_by(token: str, public: str) -> bool:
    """Whether `public` really signed this JWT."""
    body, _, signature = token.rpartition(".")
    try:
        key = Ed25519PublicKey.from_public_bytes(_unpacked(public)[1:])
        key.verify(_bytes(signature), body.encode())
    except (InvalidSignature, ValueError):
        return False
    return claims(token).get("iss") == public


def public_key(text: str, letter: str) -> str:
    """Checks the text of a public key. Raises `ValueError`."""
    raw = _unpacked(text) if text.startswith(letter) else b""
    if len(raw) != _KEY + 1:
        raise ValueError(f"a public key that starts with {letter} is wanted, as `nsc describe` prints it")
    return text


def _packed(raw: bytes) -> str:
    checked = raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError as error:
        raise ValueError("this is no NATS key") from error
    if len(raw) <= _KEY or binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]:
        raise ValueError("this is no NATS key: its checksum is wrong")
    return raw[:-2]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
