"""Slack's API is down, slow or busy: a stop runs all the same, from what was known before."""

from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator
from bot.slack.authorize import make_authorize
from bot.slack.bolt import make_app
from bot.slack.identity import IdentityCache
from bot.slack.names import read_names
from tests.unit.slack.door_rig import MANIFEST, Rig, configuration, door_at, rig

TROUBLES = ["down", "hang", "429", "503"]


def trouble(slack: Simulator, kind: str, method: str = "*") -> None:
    """Makes a method fail for good."""
    match kind:
        case "down":
            slack.faults.drop(method, times=None)
        case "hang":
            slack.faults.hang(method, times=None)
        case "429":
            slack.faults.rate_limit(method, retry_after=30, times=None)
        case _:
            slack.faults.status(method, 503, times=None)


async def stops(running: Rig, *, who: str = "oncall") -> None:
    """Asserts that a stop runs and is answered in time."""
    done = await running.simulator.person(who).slash("/agent-kill", "full_stop it leaks")
    assert done.ok, done.shown
    assert "RECORDED" in done.text, done.text
    assert done.ack_ms is not None
    assert done.ack_ms < 1000
    assert len(running.holds) == 1


@pytest.mark.parametrize("kind", TROUBLES)
async def test_the_first_command_ever_needs_no_auth_test(kind: str, tmp_path: Path) -> None:
    """With no cache at all the ids come from the request itself."""
    made = configuration(groups=(), users=("U0ONCALL",))
    async with rig(tmp_path, made=made, before=lambda slack: trouble(slack, kind)) as running:
        await stops(running)


@pytest.mark.parametrize("kind", TROUBLES)
async def test_after_a_restart_the_last_roster_allows(kind: str, tmp_path: Path) -> None:
    """Groups are remembered on disk, and what people are called; the age of what was remembered is on the record."""
    file = tmp_path / "cache" / "roster.json"
    async with Simulator(MANIFEST) as slack:
        async with door_at(slack, tmp_path) as running:
            await running.roster_read()
            await slack.wait_for(lambda: read_names(file).get("U0ONCALL") == "Olivia On-Call")
        trouble(slack, kind)
        async with door_at(slack, tmp_path) as running:
            await stops(running)
            assert running.stops.orders[0].roster_age is not None
            await slack.wait_for(lambda: any("roster" in problem for problem in running.door.problems()), timeout=20)
        assert file.stat().st_mode & 0o777 == 0o600
        assert read_names(file)["U0ONCALL"] == "Olivia On-Call"


async def test_at_a_very_first_start_only_unread_groups_refuse(tmp_path: Path) -> None:
    """The sentence names the group and the command line; the start itself does not fail."""
    made = configuration(groups=("S0ONCALL",), users=("U0SECOND",))
    async with rig(tmp_path, made=made, before=lambda slack: trouble(slack, "503")) as running:
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert "could not be read from Slack" in done.text
        assert "agent-kill stop" in done.text
        assert done.ack_ms is not None
        assert done.ack_ms < 1000
        assert not running.holds
        await stops(running, who="second")


async def test_a_command_that_comes_before_the_first_read_waits_for_it(tmp_path: Path) -> None:
    """Right after the first start with Slack well, nobody is refused for being early."""
    async with rig(tmp_path, before=lambda slack: slack.faults.delay("usergroups.list", 0.2, times=1)) as running:
        await stops(running)


async def test_a_paid_plan_that_is_missing_is_explained(tmp_path: Path) -> None:
    """Without user groups, people are listed by id."""
    before = lambda slack: slack.faults.error("usergroups.list", "plan_upgrade_required", times=None)  # noqa: E731
    async with rig(tmp_path, before=before) as running:
        await running.simulator.wait_for(lambda: any("policy.stop.users" in p for p in running.door.problems()))
        assert not any("check SLACK_BOT_TOKEN" in problem for problem in running.door.problems())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("missing_scope", "lacks the scope"),
        ("plan_upgrade_required", "user groups need a paid Slack plan"),
        ("invalid_auth", "SLACK_BOT_TOKEN is not valid"),
    ],
)
async def test_a_refusal_for_a_cause_that_lasts_names_it(code: str, words: str, tmp_path: Path) -> None:
    """Nobody is told to wait for what somebody must mend."""
    before = lambda slack: slack.faults.error("usergroups.list", code, times=None)  # noqa: E731
    async with rig(tmp_path, before=before) as running:
        await running.simulator.wait_for(lambda: any(words in problem for problem in running.door.problems()))
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert words in done.text
        assert "whoever runs the bot must mend that" in done.text
        assert "yet" not in done.text
        assert not running.holds


async def test_retry_after_is_honoured(tmp_path: Path) -> None:
    """A busy Slack is asked again when it says, and not before."""
    before = lambda slack: slack.faults.rate_limit("usergroups.list", retry_after=2, times=1)  # noqa: E731
    async with rig(tmp_path, before=before) as running:
        slack = running.simulator
        await slack.wait_for(lambda: slack.calls.count("usergroups.list") == 2, timeout=10)
        first, second = slack.calls.of("usergroups.list")
        assert second.at - first.at >= 2.0
        await slack.wait_for(lambda: not running.door.problems(), what="a roster without problems")


async def test_oauth_variables_do_not_take_the_bot_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a client id and secret in the environment Bolt would ask for an installation and answer no command."""
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "secret")
    app = make_app(authorize=make_authorize(IdentityCache(tmp_path / "me"), "xoxb-1"), client=AsyncWebClient())
    assert app.oauth_flow is None
    async with rig(tmp_path) as running:
        await running.roster_read()
        await stops(running)
