"""Whether a person in a real browser sees what really happens, on the demo's page over the real bot."""

from pathlib import Path

import pytest

from tests.acceptance.browser import Page
from tests.acceptance.demo_page import folder
from tests.acceptance.visitor import ALL_PROVEN, CARDS, EVERYTHING, browser_port, card, demo, page, visiting

__all__ = ["browser_port", "folder", "page"]
pytestmark = pytest.mark.timeout(240)
STOP = "/agent-kill full_stop"
LEDGER, MAIL, HOOKS, REMINDERS = "billing/ledger", "billing/mail", "billing/hooks", "billing/reminders"


async def test_one_typed_line_stops_all_eight_and_what_comes_back_is_cut_again(page: Page, folder: Path) -> None:
    """Three are refused in a sentence; then eight confirmations, eight lines at zero, and two drifts told."""
    async with visiting(page, demo(folder)) as visitor:
        names = await visitor.names()
        await visitor.sees(f"document.querySelectorAll('.chart .line[d*=L]').length === {CARDS}")
        for who, why in (
            ("intruder", "You are not in @oncall"),
            ("guest", "guests may not stop agents"),
            ("agent", "an agent stops nobody"),
        ):
            await visitor.become(who)
            await visitor.types(STOP)
            await visitor.reads(why, where="#room-list .only-you")
        for name in names:
            await visitor.acts(name)

        await visitor.become("oncall")
        assert await page.ask("document.querySelectorAll('.only-you').length") == 0
        await visitor.types(f"{STOP} it leaks")
        await visitor.sees(ALL_PROVEN)
        await visitor.opens_thread()
        await visitor.confirmed(*names)
        await visitor.reads(EVERYTHING, where="#thread-list")
        await visitor.lines_are_still(*names)
        for kind in ("stop", "proof"):
            assert await page.ask(f"document.querySelectorAll('.card .mark.{kind}').length") == CARDS
        assert "All 8 surfaces cut and proven" in await visitor.text("#glance")
        assert "0 actions since the proof" in await visitor.text("#since")
        assert page.hosts == {visitor.address.split("/")[2]}

        await visitor.breaks("surface_comes_back")
        await visitor.marked(REMINDERS, "drift", "recut")
        await visitor.reads("and was cut again", where="#thread-list")
        await visitor.outcome(REMINDERS, "verified")
        await visitor.breaks("surface_lying")
        await visitor.marked(HOOKS, "drift", "not_cut")
        await visitor.reads("1 NOT CUT", where="#glance")
        await visitor.reads("NOT FULLY CUT", where="#room-list")


async def test_an_agent_that_ignores_every_stop_gets_nothing_done_until_a_vote(page: Page, folder: Path) -> None:
    """The same eight confirmations, while each card says how hard it tries; two votes later it works again."""
    async with visiting(page, demo(folder)) as visitor:
        names = await visitor.names()
        await page.click("#ignores")
        await visitor.sees("document.querySelector('#ignores').checked")
        await visitor.types(f"{STOP} it leaks")
        await visitor.sees(ALL_PROVEN)
        await visitor.opens_thread()
        await visitor.confirmed(*names)
        await visitor.reads(EVERYTHING, where="#thread-list")
        await visitor.sees("[...document.querySelectorAll('.tries')].every((one) => /tries [1-9]/.test(one.innerText))")
        await visitor.lines_are_still(*names)
        assert min((await visitor.witness())["attempts"].values()) > 1

        await page.press("Escape")
        await visitor.types("/agent-restore billing normal mended in the last release")
        await visitor.reads("VOTE: give billing back to normal?", where="#room-list")
        for who in ("intruder", "approver1", "approver2"):
            await visitor.become(who)
            await _votes(page, tone="Medium" if who == "approver2" else None)
        await visitor.reads("GIVING BACK", where="#room-list")
        await visitor.reads("GIVEN BACK", where="#room-list", seconds=60)
        await visitor.reads("Agent at work on 8 surfaces", where="#glance")
        assert await page.ask("document.querySelectorAll('.card:has(.mark.relax)').length") == CARDS
        await visitor.sees(
            "[...document.querySelectorAll('.rate span')].every((one) => !/^0|none/.test(one.innerText))"
        )
        for name in names:
            await visitor.acts(name)


async def test_a_bot_killed_in_the_middle_finishes_when_it_is_back(page: Page, folder: Path) -> None:
    """Killed (-9) while one surface is still being cut; started again, it confirms all eight."""
    async with visiting(page, demo(folder)) as visitor:
        names = await visitor.names()
        await visitor.breaks("surface_hung")
        await visitor.types(f"{STOP} it leaks")
        await visitor.reads("RECORDED", where="#room-list .only-you")
        await visitor.outcome(MAIL, "pending")
        await page.click("#bot-fault")
        await visitor.sees("document.querySelector('#bot').innerText === 'Bot is down'")
        assert not any((await visitor.witness())["after_verified"].values())
        await visitor.breaks("surface_hung")
        await page.click("#bot-fault")
        await visitor.sees("document.querySelector('#bot').innerText.startsWith('Bot up, restarted')")
        await visitor.sees(ALL_PROVEN)
        await visitor.opens_thread()
        await visitor.confirmed(*names)
        await visitor.lines_are_still(*names)


