"""Bolt's `authorize`, without a call to Slack.

Bolt's own asks `auth.test` inside the first request, and answers it with an apology when Slack is unwell, so that the
first stop after a restart is lost: https://docs.slack.dev/tools/bolt-python/concepts/authorization
"""

from collections.abc import Awaitable, Callable

from slack_bolt.authorization import AuthorizeResult

from bot.slack.identity import IdentityCache

Authorize = Callable[[str | None, str | None], Awaitable[AuthorizeResult]]


def make_authorize(cache: IdentityCache, bot_token: str) -> Authorize:
    """Makes the function that Bolt calls for every request; the names of its arguments are Bolt's.

    Args:
        cache: the bot's own ids. While they are unknown, the ids of the request itself serve.
        bot_token: `SLACK_BOT_TOKEN`.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        known = cache.now()
        return AuthorizeResult(
            enterprise_id=known.enterprise_id or enterprise_id,
            team_id=known.team_id or team_id,
            bot_user_id=known.user_id or None,
            bot_id=known.bot_id or None,
            bot_token=bot_token,
        )

    return authorize
