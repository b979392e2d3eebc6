"""Reads user groups from Slack: https://docs.slack.dev/reference/methods/usergroups.list."""

from collections.abc import Mapping, Sequence

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.policy import Group, GroupState, Roster, group_name

_Row = Mapping[str, object]


async def read_groups(client: AsyncWebClient, names: Sequence[str], before: Roster) -> tuple[Group, ...]:
    """Reads the groups of those ids or handles, one for each name.

    A group that is empty, disabled or gone keeps the members that `before` knows. Raises what the client raises.
    """
    if not names:
        return ()
    answer = await client.usergroups_list(include_disabled=True, include_users=True)
    listed = answer.get("usergroups")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return tuple([await _read(client, name, rows, before.group(name)) for name in dict.fromkeys(names)])


async def _read(client: AsyncWebClient, name: str, rows: Sequence[_Row], before: Group) -> Group:
    wanted = group_name(name)
    row = next((row for row in rows if wanted in {row.get("id"), row.get("handle")}), None)
    if row is None:
        handle = before.handle or wanted
        return Group(id=before.id, handle=handle, members=before.members, state=GroupState.MISSING)
    group_id, handle = str(row.get("id")), str(row.get("handle") or "")
    if row.get("date_delete"):
        return Group(id=group_id, handle=handle, members=before.members, state=GroupState.DISABLED)
    members = await _members(client, group_id, row)
    if not members:
        return Group(id=group_id, handle=handle, members=before.members, state=GroupState.EMPTY)
    return Group(id=group_id, handle=handle, members=members)


async def _members(client: AsyncWebClient, group_id: str, row: _Row) -> frozenset[str]:
    """The list that came with the group, where it is whole; else the group's own list."""
    users = row.get("users")
    if isinstance(users, list) and str(len(users)) == str(row.get("user_count", len(users))):
        return frozenset(map(str, users))
    answer = await client.usergroups_users_list(usergroup=group_id)
    users = answer.get("users")
    return frozenset(map(str, users)) if isinstance(users, list) else frozenset()
