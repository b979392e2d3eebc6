"""Takes the pictures of the demo's page: `python -m scripts.screenshots` writes docs/images/demo-*.png.

Needs Chromium and, for emoji in colour, a font of them: `apt-get install -y chromium fonts-noto-color-emoji`. Nothing
on the pictures is made up: each is the page over the running demo.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from scripts.small_png import small
from tests.acceptance.browser import BrowserError, Page, chromium

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1440, 960
_ALL_PROVEN = "document.querySelectorAll('.card[data-outcome=verified]').length === 8"
_TOLD = "document.querySelector('#room-list').innerText.includes('CUT AND PROVEN')"
_REACT = """(async () => {{
  const {{ messages }} = await (await fetch("/api/state")).json();
  const {{ channel, ts }} = messages.filter((one) => one.text.startsWith("Ballot ")).at(-1);
  const body = JSON.stringify({{ as: {who}, channel, ts, emoji: {emoji}, add: true }});
  await fetch("/api/react", {{ method: "POST", headers: {{ "Content-Type": "application/json" }}, body }});
}})()"""
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
    await _says(page, "/agent-kill full_stop it refunds the same order again and again")
    await page.wait_for(f"{_ALL_PROVEN} && {_TOLD}", seconds=40)
    await page.ask("document.activeElement.blur()")
    await asyncio.sleep(_AFTER)
    await _picture(page, folder, "light")
    await _picture(page, folder, "dark", dark=True)
    await _opens_thread(page)
    await _picture(page, folder, "thread")
    await page.look(390, 844, phone=True, scale=2)
    await page.click("#tabs [data-name=surfaces]")
    await _shot(page, folder, "phone")
    await page.look(WIDTH, HEIGHT)
    await _vote(page, folder)
    await _faults(page, folder)


async def _vote(page: Page, folder: Path) -> None:
    """The file of a ballot, and the ballot while it is carried out, with the votes that it got."""
    await _says(page, "/agent-restore billing normal mended in the last release")
    await page.wait_for("!!document.querySelector('#thread-list .file')", seconds=60)
    await page.ask("document.querySelector('#thread-list .file').scrollIntoView({block: 'center'})")
    await page.click("#thread-list .file-name")
    await page.ask("document.querySelector('#thread-list .file').scrollIntoView({block: 'start'})")
    await _picture(page, folder, "file")
    await page.press("Escape")
    for who, emoji in (("intruder", "+1"), ("approver1", "+1"), ("approver2", "white_check_mark")):
        await page.ask(_REACT.format(who=json.dumps(who), emoji=json.dumps(emoji)))
    await page.wait_for("document.querySelectorAll('.card .mark.relax').length >= 8", seconds=60)
    await page.wait_for("document.querySelector('#room-list').innerText.includes('GIVING BACK')")
    await page.ask("document.querySelector('#room-list').scrollTo(0, 1e6); document.activeElement.blur()")
    await _picture(page, folder, "ballot")
    await page.wait_for("document.querySelector('#room-list').innerText.includes('GIVEN BACK')", seconds=90)


async def _faults(page: Page, folder: Path) -> None:
    """A stop while two surfaces are broken: what is NOT CUT, on the page and in the thread."""
    for fault in ("database_frozen", "surface_lying"):
        await page.click(f"[data-fault={fault}]")
        await page.wait_for(f"!!document.querySelector('[data-fault={fault}][aria-pressed=true]')")
    await _says(page, "/agent-kill full_stop it still refunds twice")
    await page.wait_for("document.querySelectorAll('.card[data-tone=bad]').length === 2", seconds=60)
    await page.wait_for("document.querySelector('#room-list').innerText.includes('2 NOT CUT')", seconds=60)
    await _opens_thread(page)
    await page.wait_for("document.querySelector('#thread-list').innerText.includes('NOT CUT (2)')", seconds=60)
    await page.ask("document.querySelector('#thread-list').scrollTo(0, 1e6); document.activeElement.blur()")
    await _picture(page, folder, "not-cut")


async def _says(page: Page, words: str) -> None:
    """Types a line in the channel."""
    await page.click("#composer")
    await page.type(words)
    await page.press("Enter")


async def _opens_thread(page: Page) -> None:
    await page.ask("[...document.querySelectorAll('#room-list .replies')].at(-1).click()")
    await page.wait_for("!document.querySelector('#thread').hidden")
    await page.ask("document.activeElement.blur()")


async def _picture(page: Page, folder: Path, name: str, *, dark: bool = False) -> None:
    await page.look(WIDTH, HEIGHT, dark=dark)
    await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=0, y=0)  # what it points at shows its tools
    await _shot(page, folder, name)


async def _shot(page: Page, folder: Path, name: str) -> None:
    await asyncio.sleep(1)  # the lines are drawn for the new size
    path = folder / f"demo-{name}.png"
    await page.picture(path)
    await asyncio.to_thread(lambda: path.write_bytes(small(path.read_bytes())))
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
