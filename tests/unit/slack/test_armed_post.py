"""Is NOT ARMED said in words that a person can act on, within Slack's limits, where somebody reads it?"""

from dataclasses import replace

import pytest

from bot.domain.model import Configuration, Workspace
from bot.service.armed_news import Line, Said
from bot.slack.armed_post import ArmedPost, bulletin
from bot.slack.blocks.message import Message
from bot.slack.client import Answer, Later, Refused, Sent
from tests.unit.slack.test_answers import fits

LOST = Line(subject="billing/ledger", armed=False, why="missing: <!channel> GRANT x", next="give it", since=1.0)
PART = Line(subject="slack scopes", armed=False, why="lacks usergroups:read", next="install the app again", since=1.0)


def test_it_says_who_why_and_what_next_and_calls_the_owner() -> None:
    """Words of a server mention nobody."""
    text = fits(bulletin([LOST, PART], {"billing": "U0OWNER"}))
    for word in ("NOT ARMED: 1 surface could", "1 part of the switch", "`billing/ledger` <@U0OWNER>", "Next: give it"):
        assert word in text
    assert "`slack scopes`: lacks usergroups:read" in text


def test_what_is_back_and_what_is_gone() -> None:
    """What could not be told while it lasted says since when; a message of good news alone is no warning."""
    back = replace(LOST, armed=True, why="", next="")
    text = fits(
        bulletin([back, replace(back, subject="a/late", late=True), replace(back, subject="a/gone", gone=True)], {})
    )
    assert "`billing/ledger` is armed again" in text
    assert "`a/late` is armed again (NOT ARMED since " in text
    assert "`a/gone` is not configured any more" in text
    assert ":warning:" not in text
    assert "A stop is tried" not in text


@pytest.mark.parametrize("count", [1, 40, 10_000])
def test_any_number_fits(count: int) -> None:
    """What does not fit is counted."""
    lines = [replace(LOST, subject=f"billing/s{n}", why="x" * 2000) for n in range(count)]
    text = fits(bulletin(lines, {"billing": "U0OWNER"}))
    assert f"{count:,} surface" in text
    assert ("more, see" in text) is (count > 20)


class Api:
    """Answers by channel."""

    def __init__(self, **answers: Answer) -> None:
        self.answers, self.asked = answers, list[str]()

    async def post(self, channel: str, _message: Message) -> Answer:
        """One call."""
        self.asked.append(channel)
        return self.answers[channel]


def configured(**workspace: str) -> Configuration:
    """A configuration with these channels."""
    return Configuration(workspace=Workspace(**workspace))


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"C1": Sent("1.0")}, Said("C1", "1.0")),
        ({"C1": Refused("is_archived"), "C2": Sent("2.0")}, Said("C2", "2.0")),
        ({"C1": Refused("is_archived"), "C2": Refused("missing_scope")}, "C2: missing_scope"),
        ({"C1": Later("Slack answered 503")}, "Slack answered 503"),
    ],
)
async def test_the_audit_channel_stands_in(answers: dict[str, Answer], said: Said | str) -> None:
    """That of an incident channel which is gone must be told too; a Slack that is unwell is asked again later."""
    made = configured(incident_channel="C1", audit_channel="C2")
    api = Api(**answers)
    assert await ArmedPost(api, lambda: made)([LOST]) == said  # type: ignore[arg-type]  # as much of it as is needed
    assert api.asked == list(answers)


async def test_without_a_channel_it_says_so() -> None:
    """On the status page, where somebody may see it."""
    answer = await ArmedPost(Api(), configured)([LOST])  # type: ignore[arg-type]  # as above
    assert isinstance(answer, str)
    assert "set workspace.incident_channel" in answer
