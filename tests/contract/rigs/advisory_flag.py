"""An agent that asks for its flags before every step, for the suite: the most obedient one that there can be."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from aiohttp import ClientError, ClientSession
from pydantic import SecretStr

from adapters.advisory_flag import AdvisoryFlag, AdvisoryFlagConfig, Flags
from adapters.base import Adapter, Mode, Shared
from adapters.conformance import Session, Stopped
from bot.sandbox.servers import HOST, free_port
from tests.contract.flag_program import ADMIN, CLIENT, PRODUCTION
from tests.contract.flag_server import FlagServer
from tests.contract.rigs.running import Running

_NUMBERS: Iterator[int] = itertools.count(1)


@dataclass
class AgentSession:
    """An agent that does a step only where its flag, and those of stricter modes, are on."""

    there: "FlagRig"
    begun: bool = False

    async def act(self, mode: Mode) -> None:
        """Asks, and acts at once."""
        on = await self.there.on()
        if any(flag not in on for one, flag in self.there.flags.items() if one >= mode):
            raise Stopped(str(mode))
        self.there.done += 1

    async def begin(self) -> None:
        """Work for which it asked before it began."""
        await self.act(Mode.READ_ONLY)
        self.there.done -= 1

    async def finish(self) -> None:
        """It asks no more."""
        self.there.done += 1

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class FlagRig:
    """The suite's rig: four flags of one agent."""

    lacks: ClassVar[Mapping[str, str]] = {
        "reload": "a flag server has no configuration that flags are read from",
        "unarmed": "a token may change a project's flags or may not, and one that may not is refused",
        "rotate": "the agent's own token is none of the flags, and no cut touches it",
        "exhaust": "a flag server that takes no further call answers 503 or not at all, which is unreachable",
        "work": "a flag carries no work: what the agent has begun is told as unseen",
        "parked": "a flag is advice: what the agent makes of it is seen by nobody, and no mode of it counts",
    }

    server: FlagServer
    client: ClientSession
    flags: dict[Mode, str] = field(default_factory=dict)
    done: int = 0

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """Without a canary, which the kind has not."""
        return self.made(shared=shared)

    def made(
        self,
        *,
        shared: Shared | None = None,
        port: int = 0,
        token: str = ADMIN,
        flags: Mapping[Mode, str] | None = None,
        environment: str = PRODUCTION,
    ) -> AdvisoryFlag:
        """The same, with more to say."""
        named = {str(mode): flag for mode, flag in (flags or self.flags).items()}
        return AdvisoryFlag(
            config=AdvisoryFlagConfig(
                url=f"http://{HOST}:{port or self.server.port}",
                token=SecretStr(token),
                environment=environment,
                flags=Flags.model_validate(named),
            ),
            canary=None,
            shared=shared or Shared(),
        )

    def mistyped(self, name: str = "nobody-acts") -> Adapter:
        """A flag that does not exist."""
        return self.made(flags={Mode.FULL_STOP: name})

    def intruder(self) -> Adapter:
        """A token that the server does not know."""
        return self.made(token="wrong")

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port."""
        return self.made(port=port)

    async def session(self) -> Session:
        """The agent."""
        return AgentSession(self)

    async def effects(self) -> int:
        """What the agent did, whatever the flags say."""
        return self.done

    async def authority(self) -> object:
        """The flags as an administrator sees them."""
        return [await self.call("GET", flag) for flag in self.flags.values()]

    async def on(self) -> set[str]:
        """The flags that are on, as a client asks."""
        try:
            async with self.client.get(
                f"http://{HOST}:{self.server.port}/api/frontend", headers={"Authorization": CLIENT}
            ) as reply:
                return {flag["name"] for flag in (await reply.json())["toggles"]}
        except (ClientError, OSError) as error:
            raise Stopped(str(error)) from error

    async def call(self, method: str, flag: str = "", *more: str, body: object = None) -> object:
        """As the administrator."""
        address = "/".join((f"http://{HOST}:{self.server.port}/api/admin/projects/default/features", flag, *more))
        async with self.client.request(
            method, address.rstrip("/"), headers={"Authorization": ADMIN}, json=body
        ) as reply:
            assert reply.status < 300, await reply.text()
            return await reply.json() if reply.content_type == "application/json" else None

    async def held(self, *, held: bool) -> None:
        """Whether switching on waits."""
        async with self.client.post(f"http://{HOST}:{self.server.port}/held/{'yes' if held else 'no'}") as reply:
            assert reply.status == 200

    async def put(self, flag: str, to: str) -> None:
        """Switches one in production, by hand."""
        await self.call("POST", flag, "environments", PRODUCTION, to)

    async def loosen(self) -> None:
        """All on."""
        for flag in self.flags.values():
            await self.put(flag, "on")

    async def narrow(self) -> None:
        """Its owner lets it do nothing unattended, nor write."""
        await self.put(self.flags[Mode.APPROVAL_GATED], "off")
        await self.put(self.flags[Mode.READ_ONLY], "off")

    async def meddle(self) -> None:
        """Another description."""
        await self.call("PATCH", self.flags[Mode.READ_ONLY], body={"description": "meddled"})

    async def meddled(self) -> bool:
        """Whether it stands."""
        return "meddled" in str(await self.call("GET", self.flags[Mode.READ_ONLY]))

    async def floor(self) -> None:
        """One call by hand."""
        await self.put(self.flags[Mode.FULL_STOP], "off")

    async def freeze(self) -> None:
        """Stops the server in its tracks."""
        self.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port."""
        await asyncio.to_thread(self.server.restart)


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[FlagRig]:
    """Four fresh flags, all on."""
    async with ClientSession() as client:
        rig = FlagRig(servers.flags, client)
        number = next(_NUMBERS)
        rig.flags = {mode: f"agent{number}-{mode}" for mode in sorted(Mode, reverse=True) if mode is not Mode.NORMAL}
        for flag in rig.flags.values():
            await rig.call("POST", body={"name": flag, "type": "permission"})
        await rig.loosen()
        yield rig
