"""NOT ARMED in the incident channel: one message for everything that changed."""

from collections.abc import Callable, Mapping, Sequence

from bot.domain.armed import is_part
from bot.domain.model import Configuration
from bot.service.armed_news import Line, Said
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, context, listing, message, section
from bot.slack.client import Answer, Later, Sent, SlackApi
from bot.slack.limits import escape

_ROOM = 5000  # characters for each list
_WRITTEN = 250  # lines that are made; what is beyond them would never fit, and is only counted
_WHY = 300
_MORE = "see `/agent-status`"


class ArmedPost:
    """Posts to the incident channel, else to the audit channel: that of a channel which is gone must be told too.

    Args:
        api: Slack.
        configuration: yields the current one.
    """

    def __init__(self, api: SlackApi, configuration: Callable[[], Configuration]) -> None:
        self._api, self._configuration = api, configuration

    async def __call__(self, lines: Sequence[Line]) -> Said | str:
        """Posts the lines; answers where, or why not."""
        configuration = self._configuration()
        workspace = configuration.workspace
        owners = {agent.id: agent.owner for agent in configuration.agents if agent.owner}
        said, why = bulletin(lines, owners), "no channel is configured: set workspace.incident_channel"
        for channel in filter(None, (workspace.incident_channel, workspace.audit_channel)):
            answer: Answer = await self._api.post(channel, said)
            if isinstance(answer, Sent):
                return Said(channel, answer.ts)
            if isinstance(answer, Later):
                return answer.why
            why = f"{channel}: {answer.code}"
        return why


def bulletin(lines: Sequence[Line], owners: Mapping[str, str]) -> Message:
    """The message. `owners` are Slack user ids by agent."""
    lost = [line for line in lines if not line.armed and not is_part(line.subject)]
    parts = [line for line in lines if not line.armed and is_part(line.subject)]
    back = [line for line in lines if line.armed]
    said = "; ".join(filter(None, (_lost(lost), _parts(parts), _back(back))))
    blocks: list[Block | None] = [section(f"{_emoji(lost, parts)} *{said}*")]
    for found in (lost, parts, back):
        rows = [_line(line, owners) for line in found[:_WRITTEN]] + [""] * len(found[_WRITTEN:])
        blocks += listing(rows, room=_ROOM, more=_MORE) if found else []
    if lost or parts:
        blocks.append(context("A stop is tried all the same. Said once; `/agent-status` has what is so now."))
    return message(said, blocks)


def _emoji(lost: Sequence[Line], parts: Sequence[Line]) -> str:
    return ":warning:" if lost or parts else ":white_check_mark:"


def _lost(found: Sequence[Line]) -> str:
    return f"NOT ARMED: {wording.plural(len(found), 'surface')} could not be cut now" if found else ""


def _parts(found: Sequence[Line]) -> str:
    return f"NOT ARMED: {wording.plural(len(found), 'part')} of the switch itself" if found else ""


def _back(found: Sequence[Line]) -> str:
    return f"armed again: {len(found):,}" if found else ""


def _line(line: Line, owners: Mapping[str, str]) -> str:
    name = wording.name(line.subject)
    if line.gone:
        return f"• {name} is not configured any more"
    if line.armed:
        since = (
            f" (NOT ARMED since {wording.minute(line.since)}, which could not be told)"
            if line.late and line.since
            else ""
        )
        return f"• {name} is armed again{since}"
    owner = owners.get(line.subject.partition("/")[0]) if not is_part(line.subject) else None
    called = f" {wording.user(owner)}" if owner else ""
    step = f" Next: {escape(line.next, _WHY)}" if line.next else ""
    return f"• {name}{called}: {escape(line.why, _WHY)}.{step}"
