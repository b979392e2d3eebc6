"""What exactly does the verifier say of each way in which a journal or an anchor is not what it was?"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.journal.chain import Link, genesis
from bot.journal.checkpoint import Signer, slack_line
from bot.journal.verify import Result, notes_and_lines, read_keys, verify
from tests.unit.journal.chains import AT, KEY, Chains, event, make, rehashed

FORM = "is not in the form that journals are written in"
BESIDE = "has a text beside it that is not the one it was written with"
DAMAGED = "an anchor before this one is damaged"
UNSIGNED = "its anchor is not signed by the key"


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """`bot` with eight entries and `bastion` with five."""
    return make(tmp_path / "journal", 8)


def judge(chains: Chains, anchors: str | None = None) -> Result:
    """The verdict with the trusted key."""
    return verify([chains.folder], chains.signer.verifier_key, anchors)


def _change(chains: Chains, seq: int, change: Callable[[dict[str, Any]], object], *, spaced: bool = False) -> None:
    """Changes one entry of `bot` as JSON and writes it back."""
    lines = chains.lines()
    raw = json.loads(lines[seq - 1])
    change(raw)
    lines[seq - 1] = json.dumps(raw, separators=None if spaced else (",", ":")).encode() + b"\n"
    chains.path().write_bytes(b"".join(lines))


def _aside(raw: dict[str, Any]) -> tuple[str, list[str]]:
    mark, pair = next(iter(raw["aside"].items()))
    return mark, pair


def _more(raw: dict[str, Any]) -> None:
    """Puts a text beside that was never committed to, under the hash that it would have."""
    salt = "00" * 16
    raw["aside"][f"sha256:{hashlib.sha256(bytes.fromhex(salt) + b'x').hexdigest()}"] = [salt, "x"]


def _salted(raw: dict[str, Any], salt: str) -> None:
    _aside(raw)[1][0] = salt


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw.update(more=1), FORM),
        (lambda raw: raw.pop("aside"), FORM),
        (lambda raw: raw.update(h=raw.pop("h")), FORM),
        (lambda raw: raw.update(seq=4), "does not follow entry 4: something was removed, inserted, moved or rewritten"),
        (
            lambda raw: raw.update(prev="00" * 32),
            "does not follow entry 4: something was removed, inserted, moved or rewritten",
        ),
        (lambda raw: raw["body"].update(at=1), "does not match its hash: it was altered"),
        (lambda raw: raw.update(h="00" * 32), "does not match its hash: it was altered"),
        (lambda raw: raw["aside"].update({"sha256:" + "00" * 32: ["00" * 16, "x"]}), BESIDE),
        (_more, BESIDE),
        (lambda raw: _aside(raw)[1].__setitem__(1, "another name"), BESIDE),
        (lambda raw: _salted(raw, "00" * 16), BESIDE),
        (lambda raw: _salted(raw, _aside(raw)[1][0].upper()), BESIDE),
        (lambda raw: raw.update(aside=[]), "'list' object has no attribute 'items'"),
    ],
)
def test_a_changed_entry_is_named_with_what_is_wrong(
    chains: Chains, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Where it is; what comes after it is not judged, and the other chain is intact."""
    _change(chains, 5, change)
    found = judge(chains)
    assert (found.code, found.bad, found.unreadable) == (1, [("bot", 5, said)], [])
    assert found.entries == {"bot": 4, "bastion": 5}


def test_an_entry_in_other_spaces_or_letters_is_altered(chains: Chains) -> None:
    """Though its hash would hold."""
    _change(chains, 5, lambda raw: raw, spaced=True)
    assert judge(chains).bad == [("bot", 5, FORM)]
    whole = chains.path("bastion").read_bytes()
    chains.path("bastion").write_bytes(whole.replace(b"nightly job", "nightly jöb".encode()))
    assert ("bastion", 3) in [place[:2] for place in judge(chains).bad]


@pytest.mark.parametrize("number", [True, 1.0, "1"])
def test_a_number_of_another_kind_is_no_number_of_an_entry(chains: Chains, number: object) -> None:
    """Though it equals the one that was written."""
    _change(chains, 1, lambda raw: raw.update(seq=number))
    said = "does not follow entry 0: something was removed, inserted, moved or rewritten"
    assert judge(chains).bad == [("bot", 1, said)]


def test_a_journal_that_is_bad_from_its_first_entry_is_tampered_with_and_not_empty(chains: Chains) -> None:
    """Exit 1 alone."""
    _change(chains, 1, lambda raw: raw["body"].update(at=1))
    found = verify([chains.path()], chains.signer.verifier_key)
    assert (found.code, found.unreadable) == (1, [])
    assert found.bad == [("bot", 1, "does not match its hash: it was altered")]


