"""Do the parent and the reports carry the heads of the journals, without a call more than before?"""

from tests.unit.slack.thread_rig import rigged


async def test_parent_and_report_carry_the_heads_as_they_were() -> None:
    """Each says the heads of its own moment; the replies about single surfaces say none."""
    async with rigged() as rig:
        rig.anchor = "anchor bot:1:" + "aa" * 16
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.wake()
        await rig.until("anchor bot:1:aaaa")
        rig.anchor = "anchor bot:7:" + "bb" * 16
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("Report of full_stop")
        await rig.settled()

        surface, report = rig.replies()
        assert "anchor" not in surface
        assert "`anchor bot:7:" + "bb" * 16 + "`" in report
        assert "anchor bot:7:" in rig.everything().partition("VERIFIED* `billing")[0]


async def test_a_new_head_alone_is_not_said() -> None:
    """The journal grows all the time: only news make a message, which then has the head of its moment."""
    async with rigged() as rig:
        rig.anchor = "anchor bot:1:" + "aa" * 16
        rig.start()
        rig.desk.stop("billing/ledger")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("Report of full_stop")
        await rig.settled()
        before = rig.calls()
        rig.anchor = "anchor bot:2:" + "bb" * 16
        rig.wake()
        await rig.settled()

        assert rig.calls() == before
        assert "bot:2" not in rig.everything()


async def test_heads_that_are_not_known_silence_nothing() -> None:
    """The report goes out without them."""
    async with rigged() as rig:
        rig.start()
        rig.thread._anchor = lambda: str(1 // 0)
        rig.desk.stop("billing/ledger")
        rig.desk.prove("billing/ledger")
        rig.wake()
        await rig.until("Everything in scope is cut and proven")
