"""Slack as the armed check asks it: the token, its scopes, the clock, the channels, the groups, the way in."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.armed import words
from bot.domain.model import Configuration
from bot.domain.policy import GroupState, group_problem
from bot.service.armed import Looked
from bot.service.own_parts import clock_looked
from bot.service.ports import Clock
from bot.slack.roster import RosterCache, error_code, explain, lasts
from bot.slack.scopes import lacking

_PATIENCE = 10.0  # seconds for each question
_CHANNELS = (
    20  # that are asked about in one look, the incident channel first; conversations.info is Tier 3 (50 a minute)
)
_OLD = 600.0  # seconds after which a roster is not fresh
_TOKEN, _REACH, _SCOPES, _CLOCK, _WAY_IN, _ROSTER = (
    "slack token",
    "slack reach",
    "slack scopes",
    "clock slack",
    "slack way in",
    "slack roster",
)


class SlackParts:
    """One look at everything of Slack's that a stop and its report rely on. Changes nothing.

    Args:
        client: of the bot token.
        configuration: yields the current one.
        roster: as it is kept.
        way_in: whether commands can come in.
        clock: time.
    """

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        configuration: Callable[[], Configuration],
        roster: RosterCache,
        way_in: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._client, self._configuration, self._roster, self._clock = client, configuration, roster, clock
        self._way_in = way_in

    async def __call__(self) -> Sequence[Looked]:
        """Asks `auth.test`, then about the channels; the groups are looked at as they were last read."""
        asked = self._clock.now()
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._client.auth_test()
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does is told, or gets older
            channels = [Looked(subject=_subject(it), sure=False) for it in self._wanted()]
            return [*_unanswered(error), *channels, *self._groups(), self._way()]
        middle = (asked + self._clock.now()) / 2
        return [
            Looked(subject=_TOKEN),
            Looked(subject=_REACH),
            *_of_headers(_headers(answer), middle),
            *await self._channels(str(answer.get("user") or "the bot")),
            *self._groups(),
            self._way(),
        ]

    def _way(self) -> Looked:
        if self._way_in():
            return Looked(subject=_WAY_IN)
        step = "see that the bot reaches Slack and SLACK_APP_TOKEN is valid; the command line and /v1/stop work"
        return Looked(subject=_WAY_IN, why="no command can come in from Slack: there is no connection", next=step)

    async def _channels(self, name: str) -> list[Looked]:
        return [await self._channel(it, name) for it in self._wanted()]

    def _wanted(self) -> list[str]:
        configuration = self._configuration()
        workspace = configuration.workspace
        wanted = (workspace.incident_channel, workspace.audit_channel, *(it.channel for it in configuration.agents))
        wanted += configuration.policy.stop.channels
        return list(dict.fromkeys(filter(None, wanted)))[:_CHANNELS]

    async def _channel(self, channel: str, name: str) -> Looked:
        invite = f"invite the bot (/invite @{name} there), or name another channel"
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._client.conversations_info(channel=channel)
        except SlackApiError as error:
            gone = error_code(error) in {"channel_not_found", "invalid_channel"}
            why = f"the channel {channel} is not there, or is private and without the bot" if gone else ""
            return Looked(subject=_subject(channel), why=why, next=invite if gone else "", sure=gone)
        except Exception:  # noqa: BLE001  # as for auth.test
            return Looked(subject=_subject(channel), sure=False)
        found = answer.get("channel")
        if not isinstance(found, dict):
            return Looked(subject=_subject(channel), sure=False)
        why = f"the bot is not in the channel {channel}" if found.get("is_member") is False else ""
        why = f"the channel {channel} is archived" if found.get("is_archived") else why
        return Looked(subject=_subject(channel), why=why, next=invite if why else "")

    def _groups(self) -> list[Looked]:
        """Every group of the policy, and how old the roster is."""
        policy, roster = self._configuration().policy, self._roster.snapshot()
        names = dict.fromkeys((*policy.stop.groups, *policy.restore.groups, *policy.approve.groups))
        found = []
        for name in names:
            unread = roster.group(name).state is GroupState.UNREAD
            why = group_problem(roster, name)
            found.append(Looked(subject=f"slack group {name}", why=why, next=_MEND if why else "", sure=not unread))
        return [*found, *([self._roster_age(roster.read_at)] if names else [])]

    def _roster_age(self, read_at: float | None) -> Looked:
        age = None if read_at is None else self._clock.now() - read_at
        if age is not None and age <= _OLD:
            return Looked(subject=_ROSTER)
        how = "was never read" if age is None else f"was last read {words(age)} ago"
        why = "; ".join((f"the roster of people {how} from Slack", *filter(None, [self._roster.blocked()])))
        return Looked(subject=_ROSTER, why=why, next="stops go by the last one that was read; restores wait")


_MEND = "mend it in Slack, or name another group in the configuration"


def _subject(channel: str) -> str:
    return f"slack channel {channel}"


def _unanswered(error: Exception) -> list[Looked]:
    """What it means that `auth.test` failed: the token is wrong, or nothing is known."""
    unknown = [Looked(subject=name, sure=False) for name in (_SCOPES, _CLOCK)]
    if lasts(error):
        step = "whoever runs the bot must mend that"
        return [Looked(subject=_TOKEN, why=explain(error), next=step), Looked(subject=_REACH), *unknown]
    step = "stops go on by the command line and POST /v1/stop; see that the bot reaches Slack"
    return [Looked(subject=_TOKEN, sure=False), Looked(subject=_REACH, why=explain(error), next=step), *unknown]


def _of_headers(headers: Mapping[str, str], now: float) -> list[Looked]:
    """Scopes and clock; a proxy that takes a header away leaves them unknown."""
    granted = headers.get("x-oauth-scopes")
    why = "" if granted is None else lacking(part.strip() for part in granted.split(","))
    step = "install the app again from manifest.yml (api.slack.com/apps)"
    scopes = Looked(subject=_SCOPES, why=why, next=step if why else "", sure=granted is not None)
    theirs = _date(headers.get("date"))
    skew = None if theirs is None else theirs + 0.5 - now  # the header tells whole seconds, cut off
    return [scopes, clock_looked(_CLOCK, "Slack's", skew)]


def _headers(answer: AsyncSlackResponse) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in answer.headers.items()}


def _date(text: str | None) -> float | None:
    """Unix time of a `Date` header."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except (TypeError, ValueError):
        return None
    return None if found is None else (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
