"""Is an answer the receiver's own, to this very call, and does no late call loosen? With caches and replicas."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from adapters.base import Change, Mode, Shared
from adapters.errors import AdapterError
from adapters.http_control import HttpControl, HttpControlConfig
from adapters.http_control.answers import Overtaken
from adapters.http_control.receiver.receiver import Receiver
from adapters.http_control.request import Request

SECRET = "shared"
UNDO = (Change(key="mode", was="normal", now="full_stop"),)
Answer = tuple[bytes, int, dict[str, str]]


@dataclass
class Way:
    """What stands between the bot and its receivers: it sends each call to the next of them, or answers itself."""

    receivers: list[Receiver]
    adapters: list[HttpControl] = field(default_factory=list)
    port: int = 0
    turn: int = 0
    cached: Answer | None = None
    caches: bool = False
    strips: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        """One call."""
        receiver = self.receivers[self.turn % len(self.receivers)]
        body, status, headers = receiver(request.method, request.headers, await request.read())
        if self.caches:
            body, status, headers = self.cached = self.cached or (body, status, headers)
        return web.Response(body=body, status=status, headers={} if self.strips else headers)

    def adapter(self, **settings: object) -> HttpControl:
        """An adapter of one bot, without a canary."""
        whole = {"url": f"http://127.0.0.1:{self.port}/control", "secret": SECRET, **settings}
        self.adapters.append(HttpControl(config=HttpControlConfig.model_validate(whole), canary=None, shared=Shared()))
        return self.adapters[-1]


@asynccontextmanager
async def way(folder: Path, count: int = 1) -> AsyncIterator[Way]:
    """A way to that many receivers."""
    there = Way([_receiver(folder / str(number)) for number in range(count)])
    app = web.Application()
    app.router.add_route("*", "/control", there.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.port = int(runner.addresses[0][1])
    try:
        yield there
    finally:
        for adapter in there.adapters:
            await adapter.aclose()
        await runner.cleanup()
        for receiver in there.receivers:
            os.close(receiver.disk)


def _receiver(folder: Path) -> Receiver:
    folder.mkdir()
    (folder / "mode.json").write_text('["normal", 1]')
    return Receiver(SECRET, folder, lambda _mode: {"ended": 0, "in_flight": 0}, instance=folder.name)


async def cut(adapter: HttpControl, mode: Mode = Mode.FULL_STOP) -> Mode:
    """One cut; what is held."""
    return (await adapter.restrict(mode=mode, token="t", drain=0, undo=(), gate=_yes)).held


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


async def a_cached_answer_is_refused(there: Way) -> None:
    """An older answer of the receiver, signed for another call, counts for nothing, required or not."""
    adapter = there.adapter()
    there.caches = True
    await adapter.observe()
    with pytest.raises(AdapterError, match="for another request"):
        await adapter.observe()


async def an_unsigned_answer_is_refused(there: Way) -> None:
    """Where signatures are required, an answer without one does not count; else it is the receiver's word, as ever."""
    there.strips = True
    assert (await there.adapter().observe()).mode is Mode.NORMAL
    with pytest.raises(AdapterError, match=r"not signed, and settings\.signed_answers is required"):
        await there.adapter(signed_answers="required").observe()


async def a_forged_answer_is_refused(there: Way) -> None:
    """Whoever does not have the secret answers for nobody."""
    there.receivers[0].about["mode"] = "full_stop"  # as the receiver signs it
    there.caches, there.cached = True, (b'{"mode": "full_stop"}', 200, {"X-Agent-Kill-Answer": "v2=" + "0" * 64})
    with pytest.raises(AdapterError, match="signed with another secret"):
        await there.adapter().observe()


async def a_late_relaxation_loses(there: Way) -> None:
    """A stop of another writer between the look and the loosening call wins, though the mode was the same before."""
    bot, line = there.adapter(), there.adapter()
    await cut(bot)

    async def gate(_changes: tuple[Change, ...]) -> bool:
        await cut(line)
        return True

    with pytest.raises(Overtaken, match="read it again"):
        await bot.relax(to=Mode.NORMAL, expect="t", token="u", undo=UNDO, gate=gate)
    assert (await line.observe()).mode is Mode.FULL_STOP
    await bot.relax(to=Mode.NORMAL, expect="t", token="u", undo=UNDO, gate=_yes)
    assert (await line.observe()).mode is Mode.NORMAL


