"""The Web API methods that the simulator has, with their arguments, scopes and rate limits.

Read from the reference pages of docs.slack.dev (`/reference/methods/<name>`): arguments, required scopes of a bot
token, whether a JSON body is understood, and the rate limit tier.
"""

from dataclasses import dataclass
from typing import Literal

Caller = Literal["none", "any", "bot", "app"]
TIER_1, TIER_2, TIER_3, TIER_4, SPECIAL = 1, 20, 50, 100, 600
"""Calls a minute. "Special" methods allow hundreds; chat.postMessage has its own bucket per channel."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the Web API.

    Attributes:
        per_minute: what its tier allows.
        json: whether a JSON body is read; where not, Slack ignores it and misses the arguments.
        scopes: the token needs one of these; empty where none is asked for.
        caller: which kind of token it takes.
    """

    name: str
    per_minute: int
    json: bool
    scopes: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    caller: Caller = "bot"

    @property
    def known(self) -> frozenset[str]:
        """Every argument that the documentation names."""
        return frozenset((*self.required, *self.optional, "token"))


def _method(
    name: str,
    per_minute: int,
    *,
    needs: str = "",
    may: str = "",
    scope: str = "",
    json: bool = True,
    caller: Caller = "bot",
) -> Method:
    return Method(name, per_minute, json, tuple(scope.split()), tuple(needs.split()), tuple(may.split()), caller)


_CONVERSATION_READ = "channels:read groups:read im:read mpim:read"
_CONVERSATION_WRITE = "channels:manage groups:write im:write mpim:write"
_LOOK = "as_user attachments blocks link_names markdown_text metadata parse text"
_AUTHOR = "icon_emoji icon_url username"
_POST = "mrkdwn reply_broadcast thread_ts unfurl_links unfurl_media current_draft_last_updated_ts"

_ALL = (
    _method("api.test", TIER_4, may="error foo", caller="none"),  # foo is the page's own example argument
    _method("auth.test", SPECIAL, caller="any"),
    _method("apps.connections.open", TIER_3, caller="app"),
    _method(
        "chat.postMessage",
        SPECIAL,
        needs="channel",
        may=f"{_LOOK} {_AUTHOR} {_POST}",
        scope="chat:write",
    ),
    _method(
        "chat.update",
        TIER_3,
        needs="channel ts",
        may=f"{_LOOK} unfurled_attachments reply_broadcast file_ids",
        scope="chat:write",
    ),
    _method("chat.postEphemeral", TIER_4, needs="channel user", may=f"{_LOOK} {_AUTHOR} thread_ts", scope="chat:write"),
    _method("chat.getPermalink", SPECIAL, needs="channel message_ts", json=False),
    _method("chat.delete", TIER_3, needs="channel ts", may="as_user", scope="chat:write"),
    _method("reactions.add", TIER_3, needs="channel name timestamp", scope="reactions:write"),
    _method(
        "reactions.remove", TIER_2, needs="name", may="channel timestamp file file_comment", scope="reactions:write"
    ),
    _method(
        "reactions.get", TIER_3, may="channel timestamp file file_comment full", scope="reactions:read", json=False
    ),
    _method(
        "usergroups.list",
        TIER_2,
        may="include_count include_disabled include_users team_id",
        scope="usergroups:read",
        json=False,
    ),
    _method(
        "usergroups.users.list",
        TIER_2,
        needs="usergroup",
        may="include_disabled team_id",
        scope="usergroups:read",
        json=False,
    ),
    _method("users.info", TIER_4, needs="user", may="include_locale", scope="users:read", json=False),
    _method(
        "conversations.info",
        TIER_3,
        needs="channel",
        may="include_locale include_num_members",
        scope=_CONVERSATION_READ,
        json=False,
    ),
    _method("conversations.members", TIER_4, needs="channel", may="cursor limit", scope=_CONVERSATION_READ, json=False),
    _method("conversations.open", TIER_3, may="channel return_im users prevent_creation", scope=_CONVERSATION_WRITE),
    _method(
        "files.getUploadURLExternal",
        TIER_4,
        needs="filename length",
        may="snippet_type alt_txt",
        scope="files:write",
        json=False,
    ),
    _method(
        "files.completeUploadExternal",
        TIER_4,
        needs="files",
        may=f"channel_id thread_ts channels initial_comment blocks {_AUTHOR}",
        scope="files:write",
    ),
    _method("pins.add", TIER_2, needs="channel", may="timestamp", scope="pins:write"),
    _method("views.open", TIER_4, needs="view", may="trigger_id interactivity_pointer"),
    _method("views.update", TIER_4, needs="view", may="view_id external_id hash"),
    _method("views.publish", TIER_4, needs="user_id view", may="hash interactivity_pointer"),
    _method("team.info", TIER_3, may="domain team", scope="team:read"),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
