"""Where a line was typed, with the names that count there; indexed once per configuration."""

from collections.abc import Callable

from bot.domain.board import Board
from bot.domain.commands import Here
from bot.domain.model import Configuration
from bot.domain.names import Names


class Places:
    """Makes the `Here` of a channel in microseconds."""

    def __init__(self, configuration: Callable[[], Configuration], board: Board) -> None:
        self._configuration = configuration
        self._board = board
        self._names: tuple[Configuration, Names] | None = None

    def here(self, channel: str | None) -> Here:
        """The place of a line."""
        configuration = self._configuration()
        if self._names is None or self._names[0] is not configuration:
            self._names = (configuration, Names(configuration.agents))
        holds = self._board.hold_events.keys()
        return Here(channel=channel, configuration=configuration, names=self._names[1], holds=holds)
