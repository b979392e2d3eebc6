"""The simulated workspace as the page shows it, as plain JSON."""

from typing import Any

from bot.sandbox.messages import Ephemeral, Json, Message
from bot.sandbox.people import User
from bot.sandbox.reactions import listed
from bot.sandbox.simulator import Simulator
from bot.sandbox.views import View

CAST = ("oncall", "approver1", "approver2", "approver3", "owner", "intruder", "guest", "agent")
CHANNELS = {
    "incident": "Where the agents are stopped; everything is confirmed in the thread",
    "audit": "Checkpoints of the audit, once a day",
    "general": "Everybody",
}
"""By name: the topic. The page shows these."""
_PREVIEW = 20_000  # characters of a file
_PNG = b"\x89PNG\r\n\x1a\n"  # with which every one begins


def slack_state(simulator: Simulator, manifest: Json) -> dict[str, Any]:
    """The part of the page's state that is Slack.

    Args:
        simulator: the workspace.
        manifest: the app's, for the words that Slack shows while somebody types a command.
    """
    rooms = [simulator.channel(name) for name in CHANNELS]
    workspace = simulator.workspace
    return {
        "people": [_person(key, simulator) for key in CAST],
        "bot_user": workspace.app.bot_user,
        "groups": [{"id": one.id, "handle": one.handle, "name": one.name} for one in workspace.groups.values()],
        "channels": [{"id": room.id, "name": room.name, "topic": CHANNELS[room.name]} for room in rooms],
        "commands": commands(manifest),
        "shortcuts": shortcuts(manifest),
        "messages": [_message(one, simulator) for room in rooms for one in room.messages if not one.deleted],
        "ephemerals": [_ephemeral(one) for room in rooms for one in room.ephemerals if not one.deleted],
        "views": [_view(view, simulator) for view in _open(simulator)],
    }


def commands(manifest: Json) -> list[dict[str, str]]:
    """Slash commands with what Slack says of them."""
    found = manifest.get("features", {}).get("slash_commands", ())
    names = {"command": "command", "hint": "usage_hint", "description": "description"}
    return [{key: str(one.get(name, "")) for key, name in names.items()} for one in found]


def shortcuts(manifest: Json) -> list[dict[str, str]]:
    """The shortcuts in a message's menu."""
    found = manifest.get("features", {}).get("shortcuts", ())
    return [{"name": one["name"], "callback_id": one["callback_id"]} for one in found if one["type"] == "message"]


def _person(key: str, simulator: Simulator) -> dict[str, str]:
    user = simulator.person(key).user
    return {"key": key, "id": user.id, "name": user.real_name, **_standing(key, user, simulator)}


def _standing(key: str, user: User, simulator: Simulator) -> dict[str, str]:
    """What somebody is in this company, and what the demo's policy allows them."""
    groups = simulator.workspace.groups
    if key == "agent":
        return {"role": "the agent itself", "allowed": "never counted, whatever it types"}
    if user.restricted or user.ultra_restricted:
        return {"role": "guest", "allowed": "may not stop"}
    if user.id in groups["oncall"].users:
        return {"role": "on call", "allowed": "may stop"}
    if user.id in groups["restorers"].users:
        role = "owner" if key == "owner" else "approver"
        return {"role": role, "allowed": "may vote on giving authority back"}
    return {"role": "in no group", "allowed": "may not stop"}


def _message(message: Message, simulator: Simulator) -> dict[str, Any]:
    workspace = simulator.workspace
    user = workspace.user(message.user)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "name": "Agent Kill" if message.bot_id else user.real_name if user else message.user,
        "bot": bool(message.bot_id),
        "text": message.text,
        "blocks": message.blocks,
        "reactions": [{"name": one["name"], "users": one["users"]} for one in listed(message)],
        "files": [_file(one, simulator) for one in message.files],
        "edited": bool(message.edited),
        "at": float(message.ts),
    }


def _file(shown: Json, simulator: Simulator) -> dict[str, str]:
    """A picture is fetched by its address; of every other file the page shows the beginning."""
    name = str(shown.get("id"))
    title = str(shown.get("title") or shown.get("name") or "")
    if picture(simulator, name):
        return {"id": name, "title": title, "picture": f"/api/picture/{name}"}
    found = simulator.workspace.files.get(name)
    content = found.content if found and found.content else b""
    return {"id": name, "title": title, "text": content.decode("utf-8", "replace")[:_PREVIEW]}


def picture(simulator: Simulator, name: str) -> bytes:
    """The bytes of an uploaded PNG; empty where that file is none."""
    found = simulator.workspace.files.get(name)
    content = found.content if found and found.content else b""
    return content if content.startswith(_PNG) else b""


def _ephemeral(one: Ephemeral) -> dict[str, Any]:
    return {
        "id": one.ts,
        "user": one.user,
        "channel": one.channel,
        "thread_ts": one.thread_ts,
        "text": one.text,
        "blocks": one.blocks,
        "at": float(one.ts),
    }


def _open(simulator: Simulator) -> list[View]:
    """Modals, the one on top last."""
    return [one for one in simulator.workspace.views.values() if one.open and one.body.get("type") == "modal"]


def _view(view: View, simulator: Simulator) -> dict[str, Any]:
    shown = view.as_json(simulator.workspace.app)
    return {"id": view.id, "user": view.user, "view": shown, "errors": view.errors or {}}
