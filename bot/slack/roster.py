"""The roster: user groups and people as Slack last told them, served from memory, kept on disk, never waited for."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.electorate import FRESH
from bot.domain.model import Configuration
from bot.domain.policy import UNREAD, Group, GroupState, Kind, Roster, group_problems
from bot.service.ports import Clock
from bot.slack import cache_file, names
from bot.slack.groups import read_groups

_log = logging.getLogger(__name__)
POLL = (35.0, 55.0)  # seconds between reads of the groups, jittered; usergroups.list is Tier 2 (20 a minute)
LEAST = 3.0  # seconds between reads however many events come in
PERSON_AGE = 600.0  # seconds after which a person is read again
PEOPLE_A_ROUND = 40  # users.info is Tier 4 (100 a minute)
READS_A_MINUTE = 14  # of the groups for votes, which leaves the rest of Tier 2 to the polls
_SPARE = 8.0  # seconds that a read serves the next votes once there were so many
_PATIENCE = 12.0  # seconds that a vote waits for who may vote
_PERSON_VOTES = FRESH - _PATIENCE - 3.0  # seconds after which a voter is read again, so that none gets older than FRESH
_AT_ONCE = 8  # readings of people beside each other
_MINUTE = 60.0
_LONGEST = 120.0  # seconds of any single wait, whatever Retry-After says


class RosterCache:
    """Keeps a `Roster` fresh by events and polling; `snapshot` is synchronous and never waits.

    Args:
        client: of the bot's token; scopes usergroups:read and users:read.
        path: where the roster survives a restart.
        team: yields the bot's own team id, empty while unknown.
    """

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        path: Path,
        clock: Clock,
        configuration: Callable[[], Configuration],
        team: Callable[[], str] = str,
    ) -> None:
        self._client = client
        self._path = path
        self._clock = clock
        self._configuration = configuration
        self._team = team
        kept = cache_file.load(path)
        self._roster = _thaw(kept)
        self._names = names.thaw(kept)  # for people to read: nothing is decided by them
        self._people_at: dict[str, float] = {}
        self._unknown: set[str] = set()  # whom Slack does not know, or no longer
        self._groups_at = float("-inf")  # when the last read of the groups began
        self._reads: list[float] = []  # those for votes, of the last minute
        self._reading = asyncio.Lock()
        self._trouble = ""
        self._blocked = ""
        self._said: tuple[str, ...] = ()
        self._due = asyncio.Event()
        self._read = asyncio.Event()
        if self._roster.read_at is not None:
            self._read.set()

    def snapshot(self) -> Roster:
        """The last that is known."""
        return self._roster

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the groups of the policy, and why Slack could not be asked."""
        trouble = (f"the roster cannot be read from Slack: {self._trouble}",) if self._trouble else ()
        found = group_problems(self._roster, self._configuration())
        if self._trouble:  # it says why, and what to do: a guess beside it would mislead
            found = tuple(problem for problem in found if not problem.endswith(UNREAD))
        return (*trouble, *found)

    def blocked(self) -> str:
        """Why groups cannot be read until somebody mends it; empty where Slack may answer the next time."""
        return self._blocked

    def hint(self) -> None:
        """Something about the groups changed: reads them soon."""
        self._due.set()

    def see(self, user: Mapping[str, object]) -> None:
        """Takes a person's record as an event or `users.info` gave it."""
        name = user.get("id")
        if not isinstance(name, str):
            return
        kind, called = kind_of(user, self._team()), names.name_of(user)
        self._people_at[name] = self._clock.monotonic()
        self._unknown.discard(name)
        if self._roster.people.get(name) is not kind or self._names.get(name, "") != called:
            self._names[name] = called
            people = {**self._roster.people, name: kind}
            self._keep(Roster(groups=self._roster.groups, people=people, read_at=self._roster.read_at))

    async def first_read(self, seconds: float) -> None:
        """Waits until the groups were read for the first time ever, `seconds` at the most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._read.wait()

    async def look_up(self, user: str, seconds: float) -> None:
        """Reads one person now, to say why they are refused; gives up after `seconds` and never raises."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._person(user)

    async def fresh(self, beside: Collection[str] = ()) -> Roster | None:
        """The roster for a vote, read now: the groups that vote, and every one of their people within `FRESH`.

        None where Slack does not say: an older one decides nothing. While reads come faster than Slack's rate allows,
        one of the last few seconds serves. `beside` are those who reacted: they are known in any case, also where the
        people who may vote are more than Slack's rate lets anybody read within a minute.
        """
        try:
            async with asyncio.timeout(_PATIENCE), self._reading:
                for name in sorted(set(beside) - self._people_at.keys())[:_AT_ONCE]:
                    await self._person(name)
                return await self._read_fresh(frozenset(beside))
        except Exception as error:  # noqa: BLE001  # whatever it is: nobody votes on what is not known
            cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            _log.warning("who may vote on a restore cannot be read: %s", explain(cause))
            return None

    async def _read_fresh(self, reacted: frozenset[str]) -> Roster:
        now = self._clock.monotonic()
        self._reads = [at for at in self._reads if now - at < _MINUTE]
        spared = len(self._reads) >= READS_A_MINUTE and now - self._groups_at < _SPARE and not self._due.is_set()
        if not spared:
            self._reads.append(now)
            await self._read_groups()
        voters = self._voters()
        counts = voters & reacted if len(voters) > PEOPLE_A_ROUND else voters  # of many, those whose votes are counted
        due = [name for name in voters if self._age(name) > (_PERSON_VOTES if name in counts else PERSON_AGE)]
        few = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for name in sorted(due, key=lambda name: (name not in counts, name))[:PEOPLE_A_ROUND]:
                group.create_task(self._read_one_of(few, name))
        old = self._unknown | {name for name in counts if self._age(name) > FRESH}
        known = {name: kind for name, kind in self._roster.people.items() if name not in old}
        return Roster(groups=self._roster.groups, people=known, read_at=self._roster.read_at)

    def _age(self, name: str) -> float:
        """Seconds since somebody was last asked for."""
        return self._clock.monotonic() - self._people_at.get(name, float("-inf"))

    async def _read_one_of(self, few: asyncio.Semaphore, name: str) -> None:
        async with few:
            await self._read_person(name)

    def _voters(self) -> frozenset[str]:
        policy = self._configuration().policy
        names = (*policy.restore.groups, *policy.approve.groups)
        groups = [group for name in names if (group := self._roster.group(name)).state is GroupState.READ]
        return frozenset((*policy.restore.users, *policy.approve.users)).union(*(group.members for group in groups))

    async def run(self) -> None:
        """Reads for ever; survives everything that Slack can answer."""
        failures = 0
        while True:
            self._due.clear()
            wait, failed = await self._round(failures)
            failures = failures + 1 if failed else 0
            self._say_problems()
            await asyncio.sleep(min(LEAST, wait))
            if failed:
                await asyncio.sleep(max(0.0, wait - LEAST))  # an event does not shorten what Slack asked for
            else:
                await self._until_due(wait - LEAST)

    async def _until_due(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._due.wait()

    async def _round(self, failures: int) -> tuple[float, bool]:
        """One read of groups and people; yields seconds to wait, and whether it failed."""
        try:
            await self.refresh()
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does, the last roster serves
            self._trouble = explain(error)
            self._blocked = self._trouble if lasts(error) else ""
            wait = retry_after(error)
            if wait is None:
                wait = min(POLL[0], 2.0 ** min(failures, 6)) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
            return min(wait, _LONGEST), True
        self._trouble = self._blocked = ""
        return random.uniform(*POLL), False  # noqa: S311  # jitter

    async def refresh(self) -> None:
        """Reads the policy's groups, then the people that are due. Raises what the client raises."""
        await self._read_groups()
        await self._read_people()

    async def _read_groups(self) -> None:
        asked_at = self._clock.monotonic()
        names = _group_names(self._configuration())
        groups = await read_groups(self._client, names, self._roster)
        read_at = self._clock.now() if names else self._roster.read_at
        self._keep(Roster(groups=groups, people=self._roster.people, read_at=read_at))
        self._groups_at = max(self._groups_at, asked_at)
        self._read.set()

    async def _read_people(self) -> None:
        now = self._clock.monotonic()
        policy = self._configuration().policy
        wanted = {*policy.stop.users, *policy.restore.users, *policy.approve.users}
        wanted.update(*(group.members for group in self._roster.groups))
        due = [name for name in sorted(wanted) if now - self._people_at.get(name, -PERSON_AGE) >= PERSON_AGE]
        for name in due[:PEOPLE_A_ROUND]:
            await self._read_person(name)

    async def _person(self, name: str) -> None:
        try:
            await self._read_person(name)
        except Exception as error:  # noqa: BLE001  # a better sentence is all that is lost
            _log.info("users.info failed: %s", explain(error))

    async def _read_person(self, name: str) -> None:
        try:
            answer = await self._client.users_info(user=name)
        except SlackApiError as error:
            if error_code(error) not in {"user_not_found", "user_not_visible"}:
                raise
            self._people_at[name] = self._clock.monotonic()  # not known here; asked again when due
            self._unknown.add(name)
            return
        user = answer.get("user")
        if isinstance(user, dict):
            self.see(user)

    def _keep(self, roster: Roster) -> None:
        self._roster = roster
        cache_file.save(self._path, {**_freeze(roster), names.KEY: self._names})

    def _say_problems(self) -> None:
        problems = self.problems()
        for problem in problems:
            if problem not in self._said:
                _log.error("%s", problem)
        self._said = problems


def _group_names(configuration: Configuration) -> tuple[str, ...]:
    policy = configuration.policy
    return tuple(dict.fromkeys((*policy.stop.groups, *policy.restore.groups, *policy.approve.groups)))


def kind_of(user: Mapping[str, object], team: str) -> Kind:
    """The sort of account: https://docs.slack.dev/reference/objects/user-object."""
    if user.get("deleted"):
        return Kind.DEACTIVATED
    if (
        any(user.get(flag) for flag in ("is_bot", "is_workflow_bot", "is_connector_bot"))
        or user.get("id") == "USLACKBOT"
    ):
        return Kind.BOT
    elsewhere = team and user.get("team_id") and user.get("team_id") != team and not user.get("enterprise_user")
    if user.get("is_stranger") or elsewhere:
        return Kind.STRANGER
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return Kind.GUEST
    return Kind.MEMBER


def error_code(error: SlackApiError) -> str:
    """Slack's word for what went wrong."""
    found = error.response.get("error") if isinstance(error.response.data, dict) else None
    return str(found or f"HTTP {error.response.status_code}")


def explain(error: Exception) -> str:
    """The error in words that name the next step; holds no token."""
    if not isinstance(error, SlackApiError):
        return f"Slack cannot be reached ({type(error).__name__})"
    code = error_code(error)
    if code == "missing_scope":
        return f"the bot token lacks the scope {error.response.get('needed')}: reinstall the app from manifest.yml"
    return _STEPS.get(code, f"Slack answered {code}")


_STEPS = {
    "plan_upgrade_required": "user groups need a paid Slack plan: list people in policy.stop.users instead",
    "invalid_auth": "SLACK_BOT_TOKEN is not valid: copy it from the app's OAuth page",
    "account_inactive": "SLACK_BOT_TOKEN is of an app that was removed: install it again",
    "token_revoked": "SLACK_BOT_TOKEN was revoked: install the app again",
    "ratelimited": "Slack limits the rate; it is asked again as it says",
}


_LASTING = frozenset(
    {
        "missing_scope",
        "plan_upgrade_required",
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
        "no_permission",
    }
)


def lasts(error: Exception) -> bool:
    """Whether asking again cannot help: https://docs.slack.dev/reference/methods/usergroups.list#errors."""
    return isinstance(error, SlackApiError) and error_code(error) in _LASTING


def retry_after(error: Exception) -> float | None:
    """Seconds that Slack asks to wait; None where it asked for nothing."""
    if not isinstance(error, SlackApiError) or error.response.status_code != 429:  # noqa: PLR2004  # Too Many Requests
        return None
    headers = {str(name).lower(): value for name, value in error.response.headers.items()}
    try:
        return max(1.0, float(headers.get("retry-after", 30)))
    except (TypeError, ValueError):
        return 30.0


def _freeze(roster: Roster) -> dict[str, object]:
    groups = [
        {"id": group.id, "handle": group.handle, "members": sorted(group.members), "state": group.state.value}
        for group in roster.groups
    ]
    return {
        "groups": groups,
        "people": {name: kind.value for name, kind in roster.people.items()},
        "at": roster.read_at,
    }


def read_roster(path: Path) -> Roster:
    """The roster as it was last kept in this file, for who has no Slack to ask; never read where there is none."""
    return _thaw(cache_file.load(path))


def _thaw(kept: Mapping[str, object]) -> Roster:
    """Reads the file of another day; what cannot be read of it counts as never read."""
    try:
        groups, people, at = kept["groups"], kept["people"], kept["at"]
        if not (isinstance(groups, list) and isinstance(people, dict)):
            return Roster()
        return Roster(
            groups=tuple(
                Group(
                    id=str(item["id"]),
                    handle=str(item["handle"]),
                    members=frozenset(map(str, item["members"])),
                    state=GroupState(item["state"]),
                )
                for item in groups
            ),
            people={str(name): Kind(kind) for name, kind in people.items()},
            read_at=float(at) if isinstance(at, int | float) else None,
        )
    except (KeyError, TypeError, ValueError):
        return Roster()
