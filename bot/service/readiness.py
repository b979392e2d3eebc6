"""Why nothing may be given back now: the audit, the database or another writer's journal is not known to be good."""

from collections.abc import Awaitable, Callable, Sequence

from bot.service.checkpoints import Checkpoints
from bot.service.ports import Clock
from bot.service.pushes import WriterState

FRESH = 300.0  # seconds that a pushed head counts
STORED = 10.0  # seconds that the database is waited for


class Readiness:
    """Asked when a ballot is opened and again when it passed.

    Args:
        checkpoints: of this process.
        writers: every enrolled writer as it is seen here.
        journals: what is wrong with the journals that are read here.
        stored: waits, for so many seconds, until the database has all that the journal has; why it has not.
    """

    def __init__(
        self,
        *,
        checkpoints: Checkpoints,
        writers: Callable[[], Sequence[WriterState]],
        journals: Callable[[], Sequence[str]],
        stored: Callable[[float], Awaitable[str]],
        clock: Clock,
    ) -> None:
        self._checkpoints = checkpoints
        self._writers = writers
        self._journals = journals
        self._stored = stored
        self._clock = clock

    async def __call__(self, without: frozenset[str]) -> Sequence[str]:
        """The reasons, a sentence each with its next step; `writer:NAME` in `without` is done without."""
        await self._checkpoints.anchor_now()
        database = await self._stored(STORED)
        return [
            *(f"the audit is in trouble: {problem}" for problem in self._checkpoints.health().problems),
            *(f"a journal is in trouble: {problem}" for problem in self._journals()),
            *([f"the database has not everything: {database}"] if database else []),
            *(reason for state in self._writers() if (reason := self._missing(state, without))),
        ]

    def _missing(self, state: WriterState, without: frozenset[str]) -> str:
        if state.how in {"own", "here"} or f"writer:{state.name}" in without:
            return ""
        step = (
            f"run `agent-kill journal push` there, or two people say `/agent-restore acknowledge writer:{state.name}"
            " REASON`"
        )
        if state.how == "missing":
            return f"no journal of the writer {state.name} was ever seen here: {step}"
        age = self._clock.now() - (state.heard_at or 0.0)
        if state.behind:
            return f"{state.behind} entries of the writer {state.name} are not here yet: {step}"
        return f"the writer {state.name} was last heard of {age / 60:.0f} min ago: {step}" if age > FRESH else ""
