"""The demo in the terminal: prepares, plays, judges, cleans up."""

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

from bot.sandbox.demo import opening, returning, slack_text, trials
from bot.sandbox.demo.checks import NotSo
from bot.sandbox.demo.child import Ended
from bot.sandbox.demo.endings import ends_on_signals
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.preparation import prepare
from bot.sandbox.demo.scene import Scene
from bot.sandbox.servers import ServerError

STEPS = 9
T = TypeVar("T")


class Stopped(Exception):
    """The play ended early; the text names the step."""


class Play:
    """The steps. What one learns, a later one needs.

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
        await self._step("VOTE: authority comes back", returning.a_vote_gives_it_back(scene, tell))
        await self._step(
            "STOP WINS: in the middle of a restore", returning.a_stop_in_the_middle_wins(scene, tell, first)
        )

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
    ends_on_signals()
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
        await prepare(scene, tell)
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
