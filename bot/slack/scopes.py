"""The scopes of `manifest.yml`, and what the bot cannot do without each; a test keeps the two together."""

from collections.abc import Iterable, Mapping

SCOPES: Mapping[str, str] = {
    "commands": "nobody can type a command",
    "channels:read": "nobody sees whether a channel is archived or shared with others",
    "chat:write": "no report can be posted",
    "files:write": "long reports come without their file",
    "groups:read": "nobody sees whether a private channel is archived or shared with others",
    "reactions:read": "no vote can be read",
    "usergroups:read": "the groups that may stop and restore cannot be read",
    "users:read": "nobody can tell people from bots and guests",
}


def lacking(granted: Iterable[str]) -> str:
    """What the bot token lacks, and what that costs; empty where it has everything."""
    given = frozenset(granted)
    missing = [f"{name} ({loss})" for name, loss in SCOPES.items() if name not in given]
    return f"the bot token lacks {', '.join(missing)}" if missing else ""
