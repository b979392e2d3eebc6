"""Signed checkpoints: the heads of every chain in one note that this writer's Ed25519 key signs.

The form is the C2SP signed note (c2sp.org/signed-note) with the text of a checkpoint (c2sp.org/tlog-checkpoint):

    agent-kill/bot                          origin: this writer, and the name of its key
    1234                                    entries of the chain `bot`
    base64                                  the hash of its last entry
    at 2026-01-31T12:00:00Z                 for people
    chain bastion 17 base64                 one line for every other chain, by name

    — agent-kill/bot base64                 key id and signature over the text above the blank line

One note covers all chains, so that a chain that is removed whole is missed too.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.journal.chain import Link, genesis

_ED25519 = b"\x01"
_SEED_BYTES = 32
_SHOWN_CHAINS, _SHOWN_DIGITS = 8, 32  # of a line in Slack: 128 bits cannot be met by trying


class BadKeyError(ValueError):
    """The signing key cannot be used; the text says what it must be and shows nothing of it."""


class Signer:
    """Signs checkpoints as one writer.

    Args:
        key: 64 hexadecimal digits, the seed of an Ed25519 key (RFC 8032).
        writer: the enrolled name; the key is called `agent-kill/<writer>`.

    Raises:
        BadKeyError: the key is not of that form.
    """

    def __init__(self, key: str, writer: str) -> None:
        try:
            seed = bytes.fromhex(key)
        except ValueError:
            seed = b""
        if len(seed) != _SEED_BYTES:
            raise BadKeyError(
                "AGENT_KILL_SIGNING_KEY is not 64 hexadecimal digits: make one with `openssl rand -hex 32`"
            )
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._chain = writer
        self.name = f"agent-kill/{writer}"
        public = _ED25519 + self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._id = hashlib.sha256(self.name.encode() + b"\n" + public).digest()[:4]
        self.verifier_key = f"{self.name}+{self._id.hex()}+{base64.b64encode(public).decode()}"

    def note(self, heads: Mapping[str, Link], at: float) -> str:
        """Signs the heads as they are.

        Args:
            heads: the last link of every chain by name; this writer's own may be missing where it wrote nothing yet.
            at: Unix time in seconds.
        """
        own = heads.get(self._chain) or genesis(self._chain)
        others = [
            f"chain {name} {head.seq} {_base64(head)}" for name, head in sorted(heads.items()) if name != self._chain
        ]
        when = datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.sign("\n".join([self.name, str(own.seq), _base64(own), f"at {when}", *others]) + "\n")

    def sign(self, text: str) -> str:
        """A signed note of any text; one that is no checkpoint must not begin with the name of a key."""
        signature = base64.b64encode(self._id + self._key.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


def slack_line(heads: Mapping[str, Link], first: str) -> str:
    """The heads in one short line for a message: `anchor bot:12:1f… bastion:3:9a…`; empty without any.

    Args:
        heads: the last link of every chain by name.
        first: the chain that is named first; of many chains the rest are left to the signed note.
    """
    names = sorted(heads, key=lambda name: (name != first, name))[:_SHOWN_CHAINS]
    words = [f"{name}:{heads[name].seq}:{heads[name].digest[:_SHOWN_DIGITS]}" for name in names]
    return f"anchor {' '.join(words)}" if words else ""


def _base64(link: Link) -> str:
    return base64.b64encode(bytes.fromhex(link.digest)).decode()
