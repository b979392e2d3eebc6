"""Whether a person in a real browser sees what really happens, on the demo's page over the real bot."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.browser import INSTALL, Page, chromium, executable
from tests.acceptance.page_double import World, served
from tests.acceptance.whole_bot import free_port

pytestmark = pytest.mark.timeout(240)
READY = "document.querySelectorAll('.card').length === 8"
NAMES = "[...document.querySelectorAll('.card')].map((card) => card.dataset.surface)"
ALL_PROVEN = "document.querySelectorAll('.card[data-outcome=verified]').length === 8"
THREAD = "document.querySelector('#thread-list').innerText"
EVERYTHING = f"{THREAD}.includes('Everything in scope is cut and proven')"
HOSTILE = "<script>window.hurt = 1</script> <img src=x onerror='window.hurt = 1'> <https://x.test|<b>here</b>> *a"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A browser. Where Chromium is missing the test fails in CI, and is left out elsewhere."""
    if executable() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Chromium is not installed: {INSTALL}")
    async with chromium() as made:
        await made.look(1440, 960)
        yield made
        assert made.problems == []


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that other users may pass through: PostgreSQL runs as another one where we are root."""
    made = tmp_path_factory.mktemp("page")
    for one in (made, *made.parents[:2]):
        one.chmod(0o755)
    return made


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[str]:
    """`agent-kill demo --no-browser` over its own processes; yields the address. It must end cleanly."""
    port = free_port()
    command = [sys.executable, "-m", "bot", "demo", "--no-browser", "--port", str(port)]
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220  # it starts at once; what takes time is awaited below
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(folder)}
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        while address not in (folder / "demo.log").read_text():
            assert process.poll() is None, (folder / "demo.log").read_text()
            await asyncio.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 60) == 0, (folder / "demo.log").read_text()


@asynccontextmanager
async def visiting(page: Page, serving: AbstractAsyncContextManager[str]) -> AsyncIterator[str]:
    """The page is open; it is left before its server ends, so that no lost connection counts as a problem."""
    async with serving as address:
        await page.open(address, wait=READY)
        yield address
        await page.open("about:blank", wait="location.href === 'about:blank'")


async def stop_everything(page: Page, words: str = "it leaks") -> None:
    """Types the stop as a person does, and opens its thread when everything is told."""
    await page.click("#composer")
    await page.type(f"/agent-kill full_stop {words}")
    await page.press("Enter")
    await page.wait_for(ALL_PROVEN)
    await page.click("#room-list .replies")
    await page.wait_for(EVERYTHING, seconds=30)


async def witness(page: Page, what: str) -> dict[str, float]:
    """What the witness counted, by surface."""
    found: dict[str, float] = await page.ask(f"fetch('/api/rates').then((a) => a.json()).then((a) => a.{what})")
    return found


async def totals(page: Page) -> dict[str, int]:
    """Every effect that the witness ever saw, by surface."""
    told = "fetch('/api/state').then((a) => a.json()).then((a) => a.surfaces.map((s) => [s.name, s.witness_total]))"
    return dict(await page.ask(told))


@pytest.mark.parametrize("ignores", [False, True], ids=["as usual", "the agent ignores every stop"])
async def test_a_typed_stop_is_confirmed_eight_times_and_the_lines_agree_with_the_witness(
    page: Page, folder: Path, *, ignores: bool
) -> None:
    """Eight confirmations in the thread, eight lines at zero, no effect after a proof; nothing asked of other hosts."""
    async with visiting(page, demo(folder)) as address:
        names: list[str] = await page.ask(NAMES)
        if ignores:
            await page.click("#ignores")
            await page.wait_for("document.querySelector('#ignores').checked")
        await page.wait_for("document.querySelectorAll('.chart .line[d*=L]').length === 8")
        assert all((await totals(page)).values())
        await stop_everything(page)
        told = await page.ask(THREAD)
        assert [name for name in names if not re.search(rf"VERIFIED\W+{name}\b", told)] == []
        before, since = await totals(page), await page.ask("Date.now()")
        if ignores:
            tries = "[...document.querySelectorAll('.tries')].every((one) => /tries [1-9]/.test(one.textContent))"
            await page.wait_for(tries)
        await page.wait_for(f"Date.now() > {since} + 3000")
        assert await totals(page) == before
        assert await witness(page, "after_verified") == dict.fromkeys(names, 0)
        shown = "[...document.querySelectorAll('.card')].every((one) => one.dataset.after === '0')"
        await page.wait_for(shown)
        await page.wait_for(
            "[...document.querySelectorAll('.rate span:first-child')].every((r) => r.innerText === '0/s')"
        )
        assert "All 8 surfaces cut and proven" in await page.ask("document.querySelector('#glance').innerText")
        assert page.hosts == {address.split("/")[2]}


async def test_a_killed_bot_is_said_to_be_down_and_what_it_cut_stays_cut(page: Page, folder: Path) -> None:
    """After kill -9 in the fault bar the lines stay at zero; started again, the bot knows what it holds."""
    async with visiting(page, demo(folder)):
        await stop_everything(page)
        before = await totals(page)
        await page.click("#bot-fault")
        await page.wait_for("document.querySelector('#bot').innerText === 'Bot is down'")
        await page.click("#bot-fault")
        await page.wait_for("document.querySelector('#bot').innerText.startsWith('Bot up')")
        await page.wait_for(ALL_PROVEN)
        assert await totals(page) == before


async def test_a_surface_that_comes_back_is_marked_and_cut_again(page: Page, folder: Path) -> None:
    """Both marks are drawn on the line of the scheduler, and the card is proven again."""
    async with visiting(page, demo(folder)):
        await stop_everything(page)
        await page.click("[data-fault=surface_comes_back]")
        card = ".card[data-surface='billing/reminders']"
        await page.wait_for(f'!!document.querySelector("{card} .mark.recut")', seconds=30)
        await page.wait_for(ALL_PROVEN)


async def test_text_of_others_is_text_and_nothing_else(page: Page) -> None:
    """Markup and links in names, messages, files and the journal are shown, never run."""
    world = World()
    world.message("intruder", HOSTILE, name=HOSTILE, files=[{"id": "F1", "title": HOSTILE, "text": HOSTILE}])
    world.state["surfaces"][0] |= {"title": HOSTILE, "outcome": "failed", "held": "full_stop", "detail": HOSTILE}
    world.state["journal"][0]["text"] = HOSTILE
    async with visiting(page, served(world)) as address:
        await page.wait_for("document.querySelector('#room-list').innerText.includes('<script>')")
        assert await page.ask("window.hurt") is None
        assert await page.ask("document.querySelectorAll('main script, main img, main b').length") == 0
        assert page.hosts == {address.split("/")[2]}


async def test_a_command_in_a_thread_is_refused_in_slacks_words_to_its_author_alone(page: Page) -> None:
    """Only visible to you; gone for another person; Escape closes the thread."""
    world = World()
    world.message("oncall", "what is going on?")
    refused = (
        "document.querySelector('#thread-list .only-you')?.innerText.includes('is not supported in threads. Sorry!')"
    )
    async with visiting(page, served(world)):
        await page.click("#room-list .msg-tools button:nth-child(2)")
        await page.type("/agent-kill full_stop")
        await page.press("Enter")
        await page.wait_for(refused)
        await page.ask(
            "(() => { const menu = document.querySelector('#me'); menu.value = 'intruder';"
            " menu.dispatchEvent(new Event('change')); })()"
        )
        assert not await page.ask(refused)
        await page.click("#reply")
        await page.press("Escape")
        await page.wait_for("document.querySelector('#thread').hidden")


async def test_a_command_is_completed_from_the_keyboard(page: Page) -> None:
    """A slash offers the app's commands; arrows choose, Tab completes, and the hint tells the rest."""
    async with visiting(page, served(World())):
        await page.click("#composer")
        await page.type("/")
        await page.wait_for("document.querySelectorAll('#composer-list [role=option]').length === 2")
        await page.press("ArrowDown")
        await page.press("Tab")
        assert await page.ask("document.querySelector('#composer').value") == "/agent-status "
        assert "[agent]" in await page.ask("document.querySelector('#composer-hint').innerText")


