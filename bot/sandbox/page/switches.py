"""The fault bar: what the visitor can break, and how it is mended. Every switch acts on a process or on Slack."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.sandbox.demo.cast import BILLING, Kind
from bot.sandbox.demo.child import Child
from bot.sandbox.demo.estate import finish
from bot.sandbox.demo.scene import Scene
from bot.sandbox.methods import METHODS

_SLOW = 2.0  # seconds that each of Slack's answers takes
_RETRY_AFTER = 2  # seconds
_DOOR = "apps.connections.open"  # stays usable, so that the broken websockets come back and commands arrive
Turn = Callable[[bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that can go wrong.

    Attributes:
        what: what happens, in a sentence.
        surface: the surface that it strikes; empty for Slack and the bot.
        momentary: it happens once and stays not on.
    """

    name: str
    title: str
    what: str
    surface: str = ""
    momentary: bool = False


SWITCHES = (
    Switch("slack_slow", "Slack slow", f"Every answer of Slack's API takes {_SLOW:g} s"),
    Switch("slack_429", "Slack 429", f"Slack refuses every call: too many, try again after {_RETRY_AFTER} s"),
    Switch(
        "slack_dropped", "Slack drops calls", "Every call to Slack breaks off unanswered; its websockets broke once"
    ),
    Switch("slack_down", "Slack disconnected", "Slack is wholly down: nothing goes out, nothing comes in"),
    Switch(
        "database_frozen",
        "Database frozen",
        "PostgreSQL never answers: the agent's ledger is in it, and the bot's own tables",
        BILLING.place("sql").name,
    ),
    Switch("surface_hung", "Surface hung", "The tool server never answers", BILLING.place("tool").name),
    Switch(
        "surface_lying",
        "Surface lying",
        "The webhook relay says yes and lets everything through",
        BILLING.place("webhook").name,
    ),
    Switch(
        "surface_comes_back",
        "Surface comes back",
        "The scheduler restarts behind the bot's back, without its mode, and fires again",
        BILLING.place("scheduler").name,
        momentary=True,
    ),
    Switch("bot_killed", "Kill the bot", "The bot is killed (-9): what is cut stays cut, unwatched", momentary=True),
    Switch("bot_started", "Start the bot", "The bot starts again and reads its journal", momentary=True),
    Switch(
        "agent_ignores",
        "The agent ignores every stop",
        "It tries on as if nobody had said anything; else it rests when it is refused. The result is the same",
    ),
)
"""In the order of the bar."""


class Switchboard:
    """The switches and what they do.

    Args:
        scene: the world that they break.

    Attributes:
        restarts: how often the bot was started again.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._on = {switch.name: switch.name == "agent_ignores" for switch in SWITCHES}  # agents start so
        self.restarts = 0
        self._turns: dict[str, Turn] = {
            "slack_slow": self._slack("slow"),
            "slack_429": self._slack("429"),
            "slack_dropped": self._slack("dropped"),
            "slack_down": self._slack_down,
            "database_frozen": self._database,
            "surface_hung": self._hung,
            "surface_lying": self._lying,
            "surface_comes_back": self._comes_back,
            "bot_killed": self._kill_bot,
            "bot_started": self._start_bot,
            "agent_ignores": self._ignores,
        }

    def state(self) -> dict[str, bool]:
        """Which are on."""
        return {**self._on, "bot_killed": not self._scene.product.running}

    async def turn(self, name: str, *, on: bool) -> None:
        """Turns a switch; one that stands so already changes nothing. Raises `LookupError` for an unknown one."""
        switch = next((one for one in SWITCHES if one.name == name), None)
        if switch is None:
            raise LookupError(f"there is no switch {name}; there are {', '.join(self._turns)}")
        if self._on[name] == on and not switch.momentary:
            return
        self._on[name] = on and not switch.momentary
        await self._turns[name](on)

    async def mend(self) -> None:
        """Everything runs again, so that it can be stopped in good order."""
        self._guard("tool").signal(signal.SIGCONT)
        await finish(self._scene.estate.postgres.thaw)

    def _slack(self, trouble: str) -> Turn:
        """The Web API's faults stand beside each other; each change writes them all anew."""

        async def turn(on: bool) -> None:  # noqa: FBT001  # all switches turn alike
            faults = self._scene.simulator.faults
            faults.clear()
            if self._on["slack_slow"]:
                faults.delay("*", _SLOW)
            if self._on["slack_429"]:
                faults.rate_limit("*", retry_after=_RETRY_AFTER, times=None)
            if self._on["slack_dropped"]:
                for method in METHODS.keys() - {_DOOR}:
                    faults.drop(method, times=None)
            if on and trouble == "dropped":
                self._scene.simulator.socket.cut()

        return turn

    async def _slack_down(self, on: bool) -> None:  # noqa: FBT001  # all switches turn alike
        await (self._scene.simulator.go_down() if on else self._scene.simulator.start())

    async def _database(self, on: bool) -> None:  # noqa: FBT001  # as above
        server = self._scene.estate.postgres
        await finish(server.freeze if on else server.thaw)

    async def _hung(self, on: bool) -> None:  # noqa: FBT001  # as above
        self._guard("tool").signal(signal.SIGSTOP if on else signal.SIGCONT)

    async def _lying(self, on: bool) -> None:  # noqa: FBT001  # as above
        self._guard("webhook").signal(signal.SIGUSR1 if on else signal.SIGUSR2)

    async def _comes_back(self, on: bool) -> None:  # noqa: FBT001  # as above
        if on:
            self._guard("scheduler").signal(signal.SIGHUP)

    async def _kill_bot(self, on: bool) -> None:  # noqa: FBT001  # as above
        if on:
            await self._scene.product.kill()

    async def _start_bot(self, on: bool) -> None:  # noqa: FBT001  # as above
        if on and not self._scene.product.running:
            self.restarts += 1
            await self._scene.product.start()

    async def _ignores(self, on: bool) -> None:  # noqa: FBT001  # as above
        for child in self._scene.estate.agents.values():
            await child.tell({"ignores": on})

    def _guard(self, kind: Kind) -> Child:
        return self._scene.estate.guards[BILLING.place(kind).guard]
