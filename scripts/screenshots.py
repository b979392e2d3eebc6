"""Takes the pictures of the demo's page: `python -m scripts.screenshots` writes docs/images/demo-*.png.

Needs Chromium and, for emoji in colour, a font of them: `apt-get install -y chromium fonts-noto-color-emoji`. Nothing
on the pictures is made up: each is the page over the running demo.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from tests.acceptance.browser import BrowserError, Page, chromium

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1440, 960
_ALL_PROVEN = "document.querySelectorAll('.card[data-outcome=verified]').length === 8"
_TOLD = "document.querySelector('#room-list').innerText.includes('CUT AND PROVEN')"
_LINES = 40  # seconds of lines before the stop
_AFTER = 12  # seconds between the stop and its picture


@contextlib.asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """The demo on a free port; yields its address. Raises `BrowserError` where it does not come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "bot", "demo", "--no-browser", "--port", str(port)]
        process = subprocess.Popen(  # noqa: S603, ASYNC220  # our own command; what takes time is awaited below
            command, stdout=log, stderr=log
        )
        try:
            await _ready(port, process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.send_signal(signal.SIGINT)
            await asyncio.to_thread(process.wait, 60)


async def _ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        if process.poll() is not None:
            break
        await asyncio.sleep(0.1)
    raise BrowserError("the demo did not come up; run `agent-kill demo --no-browser` to see why")


async def take(page: Page, address: str, folder: Path) -> None:
    """All pictures, in the order of the story."""
    await page.look(WIDTH, HEIGHT)
    await page.open(address, wait="document.querySelectorAll('.card').length === 8")
    await page.click("#tour [data-focus=dismiss]")
    await page.click("#ignores")
    await asyncio.sleep(_LINES)
    await page.click("#composer")
    await page.type("/agent-kill full_stop it refunds the same order again and again")
    await page.press("Enter")
    await page.wait_for(f"{_ALL_PROVEN} && {_TOLD}", seconds=40)
    await page.ask("document.activeElement.blur()")
    await asyncio.sleep(_AFTER)
    await _picture(page, folder, "light")
    await _picture(page, folder, "dark", dark=True)
    await page.click("#room-list .replies")
    await _picture(page, folder, "thread")
    await page.look(390, 844, phone=True, scale=2)
    await page.click("#tabs [data-name=surfaces]")
    await _shot(page, folder, "phone")
    await page.look(WIDTH, HEIGHT)
    await page.click("[data-fault=surface_comes_back]")
    await page.wait_for("!!document.querySelector('.mark.recut')", seconds=30)
    for fault in ("database_frozen", "surface_lying"):
        await page.click(f"[data-fault={fault}]")
        await page.wait_for(f"!!document.querySelector('[data-fault={fault}][aria-pressed=true]')")
    await page.wait_for("!!document.querySelector('.card[data-tone=stale]')", seconds=60)
    await page.wait_for("!!document.querySelector('.card[data-tone=bad]')", seconds=60)
    await page.ask("document.activeElement.blur()")
    await _picture(page, folder, "fault")


async def _picture(page: Page, folder: Path, name: str, *, dark: bool = False) -> None:
    await page.look(WIDTH, HEIGHT, dark=dark)
    await _shot(page, folder, name)


async def _shot(page: Page, folder: Path, name: str) -> None:
    await asyncio.sleep(1)  # the lines are drawn for the new size
    await page.picture(folder / f"demo-{name}.png")
    print(folder / f"demo-{name}.png")  # noqa: T201  # a command for people


async def shoot(folder: Path) -> None:
    """Starts the demo and a browser, and takes all pictures. Raises `BrowserError`."""
    async with demo() as address, chromium() as page:
        await take(page, address, folder)
        if page.problems:
            raise BrowserError("the page had problems: " + "; ".join(page.problems))


def main() -> int:
    """Answers the exit code: 1 where a picture could not be taken."""
    parser = argparse.ArgumentParser(description="Takes the pictures of the demo's page.")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where they are written (docs/images)")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(shoot(folder))
    except BrowserError as error:
        print(f"FAILED: {error}", file=sys.stderr)  # noqa: T201  # a command for people
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