async def test_what_is_not_cut_stands_in_the_first_line(page: Page) -> None:
    """In words and with a sign, on the card too; one that acts after its proof is said to."""
    world = World()
    world.stop("/agent-kill full_stop", bad=("jobs", "ledger"))
    async with visiting(page, served(world)):
        await page.wait_for("document.querySelector('#glance').innerText.includes('2 NOT CUT')")
        assert "NOT CUT" in await page.ask("document.querySelector('.card[data-surface=jobs] .state').innerText")
        assert await page.ask("document.querySelectorAll('.card .sign').length") == 8


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180), (1280, 760), (1440, 960)])
async def test_nothing_runs_out_of_the_screen(page: Page, width: int, height: int, *, dark: bool) -> None:
    """On a phone, a tablet and two screens, in every part: no sideways scrolling."""
    world = World()
    world.stop("/agent-kill full_stop " + "unbroken" * 40, bad=("jobs",))
    async with visiting(page, served(world)):
        await page.look(width, height, dark=dark, phone=width < 800)
        await page.click("#room-list .replies")
        for tab in ("slack", "surfaces", "journal", "faults"):
            await page.ask(f"document.querySelector('#tabs [data-name={tab}]').click()")
            assert await page.ask("document.documentElement.scrollWidth <= innerWidth")
            wide = "[...document.querySelectorAll('#thread-list, #room-list, .cards, #journal, footer, .top, .tour')]"
            assert await page.ask(f"{wide}.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.id)") == []


async def test_every_control_has_a_name_and_every_chart_its_words(page: Page) -> None:
    """What a screen reader says, from the browser's own accessibility tree."""
    world = World()
    world.stop("/agent-kill full_stop")
    async with visiting(page, served(world)):
        await page.wait_for("document.querySelectorAll('.chart[aria-label]').length === 8")
        await page.call("Accessibility.enable")
        tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
        controls = [
            node for node in tree if node["role"]["value"] in {"button", "combobox", "textbox", "switch", "image"}
        ]
        assert [node for node in controls if not node.get("name", {}).get("value") and not node["ignored"]] == []
        assert len(controls) > 20
