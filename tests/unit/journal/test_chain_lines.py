"""What exactly is a line of a journal, and what is said of one that is none?"""

import hashlib
import json
from typing import Any

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.journal import chain
from bot.journal.chain import BrokenLineError, Link, decode, encode, genesis

BY = events.Person(kind="slack", id="U0ALICE")
STORY: list[events.AnyEvent] = [
    events.HoldAdded(
        at=1.5,
        hold="h",
        incident="i",
        mode=Mode.READ_ONLY,
        by=BY,
        reason="it leaks",
        targets=(events.HeldTarget(key="t", surfaces=("a/b", "a/c"), round_to=Mode.FULL_STOP),),
        left=(events.LeftAlone(surface="a/d", why="typo"),),
    ),
    events.PairsLifted(at=2.0, ballot="b", pairs=(("h", "t"),)),
    events.ReasonGiven(at=3.0, hold="h", by=BY, reason="it leaks"),
    events.UndosRecorded(at=4.0, records=(("t", "sealed"),)),
    events.Outcomes(at=5.0, proofs=(events.Proof(target="t", outcome=Outcome.VERIFIED, asked=Mode.READ_ONLY),)),
    events.IncidentClosed(
        at=6.0,
        incident="i",
        by=BY,
        owned=(events.Owned(surface="a/b", owner="U0BOB"), events.Owned(surface="a/c", owner="U0CAROL")),
    ),
    events.HeadsSeen(at=7.0, heads=(("bastion", 3, "ab"),)),
    events.Refusal(at=8.0, by=BY, asked="full_stop", why="not in the group"),
    events.Note(at=9.0, text="opened"),
]


def _line(event: events.AnyEvent, before: Link) -> tuple[str, Link]:
    line, link = encode(event, before)
    assert line.endswith(b"\n")
    return line.decode().removesuffix("\n"), link


def _raw(event: events.AnyEvent) -> dict[str, Any]:
    """A line as JSON."""
    raw: dict[str, Any] = json.loads(encode(event, genesis("bot"))[0])
    return raw


def _marks(value: object) -> list[str]:
    """Every commitment in a body, in order."""
    if isinstance(value, str):
        return [value] if value.startswith("sha256:") else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [mark for item in inner for mark in _marks(item)]


def test_a_line_is_hashed_as_its_description_says() -> None:
    """SHA-256 over a zero byte, the hash before, the number and the body, as anybody can compute it again."""
    first = hashlib.sha256(b"agent-kill journal\x00bot").hexdigest()
    assert genesis("bot") == Link(seq=0, digest=first)
    line, link = _line(events.Note(at=1.0, text="x"), genesis("bot"))
    body = '{"at":1,"text":"x","type":"note"}'
    digest = hashlib.sha256(b"\x00" + bytes.fromhex(first) + (1).to_bytes(8, "big") + body.encode()).hexdigest()
    assert line == f'{{"seq":1,"prev":"{first}","body":{body},"h":"{digest}","aside":{{}}}}'
    assert link == Link(seq=1, digest=digest)


@pytest.mark.parametrize("event", STORY, ids=lambda event: str(event.type))
def test_every_kind_of_event_comes_back_as_it_was_written(event: events.AnyEvent) -> None:
    """And its line is in the one form that the verifier takes."""
    line, link = _line(event, genesis("bot"))
    assert decode(line, genesis("bot")) == (event, link)
    assert json.dumps(json.loads(line), separators=(",", ":")) == line


@pytest.mark.parametrize("event", STORY, ids=lambda event: str(event.type))
def test_names_and_reasons_stand_beside_what_is_hashed(event: events.AnyEvent) -> None:
    """As a salted commitment inside, and as salt and text beside; of nothing else is there one."""
    raw = _raw(event)
    body = json.dumps(raw["body"])
    for secret in ("U0ALICE", "U0BOB", "U0CAROL", "it leaks"):
        assert secret not in body
    marks = _marks(raw["body"])
    assert sorted(marks) == sorted(raw["aside"])
    for mark, (salt, text) in raw["aside"].items():
        assert len(bytes.fromhex(salt)) == 16
        assert mark == "sha256:" + hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()
    told = {"hold_added": 2, "reason_given": 2, "incident_closed": 3, "refusal": 1}
    assert len(marks) == told.get(event.type, 0)


