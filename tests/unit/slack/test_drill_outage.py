"""Does an outage of Slack that a drill rehearses stay inside the bot, and end with the drill?"""

from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.blocks.message import message, section
from bot.slack.client import Later, SlackApi

SAID = message("x", [section("x")])


async def test_nothing_is_sent_and_everything_is_to_be_tried_again() -> None:
    """No call leaves the process, and none is of unknown outcome: there is no server behind this client."""
    async with ClientSession() as session:
        api = SlackApi(session, AsyncWebClient(token="x", base_url="http://127.0.0.1:9/", session=session))
        api.refused = lambda: "rehearsed"
        assert await api.post("C1", SAID) == Later("rehearsed")
        assert await api.update("C1", "1.0", SAID) == Later("rehearsed")
        api.refused = str
        answer = await api.post("C1", SAID)
        assert isinstance(answer, Later)
        assert answer.why != "rehearsed"
