"""A program that stops an estate, waits for SIGCONT, and gives everything back by a ballot that three people approve.

Journal, ledger, dispatcher and restore are the real ones. Only who votes is given, and the pace is quicker: the time
between two looks has no part in what a crash leaves.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from adapters.base import Mode
from bot.cli import common
from bot.core import CLOCK, Core, journal_folders
from bot.domain import events
from bot.domain.ballot import Ballot, Reading
from bot.domain.model import Configuration, RestorePolicy
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.domain.policy import Group, Kind, Roster
from bot.service import restore, stepping
from bot.service.candidates import Candidates
from bot.service.ports import Gathered, RestoreOrder, StopOrder
from bot.service.restore import Restores
from bot.service.stepping import Stepping
from bot.settings.environment import Environment
from bot.settings.served import served
from bot.store.serving import Serving

VOTERS = frozenset({"U1", "U2", "U3"})
_QUICK = 0.01  # seconds
_POLICY = RestorePolicy(groups=("S0RESTORE",), dwell=0.03, step=0.03)
_WHO = events.Person(kind="slack", id="U0ONCALL")


class Approved:
    """A ballot box in which everybody approved, and machines that have nothing against it."""

    async def read(self, opened: events.BallotOpened) -> Reading:  # noqa: ARG002  # as the port
        """Three approvals."""
        return Reading(users={"+1": VOTERS})

    async def roster(self) -> Roster:
        """Three full members."""
        group = Group(id="S0RESTORE", members=VOTERS)
        return Roster(groups=(group,), people=dict.fromkeys(VOTERS, Kind.MEMBER), read_at=CLOCK.now())

    async def unfit(self, channel: str) -> str:  # noqa: ARG002  # as the port
        """Any channel will do."""
        return ""

    def wake(self, ballot: str) -> None:
        """Nobody looks."""

    def refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:
        """Nobody is refused."""

    async def gather(self, returns: Sequence[events.Return], to: Mode, reason: str) -> Gathered:  # noqa: ARG002  # as the port
        """Nothing is withheld."""
        return Gathered()

    async def evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:  # noqa: ARG002  # as the port
        """Nothing fails."""
        return ()


def main() -> None:
    """Runs it in the environment of the product. Exits 0 once everything was given back."""
    restore.TICK = stepping._LOOK = _QUICK
    env = common.environment(None)
    sys.exit(asyncio.run(_run(env)))


async def _run(env: Environment) -> int:
    core = Core(Configuration(), state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    configuration, _ = served(env, os.environ, frozenset())
    core.reload(replace(configuration, policy=replace(configuration.policy, restore=_POLICY)))
    core.recover()
    serving = Serving(env.database_url, env.state_dir, journal_folders(env.state_dir), CLOCK, taken=lambda _: None)
    await serving.start()
    await _stop(core)
    os.kill(os.getpid(), signal.SIGSTOP)
    ballot = await _give_back(core, serving)
    await core.aclose()
    await serving.stop()
    return 0 if ballot.ended and ballot.ended.how == "completed" else 1


async def _stop(core: Core) -> None:
    scope = Scope(everything=True)
    await core.stops.stop(StopOrder(mode=Mode.FULL_STOP, scope=scope, by=_WHO, reason="a loop", channel="C0INCIDENT"))
    keys = list(core.board.holds.targets())
    while not all(core.board.is_proven(key) and core.board.proofs[key].outcome is Outcome.VERIFIED for key in keys):  # noqa: ASYNC110  # the board rings no bell
        await asyncio.sleep(_QUICK)


async def _give_back(core: Core, serving: Serving) -> Ballot:
    restores = _restores(core, serving)
    running = asyncio.create_task(restores.run())
    scope = Scope(everything=True)
    order = RestoreOrder(mode=Mode.NORMAL, scope=scope, by=_WHO, reason="the loop is fixed", channel="C0INCIDENT")
    ballot = core.board.ballots[(await restores.open(order)).ballot]
    while ballot.ended is None:  # noqa: ASYNC110  # as above
        await asyncio.sleep(_QUICK)
    running.cancel()
    return ballot


def _restores(core: Core, serving: Serving) -> Restores:
    approved = Approved()

    async def stored() -> str:
        return await serving.has({chain: link.seq for chain, link in core.heads().items()}, 10.0)

    async def ready(without: frozenset[str]) -> Sequence[str]:  # noqa: ARG001  # as the port
        why = await stored()
        return [why] if why else []

    carrying_out = Stepping(
        recorder=core.recorder,
        dispatcher=core.dispatcher,
        reporter=core.reporters,
        evidence=approved,
        stored=stored,
        box=approved,
        configuration=lambda: core.inventory.configuration,
        budget=lambda key: core.inventory.targets[key].deadline,
        clock=CLOCK,
    )
    return Restores(
        configuration=lambda: core.inventory.configuration,
        candidates=Candidates(inventory=lambda: core.inventory, board=core.board, clock=CLOCK),
        recorder=core.recorder,
        evidence=approved,
        stepping=carrying_out,
        ready=ready,
        box=approved,
        clock=CLOCK,
    )
