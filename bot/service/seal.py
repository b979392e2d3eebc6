"""Undo records, encrypted: they say what an agent could do, and lie on every writer's disk."""

import base64
import hashlib
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken
from pydantic import TypeAdapter

from adapters.base import Change

_CHANGES = TypeAdapter(tuple[Change, ...])


class Seal:
    """Encrypts and opens the changes of an episode with the state key, the same for all writers."""

    def __init__(self, state_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(state_key.encode()).digest()))

    def close(self, changes: Iterable[Change]) -> str:
        """Encrypts changes."""
        return self._fernet.encrypt(_CHANGES.dump_json(tuple(changes))).decode()

    def open(self, sealed: Iterable[str]) -> tuple[Change, ...]:
        """Decrypts the records of an episode, in order; one that another key closed is left out."""
        return tuple(change for record in sealed for change in self._open_one(record))

    def _open_one(self, record: str) -> tuple[Change, ...]:
        try:
            return _CHANGES.validate_json(self._fernet.decrypt(record.encode()))
        except (InvalidToken, ValueError):
            return ()
