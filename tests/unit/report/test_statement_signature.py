"""Is every byte of a statement under the signature, and is a tampered journal said in it?"""

import base64
import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from bot.journal.checkpoint import Signer
from bot.journal.verify import notes_and_lines, read_keys
from bot.report.signed import ForgedError, check, signed_json, signed_page
from tests.unit.report.quarter import KEY, attest, command, incident, quarter, run

SIGNER = Signer(KEY, "bot")
MADE = {
    "made_by": SIGNER.name,
    "made_at": "2026-04-01T00:00:00.000Z",
    "period": {"asked": "2026-Q1"},
    "verdict": "intact",
    "numbers": [1, 2.5, None, "é"],
}
FILES = (signed_json(MADE, SIGNER).encode(), signed_page(MADE, "<p>é all is well</p>\n", SIGNER).encode())
both = pytest.mark.parametrize("data", FILES, ids=["json", "page"])


@both
def test_what_was_signed_is_genuine(data: bytes) -> None:
    """With who signed it, and when."""
    found = check(data, SIGNER.verifier_key)
    assert (found.by, found.period, found.verdict) == ("agent-kill/bot", "2026-Q1", "intact")


@both
def test_every_changed_byte_is_found(data: bytes) -> None:
    """Each byte in turn, by its lowest bit and by another character; and each one left out."""
    for place in range(len(data)):
        for changed in (bytes([data[place] ^ 1]), b"~" if data[place : place + 1] != b"~" else b"!", b""):
            with pytest.raises(ForgedError):
                check(data[:place] + changed + data[place + 1 :], SIGNER.verifier_key)


@both
def test_a_signature_is_written_in_one_way_only(data: bytes) -> None:
    """The bits of its last letter that Base64 does not use are changed: it decodes to the same signature."""
    at = data.rindex(b"=")  # its only padding, behind that of the hashes
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(data[at - 1]) + 1]
    assert base64.b64decode(b"AA" + data[at - 1 : at + 1]) == base64.b64decode(b"AA" + bytes([other]) + b"=")
    with pytest.raises(ForgedError, match="its signature was changed"):
        check(data[: at - 1] + bytes([other]) + data[at:], SIGNER.verifier_key)


@given(st.sampled_from(FILES), st.integers(0, 5000), st.binary(min_size=1, max_size=3))
def test_every_inserted_byte_is_found(data: bytes, place: int, more: bytes) -> None:
    """Anywhere, before the beginning and behind the end too."""
    at = min(place, len(data))
    with pytest.raises(ForgedError):
        check(data[:at] + more + data[at:], SIGNER.verifier_key)


@both
def test_another_key_is_refused(data: bytes) -> None:
    """Of the same name too."""
    for other in (Signer("33" * 32, "bot"), Signer(KEY, "bastion")):
        with pytest.raises(ForgedError, match="is not the one given"):
            check(data, other.verifier_key)


def test_a_statement_never_passes_for_a_checkpoint() -> None:
    """Nor is it half of one."""
    note = json.loads(FILES[0])["note"]
    bad: list[tuple[str, int, str]] = []
    assert notes_and_lines(note, read_keys(SIGNER.verifier_key), bad) == []
    assert bad == []


def test_a_checkpoint_never_passes_for_a_statement() -> None:
    """Even where it stands in the form of one."""
    note = SIGNER.note({}, 0.0)
    file = json.dumps({"statement": MADE, "note": note}, indent=2, ensure_ascii=False) + "\n"
    with pytest.raises(ForgedError, match="form that statements are signed in"):
        check(file.encode(), SIGNER.verifier_key)


def test_the_note_holds_the_hash_that_the_page_describes() -> None:
    """Anybody can check it with RFC 8785, SHA-256 and Ed25519."""
    import hashlib  # noqa: PLC0415  # what a stranger would use

    file = json.loads(FILES[0])
    digest = base64.b64encode(hashlib.sha256(rfc8785.dumps(file["statement"])).digest()).decode()
    assert f"\njson {digest}\n" in file["note"]


def test_the_command_checks_both_files(tmp_path: Path) -> None:
    """0 where they are genuine, 1 where they are not, 2 where they cannot be read."""
    state = quarter(tmp_path, *run(3), *incident())
    ran = attest(state, "--html", str(tmp_path / "s.html"), "--json")
    (tmp_path / "s.json").write_text(ran.stdout)
    key = str(tmp_path / "key.txt")
    for name in ("s.html", "s.json"):
        found = command(state, "audit", "statement", str(tmp_path / name), "--key", key)
        assert found.exit_code == 0
        assert "GENUINE: signed by agent-kill/bot" in found.stdout
        forged = tmp_path / f"forged-{name}"
        forged.write_text((tmp_path / name).read_text().replace("U0BOB", "U0EVE"))
        refused = command(state, "audit", "statement", str(forged), "--key", key)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "NOT GENUINE: it was changed after it was signed" in refused.stderr
    missing = command(state, "audit", "statement", str(tmp_path / "none"), "--key", key)
    assert (missing.exit_code, "No such file" in missing.stderr) == (2, True)
    wrong = command(state, "audit", "statement", str(tmp_path / "s.json"), "--key", str(tmp_path / "s.json"))
    assert (wrong.exit_code, "cannot be read" in wrong.stderr) == (2, True)


def test_tampered_journals_are_stated_first(tmp_path: Path) -> None:
    """The statement is written and signed all the same, and the exit code is not 0."""
    state = quarter(tmp_path, *run(3), *incident())
    journal = state / "journal" / "bot.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"mode":"full_stop"', b'"mode":"read_only"', 1))
    ran = attest(state, "--html", str(tmp_path / "s.html"), "--json")
    assert ran.exit_code == 1
    made = json.loads(ran.stdout)["statement"]
    assert made["verdict"] == "TAMPERED"
    assert made["not_proven"][0].startswith("TAMPERED: the journals are not what was written")
    page = (tmp_path / "s.html").read_text()
    assert page.index("TAMPERED") < page.index("Five questions")
    found = command(state, "audit", "statement", str(tmp_path / "s.html"), "--key", str(tmp_path / "key.txt"))
    assert (found.exit_code, "were TAMPERED then" in found.stdout) == (0, True)
