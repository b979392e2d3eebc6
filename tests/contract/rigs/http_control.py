"""The reference receiver in a service, in a process of its own, for the suite."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from aiohttp import ClientSession

from adapters.base import Adapter, Change, Mode, Shared
from adapters.base.parked import Parked
from adapters.conformance import Session, Stopped
from tests.contract.http_rig import Rig
from tests.contract.rigs.http_plain import REFUSED, AgentSession, HttpRig
from tests.contract.rigs.running import Running

ACTIONS = {Mode.FULL_STOP: "read", Mode.READ_ONLY: "draft", Mode.APPROVAL_GATED: "write"}


@dataclass
class ParkedSession(AgentSession):
    """The agent's client at a service that parks."""

    decides: Parked | None = None

    async def act(self, mode: Mode) -> None:
        """As the kit says: what waits for a decision is released, a draft is not."""
        if mode is not Mode.DRAFT_ONLY:
            if await self.there.act(action=ACTIONS[mode]) == REFUSED:
                raise Stopped(ACTIONS[mode])
            return
        if (status := await self.there.act(action="ask")) == REFUSED:
            raise Stopped("ask")
        if status == 202:
            await self._approved()

    async def _approved(self) -> None:
        assert self.decides is not None
        last = (await self.decides.list()).items[-1]
        if not last.waits or not (await self.decides.release(draft=last.id, by="U0APPROVER", gate=_yes)).done:
            raise Stopped(f"{last.id} is kept, and waits for nobody's decision")


class ReceiverRig(HttpRig):
    """One target of the service."""

    lacks: ClassVar[Mapping[str, str]] = {name: why for name, why in HttpRig.lacks.items() if name != "parked"}

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """With all that the receiver offers."""
        return self.there.adapter(shared=shared, parks=True, signed_answers="required")

    def parking(self) -> Adapter:
        """It parks as it is."""
        return self.adapter()

    async def session(self) -> Session:
        """HTTP has no login: the session exists, and each call is judged."""
        decides = self.adapter()
        assert isinstance(decides, Parked)
        return ParkedSession(self.there, decides=decides)

    async def effects(self) -> int:
        """Lines of the service's own file."""
        return len(await self._all())

    async def propose(self, what: str) -> None:
        """A write under a name."""
        try:
            status = await self.there.act(action=what)
        except ValueError as error:  # bytes that are no text are no parameter of a call
            raise Stopped(str(error)) from error
        if status != 202:  # a line that is too long for HTTP
            raise Stopped(str(status))

    def shown(self, what: str) -> tuple[str, ...]:
        """The action and its one argument."""
        return "write", json.dumps({"what": what})

    async def done(self) -> Mapping[str, int]:
        """How often each write is in the file."""
        return Counter(await self._all())

    async def steal(self, draft: str) -> None:
        """Every verb, with the agent's own key in place of a signature."""
        headers = {"Authorization": "Bearer agent-key", "X-Agent-Kill-Signature": "t=1,v1=agent-key"}
        for verb in ("release", "drop"):
            asked = {"drafts": verb, "id": draft, "by": "U0AGENT"}
            async with self.there.client.post(self.there.url("control"), json=asked, headers=headers) as reply:
                if reply.status != 401:
                    return
        raise Stopped("401")

    async def _all(self) -> list[str]:
        return list(map(str, (await self.there.witness())["effects"]))  # type: ignore[call-overload]  # a list of JSON


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[ReceiverRig]:
    """A fresh target of the service."""
    async with ClientSession() as client:
        there = Rig(servers.services, client)
        try:
            yield ReceiverRig(there)
        finally:
            await there.close()
