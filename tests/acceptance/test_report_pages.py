"""Do the pages of reports work in a real browser: alone, on a phone, in the dark, printed?"""

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.browser import INSTALL, Page, browser, executable, tab
from tests.unit.report.quarter import QUARTER, command, incident, quarter, run

WIDE, PHONE = 1100, 390
CONTRAST = """(() => {
  const seen = s => s.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const weight = [.2126, .7152, .0722];
  const light = c => seen(c).slice(0, 3).reduce((sum, v, i) => sum + linear(v / 255) * weight[i], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('p, li, td, th, h1, h2, h3, dt, dd')]
    .filter(e => e.textContent.trim() && e.checkVisibility())
    .map(e => light(getComputedStyle(e).color))
    .map(ink => (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05))
    .reduce((least, ratio) => Math.min(least, ratio), 21);
})()"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """One browser for all."""
    if executable() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Chromium is not installed: {INSTALL}")
    with browser() as running:
        yield running


@pytest.fixture(params=["incident", "statement"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A page of each kind, with everything that they show."""
    state = quarter(tmp_path, *run(3), *run(31, survived=False, how="failed"), *incident())
    path = tmp_path / "page.html"
    which = ("--attest", QUARTER) if request.param == "statement" else ("inc-1",)
    assert command(state, "report", *which, "--html", str(path)).exit_code == 0
    return path


async def _open(page: Page, file: Path) -> None:
    await page.call("Page.navigate", url=file.as_uri())
    await page.wait_for("document.readyState === 'complete' && !!document.querySelector('#journals')")


async def test_a_page_needs_nothing_and_fits(port: int, file: Path) -> None:
    """No request, no complaint of the browser, nothing beside the screen, readable colours; wide, on a phone, dark."""
    async with tab(port) as page:
        for width, dark in ((WIDE, False), (WIDE, True), (PHONE, False), (PHONE, True)):
            await page.look(width, 900, dark=dark, phone=width == PHONE)
            await _open(page, file)
            assert await page.ask("document.documentElement.scrollWidth") == width
            assert await page.ask(CONTRAST) >= 4.5  # WCAG 2, level AA
        assert (page.hosts, page.problems) == ({""}, [])
        assert await page.ask("document.scripts.length") == 0
        assert await page.ask("[...document.images].every(image => image.naturalWidth > 0)")


async def test_a_printed_page_has_what_is_open_first(port: int, file: Path) -> None:
    """It prints to a few sheets, and the box with what is not proven is above all else."""
    async with tab(port) as page:
        await page.look(WIDE, 900)
        await _open(page, file)
        printed = await page.call("Page.printToPDF", printBackground=False)
        pdf = base64.b64decode(printed["data"])
        assert pdf.startswith(b"%PDF")
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 6
        order = "[...document.querySelectorAll('.box, #happened, #answers, table')].map(e => e.className || e.id)"
        assert (await page.ask(order))[0].startswith("box")
