"""Does the offline verifier find every way to tamper with a journal, and nothing in one that is intact?"""

import ast
import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.journal import verify as module
from bot.journal.chain import Json
from bot.journal.checkpoint import Signer, slack_line
from bot.journal.verify import Result, verify
from tests.unit.journal.chains import ENTRIES, Chains, event, make, rehashed

EACH = range(1, ENTRIES + 1)


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """Two journals of which the longer has 200 entries."""
    return make(tmp_path / "journal")


@pytest.fixture
def short(tmp_path: Path) -> Chains:
    """Two journals of which the longer has eight entries."""
    return make(tmp_path / "short", 8)


def judge(chains: Chains, anchors: str | None = None) -> Result:
    """The verdict with the trusted key."""
    return verify([chains.folder], chains.signer.verifier_key, anchors)


def _forge(seq: int, body: Json) -> None:
    """One word of one entry."""
    if seq == 4:
        body["at"] += 1


def test_an_intact_journal_is_intact(chains: Chains) -> None:
    """Exit 0, with everything counted."""
    found = judge(chains, chains.note())

    assert (found.code, found.bad, found.unreadable) == (0, [], [])
    assert (found.entries, found.anchors) == ({"bot": ENTRIES, "bastion": 5}, 2)


def test_every_changed_byte_of_200_entries_is_found(chains: Chains, tell: Callable[[str], None]) -> None:
    """Whatever byte it is, the entry that it stands in is named; the last newline needs an anchor."""
    anchors, whole, path = chains.note(), chains.path().read_bytes(), chains.path()
    seq, missed, tried = 1, [], 0
    for index, byte in enumerate(whole):
        begin = whole.rfind(b"\n", 0, index) + 1
        end = whole.find(b"\n", index) + 1
        wrong = bytearray(whole[begin:end])
        for new in {byte ^ 0x20} | ({byte ^ 0x01, byte + 1 & 0x7F, 0x30} - {byte} if seq <= 8 else set()):
            wrong[index - begin] = new
            tried += 1
            missed += [] if _caught(seq, whole[begin:end], bytes(wrong)) else [(seq, index, new)]
        seq += byte == 0x0A
    path.write_bytes(whole[:-1] + b" ")

    tell(f"{tried:,} changes of single bytes, at every byte of {ENTRIES} entries, {len(missed)} missed")
    assert missed == []
    assert judge(chains, anchors).bad[0][:2] == ("bot", ENTRIES)


def _caught(seq: int, line: bytes, wrong: bytes) -> bool:
    """Judges one changed line in its place: the lines before it are intact, so that its own `prev` stands for them."""
    digests = ["" for _ in range(seq - 1)] + [json.loads(line)["prev"]]
    result = Result()
    for part in wrong[:-1].split(b"\n") if wrong.endswith(b"\n") else [wrong]:
        try:
            module._read_entry(part, len(digests), digests)
        except module._WRONG as error:
            result.bad.append(("bot", seq, str(error)))
            break
    return bool(result.bad)


@pytest.mark.parametrize("seq", [1, 2, 100, 199, 200])
def test_a_changed_byte_is_named_by_its_entry(chains: Chains, seq: int) -> None:
    """The whole verdict names the chain, the entry and what is wrong."""
    lines = chains.lines()
    lines[seq - 1] = lines[seq - 1].replace(b'"at":1', b'"at":2')
    chains.path().write_bytes(b"".join(lines))

    assert judge(chains).bad == [("bot", seq, "does not match its hash: it was altered")]


@pytest.mark.parametrize("attack", ["delete", "duplicate", "swap", "truncate", "truncate within", "blank"])
def test_every_structured_attack_is_found_at_each_entry(
    chains: Chains, attack: str, tell: Callable[[str], None]
) -> None:
    """Entries that are removed, repeated, moved or cut off are missed, wherever they stood."""
    anchors, lines, missed = chains.note(), chains.lines(), []
    for seq in EACH:
        chains.path().write_bytes(b"".join(_attacked(lines, seq - 1, attack)))
        found = judge(chains, anchors)
        first = found.bad[0] if found.bad else ("", 0, "")
        missed += [] if found.code == 1 and first[0] == "bot" and abs(first[1] - seq) <= 1 else [(seq, first)]

    tell(f"{len(EACH)} times, {len(missed)} missed")
    assert missed == []


def _attacked(lines: list[bytes], at: int, attack: str) -> list[bytes]:
    match attack:
        case "delete":
            return lines[:at] + lines[at + 1 :]
        case "duplicate":
            return [*lines[: at + 1], *lines[at:]]
        case "swap":
            other = at - 1 if at else 1
            swapped = list(lines)
            swapped[at], swapped[other] = lines[other], lines[at]
            return swapped
        case "truncate":
            return lines[:at]
        case "truncate within":
            return [*lines[:at], lines[at][:20]]
        case _:
            return [*lines[:at], b"\n", *lines[at:]]


