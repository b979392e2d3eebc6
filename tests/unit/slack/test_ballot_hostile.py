"""Can foreign text on a ballot break a limit of Slack, mention somebody, or pose as ours?"""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import events
from bot.domain.ballot import Reading
from bot.sandbox.limits import check_message_blocks
from bot.slack import limits
from bot.slack.ballot_read import judge
from bot.slack.blocks.ballot import ballot_message, ballot_text
from bot.slack.blocks.ballot_thread import ballot_file, ended, opened_link
from tests.unit.slack.ballots import NOW, ballot, hold, lifted, opened, returning, scene
from tests.unit.slack.test_report_hostile import HOSTILE, texts

FORBIDDEN = re.compile(r"<(?!@U0(?:ONCALL|SECOND)>|!date\^|!subteam\^S0RESTORE>)")
COUNTS = st.sampled_from([1, 3, 7, 200])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE, HOSTILE, HOSTILE, COUNTS, st.integers(1, 4))
def test_any_words_stay_words(reason: str, name: str, says: str, count: int, holds: int) -> None:
    """Within the limits; no foreign mention or link; the words of people in plain text alone."""
    ids = [f"{name}{n}" for n in range(holds)]
    returns = [returning(f"{name}/s{n}", f"{name}2/s{n}") for n in range(count)]
    pairs = tuple((hold_id, item.key) for hold_id in ids for item in returns)
    findings = tuple(events.Finding(about=name, says=says, good=good) for good in (True, False, None) * 4)
    first = opened(*returns, reason=reason, scope=name, pairs=pairs, evidence=findings, without=(name,) * 12)
    known = scene(*(hold(f"secretreason{reason}", hold_id) for hold_id in ids))
    over = events.BallotEnded(at=NOW, ballot="bal-1", how="aborted", why=says.replace("<@U0VICTIM>", ""))
    begun = lifted(0, *(item.key for item in returns))
    for more in ((), (begun,), (begun, over)):
        found = ballot(*more, of=first)
        for made in (
            (ballot_message(*found, known), ended(*found, known, "")) if more else (ballot_message(*found, known),)
        ):
            payload = made.payload()
            check_message_blocks(payload["blocks"])
            assert len(str(payload["text"])) <= limits.UPDATE_TEXT
            for kind, text in texts(payload["blocks"]):
                assert kind == "plain_text" or not FORBIDDEN.search(text), text
                assert kind == "plain_text" or "secretreason" not in text
    check_message_blocks(opened_link(first, "").payload()["blocks"])
    assert ballot_file(first, known.holds)


@settings(max_examples=80, deadline=None)
@given(HOSTILE)
def test_the_text_is_known_again_whatever_the_scope_is_called(scope: str) -> None:
    """As posted, or with another round of Slack's escapes and spaces."""
    text = ballot_text(opened(scope=scope))
    for seen in (text, text.replace("&", "&amp;"), text.replace(" ", "\n ")):
        assert judge({"message": {"text": seen}}, text) == Reading(users={})
