"""The machine evidence of a ballot: runs the evaluations now, reads board and inventory, and says what was earned."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import round_up
from bot.domain.board import Board
from bot.domain.evidence import Case, Evaluated, Material, expected, findings, label
from bot.domain.model import Agent, Configuration, Evaluation
from bot.domain.trust import earned, held_since, loosest_of, stops_by_target, trust
from bot.service.configured import changed
from bot.service.evaluate import Evaluator, Job, Progress
from bot.service.inventory import Inventory
from bot.service.ports import Clock, Gathered
from bot.service.told import Asking, Told

_log = logging.getLogger(__name__)
_TURN = 100  # targets that are judged in one turn of the event loop
NOT_RUN = "the evaluations could not be run"
_PROOF = "proven"  # asked of whoever opens a ballot, together with who goes without it


@dataclass(frozen=True, slots=True)
class _Found:
    """What was run and asked: evaluations, those that expect nothing, and what the surfaces told, by target."""

    evaluated: Sequence[Evaluated]
    silent: Sequence[str]
    told: Mapping[str, Told]


class Machines:
    """Implements `ports.Evidence`.

    Args:
        inventory: yields the current one.
        board: the fold of every journal.
        clock: of the process.
        folder: yields the folder of the configuration file, where commands of evaluations start.
        environ: the variables of this process; evaluations get few of them, and none of the bot's secrets.
        progress: told whenever an evaluation ended. Never blocks, never raises.
        asking: asks the surfaces what changed there; without it, that is not known.
    """

    def __init__(
        self,
        *,
        inventory: Callable[[], Inventory],
        board: Board,
        clock: Clock,
        folder: Callable[[], Path],
        environ: Mapping[str, str],
        progress: Callable[[Progress], None] | None = None,
        asking: Asking | None = None,
    ) -> None:
        self._inventory = inventory
        self._board = board
        self._clock = clock
        self._asking = asking
        self._evaluator = Evaluator(folder=folder, clock=clock, environ=environ, progress=progress)

    async def gather(self, returns: Sequence[events.Return], to: Mode, reason: str) -> Gathered:
        """Everything that the ballot shows, gathered now. Bounded in time, never raises."""
        try:
            jobs, silent = self._jobs(returns)
            asking = asyncio.create_task(self._told(returns))  # beside the evaluations
            found = _Found(await self._evaluator.run(jobs), silent, await asking)
            return await self._compose(returns, to, reason, found)
        except Exception as error:  # noqa: BLE001  # a doubt about the evidence is a no, and never the end of the bot
            _log.exception("the evidence could not be gathered")
            return Gathered(withheld=(_failed("the evidence could not be gathered", error),))

    async def evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:
        """The evaluations of these surfaces that do not come out as expected for what is held now, a sentence each."""
        try:
            jobs, _ = self._jobs(returns)
            return tuple(found.sentence for found in await self._evaluator.run(jobs) if not found.passed)
        except Exception as error:  # noqa: BLE001  # as above
            _log.exception("the evaluations could not be run")
            return (_failed(NOT_RUN, error),)

    async def _told(self, returns: Iterable[events.Return]) -> Mapping[str, Told]:
        return await self._asking.all(item.key for item in returns) if self._asking else {}

    async def _reconfigured(self, cases: Iterable[Case], agents: Iterable[Agent]) -> tuple[str, ...] | None:
        """What of the configuration changed since the oldest of the holds."""
        since = min((case.since for case in cases if case.since is not None), default=None)
        if since is None:
            return None
        return await changed(self._board, self._inventory().configuration, [agent.id for agent in agents], since)

    def close(self) -> None:
        """Ends what the evaluations need."""
        self._evaluator.close()

    def _jobs(self, returns: Iterable[events.Return]) -> tuple[list[Job], list[str]]:
        """What is to be run, and the names of the evaluations that expect nothing of what is held."""
        names = {name for item in returns for name in item.surfaces}
        jobs, silent = [], []
        for agent in self._inventory().configuration.agents:
            for evaluation in agent.evaluations:
                crossed = _crossed(agent, evaluation)
                if names.isdisjoint(crossed):
                    continue
                held = max(map(self._held, crossed), default=Mode.NORMAL)
                wanted = expected(evaluation.expect, held)
                if wanted is None:
                    silent.append(f"{agent.id}/{evaluation.id}")
                else:
                    jobs.append(Job(agent=agent.id, evaluation=evaluation, held=held, expected=wanted))
        return jobs, silent

    def _held(self, surface: str) -> Mode:
        """The mode at a surface now: as it was last read where that is as strict as its holds, else as they round."""
        inventory = self._inventory()
        target = inventory.targets.get(inventory.key_of(surface) or "")
        if target is None:
            return Mode.NORMAL
        held, seen = self._board.effective(target.key), target.seen
        if seen is not None and seen.exists and seen.mode >= held:
            return seen.mode
        able = target.enforceable() | {Mode.NORMAL}
        return min((mode for mode in able if mode >= held), default=held)

    async def _compose(self, returns: Sequence[events.Return], to: Mode, reason: str, found: _Found) -> Gathered:
        cases = [case async for case in self._cases(returns, to, found.evaluated, found.told)]
        agents = _agents(self._inventory().configuration, returns)
        material = Material(
            cases=cases,
            agents=agents,
            evaluated=found.evaluated,
            silent=found.silent,
            reconfigured=await self._reconfigured(cases, agents),
            reason=reason,
            now=self._clock.now(),
        )
        lines = await asyncio.to_thread(findings, material)
        return Gathered(findings=lines, withheld=(*_withheld(cases), *_impossible(returns, found.told)))

    async def _cases(
        self,
        returns: Sequence[events.Return],
        to: Mode,
        evaluated: Sequence[Evaluated],
        told: Mapping[str, Told],
    ) -> AsyncIterator[Case]:
        """Everything known of each target. Ten thousand of them must not hold up a stop, so the loop gets its turns."""
        now, configuration = self._clock.now(), self._inventory().configuration
        stops, failing = stops_by_target(self._board, now), _failing(configuration, evaluated)
        drilled = self._board.practice.drilled()
        pacts = {agent.id: agent.pact.loosest for agent in configuration.agents}
        for number, item in enumerate(returns):
            if number % _TURN == 0:
                await asyncio.sleep(0)
            record = trust(self._board, item.key, now, stops=stops, modes=item.modes, held=item.now)
            found = earned(
                record,
                now,
                loosest=loosest_of(pacts.get(name.partition("/")[0], Mode.NORMAL) for name in item.surfaces),
                failing=list(dict.fromkeys(why for name in item.surfaces for why in failing.get(name, ()))),
            )
            since = held_since(self._board, item.key)
            says = told.get(item.key, Told())
            yield Case(
                surfaces=item.surfaces,
                to=round_up(item, to),
                record=record,
                earned=found,
                since=since,
                changed=says.changed,
                silent=says.silent,
                backlog=says.waiting.number if says.waiting else None,
                held_aside=says.waiting.held if says.waiting else 0,
                policy=says.policy,
                drilled=min((drilled.get(name, (None,))[0] or 0.0 for name in item.surfaces), default=0.0) or None,
            )


def _crossed(agent: Agent, evaluation: Evaluation) -> list[str]:
    """The surfaces that an evaluation crosses, by full name; all of its agent's where it names none."""
    ids = evaluation.surfaces or tuple(surface.id for surface in agent.surfaces)
    return [f"{agent.id}/{surface}" for surface in ids]


