"""Undo records, encrypted: they say what an agent could do, and lie on every writer's disk."""

import base64
import hashlib
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import TypeAdapter

from adapters.base import Change

_CHANGES = TypeAdapter(tuple[Change, ...])


_GCM = "gcm:"  # before it, records were Fernet's, which costs ten times as much
_NONCE = 12  # bytes, random: good for 2**32 records under one key (NIST SP 800-38D)


class Seal:
    """Encrypts and opens the changes of an episode with the state key, the same for all writers."""

    def __init__(self, state_key: str) -> None:
        self._gcm = AESGCM(hashlib.sha256(b"agent-kill undo\x00" + state_key.encode()).digest())
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(state_key.encode()).digest()))

    def close(self, changes: Iterable[Change]) -> str:
        """Encrypts changes."""
        nonce = os.urandom(_NONCE)
        closed = nonce + self._gcm.encrypt(nonce, _CHANGES.dump_json(tuple(changes)), None)
        return _GCM + base64.b64encode(closed).decode()

    def open(self, sealed: Iterable[str]) -> tuple[Change, ...]:
        """Decrypts the records of an episode, in order; one that another key closed is left out."""
        return tuple(change for record in sealed for change in self._open_one(record))

    def _open_one(self, record: str) -> tuple[Change, ...]:
        try:
            return _CHANGES.validate_json(self._opened(record))
        except (InvalidTag, InvalidToken, ValueError):
            return ()

    def _opened(self, record: str) -> bytes:
        if not record.startswith(_GCM):
            return self._fernet.decrypt(record.encode())
        closed = base64.b64decode(record.removeprefix(_GCM), validate=True)
        return self._gcm.decrypt(closed[:_NONCE], closed[_NONCE:], None)
