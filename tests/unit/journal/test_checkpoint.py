"""Are checkpoints signed notes as C2SP describes them, and do they survive crashes and name what contradicts them?"""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.journal.anchors import AnchorFile, contradictions
from bot.journal.chain import Link
from bot.journal.checkpoint import BadKeyError, Signer, slack_line
from bot.journal.verify import verify
from tests.unit.journal.chains import AT, KEY, Chains, event, make

HEADS = {"bot": Link(seq=3, digest="ab" * 32), "bastion": Link(seq=2, digest="cd" * 32)}


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """Two short journals."""
    return make(tmp_path / "journal", 8)


def test_a_checkpoint_is_a_signed_note() -> None:
    """Origin, size, head, extension lines, a blank line, and an Ed25519 signature under the id of its key."""
    signer = Signer(KEY, "bot")
    text, _, signed = signer.note(HEADS, AT).partition("\n\n")
    name, number, public = signer.verifier_key.split("+", 2)
    dash, who, packed = signed.rstrip("\n").split(" ")

    assert text.splitlines() == [
        "agent-kill/bot",
        "3",
        base64.b64encode(b"\xab" * 32).decode(),
        "at 2001-09-09T01:46:40Z",
        "chain bastion 2 " + "zc3N" * 10 + "zc0=",
    ]
    raw, key = base64.b64decode(packed), base64.b64decode(public)
    assert (dash, who, name) == ("—", "agent-kill/bot", "agent-kill/bot")
    assert raw[:4].hex() == number == hashlib.sha256(b"agent-kill/bot\n" + key).hexdigest()[:8]
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], f"{text}\n".encode())


@pytest.mark.parametrize("key", ["", "s3cr3t", "ab" * 31, "ab" * 33])
def test_a_key_of_another_form_is_refused_without_showing_it(key: str) -> None:
    """The message says what a key is and how to make one."""
    with pytest.raises(BadKeyError, match="is not 64 hexadecimal digits: make one with `openssl rand -hex 32`"):
        Signer(key, "bot")


def test_the_line_for_slack_names_the_own_chain_first() -> None:
    """128 bits of each head; of many chains eight are named."""
    many = {f"desk-{number}": Link(seq=number, digest="00" * 32) for number in range(20)}

    assert slack_line(HEADS, "bot") == f"anchor bot:3:{'ab' * 16} bastion:2:{'cd' * 16}"
    assert slack_line(HEADS | many, "bot").startswith(f"anchor bot:3:{'ab' * 16} bastion:2:")
    assert len(slack_line(HEADS | many, "bot").split()) == 9
    assert slack_line({}, "bot") == ""


@pytest.mark.parametrize("cut", [0, 1, 40, 200, -1])
def test_a_crash_in_mid_write_costs_the_unfinished_note_alone(tmp_path: Path, chains: Chains, cut: int) -> None:
    """The next note follows the last whole one, and all of them verify."""
    path = tmp_path / "anchors.txt"
    note = chains.note().rstrip("\n") + "\n"
    AnchorFile(path).append(note)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:cut])
    AnchorFile(path).append(note)

    assert path.read_bytes() == whole * 2
    assert verify([chains.folder], chains.signer.verifier_key, path.read_text()).code == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_note_takes_no_whole_one_with_it(tmp_path: Path, chains: Chains) -> None:
    """However many stand before it."""
    path = tmp_path / "anchors.txt"
    for _ in range(3):
        AnchorFile(path).append(chains.note().rstrip("\n") + "\n")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:99])
    AnchorFile(path).append(chains.note().rstrip("\n") + "\n")
    assert path.read_bytes() == whole + whole[: len(whole) // 3]


def test_the_last_whole_note_is_the_one_that_counts(tmp_path: Path, chains: Chains) -> None:
    """Of several, and though one that is torn follows it; a file without a whole one has none."""
    path = tmp_path / "anchors.txt"
    for number in range(3):
        chains.write([event(number)])
        AnchorFile(path).append(chains.note())
    last = [(chain, seq) for chain, seq, _, _ in AnchorFile(path).last(chains.signer.verifier_key)]
    assert ("bot", len(chains.lines())) in last
    note = chains.note()
    path.write_text(path.read_text() + note[:40])
    assert [(chain, seq) for chain, seq, _, _ in AnchorFile(path).last(chains.signer.verifier_key)] == last
    path.write_text(note[:40])
    assert AnchorFile(path).last(chains.signer.verifier_key) == []


def test_an_unfinished_note_at_the_end_is_no_tampering(chains: Chains) -> None:
    """The file may be copied while it is written."""
    note = chains.note()
    for cut in range(1, len(note)):
        assert verify([chains.folder], chains.signer.verifier_key, note + note[:cut]).code == 0


def test_the_last_note_is_compared_with_the_journals(tmp_path: Path, chains: Chains) -> None:
    """What was anchored and is gone, cut short or another one now is named at the next start."""
    file = AnchorFile(tmp_path / "anchors.txt")
    assert file.last(chains.signer.verifier_key) == []
    old, other = chains.path().read_bytes(), chains.lines("bastion")
    chains.write([event(3)])
    file.append(chains.note())
    heads = file.last(chains.signer.verifier_key)
    assert contradictions([chains.folder], heads) == []

    chains.path().write_bytes(old)
    chains.path("bastion").unlink()
    found = contradictions([chains.folder, tmp_path / "missing"], heads)
    assert [sentence.partition(":")[0] for sentence in found] == [
        "the journal bot ends before its entry 9, which was anchored",
        "the journal bastion is gone, whose entry 5 was anchored",
    ]
    chains.path("bastion").write_bytes(b"".join([*other[:4], other[3]]))
    assert contradictions([chains.folder], heads)[1].startswith("entry 5 of the journal bastion is not the one that")


def test_a_note_that_the_key_did_not_sign_is_refused(tmp_path: Path, chains: Chains) -> None:
    """Somebody else's note must not pass for an anchor; neither does a changed key go unnoticed."""
    file = AnchorFile(tmp_path / "anchors.txt")
    file.append(chains.note(Signer("22" * 32, "bot")))

    with pytest.raises(ValueError, match=r"the last note of anchors\.txt is not signed by this bot's key"):
        file.last(chains.signer.verifier_key)
