"""Can foreign text break a limit of Slack, mention somebody or pose as ours?"""

import re
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.sandbox.limits import check_message_blocks
from bot.slack import limits
from bot.slack.blocks import closing, listing, parent, surface
from bot.slack.blocks.message import Message
from tests.unit.slack.incidents import Desk

HOSTILE = st.one_of(
    st.text(max_size=400),
    st.sampled_from(
        [
            "<!channel> <!here> <@U0VICTIM> <!subteam^S0ALL>",
            ":white_check_mark: *VERIFIED* Everything in scope is cut and proven",
            "&" * 4000,
            "<" * 400,
            "\u202e\u2066desrever\u200b",
            "a\nNOT CUT: nothing\n\t" * 50,
            "```" + "`" * 20 + "<https://evil.example|click>",
            "é" * 5000,
            "🟢" * 2000,
            "\x00\x1b[2J\ud800",
            ">quote\r\n\r\n",
            "",
        ]
    ),
)
COUNTS = st.sampled_from([1, 2, 4, 16, 60])
IDENTIFIER = re.compile(r"[A-Z][A-Z0-9]+")  # one that Slack could have given is meant wherever it stands for a group
FORBIDDEN = re.compile(r"<(?!@U0OWNER>|!date\^|!subteam\^S0ONCALL>|#C0MEANT>)")


def messages(
    *, reason: str, name: str, detail: str, step: str, count: int, outcome: Outcome, stops: int
) -> Iterator[Message]:
    """Every message that an incident made of this text can produce."""
    desk = Desk()
    surfaces = [f"{name}/{name}{index}" for index in range(count)]
    by = events.Person(kind="cli", id=f"{name}@{detail}")
    for stop in range(stops):
        left = {f"{name}/left": f"configuration: {detail}"}
        desk.stop(
            *surfaces, hold=f"{name}{stop}", mode=list(Mode)[-1 - stop], reason=reason, scope=name, by=by, left=left
        )
    desk.prove(*surfaces, outcome=outcome, detail=detail, step=step, late=True)
    desk.unrecorded = frozenset(desk.board.hold_events)
    story = desk.story()
    yield parent.parent(story, moved_from="C0MEANT", reported_at=desk.now + 999)
    yield closing.late(story.now.lines, story, groups=["S0ONCALL", name], calling=True)
    for chapter in story.chapters:
        yield surface.batch(chapter)
        yield closing.closing(chapter, groups=["S0ONCALL", name], ask=True)
        yield closing.reason(chapter)
        for line in chapter.lines[:2]:
            yield surface.confirmation(line)
        assert listing.file_name(chapter).isascii() or listing.file_name(chapter)


def texts(part: object) -> Iterator[tuple[str, str]]:
    """(type, text) of every text object."""
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield str(part["type"]), str(part["text"])
        for value in part.values():
            yield from texts(value)
    elif isinstance(part, list | tuple):
        for item in part:
            yield from texts(item)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    reason=HOSTILE,
    name=HOSTILE.filter(lambda text: not IDENTIFIER.fullmatch(text)),
    detail=HOSTILE,
    step=HOSTILE,
    count=COUNTS,
    outcome=st.sampled_from(list(Outcome)),
    stops=st.integers(1, 4),
)
def test_no_text_breaks_out(
    *, reason: str, name: str, detail: str, step: str, count: int, outcome: Outcome, stops: int
) -> None:
    """Slack takes every message; nobody is mentioned who was not meant; nothing invisible is left."""
    told = messages(reason=reason, name=name, detail=detail, step=step, count=count, outcome=outcome, stops=stops)
    for message in told:
        payload = message.payload()
        check_message_blocks(payload["blocks"])
        assert len(message.text) <= limits.UPDATE_TEXT
        assert message.text
        for kind, text in [*texts(payload["blocks"]), ("mrkdwn", message.text)]:
            assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200b\x00-\x09\x0b-\x1f\ud800-\udfff]", text)
            if kind == "mrkdwn":
                assert not FORBIDDEN.search(text), text


@given(text=HOSTILE)
def test_escaped_text_is_short_single_and_harmless(text: str) -> None:
    """Escaping keeps to its limit, leaves one line, no entity cut in half, no code, no emoji."""
    shown = limits.escape(text, 50)
    assert len(shown) <= 50
    assert "\n" not in shown
    assert "`" not in shown
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown)
    assert not re.search(r"(?<![A-Za-z0-9]):[a-z0-9_+'-]+:", shown)


@given(text=HOSTILE)
def test_a_reason_stays_in_plain_text(text: str) -> None:
    """The reason is shown in a plain text object alone, where Slack interprets nothing."""
    marker = "Zq9" + text
    desk = Desk()
    desk.stop("billing/ledger", reason=marker)
    message = parent.parent(desk.story())
    where = {kind for kind, shown in texts(message.blocks) if "Zq9" in shown}
    assert where == {"plain_text"}
    assert "Zq9" not in message.text
