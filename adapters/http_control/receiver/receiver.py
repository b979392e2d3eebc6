"""Keeps an agent's mode in a Python service: give a `Receiver` every request to its control address."""

import fcntl
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

MODES: tuple[str, ...] = ("normal", "approval_gated", "draft_only", "read_only", "full_stop")


class Receiver:
    """`folder` keeps the mode; `end(mode)` ends what a mode forbids and returns `{"ended": …, "in_flight": …}`."""

    def __init__(self, secret: str, folder: Path, end: Callable[[str], dict[str, int]], **about: str) -> None:
        self.secret, self.file, self.end, self.about = secret.encode(), folder / "mode.json", end, about
        self.modes, self.lock, self.spent, self.disk = MODES[3:], Lock(), dict[str, int](), os.open(folder, os.O_RDONLY)
        fcntl.flock(self.disk, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a second process would have a mode of its own
        try:
            mode, generation = json.loads(self.file.read_bytes())
            self.mode, self.generation = MODES[MODES.index(mode)], int(generation)
        except (OSError, ValueError, TypeError, ArithmeticError, RuntimeError):  # unreadable: a full stop
            self.mode, self.generation = "full_stop", time.time_ns()

    def __call__(self, method: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, int, dict[str, str]]:
        """Answers body, status and headers; on a thread of its own, for it waits. A plain request loosens nothing."""
        names, now = ("X-Agent-Kill-Signature", "X-Agent-Kill-Request"), int(time.time())
        fields = dict(part.partition("=")[::2] for name in names for part in headers.get(name, "").split(","))
        t, v1, n, g, v2 = (fields.get(k, "").encode("ascii", "replace").decode() for k in ("t", "v1", "n", "g", "v2"))
        if not hmac.compare_digest(self._sign(f"{t}.", body), v1) or not now - 300 <= int(t) <= now + 30:
            return b"{}", 401, {}
        n, g = (n, g) if hmac.compare_digest(self._sign(f"v2.{t}.{n}.{g}.{method}.", body), v2) else (v1, "")
        with self.lock:
            used = (method == "POST" or body) and n in self.spent
            self.spent = {one: at for one, at in (self.spent | {n: now, v1: now}).items() if at > now - 400}
        status, told = (409, {}) if used else self._act(json.loads((method == "POST" and body) or b"{}"), g)
        answer = json.dumps(told).encode()
        return answer, status, {"X-Agent-Kill-Answer": "v2=" + self._sign(f"answer.{n}.{status}.", answer)}

    def _act(self, asked: dict[str, str], generation: str) -> tuple[int, dict[str, object]]:
        with self.lock:
            if (mode := asked.get("mode", self.mode)) not in ("normal", self.mode, *self.modes):
                return 422, {}
            if MODES.index(mode) < MODES.index(self.mode) and generation != str(self.generation):
                return 412, {}  # it was told something since, so that a late call loosens nothing
            if asked:
                self.mode, self.generation = max(self.mode, mode, key=MODES.index), self.generation + 1  # at once
                with (new := self.file.with_suffix(".new")).open("wb", 0) as out:
                    out.write(json.dumps([mode, self.generation]).encode())
                    os.fsync(out)
                self.mode, _ = mode, new.replace(self.file)  # looser only now; a stop waits for no disk
                os.fsync(self.disk)
        return 200, {"mode": self.mode, "generation": self.generation, **self.about, **self.end(self.mode)}

    def _sign(self, head: str, body: bytes) -> str:
        return hmac.digest(self.secret, head.encode() + body, "sha256").hex()