def test_a_chain_that_was_computed_anew_is_found_through_the_anchors(
    chains: Chains, tell: Callable[[str], None]
) -> None:
    """A signed note, or the line in Slack, shows that all entries were rewritten; without either it cannot be seen."""
    note, line = chains.note(), slack_line(chains.heads(), "bot")
    chains.path().write_bytes(rehashed(chains.lines(), "bot", _forge))

    assert judge(chains).code == 0
    for anchors in (note, f"12:04 Agent Kill\n  {line}\n"):
        assert judge(chains, anchors).bad[0][:2] == ("bot", ENTRIES)
    tell("not seen without anchors; found by a saved note, and by the line in the thread")


@pytest.mark.parametrize("key", ["22" * 32, "11" * 32])
def test_new_anchors_do_not_help_the_forger(chains: Chains, key: str) -> None:
    """With a key of their own the note is not accepted; with the stolen one an anchor that was saved before tells."""
    saved = chains.note()
    chains.path().write_bytes(rehashed(chains.lines(), "bot", _forge))
    forged = chains.note(Signer(key, "bot"))

    assert judge(chains, forged).code == (0 if key == "11" * 32 else 1)
    assert judge(chains, saved + forged).code == 1


def test_the_first_anchor_after_the_forgery_is_named(short: Chains) -> None:
    """What was anchored before the forged entry still holds; the first anchor behind it does not."""
    lines = short.lines()
    anchors = ""
    for seq in range(1, 9):
        short.path().write_bytes(b"".join(lines[:seq]))
        anchors += short.note()
    short.path().write_bytes(rehashed(lines, "bot", _forge))

    assert judge(short, anchors).bad[0][:2] == ("bot", 4)


@pytest.mark.parametrize("anchored", [True, False])
def test_a_removed_chain_is_missed(chains: Chains, *, anchored: bool) -> None:
    """By the anchors, and without them by the journal that saw it."""
    anchors = chains.note() if anchored else None
    chains.path("bastion").unlink()

    assert judge(chains, anchors).bad[0][:2] == ("bastion", 1)


def test_a_chain_that_was_cut_short_is_missed_by_the_other(chains: Chains) -> None:
    """The cross-link needs no anchor."""
    chains.path("bastion").write_bytes(b"".join(chains.lines("bastion")[:3]))

    assert judge(chains).bad == [
        ("bastion", 4, "is missing: the chain ends at entry 3, and entry 1 of bot saw entry 5")
    ]


def test_a_renamed_chain_is_found(chains: Chains) -> None:
    """Its name is in its first link."""
    chains.path("bastion").rename(chains.path("desk"))

    assert {chain for chain, _, _ in judge(chains).bad} == {"bastion", "desk"}


def test_two_files_of_one_chain_must_agree(chains: Chains, tmp_path: Path) -> None:
    """An older copy beside the whole is fine; another history under the same name is not."""
    copy = tmp_path / "journal" / "copy"
    copy.mkdir()
    (copy / "bot.jsonl").write_bytes(b"".join(chains.lines()[:50]))
    assert judge(chains).code == 0

    (copy / "bot.jsonl").write_bytes(rehashed(chains.lines(), "bot", _forge))
    assert judge(chains).bad == [("bot", 4, "is not the same in two files of this chain")]


def test_an_old_copy_that_was_put_back_is_found(chains: Chains) -> None:
    """Its end is missing, as the anchors tell."""
    old = chains.path().read_bytes()
    chains.write([event(3)])
    anchors = chains.note()
    chains.path().write_bytes(old)

    assert judge(chains, anchors).bad[0][:2] == ("bot", ENTRIES + 1)


def test_erased_texts_are_counted_and_break_nothing(chains: Chains) -> None:
    """The line keeps its hash without the text beside it."""
    raw = json.loads(chains.lines()[4])
    assert len(raw["aside"]) == 2
    lines = chains.lines()
    lines[4] = json.dumps({**raw, "aside": {}}, separators=(",", ":")).encode() + b"\n"
    chains.path().write_bytes(b"".join(lines))
    found = judge(chains, chains.note())

    assert (found.code, found.erased) == (0, 2)


def test_a_torn_tail_is_told_and_is_no_tampering(chains: Chains) -> None:
    """A crash leaves one; nothing that was acknowledged is in it."""
    with chains.path().open("ab") as file:
        file.write(b'{"seq":201,"prev":"')
    found = judge(chains)

    assert (found.code, found.torn) == (0, {"bot": 19})


