"""Is a hold that nobody touches forgotten?"""

import time
from dataclasses import replace

from bot.domain import events
from tests.unit.slack.thread_rig import FAST, rigged

EVERY = replace(FAST, remind_every=1.0)
BOT = events.Person(kind="bot", id="restore")


async def test_people_are_reminded_of_what_is_still_held_again_and_again() -> None:
    """With what is held, who owns it, and the ways to go on; never before the report itself is closed."""
    async with rigged(EVERY) as rig:
        rig.start()
        rig.desk.stop("billing/ledger", "billing/queue")
        rig.wake()
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("*VERIFIED* `billing/ledger`")
        assert "still held" not in rig.everything()
        rig.desk.prove("billing/queue")
        rig.wake()
        await rig.until("2 surfaces still held")
        assert "`/agent-restore TARGET MODE reason`" in rig.everything()
        await rig.slack.wait_for(lambda: rig.everything().count("2 surfaces still held") > 1, 8.0, what="a second day")


async def test_nobody_is_reminded_of_what_was_given_back() -> None:
    """Of two surfaces, the one that a vote gave back is not named; with both back there is nothing to say."""
    async with rigged(EVERY) as rig:
        rig.start()
        rig.desk.stop("billing/ledger", "billing/queue")
        (hold,) = rig.desk.board.hold_events.values()
        for name in ("billing/ledger", "billing/queue"):
            rig.desk.prove(name)
        keys = {target.surfaces[0]: target.key for target in hold.targets}
        lift = events.PairsLifted(at=time.time(), ballot="b", pairs=((hold.hold, keys["billing/ledger"]),), step=1)
        rig.desk.board.apply(lift)
        rig.wake()
        await rig.until("1 surface still held")
        (said, *_) = [reply for reply in rig.replies() if "still held" in reply]
        assert "`billing/queue`" in said
        assert "`billing/ledger`" not in said
        rest = events.PairsLifted(at=time.time(), ballot="b", pairs=((hold.hold, keys["billing/queue"]),), step=2)
        rig.desk.board.apply(rest)
        rig.wake()
        await rig.settled()
        count = rig.everything().count("still held")
        await rig.until("GIVEN BACK")
        assert rig.everything().count("still held") == count
