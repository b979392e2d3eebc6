"""What is configured, by digest: journaled whenever it changed, so that a ballot can say what did since a stop."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import fields

from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Agent, Configuration
from bot.service.electors import plain
from bot.service.ports import Clock

_DRILL = "drill "
_TURN = 25  # parts that are read in one turn of the loop: about a millisecond
_PAUSE = 0.01  # seconds between two turns, where nobody waits
_LENGTH = 16  # hexadecimal digits of a digest: enough to tell two configurations apart


class Configured:
    """Keeps the record; apart from every stop, since ten thousand surfaces take a while.

    Args:
        configuration: yields the current one.
        board: the fold of every journal.
        record: records an event.
        clock: of the process.
    """

    def __init__(
        self,
        *,
        configuration: Callable[[], Configuration],
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._board = board
        self._record = record
        self._clock = clock
        self._noted: Configuration | None = None

    async def note(self) -> None:
        """Journals the parts that are not as they were last journaled."""
        configuration = self._configuration()
        if configuration is self._noted:
            return
        now, known = await digests(parts(configuration), pause=_PAUSE), _latest(self._board, self._clock.now())
        self._noted = configuration
        gone = {name: "" for name, digest in known.items() if digest and name not in now}
        news = {name: digest for name, digest in {**now, **gone}.items() if known.get(name) != digest}
        if news:
            self._record(events.ConfigurationSeen(at=self._clock.now(), parts=tuple(sorted(news.items()))))


async def digests(named: Mapping[str, object], *, pause: float) -> dict[str, str]:
    """A digest of each part; secrets, and where something stands in the file, are no part of it.

    Gives way to others so often that no stop notices it.
    """
    found = {}
    for number, (name, part) in enumerate(named.items()):
        if number % _TURN == _TURN - 1:
            await asyncio.sleep(pause)
        found[name] = _digest(part)
    return found


def parts(configuration: Configuration) -> dict[str, object]:
    """The parts that people name."""
    found: dict[str, object] = {"writers": configuration.writers}
    for name in ("stop", "restore", "approve"):
        policy = getattr(configuration.policy, name)
        found |= {f"policy.{name}.{item.name}": getattr(policy, item.name) for item in fields(policy)}
    for agent in configuration.agents:
        found |= _of_agent(agent)
    found |= {drill_part(drill.id): drill for drill in configuration.drills}
    return found


def drill_part(drill_id: str) -> str:
    """The name of a drill among the parts."""
    return f"{_DRILL}{drill_id}"


async def changed(
    board: Board, configuration: Configuration, agents: Iterable[str], since: float
) -> tuple[str, ...] | None:
    """The parts that concern these agents and are not as they were at `since`; None where that was not recorded."""
    before, whose = _latest(board, since), set(agents)
    if not before:
        return None
    now = await digests({name: it for name, it in parts(configuration).items() if _concerns(name, whose)}, pause=0.0)
    known = {name: digest for name, digest in before.items() if digest and _concerns(name, whose)}
    return tuple(sorted(name for name in {*known, *now} if known.get(name) != now.get(name)))


def _of_agent(agent: Agent) -> dict[str, object]:
    who = (agent.name, agent.owner, agent.channel, agent.slack_identities)
    surfaces = {f"surface {surface.name}": surface for surface in agent.surfaces}
    broken = {f"surface {surface.name}": surface for surface in agent.quarantined}
    own = {"who": who, "pact": agent.pact, "evaluations": agent.evaluations}
    return {**surfaces, **broken, **{f"{what} of {agent.id}": part for what, part in own.items()}}


def _concerns(name: str, agents: set[str]) -> bool:
    """Whether a part is of one of these agents, or of all; how a stop is rehearsed concerns no agent's authority."""
    if name.startswith(_DRILL):
        return False
    kind, _, whose = name.removeprefix("surface ").rpartition(" of ")
    if name.startswith("surface "):
        return whose.partition("/")[0] in agents
    return not kind or whose in agents


def _latest(board: Board, at: float) -> Mapping[str, str]:
    """The digest of each part at that time."""
    found = {}
    for name, digests in board.configured.items():
        times = [time for time in digests if time <= at]
        if times:
            found[name] = digests[max(times)]
    return found


def _digest(part: object) -> str:
    return hashlib.sha256(json.dumps(plain(part), sort_keys=True).encode()).hexdigest()[:_LENGTH]
