"""Is the demo's page itself right, in a real browser, whatever world is behind it?"""

from typing import Any

import pytest

from tests.acceptance.browser import Page
from tests.acceptance.page_double import World, served
from tests.acceptance.visitor import CARDS, browser_port, card, page, visiting

__all__ = ["browser_port", "page"]
pytestmark = pytest.mark.timeout(120)
HOSTILE = "<script>window.hurt = 1</script> <img src=x onerror='window.hurt = 1'> <https://x.test|<b>here</b>> *a"
FOCUS = "document.activeElement"
OUT = (
    "[...document.querySelectorAll('#thread-list, #room-list, .cards, #journal, footer, .top, .tour, .strip')]"
    ".filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.id || one.className)"
)


async def test_text_of_others_is_text_and_nothing_else(page: Page) -> None:
    """Markup and links in names, messages, files and the journal are shown, never run."""
    world = World()
    world.message("intruder", HOSTILE, name=HOSTILE, files=[{"id": "F1", "title": HOSTILE, "text": HOSTILE}])
    world.state["surfaces"][0] |= {"title": HOSTILE, "outcome": "failed", "held": "full_stop", "detail": HOSTILE}
    world.state["journal"][0]["text"] = HOSTILE
    async with visiting(page, served(world)) as visitor:
        await visitor.reads("<script>", where="#room-list")
        assert await page.ask("window.hurt") is None
        assert await page.ask("document.querySelectorAll('main script, main img, main b').length") == 0
        assert page.hosts == {visitor.address.split("/")[2]}


async def test_a_command_in_a_thread_is_refused_in_slacks_words_to_its_author_alone(page: Page) -> None:
    """Only visible to you; gone for another person; Escape closes the thread."""
    world = World()
    world.message("oncall", "what is going on?")
    refused = (
        "document.querySelector('#thread-list .only-you')?.innerText.includes('is not supported in threads. Sorry!')"
    )
    async with visiting(page, served(world)) as visitor:
        await page.click("#room-list .msg-tools [aria-label='Reply in thread']")
        await visitor.types("/agent-kill full_stop", where="#reply")
        await page.wait_for(refused)
        await visitor.become("intruder")
        assert not await page.ask(refused)
        await page.click("#reply")
        await page.press("Escape")
        await page.wait_for("document.querySelector('#thread').hidden")
        assert await page.ask(f"{FOCUS}.id") == "composer"


async def test_a_command_is_completed_from_the_keyboard(page: Page) -> None:
    """A slash offers the app's commands; arrows choose, Tab completes, and the hint tells the rest."""
    async with visiting(page, served(World())) as visitor:
        await page.click("#composer")
        await page.type("/")
        await page.wait_for("document.querySelectorAll('#composer-list [role=option]').length === 2")
        await page.press("ArrowDown")
        assert await page.ask(f"{FOCUS}.getAttribute('aria-activedescendant')") == "composer-list-1"
        await page.press("Tab")
        assert await page.ask("document.querySelector('#composer').value") == "/agent-status "
        assert "[agent]" in await visitor.text("#composer-hint")


async def test_reactions_are_given_in_a_skin_tone_from_the_keyboard(page: Page) -> None:
    """The picker opens, takes a tone and an emoji, gives the focus back; the chip is one's own until one is another."""
    world = World()
    world.message("oncall", "shall it come back?")
    async with visiting(page, served(world)) as visitor:
        await page.wait_for("!!document.querySelector('#room-list .msg-tools')")
        await page.ask("document.querySelector('#room-list [aria-label=\"Add a reaction\"]').focus()")
        await page.press("Enter")
        await page.wait_for(f"!!{FOCUS}.closest('dialog.picker')")
        await page.click(".picker-tones [aria-label='Medium light']")
        await page.click(".picker-grid button")
        await visitor.reads("👍🏼", where="#room-list .chip")
        assert world.posts[-1] == ("react", world.posts[-1][1] | {"emoji": "+1::skin-tone-3", "add": True})
        assert await page.ask("document.querySelector('.chip').ariaLabel") == "+1, skin tone 3, 1: Olivia On-Call"
        assert await page.ask("document.querySelector('.chip').ariaPressed") == "true"
        await visitor.become("approver1")
        assert await page.ask("document.querySelector('.chip').ariaPressed") == "false"


