"""Does the receiver work as it is pasted and mounted: from the set-up text, in WSGI and in ASGI applications?"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from adapters import registry
from adapters.base import Mode, Shared
from adapters.conformance import Keeper
from adapters.http_control import HttpControl, HttpControlConfig
from adapters.http_control.receiver.mount import LONGEST, asgi, wsgi
from adapters.http_control.receiver.parking import Kept, Parking
from adapters.http_control.receiver.receiver import Receiver
from adapters.http_control.receiver.work import Stopped, Work
from adapters.http_control.request import Request

SECRET = "shared"
# What a person writes around the pasted files; HTTP/1.0, as the standard library's server speaks it.
SERVICE = """
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server
from agent_kill_receiver.mount import wsgi
from agent_kill_receiver.parking import Parking

WSGIRequestHandler.log_message = lambda *_: None
done = []
parking = Parking("shared", Path(sys.argv[1]), {"refund": done.append})

def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"the service's own"]

with make_server("127.0.0.1", 0, wsgi(parking, app, "/control")) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


@contextmanager
def _pasted(folder: Path) -> Iterator[int]:
    """A service made by the set-up text and a few lines; yields its port."""
    text = registry.manual("http_control")
    assert text
    shell = f"set -eu\n{text.setup}".replace("<state>", str(folder / "state")).replace("openssl rand -hex 32\n", "")
    subprocess.run(["sh"], input=shell.encode(), cwd=folder, check=True)
    command = [sys.executable, "-c", SERVICE, str(folder / "state")]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()
    undo = f"set -eu\n{text.undo}".replace("<state>", str(folder / "state"))
    subprocess.run(["sh"], input=undo.encode(), cwd=folder, check=True)


async def test_the_set_up_text_makes_a_receiver(tmp_path: Path) -> None:
    """Pasted by a shell, mounted in a WSGI application, it is stopped and given back; the undo leaves nothing."""
    with _pasted(tmp_path) as port:
        url, shared = f"http://127.0.0.1:{port}/control", Shared()
        settings = {"url": url, "secret": SECRET, "signed_answers": "required", "parks": True}
        adapter = HttpControl(config=HttpControlConfig.model_validate(settings), canary=None, shared=shared)
        assert await adapter.preflight() == ()
        keeper = Keeper(adapter)
        for mode in sorted(adapter.modes):
            cut = await keeper.restrict(mode)
            assert cut.held is mode
            assert (await keeper.settled(mode)).enforceable == adapter.modes
        await keeper.relax(Mode.NORMAL)
        await keeper.settled(Mode.NORMAL)
        assert (await adapter.list()).number == 0
        answer = await adapter._wire.call(adapter._url.with_path("/other"), Request(b"", "GET"), name="it")
        assert answer.body == b"the service's own"
        await adapter.aclose()
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240  # a test's own folder


async def test_an_asgi_application_is_wrapped(tmp_path: Path) -> None:
    """The control path is the receiver's, on threads of its own, and all else the application's."""
    (tmp_path / "mode.json").write_text('["normal", 3]')
    receiver = Receiver(SECRET, tmp_path, lambda _mode: {"in_flight": 0})

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "app", "path": scope.get("path", scope["type"])})

    sent: list[Any] = []
    served = asgi(receiver, app, "/control")
    body = b'{"mode": "full_stop"}'
    request = Request(SECRET.encode(), "POST", body)
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers().items()]
    parts = iter([{"body": body[:5], "more_body": True}, {"body": body[5:]}])
    for kind, path in (("http", "/control"), ("http", "/refund"), ("lifespan", "")):
        scope = {"type": kind, "method": "POST", "path": path, "headers": headers}
        await served(scope, lambda: asyncio.sleep(0, next(parts)), _into(sent))
    start, told, *others = sent
    assert (start["status"], receiver.mode) == (200, "full_stop")
    assert json.loads(told["body"])["mode"] == "full_stop"
    assert b"x-agent-kill-answer" in dict(start["headers"])
    assert [one["path"] for one in others] == ["/refund", ""]


def _into(sent: list[Any]) -> Any:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


