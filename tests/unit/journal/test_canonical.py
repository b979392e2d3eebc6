"""Is the fast canonical form the one of RFC 8785, for everything that JSON can say?"""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import events
from bot.journal.chain import canonical, decode, encode, genesis

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
@example({"\U0001f600": 1, "\ue000": 2})
@example({"a": 0, "\U0001f600": 1, "\ue000": 2})
@example([-0.0, 1e16, 1e21, 9.9e-5, 1e-4, 2.0**53, 2**53 - 1, 5e-324])
@example("\x7f\x1f\u2028/\\")
@example([2**53 - 1, -(2**53) + 1])
@example(2**53)
@example(-(2**53))
@example([float("nan")])
def test_every_value_has_the_form_of_the_reference(value: object) -> None:
    """Or is refused by both."""
    assert _form(canonical, value) == _form(rfc8785.dumps, value)


def test_what_journals_hold_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop of ten thousand targets must not wait for the reference's encoder."""

    def refuse(value: object) -> bytes:
        raise AssertionError(f"the long way was taken for {value!r}")

    monkeypatch.setattr(rfc8785, "dumps", refuse)
    value = {
        "b": [1, 2.0, 0.5, -107, 2**52, None, True, "caf\u00e9", ["x", [1]], {"y": {"z": "w"}}],
        "a": {"at": 1_700_000_000.25, "n": None, "s": "text", "i": 200},
    }
    assert (
        canonical(value)
        == (
            '{"a":{"at":1700000000.25,"i":200,"n":null,"s":"text"},'
            '"b":[1,2,0.5,-107,4503599627370496,null,true,"caf\u00e9",["x",[1]],{"y":{"z":"w"}}]}'
        ).encode()
    )


def _form(write: Callable[[Any], bytes], value: object) -> bytes | None:
    try:
        return write(value)
    except ValueError:
        return None


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 1e18).filter(math.isfinite))
@example("\x7f", 1.5e-7)
@example("\x7f", 2.5)
@example("caf\u00e9", 2.0)
def test_a_line_is_what_the_standard_library_writes(text: str, at: float) -> None:
    """The offline verifier demands it, and the line reads back as the event."""
    event = events.Note(at=at, text=text)
    written, link = encode(event, genesis("bot"))
    line = written.decode().removesuffix("\n")
    assert json.dumps(json.loads(line), separators=(",", ":")) == line
    assert decode(line, genesis("bot")) == (event, link)
