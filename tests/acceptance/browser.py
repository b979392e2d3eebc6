"""A real headless Chromium, driven through the DevTools Protocol (chromedevtools.github.io/devtools-protocol)."""

import asyncio
import base64
import contextlib
import itertools
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientWebSocketResponse

INSTALL = "apt-get install -y chromium"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--lang=en-US",
    "--remote-debugging-port=0",
    "about:blank",
)
_KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "ArrowDown": (40, ""), "ArrowUp": (38, "")}


class BrowserError(Exception):
    """The browser could not be started, or did not do what was asked; says which and why."""


def executable() -> str | None:
    """Where Chromium is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """One tab.

    Attributes:
        problems: console errors, exceptions, refused and failed requests, as the browser worded them.
        hosts: every host and port that the page asked anything of.
    """

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.problems: list[str] = []
        self.hosts: set[str] = set()

    async def listen(self) -> None:
        """Reads answers and events until the browser goes."""
        async for frame in self._socket:
            told = frame.json()
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._heard(told["method"], told["params"])

    async def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Calls a method of the protocol. Raises `BrowserError` with the browser's reason."""
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": values})
        answer = await asyncio.wait_for(self._waiting[number], 30)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        found: dict[str, Any] = answer["result"]
        return found

    async def open(self, url: str, *, wait: str) -> None:
        """Loads a page and waits until the expression `wait` holds on it."""
        await self.call("Page.navigate", url=url)
        await self.wait_for(wait)

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression. Raises `BrowserError` where it throws."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    async def wait_for(self, expression: str, *, seconds: float = 20) -> Any:
        """Asks until the answer is true, and yields it. Raises `BrowserError` after `seconds`."""
        end = time.monotonic() + seconds
        found = None
        while time.monotonic() < end:
            with contextlib.suppress(BrowserError):  # while a page loads, its parts are not there yet
                if found := await self.ask(expression):
                    return found
            await asyncio.sleep(0.05)
        seen = str(await self.ask("document.body.innerText"))[-3000:]
        raise BrowserError(f"after {seconds:g} s still not: {expression}\nproblems: {self.problems}\nthe page:\n{seen}")

    async def type(self, text: str) -> None:
        """Types as a person does: a key down, its character, a key up."""
        for char in text:
            await self.call("Input.dispatchKeyEvent", type="keyDown", key=char, text=char, unmodifiedText=char)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=char)

    async def press(self, key: str) -> None:
        """Presses a key that writes nothing: Enter, Escape, Tab, an arrow."""
        code, text = _KEYS[key]
        one = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **one)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **one)

    async def click(self, selector: str) -> None:
        """Presses the mouse in the middle of the first element that the CSS selector finds."""
        find = f"document.querySelector({selector!r})"
        await self.wait_for(f"!!{find}")
        at = await self.ask(
            f"(() => {{ const e = {find}; e.scrollIntoView({{block: 'nearest'}}); const r = e.getBoundingClientRect();"
            " return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    async def look(self, width: int, height: int, *, dark: bool = False, phone: bool = False, scale: float = 1) -> None:
        """Sets the size of the screen in CSS pixels, the system's colours, and whether it is touched."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, path: Path) -> None:
        """Writes what the screen shows as a PNG file."""
        answer = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    def _heard(self, method: str, told: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.hosts.add(urlsplit(told["request"]["url"]).netloc)
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case "Runtime.consoleAPICalled" if told["type"] in {"error", "assert"}:
                self.problems.append(" ".join(str(part.get("value", part)) for part in told["args"]))
            case _:
                pass


@contextlib.contextmanager
def browser() -> Iterator[int]:
    """A browser of its own with an empty profile; yields its debugging port, and stops it. Raises `BrowserError`."""
    path = executable()
    if path is None:
        raise BrowserError(f"Chromium is not installed: {INSTALL}")
    with tempfile.TemporaryDirectory(prefix="page-browser-", ignore_cleanup_errors=True) as folder:
        command = [path, f"--user-data-dir={folder}", *_FLAGS]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield _port(Path(folder))
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)


@asynccontextmanager
async def tab(port: int) -> AsyncIterator[Page]:
    """A tab of its own in a browser that runs; leaving closes it."""
    base = f"http://127.0.0.1:{port}/json"
    async with ClientSession() as web:
        async with web.put(f"{base}/new?about:blank") as answer:
            target = await answer.json()
        async with web.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            try:
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await page.call(f"{domain}.enable")
                yield page
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        async with web.get(f"{base}/close/{target['id']}"):
            pass


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """A browser with one tab. Raises `BrowserError`."""
    with browser() as port:
        async with tab(port) as page:
            yield page


def _port(folder: Path) -> int:
    for _ in range(600):
        with contextlib.suppress(OSError, IndexError):
            return int((folder / "DevToolsActivePort").read_text().split()[0])
        time.sleep(0.05)
    raise BrowserError("Chromium opened no debugging port within 30 s")