async def a_milder_cut_never_loosens(there: Way) -> None:
    """A full stop that comes between the look and the call of a read_only cut stays, and is told as held."""
    bot, line = there.adapter(), there.adapter()
    look = bot._get

    async def slow() -> object:
        found = await look()
        await cut(line)
        return found

    bot._get = slow  # type: ignore[method-assign,assignment]  # the other writer acts in between
    assert await cut(bot, Mode.READ_ONLY) is Mode.FULL_STOP
    assert there.receivers[0].mode == "full_stop"


async def an_own_call_that_was_lost_is_no_failure(there: Way) -> None:
    """A loosening whose answer was lost is sent again; its own first try is no stranger."""
    adapter = there.adapter()
    await cut(adapter)
    found = await adapter._get()
    assert found
    body = b'{"mode": "normal"}'
    first = Request(SECRET.encode(), "POST", body, generation=found.generation)
    assert there.receivers[0]("POST", first.headers(), body)[1] == 200
    now = await adapter._loosened(Mode.NORMAL, found)
    assert now is not None
    assert now.mode is Mode.NORMAL


async def what_would_be_lost_is_refused_harder(there: Way) -> None:
    """A receiver that tells a generation and parks nothing is held as read_only, and it is said why."""
    adapter = there.adapter()
    seen = await adapter.observe()
    assert seen.enforceable == {Mode.READ_ONLY, Mode.FULL_STOP}
    assert "tells no `parked`" in seen.why
    assert await cut(adapter, Mode.DRAFT_ONLY) is Mode.READ_ONLY
    assert (await adapter.observe()).mode is Mode.READ_ONLY
    assert await there.adapter().preflight() == ()
    assert any("`parked`" in one for one in await there.adapter(parks=True).preflight())
    with pytest.raises(AdapterError, match="there are no drafts"):
        await there.adapter(parks=True).list()


CHECKS = (
    a_cached_answer_is_refused,
    an_unsigned_answer_is_refused,
    a_forged_answer_is_refused,
    a_late_relaxation_loses,
    a_milder_cut_never_loosens,
    an_own_call_that_was_lost_is_no_failure,
    what_would_be_lost_is_refused_harder,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_adapter_minds_it(check: Callable[[Way], Awaitable[None]], tmp_path: Path) -> None:
    """As the check says."""
    async with way(tmp_path) as there:
        await check(there)


def _believes(self: Request, answer: object, *, name: str) -> None:
    """Any signature, or none, will do."""
    del self, answer, name


def _any_nonce(self: Request, answer: object) -> bool:
    """A signature is one that looks like it."""
    del self, answer
    return True


def _generation_of_now(self: HttpControl, target: Mode, _found: object) -> Awaitable[object]:
    """Looks again right before the call, whatever the gate was asked about."""

    async def loosened() -> object:
        now = await self._get()
        assert now
        return (await self._post(target, generation=now.generation))[1]

    return loosened()


DEFECTS = {
    "an unsigned answer": (Request, "check", _believes, an_unsigned_answer_is_refused),
    "an answer to another nonce": (Request, "_signed", _any_nonce, a_cached_answer_is_refused),
    "a forged answer": (Request, "_signed", _any_nonce, a_forged_answer_is_refused),
    "a generation that nobody approved": (HttpControl, "_loosened", _generation_of_now, a_late_relaxation_loses),
}


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_broken_adapter_is_seen(defect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check that is for it fails on it."""
    owner, name, wrong, check = DEFECTS[defect]
    monkeypatch.setattr(owner, name, wrong)
    async with way(tmp_path) as there:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await check(there)


async def test_replicas_behind_one_address_are_found(tmp_path: Path) -> None:
    """One that was not given the last cut and claims it makes the surface unknown; a looser one is believed at once."""
    async with way(tmp_path, 2) as there:
        adapter = there.adapter()
        await cut(adapter)
        assert (await adapter.observe()).mode is Mode.FULL_STOP
        there.turn += 1
        assert (await adapter.observe()).mode is Mode.NORMAL
        there.receivers[1].mode = "full_stop"
        with pytest.raises(AdapterError, match="is answered by 1, and 0 took the last cut"):
            await adapter.observe()
        await cut(adapter)
        assert (await adapter.observe()).mode is Mode.FULL_STOP