@pytest.mark.parametrize("length", ["-1", "", "x", "999999999"])
def test_no_length_reads_without_end(length: str, tmp_path: Path) -> None:
    """Whoever sends it needs no secret: it is refused without holding a thread."""
    given, statuses = BytesIO(b"x" * 1_000_000), list[str]()
    served = wsgi(Receiver(SECRET, tmp_path, lambda _mode: {}), lambda *_: [], "/control")
    environ = {"PATH_INFO": "/control", "REQUEST_METHOD": "POST", "CONTENT_LENGTH": length, "wsgi.input": given}
    assert list(served(environ, lambda status, _: statuses.append(status))) == [b"{}"]
    assert statuses == ["401 Unauthorized"]
    assert given.tell() <= LONGEST


async def test_a_stop_waits_for_no_release(tmp_path: Path) -> None:
    """However many are asked for while the first is still carried out; those behind it are not done after the stop."""
    (tmp_path / "mode.json").write_text('["draft_only", 3]')
    begun, gone = threading.Event(), threading.Event()
    done: list[int] = []

    def slow(number: int) -> None:
        done.append(number)
        begun.set()
        gone.wait(30)

    parking = Parking(SECRET, tmp_path, {"slow": slow})
    for number in range(20):
        with pytest.raises(Kept):
            parking.ask("slow", number=number)
    parking.work.patience = 0.2
    served = asgi(parking, None, "/control")  # type: ignore[arg-type]  # nothing else is asked for
    releases = [{"drafts": "release", "id": draft, "by": "U0A"} for draft in parking.waiting()]
    try:
        tasks = [asyncio.create_task(_sent(served, one, generation="3")) for one in releases]
        assert await asyncio.to_thread(begun.wait, 10)
        status, told = await asyncio.wait_for(_sent(served, {"mode": "full_stop"}), 10)
        assert (status, told["in_flight"], parking.mode, gone.is_set()) == (200, 1, "full_stop", False)
    finally:
        gone.set()
    assert sum(told.get("done", False) for _, told in await asyncio.gather(*tasks)) == 1
    assert len(done) == 1


async def _sent(served: Any, asked: dict[str, Any], *, generation: str = "") -> tuple[int, dict[str, Any]]:
    """One signed call through ASGI, and its answer."""
    body, sent = json.dumps(asked).encode(), list[Any]()
    request = Request(SECRET.encode(), "POST", body, generation=generation).headers()
    headers = [(name.lower().encode(), value.encode()) for name, value in request.items()]
    scope = {"type": "http", "method": "POST", "path": "/control", "headers": headers}
    await served(scope, lambda: asyncio.sleep(0, {"body": body}), _into(sent))
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_a_stop_cancels_a_task_and_counts_a_thread(tmp_path: Path) -> None:
    """Work in asyncio ends by itself; what cannot be ended is told, and what only reads goes on in read_only."""
    (tmp_path / "mode.json").write_text('["normal", 3]')
    work = Work(lambda: receiver.mode, patience=0.2)
    receiver = Receiver(SECRET, tmp_path, work.end)
    begun, gone = asyncio.Event(), asyncio.Event()

    async def refund() -> None:
        with work():
            begun.set()
            await gone.wait()

    task = asyncio.create_task(refund())
    await begun.wait()
    with work("reads", cancel=lambda: None), work("writes", cancel=lambda: None):
        told = await asyncio.to_thread(_stopped, receiver, "read_only")
        assert (told["ended"], told["in_flight"]) == (1, 1)
        told = await asyncio.to_thread(_stopped, receiver, "full_stop")
        assert (told["ended"], told["in_flight"]) == (0, 2)
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(Stopped, match="full_stop"), work("reads"):
        pass
    assert (await asyncio.to_thread(_stopped, receiver, "full_stop"))["in_flight"] == 0


def _stopped(receiver: Receiver, mode: str) -> dict[str, Any]:
    body = json.dumps({"mode": mode}).encode()
    answer, status, _ = receiver("POST", Request(SECRET.encode(), "POST", body).headers(), body)
    assert status == 200
    told: dict[str, Any] = json.loads(answer)
    return told