def test_single_files_leave_the_other_chains_open(chains: Chains) -> None:
    """Where a folder was not given, a chain that others saw is named and not called tampered with."""
    found = verify([chains.path()], chains.signer.verifier_key, chains.note())

    assert (found.code, found.not_given) == (0, {"bastion"})


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n200\n", "\n199\n"),
        lambda note: note.replace("chain bastion 5", "chain bastion 4"),
        lambda note: note.replace("agent-kill/bot\n", "agent-kill/bat\n", 1),
        lambda note: note.replace("at 2", "at 3"),
        lambda note: note[: note.index("— ")] + "— agent-kill/bot AAAA\n\n" + note,
        lambda note: note.replace("\n\n", "\n", 1) + note,
    ],
)
def test_an_altered_anchor_is_found(chains: Chains, change: Callable[[str], str]) -> None:
    """No word of a note can be changed without its signature showing it."""
    assert judge(chains, change(chains.note())).code == 1


@pytest.mark.parametrize("key", ["", "x", "agent-kill/bot+00000000+AAAA", "agent-kill/bot+zz+!"])
def test_without_a_key_nothing_is_verified(chains: Chains, key: str) -> None:
    """Exit 2."""
    assert verify([chains.folder], key, chains.note()).code == 2


def test_nothing_to_verify_is_unreadable(tmp_path: Path, chains: Chains) -> None:
    """A missing file, an empty folder, and anchors without any anchor end with 2, never with 0."""
    key = chains.signer.verifier_key
    (tmp_path / "empty").mkdir()

    assert verify([tmp_path / "none.jsonl"], key).code == 2
    assert verify([tmp_path / "empty"], key).code == 2
    assert verify([chains.folder], key, "nothing here").code == 2


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), anchors=st.none() | st.text(max_size=200), key=st.text(max_size=80))
def test_any_bytes_give_a_verdict(tmp_path: Path, data: bytes, anchors: str | None, key: str) -> None:
    """Whatever stands in journal, key and anchors: 1 or 2, no exception."""
    (tmp_path / "bot.jsonl").write_bytes(data)

    assert verify([tmp_path], key, anchors).code in {1, 2}
    assert verify([tmp_path], Signer("11" * 32, "bot").verifier_key, anchors).code in {1, 2}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5), seq=st.integers()
)
def test_any_json_in_the_right_shape_gives_a_verdict(tmp_path: Path, body: object, seq: int) -> None:
    """Also where the shape of a line is right and its values are not."""
    line = {"seq": seq, "prev": "00", "body": body, "h": body, "aside": body}
    (tmp_path / "bot.jsonl").write_text(json.dumps(line, separators=(",", ":")) + "\n")

    assert verify([tmp_path], Signer("11" * 32, "bot").verifier_key).code == 1


@pytest.mark.parametrize("heads", [[["bot", -900, ""]], [["bot", 1]], [["bot", "x", "y"]], 7])
def test_cross_links_that_make_no_sense_give_a_verdict(short: Chains, heads: object) -> None:
    """A forged journal may name entries that cannot be."""

    def link(seq: int, body: Json) -> None:
        if seq == 1:
            body["heads"] = heads

    short.path().write_bytes(rehashed(short.lines(), "bot", link))

    assert judge(short).code == 1


def test_the_verifier_stands_alone(chains: Chains, tmp_path: Path) -> None:
    """It imports nothing of the bot, and runs as one file in an empty folder."""
    source = Path(module.__file__).read_text()
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {str(getattr(node, "module", None) or node.names[0].name) for node in nodes}
    assert not [name for name in imported if name.split(".")[0] in {"bot", "adapters"}]

    alone = tmp_path / "verify.py"
    alone.write_text(source)
    (tmp_path / "key.txt").write_text(chains.signer.verifier_key)
    (tmp_path / "anchors.txt").write_bytes(chains.note().encode() + b"\xff is no text\n")
    run = [
        sys.executable,
        "-I",
        str(alone),
        str(chains.folder),
        str(tmp_path / "key.txt"),
        str(tmp_path / "anchors.txt"),
    ]
    key, anchors = chains.signer.verifier_key, chains.note()
    for code in (0, 1):
        ended = subprocess.run(run, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert (ended.returncode, ended.stdout) == (code, f"{verify([chains.folder], key, anchors)}\n")
        chains.path().write_bytes(chains.path().read_bytes().replace(b"note 7", b"note 9"))


def test_a_key_signs_for_its_own_name_alone(short: Chains) -> None:
    """Of two bots whose keys are both trusted, neither can anchor the journals of the other."""
    other, note = Signer("22" * 32, "other"), short.note()
    text = note.partition("\n\n")[0] + "\n"
    signature = base64.b64encode(other._id + other._key.sign(text.encode())).decode()
    keys = f"{short.signer.verifier_key}\n{other.verifier_key}\n"

    assert verify([short.folder], keys, note).code == 0
    assert verify([short.folder], keys, f"{text}\n— {other.name} {signature}\n").bad == [
        ("bot", 8, "its anchor is not signed by the key")
    ]
