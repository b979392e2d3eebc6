"""Slack as the people left it: reactions per ballot, the group, who is what. Everything that is read is remembered."""

import asyncio
import random
from dataclasses import dataclass, field

from bot.domain import events
from bot.domain.ballot import Reading
from bot.domain.policy import Group, Kind, Roster
from bot.service.ports import Gone

VOTERS = ("U1", "U2", "U3", "U4", "U5")
PROPOSER, OWNER, AGENT = "U0ONCALL", "U0OWNER", "U0AGENT"
NO_SAY = {"U9GUEST": Kind.GUEST, "U9BOT": Kind.BOT, "U9ELSE": Kind.STRANGER, "U9GONE": Kind.DEACTIVATED}
FOR = ("+1", "+1::skin-tone-3", "thumbsup", "white_check_mark")
VETO = ("-1", "x", "no_entry::skin-tone-2")
NEITHER = ("heavy_check_mark", "+1::skin-tone-9", "plus1", "eyes")


@dataclass(frozen=True)
class Looked:
    """One reading that came back: when, of what, and what was true of the people then."""

    at: float
    reactions: dict[str, frozenset[str]]
    members: frozenset[str]
    whole: bool

    def approve(self) -> set[str]:
        """Who is for it and has a say by membership and kind, by this module's own rules."""
        return self._say(FOR) & self.able() - self.veto()

    def veto(self) -> set[str]:
        """Who is against it and has a say."""
        return self._say(VETO) & self.able()

    def able(self) -> frozenset[str]:
        """Members of the group who are full members of the workspace and neither proposer, owner nor agent."""
        return self.members - {PROPOSER, OWNER, AGENT} - set(NO_SAY)

    def _say(self, names: tuple[str, ...]) -> set[str]:
        return {user for name in names for user in self.reactions.get(name, ())}


@dataclass
class Slack:
    """The people. It outlives every process."""

    rng: random.Random
    members: set[str] = field(default_factory=lambda: {*VOTERS})
    reactions: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    silent: bool = False
    slow: bool = False
    cut_short: bool = False
    gone: set[str] = field(default_factory=set)

    def react(self, ballot: str, name: str, user: str) -> None:
        """One reaction more."""
        self.reactions.setdefault(ballot, {}).setdefault(name, set()).add(user)

    def take_back(self, ballot: str, user: str) -> None:
        """All of one person's are gone."""
        for users in self.reactions.get(ballot, {}).values():
            users.discard(user)

    async def answer(self) -> None:
        """The way there and back."""
        if self.slow:
            await asyncio.sleep(self.rng.choice([0.0, 0.3, 3.0]))


class Box:
    """The ballot box of one process; remembers by ballot what it read."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.looked: dict[str, list[Looked]] = {}
        self._last: dict[object, tuple[str, dict[str, frozenset[str]]]] = {}  # by task

    async def read(self, opened: events.BallotOpened) -> Reading | Gone | None:
        """What stands on the ballot now."""
        await self._slack.answer()
        if self._slack.silent:
            return None
        if opened.ballot in self._slack.gone:
            return Gone("the message was deleted")
        now = {name: frozenset(users) for name, users in self._slack.reactions.get(opened.ballot, {}).items()}
        self._last[asyncio.current_task()] = (opened.ballot, now)
        return Reading(users=now, complete=not self._slack.cut_short)

    async def roster(self) -> Roster | None:
        """The people of the group now."""
        short = self._slack.cut_short
        await self._slack.answer()
        if self._slack.silent:
            return None
        members = frozenset(self._slack.members)
        ballot, reactions = self._last.pop(asyncio.current_task(), ("", {}))
        looked = Looked(asyncio.get_running_loop().time(), reactions, members, not short)
        self.looked.setdefault(ballot, []).append(looked)
        people = dict.fromkeys((*members, *VOTERS, PROPOSER, OWNER, AGENT), Kind.MEMBER) | NO_SAY
        return Roster(groups=(Group(id="S0RESTORE", members=members),), people=people, read_at=0.0)

    async def unfit(self, channel: str) -> str:  # noqa: ARG002  # as the port
        """Nobody else reads it here."""
        return ""

    def wake(self, ballot: str) -> None:
        """Nobody looks at the message here."""

    def refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:
        """Nobody reads it here."""
