"""How the demo is ended: in good order, by every way to ask for it."""

import asyncio
import os
import signal
import stat


def ends_on_signals() -> None:
    """SIGINT, SIGTERM and a closed terminal cancel the calling task, once; what comes later cannot disturb the end.

    SIGINT is taken by name: a shell without a terminal starts programs beside it with SIGINT ignored, and Python leaves
    it so.
    """
    task = asyncio.current_task()
    asked: list[int] = []

    def end(number: int) -> None:
        if number == signal.SIGHUP:
            _say_nothing_more()
        if task is not None and not asked:
            task.cancel()
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)


def _say_nothing_more() -> None:
    """A terminal that was closed takes no more words: a write to it would be an error in the middle of the clean-up."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, not a file
        for stream in (1, 2):
            if stat.S_ISCHR(os.fstat(stream).st_mode):  # a terminal that hung up no longer says that it is one
                os.dup2(nowhere.fileno(), stream)
