"""Everything together: the company, the simulated workspace, the ordinary bot between them, and the witness."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.sandbox.channels import Channel
from bot.sandbox.demo import configuration, slack_text
from bot.sandbox.demo.background import background
from bot.sandbox.demo.cast import FIRST, LATER, Agent
from bot.sandbox.demo.child import Child, Ended, last_lines, python
from bot.sandbox.demo.estate import Estate
from bot.sandbox.demo.product import Product
from bot.sandbox.demo.witness import Witness
from bot.sandbox.manifest import Manifest, shipped
from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator

MANIFEST = shipped()
_WRITTEN = 10.0  # seconds that files may go on to appear in the folder
_NAMED = 0.3  # seconds between two looks at what runs
SUPPORT = Channel("C0SUPPORT", "support")


class Scene:
    """The demo's world. Leaving it stops every process that it started.

    Args:
        bot_command: what stands for `agent-kill`; empty for the one that is installed here.

    Attributes:
        keep_logs: whether leaving keeps the folder; the databases go in any case.
    """

    def __init__(self, *, bot_command: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="agent-kill-demo-"))
        self.folder.chmod(0o711)  # PostgreSQL runs as another user where we are root, and must reach its own folder
        self.keep_logs = False
        self._bot_command = bot_command
        self._stack = AsyncExitStack()
        self.estate = Estate(self.folder)
        self.simulator = Simulator(Manifest.load(MANIFEST))
        self.witness = Witness(self.estate)
        self.product = Product(self.folder, {}, bot_command)

    async def __aenter__(self) -> Self:
        """Nothing runs yet but the warden: see the `start_…` methods."""
        self._stack.callback(self._remove)
        warden = Child(python("bot.sandbox.demo.warden"), log=self.folder / "warden.log", listen=False)
        self._stack.push_async_callback(warden.stop)
        await warden.start()
        await self._stack.enter_async_context(background(lambda: self._name_all(warden), "warden"))
        self._stack.push_async_callback(self.estate.stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops everything, last started first."""
        await self._stack.aclose()

    async def _name_all(self, warden: Child) -> None:
        """Tells the warden what must not outlive this process, whenever that changed."""
        named: list[int] = []
        while True:
            pids = self.estate.pids() + ([self.product.pid] if self.product.running else [])
            if pids != named:
                named = pids
                await warden.tell({"folder": str(self.folder), "pids": pids})
            await asyncio.sleep(_NAMED)

    async def start_company(self) -> None:
        """Real servers, guards, and the first agents at work. Raises `ServerError`, `Ended`."""
        await self.estate.start_servers()
        await asyncio.gather(self.estate.start_guards(), self._prepare_ledger())
        self._stack.push_async_callback(self.witness.close)
        await self.witness.open()
        await self.estate.employ(FIRST)

    async def _prepare_ledger(self) -> None:
        """The bot's own tables, whatever stands for the bot; it would run without them, and say so. Raises `Ended`."""
        said = await Product(self.folder, self._variables()).run("db", "upgrade")
        if said.code:
            raise Ended(f"`agent-kill db upgrade` ended with {said.code}: {last_lines(self.folder / 'db.log')}")

    def _variables(self) -> dict[str, str]:
        return {"AGENT_KILL_DATABASE_URL": self.estate.ledger}

    async def start_slack(self) -> None:
        """The simulated workspace, with a channel for the support agent."""
        everybody = list(self.simulator.channel("incident").members)
        self.simulator.workspace.add_channel(SUPPORT.name, Channel(SUPPORT.id, SUPPORT.name, members=everybody))
        self._stack.push_async_callback(self.simulator.stop)
        await self.simulator.start()

    async def start_bot(self) -> None:
        """`agent-kill serve` with an ordinary configuration; Slack sees when it is there."""
        variables = configuration.secrets(self.estate) | self.simulator.environment | self._variables()
        self.product = Product(self.folder, variables, self._bot_command)
        self.configure(FIRST)
        self._stack.push_async_callback(self.product.stop)
        await self.product.start()

    def configure(self, agents: Sequence[Agent]) -> None:
        """Writes the bot's configuration file."""
        self.product.configuration.write_text(configuration.text(agents, self.estate), encoding="utf-8")

    async def grow(self) -> None:
        """The other agents go to work, and into the bot's configuration. Raises `Ended`."""
        await self.estate.employ(LATER)
        self.configure((*FIRST, *LATER))
        self.product.reload()

    def journal(self) -> str:
        """What the bot has on disk, as text; empty while there is nothing."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.product.state.glob("journal/*.jsonl")))

    # What Slack shows ------------------------------------------------------------------------------------------------
    def parent(self, incident: str) -> Message | None:
        """The parent message of an incident."""
        rooms = self.simulator.workspace.channels.values()
        found = (message for room in rooms for message in room.parents() if message.bot_id)
        return next((message for message in found if incident in " ".join(self.lines(message))), None)

    def thread(self, incident: str) -> list[Message]:
        """The parent and its replies, oldest first; empty where there is no parent yet."""
        parent = self.parent(incident)
        return self.simulator.channel(parent.channel).thread(parent.ts) if parent else []

    def read(self, incident: str) -> str:
        """The whole thread as one text."""
        return "\n".join(line for message in self.thread(incident) for line in self.lines(message))

    def lines(self, message: Message) -> list[str]:
        """One message as text."""
        return slack_text.shown(message, self.simulator.workspace)

    def _remove(self) -> None:
        if not self.keep_logs:
            end = time.monotonic() + _WRITTEN
            while self.folder.exists() and time.monotonic() < end:  # a server that was being made may still write there
                shutil.rmtree(self.folder, ignore_errors=True)
                time.sleep(_NAMED if self.folder.exists() else 0.0)
            return
        for server in (self.estate.postgres, self.estate.valkey):  # their logs stay, their data is worth nothing
            shutil.rmtree(server.folder / "data", ignore_errors=True)