async def test_a_form_takes_the_focus_and_gives_it_back(page: Page) -> None:
    """The first field has the focus; Escape closes the form, tells the app, and returns to where one was."""
    world = World()
    async with visiting(page, served(world)) as visitor:
        await page.click("#composer")
        world.state["views"] = [{"id": "V1", "user": "U0ONCALL", "view": FORM, "errors": {}}]
        await page.wait_for(f"{FOCUS}.matches('dialog.modal input')")
        assert "Stop agents" in await visitor.text("dialog.modal")
        await page.press("Escape")
        await page.wait_for(f"{FOCUS}.id === 'composer'")
        assert world.posts[-1] == ("close_view", {"as": "oncall", "view": "V1"})


async def test_a_file_is_previewed_and_opens(page: Page) -> None:
    """The first lines at once, all of them after a press."""
    world = World()
    lines = "\n".join(f"billing/surface{number} VERIFIED" for number in range(40))
    world.message("bot", "All confirmations", files=[{"id": "F1", "title": "confirmations.txt", "text": lines}])
    async with visiting(page, served(world)) as visitor:
        await visitor.reads("Plain text · 40 lines", where="#room-list .file summary")
        assert "surface39" not in await visitor.text("#room-list .file")
        await page.click("#room-list .file-name")
        await visitor.reads("surface39", where="#room-list .file")


async def test_what_is_not_cut_stands_in_the_first_line(page: Page) -> None:
    """In words and with a sign, on the card too, with the reason where the proof would stand."""
    world = World()
    world.stop("/agent-kill full_stop", bad=("jobs", "ledger"))
    async with visiting(page, served(world)) as visitor:
        await visitor.reads("2 NOT CUT", where="#glance")
        assert "NOT CUT" in await visitor.text(f"{card('jobs')} .state")
        assert await visitor.text(f"{card('jobs')} .card-foot") == "no answer within 2 s; the bot goes on trying"
        assert await page.ask("document.querySelectorAll('.card .sign').length") == CARDS
        await visitor.marked("jobs", "stop", "not_cut")
        await visitor.marked("notify", "stop", "proof")


async def test_a_proof_that_is_not_renewed_is_no_longer_green(page: Page) -> None:
    """Its card and the first line say so, long before the bot gives the proof up."""
    world = World()
    world.stop("/agent-kill full_stop")
    world.state["surfaces"][0]["proof_age"] = 36.0
    world.state["bot"]["problems"] = ["the database does not follow the journal"]
    async with visiting(page, served(world)) as visitor:
        await visitor.reads("1 proof not renewed", where="#glance")
        await visitor.reads("7 cut and proven", where="#glance")
        await visitor.reads("last proof 36 s ago", where=f"{card('orders_api')} .card-foot")
        await visitor.reads("The bot says: the database does not follow the journal.", where="#bot-says")


async def test_one_that_acts_after_its_proof_is_said_to(page: Page) -> None:
    """The worst that can be: red, in the first line, however green the bot's own word is."""
    world = World()
    world.stop("/agent-kill full_stop")
    world.leaks = {"worker": 3}
    async with visiting(page, served(world)) as visitor:
        await visitor.reads("1 still acts after its proof", where="#glance")
        await visitor.reads("3 actions since the proof", where="#since")
        await visitor.reads("3 actions since", where=f"{card('worker')} .card-foot")


async def test_the_tour_is_followed_and_dismissed_for_good(page: Page) -> None:
    """Each of five steps does its part and says when it is done; dismissed, it stays away until it is asked for."""
    world = World()
    async with visiting(page, served(world)) as visitor:
        await page.click("#tour [data-focus=next]")
        await page.click("#tour [data-focus=act]")
        assert await page.ask("document.querySelector('#composer').value") == "/agent-kill full_stop it leaks"
        await page.press("Enter")
        await visitor.reads("3 of 5", where="#tour")
        await page.click("#tour [data-focus=act]")
        await page.wait_for("!document.querySelector('#thread').hidden")
        await page.click("#tour [data-focus=next]")
        await page.click("[data-fault=slack_slow]")
        await page.wait_for("document.querySelectorAll('#tour .past').length === 4")
        await page.click("#tour [data-focus=next]")
        await page.click("#tour [data-focus=act]")
        assert (await page.ask("document.querySelector('#composer').value")).startswith("/agent-restore billing normal")
        await page.press("Enter")
        await page.wait_for("document.querySelectorAll('#tour .past').length === 5")
        await page.click("#tour [data-focus=next]")
        assert await page.ask("document.querySelector('#tour').hidden")
        await page.open(visitor.address, wait="document.querySelectorAll('.card').length === 8")
        assert await page.ask("document.querySelector('#tour').hidden")
        await page.click("#tour-open")
        await visitor.reads("1 of 5", where="#tour")


