"""Does a tabletop drill say what the armed check knows, and no more?"""

import asyncio
import math
from collections.abc import Mapping

from bot.domain.armed import Armed, State
from bot.service.drilling import FIRST_LOOK, what_was_checked
from tests.unit.service.rig import LoopClock

OTHER = Armed(subject="support/tickets", state=State.NOT_ARMED, why="unreachable")
CLOCK = LoopClock()


def standing(subject: str, state: State = State.ARMED, why: str = "") -> dict[str, Armed]:
    """What the check knows of one."""
    return {subject: Armed(subject=subject, state=state, why=why)}


async def test_what_is_not_armed_fails_it_and_others_do_not() -> None:
    """Its own surfaces and every part of the switch count; a surface of somebody else's does not."""
    found = {
        **standing("billing/ledger", State.NOT_ARMED, "missing: CREATEROLE"),
        **standing("slack scopes", State.STALE, "it was last checked 20 min ago"),
        **standing("disk state"),
        OTHER.subject: OTHER,
    }
    said = await what_was_checked(lambda: found, ["billing/ledger"], CLOCK)
    assert said == [
        "billing/ledger is NOT ARMED: missing: CREATEROLE",
        "slack scopes is NOT ARMED: it was last checked 20 min ago",
    ]
    assert await what_was_checked(lambda: standing("billing/ledger"), ["billing/ledger"], CLOCK) == []


async def test_what_nobody_looked_at_yet_is_waited_for() -> None:
    """At the start the first look comes within moments; what never comes is not armed."""
    began = asyncio.get_running_loop().time()

    def later() -> Mapping[str, Armed]:
        waited = asyncio.get_running_loop().time() - began
        return standing("billing/ledger") if waited > 1.0 else standing("billing/ledger", State.UNCHECKED, "not yet")

    assert await what_was_checked(later, ["billing/ledger"], CLOCK) == []
    said = await what_was_checked(dict, ["billing/ledger"], CLOCK)
    assert said == ["billing/ledger is NOT ARMED: the armed check does not know it"]
    assert math.isclose(asyncio.get_running_loop().time() - began, 1.2 + FIRST_LOOK, abs_tol=0.5)
