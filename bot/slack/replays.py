"""Signatures that were already used. A signed request is good for one delivery, also across a restart."""

import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)
KEEP = 660.0  # seconds: the window of 5 minutes past and 30 s future twice over
_REWRITE = 10_000  # lines appended before the file is written anew without the old ones


class Replays:
    """A set with a memory on disk: one appended line per request, no fsync, since a power cut takes longer to mend."""

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._seen: dict[str, float] = {}
        self._file = -1
        self._lines = 0
        self._load(now)

    def use(self, signature: str, now: float) -> bool:
        """Marks the signature as used; False where it already was."""
        used = self._seen.get(signature)
        if used is not None and now - used <= KEEP:
            return False
        self._seen[signature] = now
        self._append(f"{now:.0f} {signature}\n")
        self._forget(now)
        return True

    def close(self) -> None:
        """Closes the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _load(self, now: float) -> None:
        try:
            lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        except OSError as error:
            _log.warning("used signatures cannot be read (%s): replays of the last minutes are not recognised", error)
            lines = []
        for line in lines:
            at, _, signature = line.partition(" ")
            if at.isdigit() and signature and now - int(at) <= KEEP:
                self._seen[signature] = float(at)
        self._rewrite()

    def _forget(self, now: float) -> None:
        while self._seen:
            oldest = next(iter(self._seen))
            if now - self._seen[oldest] <= KEEP:
                break
            del self._seen[oldest]
        if self._lines > _REWRITE:
            self._rewrite()

    def _rewrite(self) -> None:
        self.close()
        self._lines = len(self._seen)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.writelines(f"{at:.0f} {signature}\n" for signature, at in self._seen.items())
            fresh.replace(self._path)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            _log.warning("used signatures cannot be kept (%s): after a restart a replay is not recognised", error)

    def _append(self, line: str) -> None:
        if self._file < 0:
            return
        try:
            os.write(self._file, line.encode("ascii"))
            self._lines += 1
        except OSError as error:
            _log.warning("used signatures cannot be kept (%s): after a restart a replay is not recognised", error)
            self.close()