def test_a_line_that_takes_the_long_way_has_no_text_twice() -> None:
    """What the fast way had put beside it before it gave up would be a name that no erasure finds."""
    event = STORY[0].model_copy(update={"scope": "caf\u00e9"})
    raw = _raw(event)
    assert sorted(_marks(raw["body"])) == sorted(raw["aside"])
    assert len(raw["aside"]) == 2
    assert encode(event, genesis("bot"))[0].isascii()
    assert decode(json.dumps(raw), genesis("bot"))[0] == event


def test_a_text_that_was_taken_out_reads_erased() -> None:
    """So does one that is not the text that was written, or whose salt is none; the rest is read."""
    raw = _raw(STORY[2])
    reason = raw["body"]["reason"]
    salt, _ = raw["aside"][reason]
    for beside in ([salt, "something else"], ["no salt", "it leaks"], ["00" * 16, "it leaks"], "text", None, [salt, 7]):
        forged = {**raw, "aside": {**raw["aside"], reason: beside}}
        event, _ = decode(json.dumps(forged), genesis("bot"))
        assert event == STORY[2].model_copy(update={"reason": "[erased]"})
    bare = {name: value for name, value in raw.items() if name != "aside"}
    event, _ = decode(json.dumps(bare), genesis("bot"))
    assert isinstance(event, events.ReasonGiven)
    assert (event.reason, event.by.id) == (chain.ERASED, chain.ERASED) == ("[erased]", "[erased]")


def test_what_was_made_ahead_of_a_stop_is_what_is_written() -> None:
    """Ten thousand targets bring their own text, so that the stop does not wait for it."""
    target = events.HeldTarget(key="t", surfaces=("a/b",), round_to=Mode.FULL_STOP)
    vars(target)["text"] = '{"key":"made ahead","round_to":"full_stop","surfaces":["a/b"]}'
    raw = _raw(STORY[0].model_copy(update={"targets": events.Targets((target, target))}))
    assert [held["key"] for held in raw["body"]["targets"]] == ["made ahead", "made ahead"]


def test_an_empty_reason_needs_no_commitment() -> None:
    """It reads back empty, and not erased."""
    event = STORY[0].model_copy(update={"reason": ""})
    raw = _raw(event)
    assert raw["body"]["reason"] == ""
    assert decode(json.dumps(raw), genesis("bot"))[0] == event


def _rehashed(body: dict[str, Any]) -> str:
    first = genesis("bot")
    digest = chain.digest(first.digest, 1, body)
    return json.dumps({"seq": 1, "prev": first.digest, "body": body, "h": digest, "aside": {}})


def test_each_way_of_being_no_line_is_named() -> None:
    """P5: what is wrong with it, and where."""
    line, link = _line(STORY[8], genesis("bot"))
    after, _ = _line(STORY[8], link)
    wrong = {
        "{": "not a journal line: JSONDecodeError",
        "[]": "not a journal line: TypeError",
        '{"seq":1}': "not a journal line: KeyError",
        line.replace('"prev":"', '"prev":"zz'): "not a journal line: ValueError",
        line.replace('"seq":1', '"seq":-1'): "not a journal line: OverflowError",
        line.replace('"seq":1', '"seq":"1"'): "not a journal line: AttributeError",
        line.replace("opened", "closed"): "entry 1: its hash does not match its body",
        after: "entry 2 does not follow entry 0",
        _rehashed({"at": 1, "type": "note"}): "entry 1: not an event of this version",
        _rehashed({"at": 1, "type": "from the future"}): "entry 1: not an event of this version",
    }
    for text, sentence in wrong.items():
        with pytest.raises(BrokenLineError) as raised:
            decode(text, genesis("bot"))
        assert str(raised.value) == sentence
        assert (raised.value.__cause__ is None) is sentence.startswith(("entry 1: its", "entry 2"))


def test_where_the_line_before_is_not_known_any_place_will_do() -> None:
    """After a damaged line; its own hash must hold all the same."""
    _, link = _line(STORY[8], genesis("bot"))
    after, head = _line(STORY[8], link)
    assert decode(after, None) == (STORY[8], head)
    with pytest.raises(BrokenLineError, match="entry 2: its hash does not match"):
        decode(after.replace("opened", "closed"), None)
