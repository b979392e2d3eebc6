"""What one surface has parked: a file for each, on the disk before anybody is told of it."""

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bot.gate.judge import Call

_SHOWN = 4_000  # characters of a body that are told
_STATES = ("parked", "releasing", "done", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One parked call. `id` has the digest of what it does, so that nothing else is done under it."""

    id: str
    what: str
    at: float
    waits: bool
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    arguments: str = ""
    state: Literal["parked", "releasing", "done", "failed"] = "parked"
    by: str = ""
    why: str = ""

    @property
    def digest(self) -> str:
        """Of exactly what would be done."""
        return digest(self.method, self.target, self.body)

    @property
    def intact(self) -> bool:
        """Whether it still does what it was parked for."""
        return self.id.rpartition("-")[2] == self.digest

    def told(self) -> dict[str, object]:
        """As it is listed."""
        return {"id": self.id, "what": self.what, "arguments": self.arguments, "at": self.at, "waits": self.waits}


def digest(method: str, target: str, body: bytes) -> str:
    """Names a request: method, path with query, and the bytes of the body."""
    head = f"{method} {target}\n".encode()
    return hashlib.sha256(hashlib.sha256(head).digest() + hashlib.sha256(body).digest()).hexdigest()[:32]


def parcel(call: Call, body: bytes, *, waits: bool, what: str = "", arguments: str | None = None) -> Parcel:
    """Makes one of a call."""
    now = time.time()
    name = f"{int(now * 1000):011x}-{secrets.token_hex(3)}-{digest(call.method, call.target, body)}"
    shown = body.decode(errors="replace") if arguments is None else arguments
    return Parcel(
        id=name,
        what=(what or f"{call.method} {call.target}")[:200],
        at=now,
        waits=waits,
        method=call.method,
        target=call.target,
        headers=tuple(call.headers),
        body=body,
        arguments=shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…",
    )


class Spool:
    """The parcels of one surface, oldest first. Its own process is the only one that writes here.

    Args:
        folder: exists, and nobody else may enter it.
        expires: seconds after which a parcel is gone.
    """

    def __init__(self, folder: Path, expires: float) -> None:
        self._folder, self._expires = folder, expires
        for rest in folder.glob("*.new"):
            rest.unlink()  # half written as the process ended, and nobody was told of it
        found = (_read(file) for file in folder.glob("*.draft"))
        self._all = {one.id: one for one in sorted(filter(None, found), key=lambda it: (it.at, it.id))}

    def waiting(self) -> list[Parcel]:
        """Those that nobody decided on yet, and that have not expired."""
        until = time.time() - self._expires
        return [one for one in self._all.values() if one.state == "parked" and one.at > until]

    def get(self, name: str) -> Parcel | None:
        """One that is there and has not expired, whatever became of it."""
        found = self._all.get(name)
        return found if found and found.at > time.time() - self._expires else None

    def keep(self, one: Parcel) -> None:
        """On the disk, then in memory. Blocks. Raises OSError."""
        data = {**asdict(one), "body": base64.b64encode(one.body).decode()}
        new = self._folder / f"{one.id}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
            out.write(json.dumps(data).encode())
            out.flush()
            os.fsync(out.fileno())
        new.replace(self._file(one.id))
        self._sync()
        self._all[one.id] = one

    def remove(self, names: Iterable[str]) -> None:
        """For good. Blocks. Raises OSError."""
        for name in names:
            self._file(name).unlink(missing_ok=True)
            self._all.pop(name, None)
        self._sync()

    def old(self) -> list[str]:
        """Those that expired; what became of one is remembered as long as the parcel would have been."""
        until = time.time() - self._expires
        return [one.id for one in self._all.values() if one.at <= until and one.state != "releasing"]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.draft"

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def spent(one: Parcel, *, done: bool, why: str) -> Parcel:
    """What is kept of a parcel that was carried out: who released it, and what came of it."""
    return replace(one, state="done" if done else "failed", why=why, headers=(), body=b"", arguments="")


def _read(file: Path) -> Parcel | None:
    """One that cannot be read keeps nothing from starting; its file stays for a person."""
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
        found["body"] = base64.b64decode(found["body"], validate=True)
        found["headers"] = tuple((str(name), str(value)) for name, value in found["headers"])
        one = Parcel(**found)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return one if one.id == file.stem and one.state in _STATES else None
