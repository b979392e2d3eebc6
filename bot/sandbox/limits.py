"""The limits of Block Kit, per block and element.

From docs.slack.dev/reference/block-kit (blocks, block-elements, composition-objects). `msg_blocks_too_long` is not
documented: apps measured it near 13,200 characters of blocks; here it is the length of the blocks' compact JSON, the
strictest reading of those measurements.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from bot.sandbox.errors import SlackError
from bot.sandbox.shapes import Check, Shape, anything, array, boolean, by_type, shape, string

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
BLOCKS_TOO_LONG = 13_200
MARKDOWN_TOTAL = 12_000
TEXT_TRUNCATED = 40_000
UPDATE_TEXT = 4_000
VIEW_BYTES = 250_000

_ID = string(255)
_KIND = string(64)
_URL = string(3000, shortest=1)


def text(longest: int, *kinds: str) -> Check:
    """A text object; `kinds` are the types that may stand here."""
    return shape(
        "type text",
        type=string(16, among=kinds or ("plain_text", "mrkdwn")),
        text=string(longest, shortest=1),
        emoji=boolean,
        verbatim=boolean,
    )


def _plain(longest: int) -> Check:
    return text(longest, "plain_text")


_CONFIRM = shape(
    "title text confirm deny",
    title=_plain(100),
    text=text(300),
    confirm=_plain(30),
    deny=_plain(30),
    style=string(16, among=("primary", "danger")),
)
_OPTION = shape("text value", text=text(75), value=string(150, shortest=1), description=text(75), url=_URL)
_GROUP = shape("label options", label=_plain(75), options=array(_OPTION, 100))


def _element(kind_required: str = "", /, **fields: Check) -> Shape:
    return shape(
        f"type {kind_required}",
        type=_KIND,
        action_id=_ID,
        confirm=_CONFIRM,
        focus_on_load=boolean,
        placeholder=_plain(150),
        **fields,
    )


_BUTTON = shape(
    "type text",
    type=_KIND,
    text=_plain(75),
    action_id=_ID,
    url=_URL,
    value=string(2000),
    style=string(16, among=("primary", "danger")),
    confirm=_CONFIRM,
    accessibility_label=string(75),
)
_IMAGE = shape(
    "type alt_text", type=_KIND, image_url=_URL, slack_file=anything, alt_text=string(2000, shortest=1), block_id=_ID
)
_SELECT = {"options": array(_OPTION, 100), "option_groups": array(_GROUP, 100), "initial_option": anything}
_MULTI = {"max_selected_items": anything}
_TEXT_INPUT = {
    "multiline": boolean,
    "min_length": anything,
    "max_length": anything,
    "dispatch_action_config": anything,
    "initial_value": string(3000),
}

ELEMENTS: dict[str, Check] = {
    "button": _BUTTON,
    "image": _IMAGE,
    "static_select": _element(**_SELECT),
    "multi_static_select": _element(**_SELECT, **_MULTI, initial_options=anything),
    "external_select": _element(min_query_length=anything, initial_option=anything),
    "users_select": _element(initial_user=_ID),
    "multi_users_select": _element(**_MULTI, initial_users=anything),
    "conversations_select": _element(
        initial_conversation=_ID, default_to_current_conversation=boolean, response_url_enabled=boolean, filter=anything
    ),
    "channels_select": _element(initial_channel=_ID, response_url_enabled=boolean),
    "overflow": shape("type options", type=_KIND, action_id=_ID, options=array(_OPTION, 5), confirm=_CONFIRM),
    "datepicker": _element(initial_date=string(10)),
    "timepicker": _element(initial_time=string(5), timezone=string(64)),
    "datetimepicker": _element(initial_date_time=anything),
    "checkboxes": _element("options", options=array(_OPTION, 10), initial_options=anything),
    "radio_buttons": _element("options", options=array(_OPTION, 10), initial_option=anything),
    "plain_text_input": _element(**_TEXT_INPUT),
    "email_text_input": _element(**_TEXT_INPUT),
    "url_text_input": _element(**_TEXT_INPUT),
    "number_input": _element(
        "is_decimal_allowed", is_decimal_allowed=boolean, min_value=anything, max_value=anything, initial_value=_ID
    ),
}
_INPUT_ONLY = ("plain_text_input", "email_text_input", "url_text_input", "number_input")


def _pick(*names: str) -> dict[str, Check]:
    return {name: ELEMENTS[name] for name in names}


_ACCESSORIES = {name: check for name, check in ELEMENTS.items() if name not in _INPUT_ONLY}
_ACTIONS = {name: check for name, check in _ACCESSORIES.items() if name != "image"}
_INPUTS = {name: check for name, check in ELEMENTS.items() if name not in {"button", "image", "overflow"}}
_CONTEXT = {
    "image": ELEMENTS["image"],
    "mrkdwn": text(3000, "mrkdwn"),
    "plain_text": text(3000, "plain_text"),
}


def _block(required: str = "", /, **fields: Check) -> Shape:
    return shape(f"type {required}", type=_KIND, block_id=_ID, **fields)


_SECTION = _block(
    text=text(3000),
    fields=array(text(2000), 10),
    accessory=by_type(lambda: _ACCESSORIES, "unsupported type"),
    expand=boolean,
)


def _section(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, dict) and not value.get("text") and not value.get("fields"):
        yield f"must define either `text` or `fields` [json-pointer:{pointer}]"
    yield from _SECTION(value, pointer)


_ACTION_BLOCK = _block("elements", elements=array(by_type(lambda: _ACTIONS, "unsupported type"), 25))


def _actions(value: Any, pointer: str) -> Iterator[str]:
    yield from _ACTION_BLOCK(value, pointer)
    ids = [e["action_id"] for e in value.get("elements") or () if isinstance(e, dict) and e.get("action_id")]
    for double in sorted({name for name in ids if ids.count(name) > 1}):
        yield f"`action_id` `{double}` already exists for block [json-pointer:{pointer}/elements]"


BLOCKS: dict[str, Check] = {
    "section": _section,
    "actions": _actions,
    "header": _block("text", text=_plain(150), level=anything),
    "context": _block("elements", elements=array(by_type(lambda: _CONTEXT, "unsupported type"), 10)),
    "divider": _block(),
    "image": _block(
        "alt_text",
        image_url=_URL,
        slack_file=anything,
        alt_text=string(2000, shortest=1),
        title=_plain(2000),
    ),
    "input": _block(
        "label element",
        label=_plain(2000),
        element=by_type(lambda: _INPUTS, "unsupported type"),
        dispatch_action=boolean,
        hint=_plain(2000),
        optional=boolean,
    ),
    "rich_text": _block("elements", elements=array(anything, 1000, least=0)),
    "markdown": _block("text", text=string(MARKDOWN_TOTAL, shortest=1)),
    "table": _block("rows", rows=array(array(anything, 20), 100), column_settings=array(anything, 20)),
}
_ANY_BLOCK = by_type(lambda: BLOCKS, "unsupported type")


def complaints(blocks: Any, *, most: int = MESSAGE_BLOCKS, root: str = "/blocks") -> list[str]:
    """Everything that Slack would object to in these blocks, each with its JSON pointer."""
    found = list(array(_ANY_BLOCK, most, least=0)(blocks, root))
    return found or [*_doubles(blocks, root), *_sums(blocks, root)]


def _doubles(blocks: Iterable[dict[str, Any]], root: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name and name in seen:
            yield f"`block_id` already exists for block: {name} [json-pointer:{root}/{index}/block_id]"
        seen.add(name or "")


def _sums(blocks: list[dict[str, Any]], root: str) -> Iterator[str]:
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_TOTAL:
        yield f"markdown blocks must be less than {MARKDOWN_TOTAL + 1} characters together [json-pointer:{root}]"
    if sum(block["type"] == "table" for block in blocks) > 1:
        yield f"only_one_table_allowed [json-pointer:{root}]"


def check_message_blocks(blocks: Any) -> None:
    """Refuses blocks that a message cannot carry.

    Raises:
        SlackError: `invalid_blocks` with the list of complaints, or `msg_blocks_too_long`.
    """
    if found := complaints(blocks):
        messages = [f"[ERROR] {line}" for line in found]
        raise SlackError("invalid_blocks", errors=found, response_metadata={"messages": messages})
    if len(json.dumps(blocks, separators=(",", ":"), ensure_ascii=False)) > BLOCKS_TOO_LONG:
        raise SlackError("msg_blocks_too_long")


_VIEW = {
    "type": _KIND,
    "blocks": anything,
    "callback_id": _ID,
    "private_metadata": string(3000),
    "external_id": _ID,
}
_MODAL = shape(
    "type title blocks",
    **_VIEW,
    title=_plain(24),
    submit=_plain(24),
    close=_plain(24),
    clear_on_close=boolean,
    notify_on_close=boolean,
    submit_disabled=boolean,
)
_HOME = shape("type blocks", **_VIEW)


def view_complaints(view: Any, kind: str) -> list[str]:
    """Everything that Slack would object to in this view of the given kind (`modal` or `home`)."""
    if not isinstance(view, dict) or view.get("type") != kind:
        return [f"view must be an object of type {kind} [json-pointer:/view/type]"]
    found = list((_MODAL if kind == "modal" else _HOME)(view, "/view"))
    found += complaints(view.get("blocks") or [], most=VIEW_BLOCKS, root="/view/blocks")
    if any(b.get("type") == "input" for b in view.get("blocks") or ()) and kind == "modal" and not view.get("submit"):
        found.append("missing required field: submit [json-pointer:/view]")
    return found