async def test_slack_in_trouble_delays_the_words_and_never_the_cut(page: Page, folder: Path) -> None:
    """Slow, 429, dropped, disconnected: each surface is cut under it, the page says why it is quiet, all is told."""
    async with visiting(page, demo(folder)) as visitor:
        names = await visitor.names()
        await _stops_from_a_thread(page, visitor_says="why does it export that?", surface="billing/exporter")
        for fault, surface, said in (
            ("slack_slow", "billing/refunds", "Every answer of Slack's API takes 2 s"),
            ("slack_429", HOOKS, "Slack refuses every call"),
            ("slack_dropped", MAIL, "Every call to Slack breaks off"),
        ):
            await visitor.breaks(fault)
            await visitor.reads(said, where="#broken")
            await visitor.sees("fetch('/api/state').then((a) => a.json()).then((a) => a.bot.connected > 0)")
            await visitor.types(f"{STOP} {surface} under {fault}")
            await visitor.outcome(surface, "verified")
            await visitor.lines_are_still(surface, seconds=0.5)
            await visitor.breaks(fault)
        await visitor.sees("fetch('/api/state').then((a) => a.json()).then((a) => a.bot.connected > 0)")
        await visitor.types(f"{STOP} the rest")
        await visitor.reads("RECORDED", where="#room-list .only-you:last-of-type")
        await visitor.breaks("slack_down")
        await visitor.sees(ALL_PROVEN)
        await visitor.reads("Slack cannot be reached", where="#bot-says")
        await visitor.breaks("slack_down")
        await visitor.opens_thread()
        await visitor.confirmed(*names, seconds=60)
        await visitor.lines_are_still(*names, seconds=1)


async def test_what_cannot_be_cut_is_called_so_until_it_is(page: Page, folder: Path) -> None:
    """Frozen, hung and lying stand under NOT CUT, on the page and in the thread; the other five are proven."""
    broken = (LEDGER, MAIL, HOOKS)
    async with visiting(page, demo(folder)) as visitor:
        others = [name for name in await visitor.names() if name not in broken]
        await visitor.breaks("database_frozen", "surface_hung", "surface_lying")
        await visitor.types(f"{STOP} it leaks")
        await visitor.reads("3 NOT CUT", where="#glance")
        await visitor.opens_thread()
        await visitor.confirmed(*others)
        await visitor.reads("NOT CUT (3)", where="#thread-list")
        for name in broken:
            await visitor.marked(name, "not_cut")
            assert "NOT CUT" in await visitor.text(f"{card(name)} .state")
        await visitor.reads("still allowed", where=f"{card(HOOKS)} .card-foot")
        await visitor.reads("no reading", where=f"{card(LEDGER)} .rate")
        await visitor.lines_are_still(*others, seconds=0.5)
        await visitor.acts(HOOKS)
        assert EVERYTHING not in await visitor.text("#thread-list")

        await visitor.breaks("database_frozen", "surface_hung")
        await visitor.outcome(LEDGER, "verified")
        await visitor.outcome(MAIL, "verified")
        await visitor.lines_are_still(LEDGER, MAIL, *others, seconds=0.5)
        await visitor.reads("1 NOT CUT", where="#glance")
        await visitor.reads("7 cut and proven", where="#room-list")


async def _votes(page: Page, *, tone: str | None) -> None:
    """A reaction on the channel's last message, by its picker."""
    await page.ask("[...document.querySelectorAll('#room-list [aria-label=\\'Add a reaction\\']')].at(-1).focus()")
    await page.press("Enter")
    await page.click(f".picker-tones [aria-label='{tone or 'No skin tone'}']")
    await page.click(".picker-grid [aria-label='+1']")
    await page.wait_for("!document.querySelector('dialog.picker')")


async def _stops_from_a_thread(page: Page, *, visitor_says: str, surface: str) -> None:
    """The message shortcut, where Slack offers no commands: a form, filled in from the keyboard."""
    await page.click("#composer")
    await page.type(visitor_says)
    await page.press("Enter")
    await page.wait_for(f"document.querySelector('#room-list').innerText.includes({visitor_says!r})")
    await page.click("#room-list .msg-tools [aria-label='Kill agents from here']")
    await page.wait_for("document.querySelector('dialog.modal')?.contains(document.activeElement)")
    await page.click("dialog.modal .b-input input[type=text]")
    await page.type(surface)
    await page.click("dialog.modal .b-button.primary")
    await page.wait_for("document.querySelector('dialog.modal').innerText.includes('RECORDED')")
    await page.press("Escape")
    await page.wait_for("!document.querySelector('dialog.modal')")
    await page.wait_for(f'document.querySelector("{card(surface)}").dataset.outcome === "verified"')