def test_a_file_of_any_name_gets_a_verdict(chains: Chains) -> None:
    """Also one that is no text: its entries are not those of that chain."""
    odd = chains.folder / os.fsdecode(b"bot-\xff.jsonl")
    odd.write_bytes(chains.path().read_bytes())
    said = "does not follow entry 0: something was removed, inserted, moved or rewritten"
    assert judge(chains).bad == [(odd.stem, 1, said)]


def test_a_head_from_before_the_first_entry_is_the_chains_beginning(chains: Chains) -> None:
    """An anchor may have seen a journal that was only just opened; of another beginning it is none."""
    assert judge(chains, f"anchor bot:0:{genesis('bot').digest}").bad == []
    assert judge(chains, f"anchor bot:0:{genesis('other').digest}").bad == [
        ("bot", 0, "is not the entry that an anchor saw: it, or one before it, was rewritten and all after it anew")
    ]


def test_what_is_counted_of_an_intact_journal(chains: Chains) -> None:
    """Entries by chain, erased texts, torn bytes and the heads that were compared: the cross-link is one."""
    assert judge(chains) == Result(entries={"bot": 8, "bastion": 5}, anchors=0)
    assert (Result().erased, Result().anchors, Result().code) == (0, 0, 0)
    _change(chains, 5, lambda raw: raw.update(aside={}))
    _change(chains, 3, lambda raw: raw["aside"].popitem())
    note = chains.note()
    with chains.path("bastion").open("ab") as tail:
        tail.write(b"torn")
    found = judge(chains, note)
    assert found == Result(entries={"bot": 8, "bastion": 5}, anchors=2, erased=3, torn={"bastion": 4})
    assert found.code == 0


def test_a_chain_that_is_shorter_than_somebody_saw_it(chains: Chains) -> None:
    """By whom, and what is missing first; a chain that is gone ends at its beginning."""
    anchors = chains.note()
    chains.path().write_bytes(b"".join(chains.lines()[:6]))
    chains.path("bastion").unlink()
    found = judge(chains, anchors)
    assert sorted(found.bad) == [
        ("bastion", 1, "is missing: the chain ends at entry 0, and an anchor saw entry 5"),
        ("bot", 7, "is missing: the chain ends at entry 6, and an anchor saw entry 8"),
    ]
    assert sorted(judge(chains).bad) == [
        ("bastion", 1, "is missing: the chain ends at entry 0, and entry 1 of bot saw entry 5"),
    ]
    chains.path().unlink()
    assert judge(chains).unreadable == ["there is no entry of a journal in what was given"]


def test_a_chain_that_was_computed_anew_is_named_where_it_was_seen(chains: Chains) -> None:
    """By the first that saw it, and once."""
    anchors = chains.note() + chains.note()
    forged = rehashed(chains.lines(), "bot", lambda seq, body: body.update(at=AT + 99) if seq == 3 else None)
    chains.path().write_bytes(forged)
    assert judge(chains, anchors).bad == [
        ("bot", 8, "is not the entry that an anchor saw: it, or one before it, was rewritten and all after it anew")
    ]
    other = rehashed(chains.lines("bastion"), "bastion", lambda _, body: body.update(at=AT + 99))
    chains.path("bastion").write_bytes(other)
    assert judge(chains).bad == [
        (
            "bastion",
            5,
            "is not the entry that entry 1 of bot saw: it, or one before it, was rewritten and all after it anew",
        )
    ]


def test_copies_of_a_chain_may_differ_in_length_alone(chains: Chains) -> None:
    """The longer counts, whichever is read first; where they differ is named."""
    anchors = chains.note()
    for name in ("a-copy", "z-copy"):
        copy = chains.folder / name
        copy.mkdir()
        (copy / "bot.jsonl").write_bytes(b"".join(chains.lines()[:6]))
    found = judge(chains, anchors)
    assert (found.bad, found.entries["bot"]) == ([], 8)
    forged = rehashed(chains.lines(), "bot", lambda seq, body: body.update(at=AT + 99) if seq == 3 else None)
    (chains.folder / "z-copy" / "bot.jsonl").write_bytes(forged)
    assert judge(chains).bad == [("bot", 3, "is not the same in two files of this chain")]


