"""Does the acceptance tests' workspace fail the test of an app that breaks Slack's rules?"""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.acceptance.sandbox_fixture import workspace
from tests.unit.sandbox.conftest import MANIFEST


async def test_violation_fails_the_test() -> None:
    """Leaving the workspace names every violation once."""
    with pytest.raises(pytest.fail.Exception, match=r"(?s)not allow:\n  team.info was answered missing_scope[^\n]*$"):  # noqa: PT012  # the failure comes from leaving the workspace
        async with workspace(MANIFEST) as sim:
            client = AsyncWebClient(token=sim.bot_token, base_url=sim.api_url)
            for _ in range(2):
                with pytest.raises(SlackApiError):
                    await client.team_info()


async def test_good_behaviour_passes() -> None:
    """Without a violation nothing happens."""
    async with workspace(MANIFEST) as sim:
        await AsyncWebClient(token=sim.bot_token, base_url=sim.api_url).auth_test()
