"""The payloads of commands and interactions, field by field as in Slack's samples."""

from typing import Any

from bot.sandbox.channels import Channel
from bot.sandbox.messages import Ephemeral, Json, Message
from bot.sandbox.people import User
from bot.sandbox.workspace import Workspace


def slash(workspace: Workspace, user: User, channel: Channel, *, command: str, text: str, **addresses: str) -> Json:
    """A slash command; every value is a string, `addresses` are response_url and trigger_id."""
    app = workspace.app
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "team_domain": app.domain,
        "channel_id": channel.id,
        "channel_name": "privategroup" if channel.private and not channel.im_user else _name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": app.app_id,
        "is_enterprise_install": "false",
        **addresses,
    }


def _name(channel: Channel) -> str:
    return "directmessage" if channel.im_user else channel.name


def _interaction(workspace: Workspace, user: User, kind: str) -> Json:
    app = workspace.app
    return {
        "type": kind,
        "team": {"id": app.team_id, "domain": app.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": app.app_id,
        "token": app.verification_token,
    }


def block_actions(
    workspace: Workspace, user: User, channel: Channel, source: Message | Ephemeral, action: Json, **addresses: str
) -> Json:
    """A click in a message."""
    ephemeral = isinstance(source, Ephemeral)
    container: Json = {"type": "message", "message_ts": source.ts, "channel_id": channel.id, "is_ephemeral": ephemeral}
    if source.thread_ts:
        container["thread_ts"] = source.thread_ts
    payload = _interaction(workspace, user, "block_actions") | {
        "container": container,
        "channel": {"id": channel.id, "name": _name(channel)},
        "state": {"values": {}},
        "actions": [action | {"action_ts": workspace.next_ts()}],
        **addresses,
    }
    # Slack does not hand an ephemeral message back.
    return payload if isinstance(source, Ephemeral) else payload | {"message": workspace.as_json(source)}


def view_actions(workspace: Workspace, user: User, view: Json, action: Json, **addresses: str) -> Json:
    """A click in a modal or a home tab."""
    return _interaction(workspace, user, "block_actions") | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action | {"action_ts": workspace.next_ts()}],
        **addresses,
    }


def message_action(
    workspace: Workspace, user: User, channel: Channel, message: Message, *, callback_id: str, **addresses: str
) -> Json:
    """A message shortcut."""
    return _interaction(workspace, user, "message_action") | {
        "action_ts": workspace.next_ts(),
        "callback_id": callback_id,
        "message_ts": message.ts,
        "message": workspace.as_json(message),
        "channel": {"id": channel.id, "name": _name(channel)},
        **addresses,
    }


def shortcut(workspace: Workspace, user: User, *, callback_id: str, **addresses: str) -> Json:
    """A global shortcut."""
    extra = {"action_ts": workspace.next_ts(), "callback_id": callback_id}
    return _interaction(workspace, user, "shortcut") | extra | addresses


def view_submission(workspace: Workspace, user: User, view: Json, **addresses: str) -> Json:
    """A submitted modal."""
    return _interaction(workspace, user, "view_submission") | {"view": view, "response_urls": [], **addresses}


def view_closed(workspace: Workspace, user: User, view: Json, *, cleared: bool) -> Json:
    """A closed modal."""
    return _interaction(workspace, user, "view_closed") | {"view": view, "is_cleared": cleared}


def action_of(element: Json, block: Json, value: Any) -> Json:
    """The entry of `actions` for an element; `value` is the chosen option, date or text where the kind has one."""
    action = {k: element[k] for k in ("type", "action_id", "text", "value", "style", "confirm") if k in element}
    return action | {"block_id": block["block_id"]} | state_of(element["type"], element, value)


def state_of(kind: str, element: Json, value: Any) -> Json:
    """How a value of an element of this kind is told (docs.slack.dev/reference/interaction-payloads)."""
    if value is None or kind == "button":
        return {}
    if kind in {"static_select", "radio_buttons", "overflow", "external_select"}:
        return {"selected_option": _option(element, value)}
    if kind in {"checkboxes", "multi_static_select"}:
        return {"selected_options": [_option(element, each) for each in value]}
    names = {
        "users_select": "selected_user",
        "multi_users_select": "selected_users",
        "conversations_select": "selected_conversation",
        "channels_select": "selected_channel",
        "datepicker": "selected_date",
        "timepicker": "selected_time",
        "datetimepicker": "selected_date_time",
    }
    return {names.get(kind, "value"): value}


def _option(element: Json, value: str) -> Json:
    options = element.get("options") or [o for g in element.get("option_groups") or () for o in g["options"]]
    found: Json | None = next((o for o in options if o["value"] == value), None)
    if found is None:
        raise LookupError(
            f"{element.get('action_id')} offers no option {value}; it has {[o['value'] for o in options]}"
        )
    return found
