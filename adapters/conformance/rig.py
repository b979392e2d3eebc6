"""What a kind's test file gives: how to act as the agent, how to count its effects, how to break the server.

`Rig` is the least. `FullRig` adds the abilities that most checks need; a kind that cannot have one of them says so,
with the reason, in `lacks`. A check that needs a missing ability does not run, and its reason is printed instead.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Protocol

from adapters.base import Adapter, Mode, Shared


class Stopped(Exception):
    """The agent was refused, or its session is gone; raised by the methods of `Session`."""


class Session(Protocol):
    """The agent at work, under its own credential."""

    async def act(self, mode: Mode) -> None:
        """Does what `mode` forbids and the next looser mode allows (FULL_STOP: anything). One effect; or `Stopped`.

        Where writes are parked: READ_ONLY is a write at all, and a parked one is its effect; DRAFT_ONLY is a write that
        waits for a decision, which the rig gives through the adapter, and its effect is the real one; APPROVAL_GATED is
        a write with its real effect at once. A write that those two had parked and not done is no effect.
        """

    async def begin(self) -> None:
        """Starts an effect that takes longer than a stop and leaves it in flight. May be left out: `lacks["begin"]`."""

    async def finish(self) -> None:
        """Lets what `begin` started come to its end, so that its effect counts. Raises `Stopped` when it was ended."""

    async def close(self) -> None:
        """Ends the session; safe on one that is gone."""


class Rig(Protocol):
    """One target on a private real server: the least that the suite needs to judge an adapter on it."""

    lacks: ClassVar[Mapping[str, str]]  # abilities of `FullRig` that the kind cannot have, each with its reason

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter for the target, with a working canary where the kind has one."""

    async def session(self) -> Session:
        """Opens a session of the agent. Raises `Stopped` when the server refuses it."""

    async def effects(self) -> int:
        """How many effects the agent had, counted apart from the control plane."""

    async def authority(self) -> object:
        """All that the agent may do, in the server's own words; compared with ==. Marks of the bot are left out."""

    async def loosen(self) -> None:
        """What a well-meaning administrator does by hand: the agent works again, whatever held it."""


class FullRig(Rig, Protocol):
    """Every ability. Each is a method of the kind's rig, or a reason in its `lacks`."""

    def mistyped(self, name: str = ..., /) -> Adapter:
        """An adapter for a target that does not exist, of that name; or `ValueError`, where no target can have it."""

    def intruder(self) -> Adapter:
        """The same target, with a credential of the bot that the server does not know."""

    def unreachable(self) -> Adapter:
        """The same target, on a port that nobody listens on."""

    def elsewhere(self, port: int) -> Adapter:
        """The same target, asked for on this port of 127.0.0.1: the kit listens there and answers rubbish."""

    async def unarmed(self) -> tuple[Adapter, str]:
        """The same target, with a bot that lacks one permission, and the word by which `preflight` must name it."""

    async def narrow(self) -> None:
        """Before the stop, an administrator takes something away that a cut would take too."""

    async def meddle(self) -> None:
        """A third party changes something about the agent that the cut had left as it was."""

    async def meddled(self) -> bool:
        """Whether the third party's change still stands."""

    async def rotate(self) -> None:
        """A third party replaces the agent's credential."""

    async def rotated(self) -> bool:
        """Whether the new credential still stands and the old one is still worthless (tried in mode normal)."""

    async def freeze(self) -> None:
        """The server stops answering (SIGSTOP); its connections stay open."""

    async def thaw(self) -> None:
        """The server goes on."""

    async def restart(self) -> None:
        """Restarts the server, or reloads its configuration, on the same port; returns once it serves."""

    async def reload(self) -> None:
        """Has the running server read its configuration again; returns once it did. Open sessions may live on."""

    def exhaust(self) -> AbstractAsyncContextManager[None]:
        """While it lasts, the server takes no further connection of anybody."""

    async def prepare(self) -> Callable[[], Awaitable[None]]:
        """Leaves work behind that outlives its session; what is returned completes it, or raises `Stopped`."""

    async def redeliver(self) -> None:
        """Makes the surface hand out again, at once, work in flight that was ended."""

    async def stubborn(self) -> None:
        """Starts an agent that acts, ignores SIGTERM, and has a child in a session of its own that acts as well."""

    def queueing(self) -> Adapter:
        """The same target, configured so that its waiting work can be held, dropped and replayed (`Backlog`)."""

    async def pile(self, count: int) -> None:
        """Puts that much more work where the agent takes it up."""

    async def waiting(self) -> int:
        """How much work the agent would find there, counted past the adapter."""

    def parking(self) -> Adapter:
        """The same target, configured so that it parks in the middle modes (`Parked`)."""

    async def propose(self, what: str) -> None:
        """The agent asks for a write that the present mode parks; returns once the surface has it. Or `Stopped`.

        The text may be anything; what stands in it as `surrogateescape` has it is sent as those bytes, or `Stopped`.
        """

    def shown(self, what: str) -> tuple[str, ...]:
        """The words that whoever approves that write must read in its item: the verb, of what, with what."""

    async def done(self) -> Mapping[str, int]:
        """Every real effect that there ever was, counted past the adapter: of what was proposed, by that name.

        Others by any name: whatever else the bot could touch with its rights belongs here too.
        """

    async def steal(self, draft: str) -> None:
        """The agent tries to release, to change and to remove what is parked; `Stopped` when every way is refused."""

    async def floor(self) -> None:
        """The least that stops the agent by hand, over an open line: what an adapter is measured beside."""


ABILITIES = frozenset(name for name in vars(FullRig) if not name.startswith("_")) | {"begin"}
GROUPS = {  # names for several abilities that a kind lacks for one reason
    "server": ("intruder", "unreachable", "elsewhere", "freeze", "thaw", "restart", "reload", "exhaust"),
    "others": ("narrow", "meddle", "meddled", "rotate", "rotated"),
    "work": ("prepare", "redeliver", "stubborn", "queueing", "pile", "waiting"),
    "queue": ("queueing", "pile", "waiting"),
    "parked": ("parking", "propose", "shown", "done", "steal"),
}
_PAIRS = {"reload": "restart", "thaw": "freeze", "meddled": "meddle", "rotated": "rotate"}


def reason(rig: Rig, ability: str) -> str:
    """Why a kind lacks an ability; empty where it has it.

    Raises:
        AssertionError: the rig neither has it nor says why not.
    """
    if ability == "begin" or callable(getattr(rig, ability, None)):
        return rig.lacks.get(ability, "")
    named = (ability, _PAIRS.get(ability, ""), *(group for group, names in GROUPS.items() if ability in names))
    why = next((rig.lacks[name] for name in named if name in rig.lacks), "")
    if not why:
        raise AssertionError(
            f"{type(rig).__name__} has no `{ability}` and `lacks` does not say why: "
            f"write the method, or give the reason in a sentence ({_about(ability)})"
        )
    return why


def wrong(rig: Rig) -> list[str]:
    """What is wrong with what a rig declares, in sentences."""
    known = ABILITIES | set(GROUPS)
    found = [f"`lacks` names {name}, which is no ability" for name in sorted(set(rig.lacks) - known)]
    for name in sorted(set(rig.lacks) & known):
        if name != "begin" and callable(getattr(rig, name, None)):
            found.append(f"`lacks` names {name}, and the rig has it")
        if len(rig.lacks[name].split()) < 3:  # noqa: PLR2004  # fewer words are no reason
            found.append(f"`lacks` gives no reason for {name}")
    return found


def _about(ability: str) -> str:
    return (getattr(FullRig, ability).__doc__ or "").strip()
