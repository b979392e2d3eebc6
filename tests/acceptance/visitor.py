"""A person at the demo's page in a real browser: what they press and type, and what they read."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.browser import INSTALL, BrowserError, Page, browser, executable, tab
from tests.acceptance.whole_bot import free_port

CARDS = 8
READY = f"document.querySelectorAll('.card').length === {CARDS}"
ALL_PROVEN = f"document.querySelectorAll('.card[data-outcome=verified]').length === {CARDS}"
EVERYTHING = "Everything in scope is cut and proven"


@pytest.fixture(scope="session")
def browser_port() -> Iterator[int]:
    """One browser for all tests. Where Chromium is missing they fail in CI, and are left out elsewhere."""
    if executable() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Chromium is not installed: {INSTALL}")
    with browser() as port:
        yield port


@pytest.fixture
async def page(browser_port: int) -> AsyncIterator[Page]:
    """A tab; nothing may go wrong in it."""
    async with tab(browser_port) as made:
        await made.look(1440, 960)
        yield made
        assert made.problems == []


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


class Visitor:
    """Whoever looks at the page.

    Attributes:
        address: of the page.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    # What they do ----------------------------------------------------------------------------------------------------
    async def become(self, key: str) -> None:
        """Chooses who they are."""
        chosen = json.dumps(key)
        await self.page.ask(
            f"(() => {{ const menu = document.querySelector('#me'); menu.value = {chosen};"
            " menu.dispatchEvent(new Event('change')); })()"
        )

    async def types(self, text: str, *, where: str = "#composer") -> None:
        """Types a line and sends it."""
        await self.page.click(where)
        await self.page.type(text)
        await self.page.press("Enter")

    async def breaks(self, *names: str) -> None:
        """Presses buttons of the fault bar, on or off."""
        for name in names:
            button = f"[data-fault={name}]"
            before = await self.page.ask(f"document.querySelector('{button}').getAttribute('aria-pressed')")
            await self.page.click(button)
            if name != "surface_comes_back":  # it happens once
                changed = f"document.querySelector('{button}').getAttribute('aria-pressed') !== {before!r}"
                await self.page.wait_for(changed)

    async def opens_thread(self) -> None:
        """Opens the thread under the channel's last message that has one."""
        await self.page.wait_for("!!document.querySelector('#room-list .replies')", seconds=40)
        await self.page.ask("[...document.querySelectorAll('#room-list .replies')].at(-1).click()")
        await self.page.wait_for("!document.querySelector('#thread').hidden")

    # What they read --------------------------------------------------------------------------------------------------
    async def reads(self, words: str, *, where: str, seconds: float = 40) -> None:
        """Waits until the words stand somewhere."""
        await self.page.wait_for(
            f"document.querySelector({json.dumps(where)}).innerText.includes({json.dumps(words)})", seconds=seconds
        )

    async def text(self, where: str) -> str:
        """What stands somewhere, as it is seen."""
        return str(await self.page.ask(f"document.querySelector({json.dumps(where)}).innerText"))

    async def sees(self, expression: str, *, seconds: float = 40) -> None:
        """Waits until a JavaScript expression is true."""
        await self.page.wait_for(expression, seconds=seconds)

    async def confirmed(self, *names: str, seconds: float = 40) -> None:
        """Waits until the open thread says VERIFIED of each surface."""
        for name in names:
            said = f"new RegExp('VERIFIED\\\\W+{name}\\\\b').test(document.querySelector('#thread-list').innerText)"
            await self.page.wait_for(said, seconds=seconds)

    async def marked(self, name: str, *kinds: str, seconds: float = 40) -> None:
        """Waits until the card of a surface has these marks on its line."""
        for kind in kinds:
            await self.page.wait_for(f'!!document.querySelector("{card(name)} .mark.{kind}")', seconds=seconds)

    async def outcome(self, name: str, *any_of: str, seconds: float = 40) -> None:
        """Waits until the card of a surface shows one of these outcomes."""
        shown = f'{json.dumps(any_of)}.includes(document.querySelector("{card(name)}").dataset.outcome)'
        await self.page.wait_for(shown, seconds=seconds)

    # What the witness counted ----------------------------------------------------------------------------------------
    async def names(self) -> list[str]:
        """The surfaces, in the order of the cards."""
        found: list[str] = await self.page.ask(
            "[...document.querySelectorAll('.card')].map((one) => one.dataset.surface)"
        )
        return found

    async def state(self) -> dict[str, Any]:
        """The page's own state."""
        found: dict[str, Any] = await self.page.ask("fetch('/api/state').then((answer) => answer.json())")
        return found

    async def witness(self) -> dict[str, dict[str, float]]:
        """What the witness counted: `surfaces` a second, `attempts` by the agent's word, `after_verified` ever."""
        found: dict[str, dict[str, float]] = await self.page.ask("fetch('/api/rates').then((a) => a.json())")
        return found

    async def acts(self, name: str, *, seconds: float = 40) -> None:
        """Waits until the witness sees an effect on this surface. A rate read at one moment may be that of a pause."""
        before = (await self.totals())[name]
        more = f"one.name === {json.dumps(name)} && one.witness_total > {before}"
        await self.sees(
            f"fetch('/api/state').then((a) => a.json()).then(({{ surfaces }}) => surfaces.some((one) => {more}))",
            seconds=seconds,
        )

    async def totals(self) -> dict[str, int]:
        """Every effect that the witness ever saw, by surface."""
        return {one["name"]: one["witness_total"] for one in (await self.state())["surfaces"]}

    async def lines_are_still(self, *names: str, seconds: float = 2) -> None:
        """Judges that nothing acts on these surfaces any more: the cards, the lines and the witness say the same."""
        for name in names:
            zero = f'document.querySelector("{card(name)} .rate span").innerText === "0/s"'
            await self.page.wait_for(zero, seconds=40)
            none = f'document.querySelector("{card(name)}").dataset.after === "0"'
            await self.page.wait_for(none, seconds=40)
        before = await self.totals()
        since = await self.page.ask("Date.now()")
        await self.page.wait_for(f"Date.now() > {since} + {1000 * seconds}")
        after, counted = await self.totals(), (await self.witness())["after_verified"]
        assert {name: after[name] - before[name] for name in names} == dict.fromkeys(names, 0)
        assert {name: counted.get(name) for name in names} == dict.fromkeys(names, 0)


def card(name: str) -> str:
    """The CSS selector of a surface's card."""
    return f".card[data-surface='{name}']"


@asynccontextmanager
async def visiting(page: Page, serving: AbstractAsyncContextManager[str]) -> AsyncIterator[Visitor]:
    """The page is open; it is left before its server ends, so that no lost connection counts as a problem."""
    async with serving as address:
        await page.open(address, wait=READY)
        try:
            yield Visitor(page, address)
        except BrowserError as error:
            raise BrowserError(f"{error}\nthe thread:\n{await Visitor(page, address).text('#thread-list')}") from error
        finally:
            await page.open("about:blank", wait="location.href === 'about:blank'")
