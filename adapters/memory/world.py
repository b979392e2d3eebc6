"""A target inside this process: what its agent may do, its sessions, what it parked, and a witness of its effects."""

import time
from collections import Counter
from dataclasses import dataclass, field

from adapters.base import Mode

ON, OFF = "on", "off"
FACTS = {  # the right that a mode takes away, loosest mode first
    Mode.APPROVAL_GATED: "unattended",
    Mode.DRAFT_ONLY: "apply",
    Mode.READ_ONLY: "write",
    Mode.FULL_STOP: "login",
}
PARKING = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})


class Denied(Exception):
    """The world refused the agent, or its session is gone."""


@dataclass(slots=True)
class Faults:
    """What goes wrong in a world; every field is off at first."""

    hang: bool = False  # calls never answer
    slow: float = 0.0  # seconds before each call
    unreachable: bool = False
    refuse: bool = False  # the bot's own credential is refused
    absent: bool = False  # the target does not exist
    lie: bool = False  # a cut is confirmed and read back, and the agent goes on
    half_apply: bool = False  # new work is fenced, open sessions stay alive
    reach: bool = False  # the agent can touch what is parked
    forget: bool = False  # a restart loses what is parked
    flap: bool = False  # each observation shows what is held, and then somebody loosens it


@dataclass(eq=False, slots=True)
class WorldSession:
    """One session of the agent."""

    alive: bool = True
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write that the agent asked for and that was parked."""

    what: str
    waits: bool  # for a decision, under approval_gated
    at: float = field(default_factory=time.time)


@dataclass(slots=True)
class World:
    """One target with its agent. `effects` is the witness: what the agent really did."""

    rights: dict[str, str] = field(default_factory=lambda: dict.fromkeys(FACTS.values(), ON))
    token: str | None = None
    taken: set[str] = field(default_factory=set)  # what cuts of this episode took; stands beside the mark
    credential: str = "first"
    queue: list[str] = field(default_factory=list)  # work that waits for the agent
    parked: dict[str, list[str]] = field(default_factory=dict)  # what was held, by label
    moved: dict[str, int] = field(default_factory=dict)  # how much was held or dropped, by label
    drafts: dict[str, Write] = field(default_factory=dict)  # writes that were parked, by id, oldest first
    asked: list[str] = field(default_factory=list)  # every write that was ever parked
    released: dict[str, str] = field(default_factory=dict)  # who released what, by id
    done: Counter[str] = field(default_factory=Counter)  # writes that had their effect
    effects: int = 0
    sessions: list[WorldSession] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)  # the verbs that were called, in order

    def mode(self) -> Mode:
        """The loosest mode that the rights amount to."""
        return max((mode for mode, fact in FACTS.items() if self.rights[fact] == OFF), default=Mode.NORMAL)

    def login(self, credential: str = "") -> WorldSession:
        """Opens a session of the agent. Raises `Denied`."""
        if credential and credential != self.credential:
            raise Denied("wrong credential")
        self._check(Mode.FULL_STOP)
        session = WorldSession()
        self.sessions.append(session)
        return session

    def act(self, session: WorldSession, mode: Mode) -> None:
        """Does what `mode` forbids; one effect. Raises `Denied`."""
        if not session.alive:
            raise Denied("the session was ended")
        self._check(mode)
        self.effects += 1

    def write(self, session: WorldSession, what: str) -> bool:
        """Writes, or has it parked where a mode parks; whether it had its effect. Raises `Denied`."""
        if not session.alive:
            raise Denied("the session was ended")
        self._check(Mode.READ_ONLY)
        if self.mode() in PARKING and not self.faults.lie:
            self.asked.append(what)
            self.drafts[f"{len(self.asked)}"] = Write(what=what, waits=self.mode() is Mode.APPROVAL_GATED)
            return False
        self._did(what)
        return True

    def release(self, draft: str, by: str) -> bool:
        """Does what is parked under that id; False where it is not there (any more)."""
        write = self.drafts.pop(draft, None)
        if write is not None:
            self.released[draft] = by
            self._did(write.what)
        return write is not None

    def begin(self, session: WorldSession) -> None:
        """Starts work and leaves it in flight. Raises `Denied`."""
        if not session.alive:
            raise Denied("the session was ended")
        self._check(Mode.READ_ONLY)
        session.busy = True

    def finish(self, session: WorldSession) -> None:
        """Ends the work; its effect counts. Raises `Denied` when the session was ended."""
        if not session.alive:
            raise Denied("the work was ended")
        session.busy = False
        self.effects += 1

    def close(self, session: WorldSession) -> None:
        """Ends a session, its work without effect."""
        session.alive = session.busy = False
        if session in self.sessions:
            self.sessions.remove(session)

    def reach(self, session: WorldSession, draft: str) -> None:
        """The agent takes away what is parked under that id. Raises `Denied`: it belongs to nobody but the bot."""
        if not session.alive or not self.faults.reach:
            raise Denied(f"{draft} is not the agent's")
        self.drafts.pop(draft, None)

    def restart(self) -> None:
        """Ends every session; rights, marks and what waits or is parked stay."""
        for session in list(self.sessions):
            self.close(session)
        if self.faults.forget:
            self.drafts.clear()

    def loosen(self) -> None:
        """Gives every right, as somebody would by hand; the mark stays."""
        self.rights = dict.fromkeys(self.rights, ON)

    def _did(self, what: str) -> None:
        self.done[what] += 1
        self.effects += 1

    def _check(self, mode: Mode) -> None:
        """Raises `Denied` where what `mode` forbids is forbidden; a world that lies forbids nothing."""
        if not self.faults.lie and self.mode() >= mode:
            raise Denied(f"{self.mode()} is held")
