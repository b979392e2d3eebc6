"""Posts a signed checkpoint to the audit channel."""

from bot.slack.blocks.message import context, message, section
from bot.slack.client import Refused, Sent, SlackApi
from bot.slack.limits import TEXT


class AuditPost:
    """What `Checkpoints` posts with; answers why Slack did not take it, or None."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    async def __call__(self, channel: str, note: str) -> str | None:
        """Posts the note as it is, so that it can be copied and verified; one that is too long by its first lines."""
        words = "*Checkpoint of the audit.* `agent-kill audit verify --anchors` compares the journals with this text."
        fence = f"```\n{note}```"
        if len(fence) > TEXT:
            fence = "The note names too many journals for a message: it is in `anchors.txt`."
        said = message("Checkpoint of the audit", [section(words), section(fence), context("Posted once a day.")])
        answer = await self._api.post(channel, said)
        if isinstance(answer, Sent):
            return None
        if isinstance(answer, Refused):
            return f"Slack answered {answer.code}; invite the bot to that channel"
        return answer.why
