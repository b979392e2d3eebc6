"""The app under test, as the workspace knows it: its ids, tokens and secret."""

import random
import uuid
from dataclasses import dataclass

from bot.sandbox.people import TEAM


@dataclass(frozen=True, slots=True)
class Identity:
    """The installed app. The values are made up and open nothing."""

    team_id: str = TEAM
    team_name: str = "Sandbox"
    domain: str = "sandbox"
    app_id: str = "A0SANDBOX"
    bot_id: str = "B0SANDBOX"
    bot_user: str = "U0BOT"
    bot_name: str = "agent_kill"
    bot_token: str = "xoxb-0000000000-sandbox-bot-token"  # noqa: S105  # opens nothing
    app_token: str = "xapp-1-A0SANDBOX-0000000000-sandbox"  # noqa: S105  # opens nothing
    signing_secret: str = "5a4d0b0c1e2f30415263748596a7b8c9"  # noqa: S105  # opens nothing
    verification_token: str = "sandboxVerificationToken"  # noqa: S105  # opens nothing


class Ids:
    """Makes ids that look like Slack's and come out the same in every run."""

    def __init__(self, seed: int = 7) -> None:
        self._dice = random.Random(seed)  # noqa: S311  # ids of a simulation, nothing to guess
        self._counter = 0

    def next(self, prefix: str) -> str:
        """An id such as `F00000001A2B`."""
        self._counter += 1
        return f"{prefix}{self._counter:06X}{self._dice.randrange(16**4):04X}"

    def envelope(self) -> str:
        """An id in the form of an UUID, as Socket Mode's envelopes carry."""
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def trigger(self) -> str:
        """A trigger id in the documented form `132456.7890123.abcdef`."""
        self._counter += 1
        return f"{self._counter + 10**12}.{self._dice.randrange(10**12)}.{self._dice.getrandbits(128):032x}"

    def secret(self) -> str:
        """Twenty-four characters for an address that nobody should guess."""
        return f"{self._dice.getrandbits(96):024x}"
