"""Does the armed check notice what is wrong with Slack, and tell nothing for sure that it could not ask?"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.model import Workspace
from bot.service.armed import Looked
from bot.slack.armed_parts import SlackParts
from tests.unit.slack.door_rig import Rig, WallClock, configuration, rig

MADE = replace(
    configuration(groups=("S0ONCALL",)), workspace=Workspace(incident_channel="C0INCIDENT", audit_channel="C0AUDIT")
)


def parts(running: Rig, *, ahead: float = 0.0, way_in: bool = True) -> SlackParts:
    """A look at the workspace of a rig, by a clock that may be ahead."""

    class Clock(WallClock):
        def now(self) -> float:
            return super().now() + ahead

    made = replace(MADE, agents=MADE.agents[:1])
    return SlackParts(
        client=running.door._client,
        configuration=lambda: made,
        roster=running.door.roster,
        way_in=lambda: way_in,
        clock=Clock(),
    )


async def amiss(look: SlackParts) -> dict[str, Looked]:
    """What is wrong, or not known."""
    return {it.subject: it for it in await look() if it.why or not it.sure}


async def test_a_good_workspace_has_nothing_amiss(tmp_path: Path) -> None:
    """Every part is named all the same."""
    async with rig(tmp_path, made=MADE) as running:
        await running.roster_read()
        looked = await parts(running)()
        assert {it.subject for it in looked if it.why or not it.sure} == set()
        assert {it.subject for it in looked} == {
            "slack token",
            "slack reach",
            "slack scopes",
            "slack way in",
            "slack roster",
            "slack group S0ONCALL",
            "slack channel C0INCIDENT",
            "slack channel C0AUDIT",
            "clock slack",
        }


BROKEN: dict[str, tuple[Callable[[Rig], object], str, str]] = {
    "scope": (lambda r: r.simulator.admin.take_scope("usergroups:read"), "slack scopes", "usergroups:read (the groups"),
    "archived": (lambda r: r.simulator.admin.archive("incident"), "slack channel C0INCIDENT", "is archived"),
    "kicked": (lambda r: r.simulator.admin.kick_bot("audit"), "slack channel C0AUDIT", "the bot is not in"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_one_thing_that_is_wrong_is_the_only_one_told(case: str, tmp_path: Path) -> None:
    """With its own sentence and a next step."""
    take, subject, words = BROKEN[case]
    async with rig(tmp_path, made=MADE) as running:
        await running.roster_read()
        take(running)
        found = await amiss(parts(running))
        assert found.keys() == {subject}
        assert words in found[subject].why
        assert found[subject].next


async def test_a_revoked_token_leaves_the_rest_unknown(tmp_path: Path) -> None:
    """Nobody may say that the scopes are lost where they could not be asked for."""
    async with rig(tmp_path, made=MADE) as running:
        await running.roster_read()
        running.simulator.uninstall()
        found = await amiss(parts(running))
        assert "was removed" in found["slack token"].why
        assert {name for name, it in found.items() if not it.sure} == {
            "slack scopes",
            "clock slack",
            "slack channel C0INCIDENT",
            "slack channel C0AUDIT",
        }


async def test_a_slack_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    """It is no fault of the token."""
    async with rig(tmp_path, made=MADE) as running:
        await running.roster_read()
        running.simulator.faults.drop("*", times=None)
        found = await amiss(parts(running, way_in=False))
        assert "cannot be reached" in found["slack reach"].why
        assert not found["slack token"].sure
        assert "no command can come in" in found["slack way in"].why


@pytest.mark.parametrize(("ahead", "words"), [(120.0, "2 min ahead of Slack's"), (-45.0, "44 s behind Slack's")])
async def test_a_clock_that_is_wrong_is_seen_in_slacks_answer(ahead: float, words: str, tmp_path: Path) -> None:
    """By the `Date` header, to about a second."""
    async with rig(tmp_path, made=MADE) as running:
        await running.roster_read()
        found = await amiss(parts(running, ahead=ahead))
        assert found.keys() == {"clock slack"}
        assert words.partition(" ")[2] in found["clock slack"].why


async def test_a_roster_that_was_never_read_is_no_fresh_one(tmp_path: Path) -> None:
    """Its groups are not known rather than empty."""
    down = lambda slack: slack.faults.error("usergroups.list", "fatal_error", times=None)  # noqa: E731
    async with rig(tmp_path, made=MADE, before=down) as running:
        found = await amiss(parts(running))
        assert "was never read" in found["slack roster"].why
        assert not found["slack group S0ONCALL"].sure
