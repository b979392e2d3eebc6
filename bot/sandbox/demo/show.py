"""The demo in the terminal: prepares, plays, judges, cleans up."""

import asyncio
import contextlib
import signal
import traceback
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

from bot.sandbox.demo import opening, slack_text, trials
from bot.sandbox.demo.checks import NotSo, until
from bot.sandbox.demo.child import Ended
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.scene import Scene
from bot.sandbox.servers import ServerError

STEPS = 7
T = TypeVar("T")


class Stopped(Exception):
    """The play ended early; the text names the step."""


class Play:
    """The seven steps. What one learns, a later one needs.

    Args:
        scene: the world, up and running.
        tell: to whom it is told.
    """

    def __init__(self, scene: Scene, tell: Narrator) -> None:
        self._scene, self._tell = scene, tell
        self._number = 0

    async def run(self) -> None:
        """Plays. Raises `Stopped` at the first step that did not really happen."""
        scene, tell = self._scene, self._tell
        await self._step("Everything works", opening.everything_works(scene, tell))
        await self._step("An intruder tries to stop it", opening.an_intruder_is_refused(scene, tell))
        first = await self._step("STOP: one line in the incident channel", opening.the_stop_is_proven(scene, tell))
        told = await self._step("DRIFT: somebody brings it back", trials.drift_is_cut_again(scene, tell, first))
        await self._step("FAULT: a surface hangs", trials.a_hung_surface_is_not_cut(scene, tell))
        await self._step("CRASH: the bot is killed", trials.a_killed_bot_finishes(scene, tell, first))
        await self._step(
            "SLACK DOWN: the command line", trials.the_command_line_works_without_slack(scene, tell, first)
        )
        trials.said_once(scene, first, told)

    async def _step(self, title: str, doing: Awaitable[T]) -> T:
        self._number += 1
        self._tell.step(self._number, STEPS, title)
        try:
            return await doing
        except Exception as error:
            why = str(error) if isinstance(error, (NotSo, Ended)) else f"{type(error).__name__}: {error}"
            (self._scene.folder / "play.log").write_text(traceback.format_exc(), encoding="utf-8")
            self._tell.false(why)
            raise Stopped(f"step {self._number} of {STEPS} did not happen ({title}): {why}") from error


async def run(*, bot_command: str = "", keep: bool = False, narrator: Narrator | None = None) -> int:
    """Runs the whole demo in the terminal; returns the exit code: 0 only if every step really happened."""
    tell = narrator or Narrator()
    tell.title(
        "agent-kill demo",
        "A real PostgreSQL, a real Valkey, agents that ignore every stop, and the real bot. Only Slack is simulated.",
    )
    _ends_on_signals()
    try:
        scene = Scene(bot_command=bot_command)
    except OSError as error:
        tell.false(f"cannot prepare: {error}")
        return 1
    async with scene:
        return await _played(scene, tell, keep=keep)


async def _played(scene: Scene, tell: Narrator, *, keep: bool) -> int:
    play = Play(scene, tell)
    try:
        await _prepare(scene, tell)
        await play.run()
    except (Stopped, ServerError, Ended, NotSo) as error:
        scene.keep_logs = True
        _threads(scene, tell)
        tell.title(f"FAILED: {error}", f"The logs are kept in {scene.folder} (start with bot.log).")
        return 1
    _threads(scene, tell)
    tell.title(f"All {STEPS} steps really happened, in {tell.elapsed():.0f} s.")
    if keep:
        tell.say(f"Kept running, with its files in {scene.folder}. Ctrl-C ends it.")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    return 0


async def _prepare(scene: Scene, tell: Narrator) -> None:
    """Brings everything up. Raises `ServerError`, `Ended`, `NotSo`."""
    with tell.waiting("starting PostgreSQL and Valkey, the guards and the billing agent"):
        await asyncio.gather(scene.start_slack(), scene.start_company())
    tell.true(
        f"PostgreSQL on port {scene.estate.postgres.port}, Valkey on port {scene.estate.valkey.port}, "
        f"{len(scene.estate.guards)} guards and {len(scene.estate.agents)} agent processes"
    )
    with tell.waiting("starting the bot"):
        await scene.start_bot()
        simulator = scene.simulator
        await until(
            lambda: simulator.socket.connections or not scene.product.running, 20, "the bot did not connect to Slack"
        )
        if not scene.product.running:
            raise Ended(f"the bot ended at once; see {scene.product.log.name}")
        await until(lambda: _groups_read(scene), 20, "the bot did not read the user groups")
    tell.true(f"agent-kill serve (pid {scene.product.pid}) is connected to the simulated Slack")


def _groups_read(scene: Scene) -> bool:
    return any(call.ok and call.method.startswith("usergroups.") for call in scene.simulator.calls)


def _threads(scene: Scene, tell: Narrator) -> None:
    """Every thread of the bot, as people read it."""
    workspace = scene.simulator.workspace
    for room in workspace.channels.values():
        for parent in (message for message in room.parents() if message.bot_id):
            messages = room.thread(parent.ts)
            tell.thread(
                f"#{room.name}, as the on-call engineer reads it",
                [(slack_text.sender(one, workspace), _time(one.ts), scene.lines(one)) for one in messages],
            )


def _time(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), tz=UTC).strftime("%H:%M:%S")


def _ends_on_signals() -> None:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does: in good order."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