async def test_the_colours_are_chosen_and_kept(page: Page) -> None:
    """As the system, light, dark; a reload keeps the choice."""
    async with visiting(page, served(World())) as visitor:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await page.ask(ground)
        await page.click("#theme")
        await page.click("#theme")
        assert "Dark" in await visitor.text("#theme")
        assert await page.ask(ground) != light
        await page.open(visitor.address, wait="document.querySelectorAll('.card').length === 8")
        assert await page.ask(ground) != light


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_nothing_runs_out_of_the_screen(page: Page, *, dark: bool) -> None:
    """On a phone, a tablet and four screens, in every part: no sideways scrolling, and all eight cards in sight."""
    world = World()
    world.stop("/agent-kill full_stop " + "unbroken" * 40, bad=("jobs",))
    async with visiting(page, served(world)) as visitor:
        await visitor.opens_thread()
        for width, height in ((390, 844), (820, 1180), (1100, 900), (1280, 800), (1440, 960), (1920, 1080)):
            await page.look(width, height, dark=dark, phone=width < 800)
            for tab in ("slack", "surfaces", "journal", "faults"):
                await page.ask(f"document.querySelector('#tabs [data-name={tab}]').click()")
                assert await page.ask("document.documentElement.scrollWidth <= innerWidth"), (width, tab)
                assert await page.ask(OUT) == [], (width, tab)
            if width > 1200:
                await page.wait_for(
                    "document.querySelector('.cards').scrollHeight <= 1 + document.querySelector('.cards').clientHeight"
                )


async def test_every_control_has_a_name_and_every_chart_its_words(page: Page) -> None:
    """What a screen reader says, from the browser's own accessibility tree."""
    world = World()
    world.stop("/agent-kill full_stop")
    async with visiting(page, served(world)):
        await page.wait_for("document.querySelectorAll('.chart[aria-label]').length === 8")
        for width in (1440, 390):
            await page.look(width, 844, phone=width < 800)
            controls = await _controls(page)
            assert [node for node in controls if not node.get("name", {}).get("value") and not node["ignored"]] == []
            assert len(controls) > 12


async def test_everything_is_reached_with_the_tab_key(page: Page) -> None:
    """From the first link to the last button, with a visible focus, in the order in which it stands there."""
    world = World()
    world.stop("/agent-kill full_stop")
    async with visiting(page, served(world)) as visitor:
        await visitor.reads("CUT AND PROVEN", where="#room-list")
        await page.ask("document.activeElement.blur()")
        seen: list[str] = []
        for _ in range(60):
            await page.press("Tab")
            seen.append(await page.ask(f"{FOCUS}.id || {FOCUS}.dataset.fault || {FOCUS}.dataset.focus || ''"))
            if seen[-1] == "bot-fault":
                break
        wanted = ["theme", "act", "next", "me", "room-list", "replies", "composer", "ignores", "journal", "slack_slow"]
        assert [one for one in seen if one in wanted] == wanted
        assert await page.ask(f"getComputedStyle({FOCUS}).outlineStyle") == "solid"


async def test_only_what_is_for_oneself_is_announced(page: Page) -> None:
    """An answer that one alone sees is read out, in words and not in Slack's markup."""
    world = World()
    async with visiting(page, served(world)) as visitor:
        await page.wait_for("document.querySelector('#me').value === 'oncall'")
        world.whisper("intruder", "not for you")
        world.whisper("oncall", "Ask <@U0OWNER> about `billing`")
        await visitor.sees("document.querySelector('#said').textContent.includes('Ask @Oscar Owner about billing')")
        assert "not for you" not in await page.ask("document.body.textContent")


async def _controls(page: Page) -> list[dict[str, Any]]:
    await page.call("Accessibility.enable")
    tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
    roles = {"button", "combobox", "textbox", "switch", "image", "checkbox"}
    return [node for node in tree if node["role"]["value"] in roles]


FORM = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Stop agents"},
    "submit": {"type": "plain_text", "text": "Stop now"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}
