"""Is the line of a stop, whose targets bring their own text, the line that any other way would write?"""

import json

import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.base import Mode
from bot.domain import events
from bot.journal.chain import decode, encode, genesis

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_TARGET = st.builds(
    events.HeldTarget, key=_TEXT, surfaces=st.lists(_TEXT, max_size=3).map(tuple), round_to=st.sampled_from(Mode)
)


@given(st.lists(_TARGET, max_size=4).map(tuple), _TEXT, st.floats(0, 2e9))
@example((events.HeldTarget(key='"\x7f\u2028', surfaces=("a/b",), round_to=Mode.FULL_STOP),), ',"targets":[]', 1.5e-7)
@example((events.HeldTarget(key="t", surfaces=("a/b",), round_to=Mode.FULL_STOP),) * 2, "plain text", 2.5)
@example((), ',"targets":[]', 1.0)
def test_a_stop_is_written_in_the_canonical_form(targets: tuple[events.HeldTarget, ...], text: str, at: float) -> None:
    """Its hash is that of the reference's form, the verifier's form is kept, and it reads back as it was."""
    person = events.Person(kind="slack", id=text)
    hold = events.HoldAdded(
        at=at, hold="h", incident=text, mode=Mode.READ_ONLY, by=person, reason=text, scope=text, targets=targets
    )
    written, link = encode(hold, genesis("bot"))
    line = written.decode().removesuffix("\n")
    raw = json.loads(line)
    assert json.dumps(raw, separators=(",", ":")) == line
    body = rfc8785.dumps(json.loads(line)["body"])
    assert [json.loads(target.text) for target in hold.targets] == raw["body"]["targets"]
    assert all(target.text.encode() in body for target in hold.targets)
    assert decode(line, genesis("bot")) == (hold, link)
