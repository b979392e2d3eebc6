"""What administrators and owners do to the workspace, with the events that follow."""

from bot.sandbox.channels import Channel
from bot.sandbox.desk import Desk
from bot.sandbox.messages import Message
from bot.sandbox.people import User
from bot.sandbox.usergroups import UserGroup

ADMIN = "U0ADMIN"


class Admin:
    """The workspace's administrator."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # User groups ---------------------------------------------------------------------------------------------------
    def set_members(self, group: str, people: list[str]) -> UserGroup:
        """Gives a user group exactly these people (`subteam_members_changed` and `subteam_updated`)."""
        found, after = self._group(group), [self._user(key).id for key in people]
        added = [user for user in after if user not in found.users]
        removed = [user for user in found.users if user not in after]
        before = found.updated
        found.users, found.updated = after, max(int(self._desk.workspace.clock.now()), before + 1)
        self._desk.events.members_changed(found, before=before, added=added, removed=removed)
        self._desk.events.group_updated(found)
        return found

    def add_to_group(self, group: str, person: str) -> UserGroup:
        """Adds one person to a user group."""
        here = self._group(group).users
        return self.set_members(group, [*here, *({self._user(person).id} - set(here))])

    def remove_from_group(self, group: str, person: str) -> UserGroup:
        """Takes one person out of a user group."""
        gone = self._user(person).id
        return self.set_members(group, [user for user in self._group(group).users if user != gone])

    def disable_group(self, group: str) -> UserGroup:
        """Disables a user group (`subteam_updated`)."""
        return self._switch(group, int(self._desk.workspace.clock.now()))

    def enable_group(self, group: str) -> UserGroup:
        """Enables a user group (`subteam_updated`)."""
        return self._switch(group, 0)

    def _switch(self, group: str, deleted_at: int) -> UserGroup:
        found = self._group(group)
        found.deleted_at = deleted_at
        found.updated = max(int(self._desk.workspace.clock.now()), found.updated + 1)
        self._desk.events.group_updated(found)
        return found

    # People --------------------------------------------------------------------------------------------------------
    def deactivate(self, person: str) -> User:
        """Deactivates an account (`user_change`)."""
        user = self._user(person)
        user.deleted = True
        self._desk.events.user_changed(user)
        return user

    def make_guest(self, person: str) -> User:
        """Turns a member into a guest (`user_change`)."""
        user = self._user(person)
        user.restricted = True
        self._desk.events.user_changed(user)
        return user

    # Channels and messages -----------------------------------------------------------------------------------------
    def archive(self, channel: str) -> Channel:
        """Archives a channel (`channel_archive`)."""
        return self._archive(channel, archived=True)

    def unarchive(self, channel: str) -> Channel:
        """Brings a channel back (`channel_unarchive`)."""
        return self._archive(channel, archived=False)

    def _archive(self, channel: str, *, archived: bool) -> Channel:
        found = self._channel(channel)
        found.archived = archived
        self._desk.workspace.changed("channel", found)
        self._desk.events.archived(found, ADMIN, archived=archived)
        return found

    def kick_bot(self, channel: str) -> Channel:
        """Removes the bot from a channel (`member_left_channel`)."""
        found = self._channel(channel)
        self._desk.events.member_left(self._desk.workspace.app.bot_user, found)
        found.members.remove(self._desk.workspace.app.bot_user)
        return found

    def invite_bot(self, channel: str) -> Channel:
        """Adds the bot to a channel."""
        found = self._channel(channel)
        if self._desk.workspace.app.bot_user not in found.members:
            found.members.append(self._desk.workspace.app.bot_user)
        return found

    def restrict(self, channel: str, error: str | None = "restricted_action") -> Channel:
        """Makes posting to a channel meet this error, or no error again."""
        found = self._channel(channel)
        found.restriction = error
        return found

    def delete_message(self, message: Message) -> None:
        """Deletes anybody's message (`message_deleted`)."""
        self._desk.delete(message)

    # The app -------------------------------------------------------------------------------------------------------
    def take_scope(self, scope: str) -> None:
        """Takes a scope from the bot token, as an installation of an older manifest would."""
        self._desk.granted = self._desk.granted - {scope}

    def give_scope(self, scope: str) -> None:
        """Gives it back."""
        self._desk.granted = self._desk.granted | {scope}

    def _group(self, key: str) -> UserGroup:
        found = self._desk.workspace.group(key)
        if found is None:
            raise LookupError(f"there is no user group {key}")
        return found

    def _user(self, key: str) -> User:
        found = self._desk.workspace.user(key)
        if found is None:
            raise LookupError(f"there is nobody called {key}")
        return found

    def _channel(self, key: str) -> Channel:
        found = self._desk.workspace.channel(key)
        if found is None:
            raise LookupError(f"there is no channel {key}")
        return found
