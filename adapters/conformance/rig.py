"""What a kind's test file gives: how to act as the agent, how to count its effects, how to break the server."""

from typing import Protocol

from adapters.base import Adapter, Mode, Shared


class Stopped(Exception):
    """The agent was refused, or its session is gone; raised by the methods of `Session`."""


class Session(Protocol):
    """The agent at work, under its own credential."""

    async def act(self, mode: Mode) -> None:
        """Does what `mode` forbids and the next looser mode allows (FULL_STOP: anything). One effect; or `Stopped`."""

    async def begin(self) -> None:
        """Starts an effect that takes longer than a stop and leaves it in flight."""

    async def finish(self) -> None:
        """Lets what `begin` started come to its end, so that its effect counts. Raises `Stopped` when it was ended."""

    async def close(self) -> None:
        """Ends the session; safe on one that is gone."""


class Rig(Protocol):
    """One target on a private real server, with everything that the suite needs to judge an adapter on it."""

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter for the target, with a working canary where the kind has one."""

    def mistyped(self) -> Adapter:
        """The same, for a target that does not exist."""

    def intruder(self) -> Adapter:
        """The same target, with a credential of the bot that the server does not know."""

    def unreachable(self) -> Adapter:
        """The same target, on a port that nobody listens on."""

    async def session(self) -> Session:
        """Opens a session of the agent. Raises `Stopped` when the server refuses it."""

    async def effects(self) -> int:
        """How many effects the agent had, counted apart from the control plane."""

    async def authority(self) -> object:
        """All that the agent may do, in the server's own words; compared with ==. Marks of the bot are left out."""

    async def loosen(self) -> None:
        """What a well-meaning administrator does by hand: the agent works again, whatever held it."""

    async def meddle(self) -> None:
        """A third party changes something about the agent that the cut had left as it was."""

    async def meddled(self) -> bool:
        """Whether the third party's change still stands."""

    async def rotate(self) -> None:
        """A third party replaces the agent's credential."""

    async def rotated(self) -> bool:
        """Whether the new credential still stands and the old one is still worthless (tried in mode normal)."""

    async def freeze(self) -> None:
        """The server stops answering; its connections stay open."""

    async def thaw(self) -> None:
        """The server goes on."""
