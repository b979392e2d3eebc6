"""Do anchors, erasures and folders reach the disk, keep to themselves and say what is wrong?"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.journal import anchors, erase, folders
from bot.journal.anchors import AnchorFile, contradictions
from bot.journal.chain import Link, genesis
from bot.journal.checkpoint import BadKeyError, Signer
from tests.unit.journal.chains import AT, KEY, Chains, event, make


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """Two short journals."""
    return make(tmp_path / "journal", 8)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was brought to the disk, in order."""
    found: list[str] = []
    real = os.fsync

    def spy(fd: int) -> None:
        found.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        real(fd)

    monkeypatch.setattr(os, "fsync", spy)
    return found


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _note(chains: Chains) -> str:
    return chains.note().rstrip("\n") + "\n"


def test_an_anchor_is_on_disk_when_it_is_said_so(chains: Chains, tmp_path: Path, synced: list[str]) -> None:
    """With the folder where the file is new; no file stays open."""
    before = _open_files()
    file = AnchorFile(tmp_path / "anchors.txt")
    file.append(_note(chains))
    assert synced == ["anchors.txt", tmp_path.name]
    file.append(_note(chains))
    assert synced == ["anchors.txt", tmp_path.name, "anchors.txt"]
    assert _open_files() == before


def test_a_torn_note_is_looked_for_once(chains: Chains, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes the file, and it grows for years; what is whole is not touched."""
    path = tmp_path / "anchors.txt"
    cut: list[int] = []
    real = os.ftruncate

    def spy(fd: int, length: int) -> None:
        cut.append(length)
        real(fd, length)

    monkeypatch.setattr(os, "ftruncate", spy)
    file = AnchorFile(path)
    file.append(_note(chains))
    assert cut == []
    path.write_bytes(path.read_bytes() + b"torn")
    file.append(_note(chains))
    assert cut == []
    assert b"torn" in path.read_bytes()
    whole = f"{_note(chains)}\n" * 3
    path.write_text(whole + "torn")
    AnchorFile(path).append(_note(chains))
    assert path.read_text() == f"{whole}{_note(chains)}\n"
    cut.clear()
    path.write_text("torn from the first byte on")
    AnchorFile(path).append(_note(chains))
    assert cut == [0]
    assert path.read_text() == _note(chains) + "\n"


def test_only_the_last_whole_note_is_read(chains: Chains, tmp_path: Path) -> None:
    """Earlier ones may be of a key that was changed since; what is unfinished or no text behind it is passed over."""
    file = AnchorFile(tmp_path / "anchors.txt")
    key = chains.signer.verifier_key
    for _ in range(2):
        file.append(Signer("22" * 32, "bot").note(chains.heads(), AT))
    chains.write([event(1)])
    file.append(_note(chains))
    heads = [(chain, seq, digest) for chain, seq, digest, _ in file.last(key)]
    assert heads == [(name, head.seq, head.digest) for name, head in sorted(chains.heads().items(), reverse=True)]
    with file.path.open("ab") as tail:
        tail.write(b"agent-kill/bot\n99\n\xff")
    assert [(chain, seq, digest) for chain, seq, digest, _ in file.last(key)] == heads
    file.path.write_text("no note at all\n")
    assert file.last(key) == []
    file.path.write_text(f"an anchor of old\n{_note(chains)}\n")
    assert len(file.last(key)) == 2


def test_a_note_of_another_key_says_what_to_do(chains: Chains, tmp_path: Path) -> None:
    """Word for word, for it stops restores."""
    file = AnchorFile(tmp_path / "anchors.txt")
    file.append(Signer("22" * 32, "bot").note(chains.heads(), AT))
    with pytest.raises(ValueError, match="the last note") as raised:
        file.last(chains.signer.verifier_key)
    assert str(raised.value) == (
        "the last note of anchors.txt is not signed by this bot's key: put the right key back in "
        "AGENT_KILL_SIGNING_KEY, or, where the key was changed on purpose, move the file away and keep it"
    )


def test_what_contradicts_an_anchor_is_said_of_every_copy(chains: Chains, tmp_path: Path) -> None:
    """One copy that matches is enough; one that is altered is told from copies that are all too short."""
    advice = "an old copy was put back, or it was altered; find out before anything is restored"
    head = [("bot", 8, chains.heads()["bot"].digest, "an anchor")]
    other = make(tmp_path / "other", 4)
    third = tmp_path / "third"
    third.mkdir()
    assert contradictions([other.folder, third, chains.folder], head) == []
    assert contradictions([other.folder, third], head) == [
        f"the journal bot ends before its entry 8, which was anchored: {advice}"
    ]
    altered = chains.lines()
    (third / "bot.jsonl").write_bytes(b"".join([*altered[:7], b"[]\n"]))
    for folders_ in ([other.folder, third], [third, other.folder]):
        assert contradictions(folders_, head) == [
            f"entry 8 of the journal bot is not the one that was anchored: {advice}"
        ]
    assert contradictions([tmp_path], head) == [f"the journal bot is gone, whose entry 8 was anchored: {advice}"]
    assert contradictions([tmp_path], [("new", 0, genesis("new").digest, "an anchor")]) == []
    for line in (b"{\n", b"7\n", b'{"x":1}\n', b"[" * 100_000 + b"\n"):
        (third / "bot.jsonl").write_bytes(b"".join([*altered[:7], line]))
        empty = [("bot", 8, "", "an anchor")]
        assert contradictions([third], empty) == []
        assert len(contradictions([third], head)) == 1


def test_an_erasure_is_on_disk_when_it_is_done(chains: Chains, synced: list[str]) -> None:
    """The new file first, then its name; the lock is given back and no file stays open."""
    before = _open_files()
    assert erase.erase(chains.path(), "nightly") == 2
    assert synced == ["bot.erasing", chains.folder.name]
    assert chains.path().stat().st_mode & 0o777 == 0o600
    assert erase.erase(chains.path(), "no such words") == 0
    assert synced == ["bot.erasing", chains.folder.name]
    assert _open_files() == before
    chains.write([event(3)])


def test_an_erasure_in_pieces_is_whole(chains: Chains, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than it was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:50]))
    erase.erase(chains.path(), "nightly")
    assert len(chains.lines()) == 8
    assert b"nightly" not in chains.path().read_bytes()


def test_an_erasure_of_nothing_names_the_file(chains: Chains) -> None:
    """As the operating system would."""
    with pytest.raises(FileNotFoundError) as raised:
        erase.erase(chains.path("none"), "x")
    assert (raised.value.errno, raised.value.strerror) == (2, "there is no such journal")
    assert raised.value.filename == str(chains.path("none"))


def test_a_folder_is_ours_alone_or_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one of this user that nobody else may enter; the sentence says what to do."""
    folder = tmp_path / "a" / "b"
    folders.make(folder)
    folders.make(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folders.is_ours(folder)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "file").touch(mode=0o600)
    for other in (tmp_path / "link", tmp_path / "file", tmp_path / "missing"):
        assert not folders.is_ours(other)
    for mode in (0o710, 0o701):
        folder.chmod(mode)
        assert not folders.is_ours(folder)
    with pytest.raises(PermissionError) as raised:
        folders.make(folder)
    assert str(raised.value) == (f"{folder} belongs to somebody else or is open to others; remove it or chmod 0700 it")
    folder.chmod(0o700)
    assert folders.is_ours(folder)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert not folders.is_ours(folder)


def test_a_synced_folder_is_let_go(tmp_path: Path, synced: list[str]) -> None:
    """It was brought to the disk."""
    before = _open_files()
    folders.sync(tmp_path)
    assert (synced, _open_files()) == ([tmp_path.name], before)


@pytest.mark.parametrize("key", ["", "s3cr3t", "ab" * 31, "ab" * 33, "zz" * 32])
def test_a_key_that_is_none_is_refused_in_one_sentence(key: str) -> None:
    """Which shows nothing of it."""
    with pytest.raises(BadKeyError) as raised:
        Signer(key, "bot")
    assert str(raised.value) == (
        "AGENT_KILL_SIGNING_KEY is not 64 hexadecimal digits: make one with `openssl rand -hex 32`"
    )


def test_a_checkpoint_of_a_writer_that_wrote_nothing_begins_at_the_beginning() -> None:
    """Entry 0 and the hash of its own name; its time is UTC's, wherever the machine stands."""
    text = Signer(KEY, "bot").note({"bastion": Link(seq=2, digest="cd" * 32)}, AT)
    name, seq, head, at, *_ = text.splitlines()
    assert (name, seq) == ("agent-kill/bot", "0")
    assert Signer(KEY, "bot").note({"bot": genesis("bot")}, AT).splitlines()[2] == head
    assert at == f"at {datetime.fromtimestamp(AT, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_checkpoint_ignores_the_machines_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone far away changes nothing."""
    import time  # noqa: PLC0415  # for its zone alone

    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert "at 2001-09-09T01:46:40Z" in Signer(KEY, "bot").note({}, AT)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_anchor_file_keeps_every_note(chains: Chains, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the kernel takes them in pieces."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:50]))
    file = anchors.AnchorFile(tmp_path / "anchors.txt")
    for _ in range(3):
        file.append(_note(chains))
    assert file.path.read_text() == (_note(chains) + "\n") * 3