def test_single_files_are_judged_by_what_saw_them(chains: Chains) -> None:
    """The chains that were not given are said; a folder is whole, so that one is missed there."""
    key = chains.signer.verifier_key
    alone = verify([chains.path()], key, chains.note())
    assert (alone.bad, alone.not_given, alone.entries, alone.code) == ([], {"bastion"}, {"bot": 8}, 0)
    both = verify([chains.path(), chains.path("bastion")], key, chains.note())
    assert (both.bad, both.not_given) == ([], set())
    chains.path("bastion").unlink()
    assert judge(chains).code == 1


def test_a_single_file_that_was_cut_short_is_tampered_with(chains: Chains) -> None:
    """Its own chain was given, though others were not."""
    anchors = chains.note()
    chains.path().write_bytes(b"".join(chains.lines()[:6]))
    found = verify([chains.path()], chains.signer.verifier_key, anchors)
    assert [place[:2] for place in found.bad] == [("bot", 7)]
    assert found.not_given == {"bastion"}


def test_a_folder_is_whole_though_a_file_was_given_beside_it(chains: Chains, tmp_path: Path) -> None:
    """A chain that is missing there is missed."""
    anchors, beside = chains.note(), tmp_path / "bot.jsonl"
    beside.write_bytes(chains.path().read_bytes())
    chains.path("bastion").unlink()
    found = verify([chains.folder, beside], chains.signer.verifier_key, anchors)
    assert [place[:2] for place in found.bad] == [("bastion", 1)]


def test_what_cannot_be_read_is_said_and_is_no_tampering(chains: Chains, tmp_path: Path) -> None:
    """Exit 2, unless something is tampered with as well; the rest is judged."""
    key = chains.signer.verifier_key
    missing = tmp_path / "missing.jsonl"
    found = verify([missing, chains.path(), chains.path("bastion")], key)
    assert (found.unreadable, found.code) == ([f"{missing}: No such file or directory"], 2)
    assert found.entries == {"bot": 8, "bastion": 5}
    assert judge(chains, "").unreadable == ["there is no anchor in the anchors"]
    assert judge(chains, None).unreadable == []
    _change(chains, 5, lambda raw: raw["body"].update(at=1))
    assert verify([missing, chains.folder], key).code == 1


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "the key cannot be read: it is empty"),
        ("\n \n", "the key cannot be read: it is empty"),
        ("agent-kill/bot", "the key cannot be read: not enough values to unpack (expected 3, got 1)"),
    ],
)
def test_a_key_that_is_none_is_unreadable(chains: Chains, key: str, said: str) -> None:
    """With the reason; the chains are judged by themselves."""
    found = verify([chains.folder], key, chains.note())
    assert (found.unreadable, found.code, found.anchors) == ([said], 2, 0)
    assert found.entries == {"bot": 8, "bastion": 5}


def test_a_verifier_key_is_whole_and_of_its_kind() -> None:
    """Its number is that of its name and key; several stand one a line."""
    one, two = Signer(KEY, "bot"), Signer("22" * 32, "desk")
    name, number, packed = one.verifier_key.split("+", 2)
    keys = read_keys(f"\n {one.verifier_key} \n{two.verifier_key}\n")
    assert list(keys) == [("agent-kill/bot", bytes.fromhex(number)), ("agent-kill/desk", two._id)]
    raw = base64.b64decode(packed)
    other = base64.b64encode(b"\x02" + raw[1:]).decode()
    renumbered = hashlib.sha256(name.encode() + b"\n\x02" + raw[1:]).digest()[:4].hex()
    for wrong in (f"{name}+00000000+{packed}", f"other+{number}+{packed}", f"{name}+{renumbered}+{other}"):
        with pytest.raises(ValueError, match="is not an Ed25519 verifier key, or not whole") as raised:
            read_keys(wrong)
        told = f"{wrong.partition('+')[0]} is not an Ed25519 verifier key, or not whole"
        assert str(raised.value) == told
    with pytest.raises(ValueError, match=r"base64|adding|alphabet"):
        read_keys(f"{name}+{number}+{packed}!")


def _read(text: str, *signers: Signer) -> tuple[list[tuple[str, int, str, str]], list[tuple[str, int, str]]]:
    bad: list[tuple[str, int, str]] = []
    keys = read_keys("\n".join(signer.verifier_key for signer in signers or (Signer(KEY, "bot"),)))
    return notes_and_lines(text, keys, bad), bad


HEADS = {
    "bot": Link(seq=3, digest="ab" * 32),
    "bastion": Link(seq=2, digest="cd" * 32),
    "x_1": Link(seq=0, digest="ef" * 32),
}
SEEN = [
    ("bot", 3, "ab" * 32, "an anchor"),
    ("bastion", 2, "cd" * 32, "an anchor"),
    ("x_1", 0, "ef" * 32, "an anchor"),
]


