"""The simulator in a thread and event loop of its own, so that a busy bot in the same process cannot slow it down."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from bot.sandbox.manifest import Manifest
from bot.sandbox.simulator import Simulator

Result = TypeVar("Result")


class BackgroundSimulator:
    """A `Simulator` beside the caller's event loop.

    Read `simulator`'s state from anywhere; *do* things through `run`, `call` or `arun`, which carry them over to the
    simulator's own loop.

    Args:
        manifest: as for `Simulator`.
        settings: as for `Simulator`.
    """

    def __init__(self, manifest: Manifest | Mapping[str, Any], **settings: Any) -> None:
        self.simulator = Simulator(manifest, **settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slack-sandbox", daemon=True)

    def run(self, work: Coroutine[Any, Any, Result], timeout: float = 30.0) -> Result:
        """Runs a coroutine in the simulator's loop and waits for its result, from a caller without a loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def arun(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine in the simulator's loop and awaits its result, from another loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def call(self, action: Callable[[], Result]) -> Result:
        """Runs a plain function (a reaction, an admin's edit) in the simulator's loop."""

        async def wrapped() -> Result:
            return action()

        return self.run(wrapped())

    def __enter__(self) -> Self:
        """Listens."""
        self._thread.start()
        self.run(self.simulator.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the server, the loop and the thread."""
        self.run(self.simulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
