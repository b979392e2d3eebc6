"""How the demo is ended: in good order, by every way to ask for it."""

import asyncio
import signal


def ends_on_signals() -> None:
    """SIGINT, SIGTERM and a closed terminal cancel the calling task, once; what comes later cannot disturb the end.

    SIGINT is taken by name: a shell without a terminal starts programs beside it with SIGINT ignored, and Python leaves
    it so.
    """
    task = asyncio.current_task()
    asked: list[int] = []

    def end(number: int) -> None:
        if task is not None and not asked:
            task.cancel()
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