def test_a_note_gives_the_heads_that_it_signs() -> None:
    """Its own first, in lines that end as any system ends them, and beside the signature of another key."""
    note = Signer(KEY, "bot").note(HEADS, AT)
    assert _read(note) == (SEEN, [])
    assert _read(note.replace("\n", "\r\n")) == (SEEN, [])
    assert _read(f"{note}\n{note}") == (SEEN * 2, [])
    witness = f"— witness {base64.b64encode(b'1234' + b'x' * 64).decode()}\n"
    body, _, signature = note.rpartition("— ")
    assert _read(f"{body}{witness}— {signature}") == (SEEN, [])
    assert _read(f"{body}— odd\n— {signature}") == (SEEN, [])
    assert _read(note, Signer("22" * 32, "desk"), Signer(KEY, "bot")) == (SEEN, [])


def test_a_note_that_is_not_signed_gives_nothing() -> None:
    """Each is named; the next one is read."""
    other, own = Signer("22" * 32, "bot"), Signer(KEY, "bot")
    note = own.note(HEADS, AT)
    assert _read(f"{other.note(HEADS, AT)}\n{note}") == (SEEN, [("bot", 3, UNSIGNED)])
    assert _read(note.replace("at 2001", "at 2002")) == ([], [("bot", 3, UNSIGNED)])
    body, _, packed = note.rpartition(" ")
    assert _read(f"{body} {packed[:9]}!{packed[9:]}") == ([], [("bot", 3, UNSIGNED)])
    assert _read(note.replace("chain bastion 2", "chain bastion 9")) == ([], [("bot", 3, UNSIGNED)])


def test_a_damaged_note_before_another_is_named() -> None:
    """What is left of it begins as a note, or ends as one; other words between notes are nobody's business."""
    note = Signer(KEY, "bot").note(HEADS, AT)
    for left in ("agent-kill/bot\nrest\n\n", "rest\n— agent-kill/bot rest\n\n"):
        assert _read(f"{left}{note}") == (SEEN, [("bot", 3, DAMAGED)])
        assert _read(f"{note}\n{left}{note}") == (SEEN * 2, [("bot", 3, DAMAGED)])
    assert _read(f"of agent-kill/bot — and\n\n{note}") == (SEEN, [])


def test_lines_from_slack_are_anchors_too() -> None:
    """Wherever they stand in a message, in whole or as long as Slack shows them; other words are none."""
    line = slack_line(HEADS, "bot")
    short = [(chain, seq, digest[:32], by) for chain, seq, digest, by in SEEN]
    assert _read(f"Report of full_stop. {line} (10:12)") == (short, [])
    assert _read("bot:3:" + "ab" * 32)[0] == []
    assert _read(f"anchor bot:3:{'ab' * 7} bot:4:{'a' * 65} BOT:3:{'ab' * 16} bot:x:{'ab' * 16}")[0] == []
    assert _read(f"anchor bot:3:{'ab' * 8}\nbot:4:{'ab' * 16}")[0] == [("bot", 3, "ab" * 8, "an anchor")]


def test_a_pasted_line_finds_a_forgery(chains: Chains) -> None:
    """Without any note and any signature."""
    line = slack_line(chains.heads(), "bot")
    assert (judge(chains, line).code, judge(chains, line).anchors) == (0, 2)
    chains.path().write_bytes(
        rehashed(chains.lines(), "bot", lambda seq, body: body.update(at=AT + 99) if seq == 3 else None)
    )
    assert [place[:2] for place in judge(chains, line).bad] == [("bot", 8)]
    chains.write([event(1)])
    assert judge(chains).code == 0


def test_cross_links_are_read_from_their_own_kind_alone(chains: Chains) -> None:
    """Another event with a field of that name links to nothing; a link that makes no sense is named."""
    lines = rehashed(
        chains.lines(), "bot", lambda seq, body: body.update(heads=[["ghost", 9, "ab"]]) if seq == 4 else None
    )
    chains.path().write_bytes(lines)
    assert judge(chains).bad == []
    lines = rehashed(chains.lines(), "bot", lambda seq, body: body.update(heads=[["x"]]) if seq == 1 else None)
    chains.path().write_bytes(lines)
    assert judge(chains).bad == [("bot", 1, "not enough values to unpack (expected 3, got 1)")]
    lines = rehashed(chains.lines(), "bot", lambda seq, body: body.pop("heads") if seq == 1 else None)
    chains.path().write_bytes(lines)
    assert judge(chains).bad == []
