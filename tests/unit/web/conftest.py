"""A public listener on a free loopback port, over a stop path that only writes down what it was asked."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from adapters.base import Mode, SurfaceClass
from bot.domain.plan import Plan, Scope
from bot.domain.report import Known
from bot.service.ports import Receipt, StopOrder
from bot.web.listener import Listener
from bot.web.public import build_public
from bot.web.signed import CALLER, SIGNATURE, sign

SECRET = "a secret of a monitor"
KNOWN = {
    "billing/ledger": Known(surface_class=SurfaceClass.DATABASE),
    "billing/queue": Known(surface_class=SurfaceClass.QUEUE),
    "support/mail": Known(surface_class=SurfaceClass.API),
}


@dataclass
class Watch:
    """A clock whose wall time tests set."""

    at: float = 1_800_000_000.0

    def now(self) -> float:
        """Unix time in seconds."""
        return self.at

    def monotonic(self) -> float:
        """Seconds."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Moves the time."""
        self.at += seconds


@dataclass
class Asked:
    """The stop path's port: keeps the orders, or fails as it is told."""

    orders: list[StopOrder] = field(default_factory=list)
    recorded: bool = True
    error: Exception | None = None

    def plan(self, mode: Mode, scope: Scope) -> Plan:
        """An empty plan."""
        return Plan(mode=mode, scope=scope, lines=())

    async def stop(self, order: StopOrder) -> Receipt:
        """Keeps the order."""
        if self.error:
            raise self.error
        self.orders.append(order)
        return Receipt(incident="inc-1", hold="hold-1", plan=self.plan(order.mode, order.scope), recorded=self.recorded)


@dataclass
class Door:
    """What a test holds in its hands."""

    url: str
    session: aiohttp.ClientSession
    asked: Asked
    watch: Watch

    async def post(self, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        """A signed call, its headers replaced by what is given; returns the status and the JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = {CALLER: "pager", SIGNATURE: sign(SECRET, raw, self.watch.at)}
        signed.update({name.replace("_", "-"): value for name, value in headers.items()})
        async with self.session.post(f"{self.url}/v1/stop", data=raw, headers=signed) as answer:
            return answer.status, await answer.json()


Opened = Callable[..., Awaitable[Door]]


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncIterator[Opened]:
    """Opens a public listener; one that is opened again in the same test finds the same state folder."""
    started: list[Listener] = []
    async with aiohttp.ClientSession() as session:

        async def start(
            asked: Asked | None = None, watch: Watch | None = None, app: web.Application | None = None, **limits: float
        ) -> Door:
            asked, watch = asked or Asked(), watch or Watch()
            app = app or build_public(
                slack_events=None,
                stops=asked,
                known=lambda: KNOWN,
                callers={"pager": SecretStr(SECRET)},
                clock=watch,
                state_dir=tmp_path,
                channel=lambda: "C0INCIDENT",
            )
            started.append(Listener(app, "127.0.0.1", 0, **limits))  # type: ignore[arg-type]  # patience and most
            port = await started[-1].start()
            return Door(url=f"http://127.0.0.1:{port}", session=session, asked=asked, watch=watch)

        yield start
    for listener in started:
        await listener.stop()


@pytest.fixture
async def door(open_door: Opened) -> Door:
    """One public listener."""
    return await open_door()
