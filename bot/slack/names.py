"""What people are called, as Slack last told it: for those who read reports. Nothing is decided by a name."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.domain.policy import Group
from bot.slack import cache_file

KEY = "names"  # in the roster's file


def name_of(user: Mapping[str, object]) -> str:
    """The full name, else the one that they chose; empty where the record has none.

    https://docs.slack.dev/reference/objects/user-object: a display name may be empty.
    """
    profile = user.get("profile")
    parts = profile if isinstance(profile, Mapping) else {}
    found = (parts.get("real_name"), user.get("real_name"), parts.get("display_name"), user.get("name"))
    return next((name for name in found if isinstance(name, str) and name.strip()), "")


def read_names(path: Path) -> dict[str, str]:
    """Names by id, as they were last kept in the roster's file; empty where nothing was."""
    return thaw(cache_file.load(path))


def thaw(kept: Mapping[str, object]) -> dict[str, str]:
    """Reads the file of another day."""
    names = kept.get(KEY)
    return {str(one): str(name) for one, name in names.items()} if isinstance(names, dict) else {}


def handles(groups: Iterable[Group]) -> dict[str, str]:
    """What user groups are called, by id."""
    return {group.id: f"@{group.handle}" for group in groups if group.handle}