def _agents(configuration: Configuration, returns: Iterable[events.Return]) -> list[Agent]:
    wanted = {name.partition("/")[0] for item in returns for name in item.surfaces}
    return [agent for agent in configuration.agents if agent.id in wanted]


def _failing(configuration: Configuration, evaluated: Iterable[Evaluated]) -> dict[str, list[str]]:
    """What is wrong with the evaluations of each surface."""
    known = {f"{agent.id}/{it.id}": _crossed(agent, it) for agent in configuration.agents for it in agent.evaluations}
    found: dict[str, list[str]] = {}
    for item in evaluated:
        for surface in () if item.passed else known.get(item.name, ()):
            found.setdefault(surface, []).append(item.sentence)
    return found


def _withheld(cases: Iterable[Case]) -> list[str]:
    """Why a mode is not earned, a sentence for all surfaces of which the same is true."""
    found: dict[str, list[str]] = {}
    for case in cases:
        for bound in case.earned.against(case.to):
            if bound.rule != _PROOF:
                found.setdefault(bound.why, []).extend(case.surfaces)
    return [f"{label(names)}: {why}" for why, names in found.items()]


def _impossible(returns: Iterable[events.Return], told: Mapping[str, Told]) -> list[str]:
    """Whose backlog policy cannot be carried out: nothing comes back without it."""
    why = ((item, told[item.key].impossible) for item in returns if item.key in told)
    return [f"{label(item.surfaces)}: {reason}" for item, reason in why if reason]


def _failed(what: str, error: Exception) -> str:
    return f"{what} ({type(error).__name__}): nothing is given back until that is mended, see the bot's log"
