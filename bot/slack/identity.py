"""Who the bot itself is in Slack, remembered on disk, so that no command ever waits for `auth.test`."""

from dataclasses import dataclass
from pathlib import Path

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import cache_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The bot's own ids; all empty until `auth.test` was answered once."""

    team_id: str = ""
    enterprise_id: str = ""
    bot_id: str = ""
    user_id: str = ""


class IdentityCache:
    """Serves the last known identity at once and asks Slack only in the background."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kept = cache_file.load(path)
        self._identity = Identity(**{name: _text(kept.get(name)) for name in Identity.__slots__})

    def now(self) -> Identity:
        """The last known identity; never waits."""
        return self._identity

    async def refresh(self, client: AsyncWebClient) -> None:
        """Asks `auth.test`. Raises what the client raises; the last known identity then stays."""
        answer = await client.auth_test()
        self._identity = Identity(
            team_id=_text(answer.get("team_id")),
            enterprise_id=_text(answer.get("enterprise_id")),
            bot_id=_text(answer.get("bot_id")),
            user_id=_text(answer.get("user_id")),
        )
        cache_file.save(self._path, {name: getattr(self._identity, name) for name in Identity.__slots__})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
