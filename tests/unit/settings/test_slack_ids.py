"""Is an id of Slack's taken at every length that the message promises, and at no other?"""

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.settings.terms import Channel, Group, User

KINDS = [("C", Channel), ("G", Channel), ("U", User), ("W", User), ("S", Group)]


@pytest.mark.parametrize(("letter", "kind"), KINDS)
@pytest.mark.parametrize("length", [1, 2, 8, 20])
def test_an_id_of_one_to_twenty_characters_behind_its_letter_is_taken(
    letter: str, kind: type[str], length: int
) -> None:
    """The shortest too: simulated workspaces number their people from 1."""
    text = letter + "9" * length
    assert TypeAdapter(kind).validate_python(text) == text


@pytest.mark.parametrize(("letter", "kind"), KINDS)
@pytest.mark.parametrize("rest", ["", "9" * 21, "a", "0-1"])
def test_another_is_refused_with_what_would_be_taken(letter: str, kind: type[str], rest: str) -> None:
    """The message says what the rule is, not only how ids begin: these begin rightly."""
    with pytest.raises(ValidationError, match=rf"{letter}.* and 1 to 20 capital letters or digits, such as"):
        TypeAdapter(kind).validate_python(letter + rest)
