"""What counts as a reading of a ballot's reactions, and what does not."""

from typing import Any

import pytest

from bot.domain.ballot import Reading
from bot.service.ports import Gone
from bot.slack.ballot_read import judge

TEXT = "Ballot bal-1: give a & b back to read_only? Needs 2 votes. Digest 0123456789."


def reading(*reactions: Any, text: str | None = TEXT) -> Reading | Gone | None:
    """Judges a message."""
    message = {"reactions": list(reactions)} | ({} if text is None else {"text": text})
    return judge({"message": message}, TEXT)


def test_people_by_reaction() -> None:
    """Each name as Slack has it, skin tones apart."""
    found = reading(
        {"name": "+1", "users": ["U1", "U2"], "count": 2}, {"name": "+1::skin-tone-3", "users": ["U1"], "count": 1}
    )
    assert found == Reading(users={"+1": frozenset({"U1", "U2"}), "+1::skin-tone-3": frozenset({"U1"})})


@pytest.mark.parametrize(
    "item", [{"users": ["U1"], "count": 2}, {"users": ["U1"]}, {"users": ["U1", "U1"], "count": 2}]
)
def test_a_list_that_is_not_as_long_as_the_count_is_not_complete(item: dict[str, Any]) -> None:
    """Slack may leave people out; then nothing passes."""
    found = reading({"name": "+1"} | item)
    assert isinstance(found, Reading)
    assert not found.complete


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("&", "&amp;"),
        TEXT.replace("&", "&amp;amp;"),
        f" {TEXT}\n",
        None,
        "",
        TEXT.replace("a &", "<http://a|a> &"),
    ],
)
def test_the_same_words_in_slacks_spelling_are_the_same(text: str | None) -> None:
    """Entities, spaces and links that Slack made are no edit; a missing text proves nothing."""
    assert reading(text=text) == Reading(users={})


@pytest.mark.parametrize("text", [TEXT.replace("read_only", "normal"), TEXT + " passed", "Ballot bal-1"])
def test_other_words_are_another_message(text: str) -> None:
    """The ballot is void then."""
    assert reading(text=text) == Gone("its message is not as it was posted")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"message": None},
        {"message": {"reactions": "x"}},
        {"message": {"reactions": [1]}},
        {"message": {"reactions": [{"name": "+1"}]}},
    ],
)
def test_what_cannot_be_read_is_no_reading(answer: dict[str, Any]) -> None:
    """And no reason to void anything."""
    assert judge(answer, TEXT) is None
