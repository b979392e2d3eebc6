"""Are blocks refused where Block Kit refuses them?"""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import check_message_blocks, complaints

Json = dict[str, Any]


def _text(length: int, kind: str = "mrkdwn") -> Json:
    return {"type": kind, "text": "x" * length}


def _button(**fields: Any) -> Json:
    return {"type": "button", "action_id": "a", "text": _text(5, "plain_text"), **fields}


def _actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


_CONFIRM = {part: _text(5, "plain_text") for part in ("title", "text", "confirm", "deny")}
AT_THE_LIMIT: list[list[Json]] = [
    [{"type": "divider"}] * 50,
    [{"type": "section", "text": _text(3000), "block_id": "b" * 255}],
    [{"type": "section", "fields": [_text(1000)] * 10}],
    [{"type": "header", "text": _text(150, "plain_text")}],
    [{"type": "context", "elements": [_text(5)] * 10}],
    [_actions(*(_button(action_id=str(n)) for n in range(25)))],
    [_actions(_button(text=_text(75, "plain_text"), value="v" * 2000, style="danger", confirm=_CONFIRM))],
    [{"type": "markdown", "text": "x" * 12_000}],
    [{"type": "section", "text": _text(5), "accessory": {"type": "image", "image_url": "https://a", "alt_text": "a"}}],
]
BEYOND: list[tuple[list[Json], str]] = [
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    (
        [{"type": "section", "text": _text(3001)}],
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    ([{"type": "section", "text": _text(0)}], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    ([{"type": "section", "fields": [_text(1)] * 11}], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (
        [{"type": "section", "fields": [_text(2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (
        [{"type": "header", "text": _text(151, "plain_text")}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    ([{"type": "header", "text": _text(5)}], "must be one of plain_text [json-pointer:/blocks/0/text/type]"),
    (
        [{"type": "context", "elements": [_text(1)] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    ([{"type": "context", "elements": [_button()]}], "unsupported type: button [json-pointer:/blocks/0/elements/0]"),
    (
        [_actions(*(_button(action_id=str(n)) for n in range(26)))],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        [_actions(_button(text=_text(76, "plain_text")))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    (
        [_actions(_button(value="v" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        [_actions(_button(style="warning"))],
        "must be one of primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        [_actions(_button(confirm=_CONFIRM | {"title": _text(101, "plain_text")}))],
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    ([_actions(_button(colour="red"))], "invalid additional property: colour [json-pointer:/blocks/0/elements/0]"),
    ([_actions(_button(), _button())], "`action_id` `a` already exists for block [json-pointer:/blocks/0/elements]"),
    (
        [{"type": "divider", "block_id": "d"}] * 2,
        "`block_id` already exists for block: d [json-pointer:/blocks/1/block_id]",
    ),
    ([{"type": "poem"}], "unsupported type: poem [json-pointer:/blocks/0]"),
]


@pytest.mark.parametrize("blocks", AT_THE_LIMIT)
def test_at_the_limit(blocks: list[Json]) -> None:
    """What just fits is taken."""
    assert complaints(blocks) == []


@pytest.mark.parametrize(("blocks", "complaint"), BEYOND)
def test_beyond_the_limit(blocks: list[Json], complaint: str) -> None:
    """What does not fit is named with its JSON pointer."""
    assert complaints(blocks) == [complaint]


def test_all_blocks_together() -> None:
    """Blocks that fit one by one may be too long together."""
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_message_blocks([{"type": "section", "text": _text(3000)}] * 5)


async def test_answer_of_the_method(client: AsyncWebClient) -> None:
    """invalid_blocks lists its complaints as Slack does."""
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0INCIDENT", text="x", blocks=[{"type": "section", "text": _text(3001)}])
    complaint = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert refused.value.response["errors"] == [complaint]
    assert refused.value.response["response_metadata"]["messages"] == [f"[ERROR] {complaint}"]
