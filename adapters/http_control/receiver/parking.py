"""A receiver that also keeps what draft_only and approval_gated hold back, until a person decides on it."""

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from .receiver import MODES, Receiver
from .work import Stopped, Work

MOST = 1000  # drafts that wait; more are refused
LONGEST = 4000  # letters of a draft's arguments that are told


class Kept(PermissionError):
    """Not done but parked: answer 202 with the header `X-Agent-Kill-Mode: <mode>`. Its arguments: mode, draft."""


class Parking(Receiver):
    """`actions`: by name, whatever the agent may ask for that writes, called with arguments that fit in JSON."""

    def __init__(self, secret: str, folder: Path, actions: Mapping[str, Callable[..., object]], **about: str) -> None:
        self.actions, self.work, self.shelf, self.deciding = actions, Work(lambda: self.mode), Lock(), Lock()
        self.drafts = {file.stem: _read(file) for file in sorted(folder.glob("*.draft"))}
        super().__init__(secret, folder, lambda mode: {**self.work.end(mode), "parked": len(self.waiting())}, **about)
        for file in folder.glob("mode.*-*"):
            file.unlink()  # half written as the process ended, and nobody was told of it
        self.modes = MODES[1:]

    def ask(self, action: str, **arguments: object) -> object:
        """Does an action for the agent and returns its result. Raises `Kept`, or `Stopped`."""
        if (mode := self.mode) not in MODES[1:3]:
            with self.work():
                return self.actions[action](**arguments)
        arguments = json.loads(json.dumps(arguments))  # as they are now, and as they are after a restart
        with self.shelf:
            if len(self.waiting()) >= MOST:
                raise Stopped(mode)
            draft, waits = f"{time.time_ns():x}-{secrets.token_hex(4)}", mode == "approval_gated"
            self._keep(draft, {"what": action, "with": arguments, "at": time.time(), "waits": waits, "by": ""})
        raise Kept(mode, draft)

    def waiting(self) -> list[str]:
        """The drafts that nobody decided on yet, oldest first."""
        return [draft for draft, told in list(self.drafts.items()) if not told["by"]]

    def _act(self, asked: dict[str, Any], generation: str) -> tuple[int, dict[str, object]]:
        match asked.get("drafts"):
            case None:
                return super()._act(asked, generation)
            case "list":
                some = self.waiting()[asked["skip"] :][: asked["limit"]]
                return 200, {"drafts": [self._told(draft) for draft in some], "parked": len(self.waiting())}
        if not self.deciding.acquire(timeout=self.work.patience):  # a stop may need the thread that this waits on
            return 200, {"done": False, "why": "another decision is still carried out: try again when it ended"}
        try:
            return self._decide(asked, generation)
        finally:
            self.deciding.release()

    def _decide(self, asked: dict[str, Any], generation: str) -> tuple[int, dict[str, object]]:
        if asked["drafts"] == "drop":
            return 200, {"done": self._drop(asked["id"])}
        if self.mode not in MODES[:3] or generation != str(self.generation):
            return 412, {}  # a stop came since it was approved
        done, why = self._release(asked["id"], asked["by"])
        return 200, {"done": done, "why": why}

    def _release(self, draft: str, by: str) -> tuple[bool, str]:
        """Once: who released it is on the disk before the effect, and that it was done after it."""
        told = self.drafts.get(draft)
        if told is None or told["by"] not in {"", by}:
            return False, "it is not there" if told is None else "another released it"
        if told["by"]:
            return told["done"], "" if told["done"] else "a release before did not end: look whether it had its effect"
        if told["what"] not in self.actions:
            return False, "the service has no such action, or the draft cannot be read: drop it"
        try:
            with self.work("released"):
                self._keep(draft, {**told, "by": by, "done": False})
                self.actions[told["what"]](**told["with"])
        except Exception as error:  # noqa: BLE001  # whatever it is, the release must not be tried again unseen
            return False, f"{type(error).__name__}: {error}"
        self._keep(draft, {**told, "by": by, "done": True})
        return True, ""

    def _drop(self, draft: str) -> bool:
        if draft not in self.waiting():
            return False
        del self.drafts[draft]
        self.file.with_name(f"{draft}.draft").unlink()
        os.fsync(self.disk)
        return True

    def _told(self, draft: str) -> dict[str, object]:
        told = self.drafts[draft]
        arguments = json.dumps(told["with"])
        shown = arguments if len(arguments) <= LONGEST else arguments[: LONGEST - 1] + "…"
        return {"id": draft, "arguments": shown, **{name: told[name] for name in ("what", "at", "waits")}}

    def _keep(self, draft: str, told: dict[str, Any]) -> None:
        """On the disk before it counts."""
        with (new := self.file.with_suffix(f".{draft}")).open("wb", 0) as out:
            out.write(json.dumps(told).encode())
            os.fsync(out)
        new.replace(self.file.with_name(f"{draft}.draft"))
        os.fsync(self.disk)
        self.drafts[draft] = told


def _read(file: Path) -> dict[str, Any]:
    """One that cannot be read is listed, so that a person drops it, and keeps nothing from starting."""
    told: dict[str, Any] = {"what": "a draft that cannot be read", "with": {}, "at": 0.0, "waits": False, "by": ""}
    try:
        return {**told, "done": False, **json.loads(file.read_bytes())}
    except (OSError, ValueError, TypeError, RuntimeError):
        return told
