"""Who and where: users, user groups, conversations, the team, and the token itself."""

import base64
from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.desk import Desk
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Json
from bot.sandbox.usergroups import UserGroup

PAGE = 100
MOST = 1000


def api_test(desk: Desk, args: Arguments) -> Json:
    """api.test: an echo."""
    del desk
    echoed = {name: value for name, value in args.items() if name != "token"}
    if code := args.text("error"):
        raise SlackError(code, args=echoed)
    return {"ok": True} | ({"args": echoed} if echoed else {})


def auth_test(desk: Desk, args: Arguments) -> Json:
    """auth.test, for a bot token."""
    del args
    app = desk.workspace.app
    return {
        "ok": True,
        "url": f"https://{app.domain}.slack.com/",
        "team": app.team_name,
        "user": app.bot_name,
        "team_id": app.team_id,
        "user_id": app.bot_user,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(desk: Desk, args: Arguments) -> Json:
    """apps.connections.open."""
    del args
    return {"ok": True, "url": desk.socket.open(desk.host)}


def users_info(desk: Desk, args: Arguments) -> Json:
    """users.info."""
    user = next((u for u in desk.workspace.people.values() if u.id == args.text("user")), None)
    if user is None:
        raise SlackError("user_not_found")
    shown = user.as_json()
    return {"ok": True, "user": shown | ({"locale": "en-US"} if args.flag("include_locale") else {})}


def _paid(desk: Desk) -> None:
    if not desk.workspace.paid:
        raise SlackError("plan_upgrade_required")


def usergroups_list(desk: Desk, args: Arguments) -> Json:
    """usergroups.list."""
    _paid(desk)
    groups = [g for g in desk.workspace.groups.values() if not g.disabled or args.flag("include_disabled")]
    return {"ok": True, "usergroups": [_shown(group, args, desk.workspace.app.team_id) for group in groups]}


def _shown(group: UserGroup, args: Arguments, team: str) -> Json:
    shown = group.as_json(team)
    if args.flag("include_users"):
        shown["users"] = list(group.users)
    if args.flag("include_count") or args.flag("include_users"):
        shown["user_count"] = str(len(group.users))  # a string in the documented sample
    return shown


def usergroups_users_list(desk: Desk, args: Arguments) -> Json:
    """usergroups.users.list; of a disabled group it lists nobody unless `include_disabled` is set."""
    _paid(desk)
    group = next((g for g in desk.workspace.groups.values() if g.id == args.text("usergroup")), None)
    if group is None:
        raise SlackError("no_such_subteam")
    hidden = group.disabled and not args.flag("include_disabled")
    return {"ok": True, "users": [] if hidden else list(group.users)}


def conversations_info(desk: Desk, args: Arguments) -> Json:
    """conversations.info."""
    channel = desk.visible_channel(_channel_id(args))
    desk.require_scope(channel.read_scope)
    shown = channel.as_json(desk.workspace.app)
    return {"ok": True, "channel": shown | _count(args, len(channel.members))}


def _channel_id(args: Arguments) -> str:
    # Unlike chat.postMessage, these methods take no names.
    key = args.text("channel")
    return key if key.startswith(("C", "D", "G")) else ""


def _count(args: Arguments, number: int) -> Json:
    return {"num_members": number} if args.flag("include_num_members") else {}


def conversations_members(desk: Desk, args: Arguments) -> Json:
    """conversations.members, in pages."""
    channel = desk.visible_channel(_channel_id(args))
    desk.require_scope(channel.read_scope)
    limit, start = args.whole("limit", PAGE), _offset(args.text("cursor"))
    if not 0 < limit <= MOST:
        raise SlackError("invalid_limit")
    page = channel.members[start : start + limit]
    more = start + limit < len(channel.members)
    return {"ok": True, "members": page, "response_metadata": {"next_cursor": _cursor(start + limit) if more else ""}}


def _cursor(offset: int) -> str:
    return base64.b64encode(f"offset:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("offset:"))
    except ValueError:
        raise SlackError("invalid_cursor") from None


def conversations_open(desk: Desk, args: Arguments) -> Json:
    """conversations.open, for a direct message with one person."""
    if args.text("channel"):
        channel = desk.visible_channel(args.text("channel"))
    else:
        channel = desk.workspace.direct_message(_partner(desk, args.text("users")))
    if not channel.im_user:
        raise SlackError("method_not_supported_for_channel_type")
    shown = channel.as_json(desk.workspace.app) if args.flag("return_im") else {"id": channel.id}
    return {"ok": True, "channel": shown}


def _partner(desk: Desk, users: str) -> str:
    if not users:
        raise SlackError("users_list_not_supplied")
    if "," in users:
        raise SlackError("method_not_supported_for_channel_type")  # group messages are not modelled
    user = next((u for u in desk.workspace.people.values() if u.id == users), None)
    if user is None:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    desk.require_scope("im:write")
    return user.id


def team_info(desk: Desk, args: Arguments) -> Json:
    """team.info."""
    app = desk.workspace.app
    if args.text("team") not in ("", app.team_id):
        raise SlackError("team_not_found")
    team = {"id": app.team_id, "name": app.team_name, "domain": app.domain, "email_domain": "example.com"}
    return {"ok": True, "team": team | {"icon": {"image_default": True}}}


HANDLERS: dict[str, Any] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "apps.connections.open": connections_open,
    "users.info": users_info,
    "usergroups.list": usergroups_list,
    "usergroups.users.list": usergroups_users_list,
    "conversations.info": conversations_info,
    "conversations.members": conversations_members,
    "conversations.open": conversations_open,
    "team.info": team_info,
}
