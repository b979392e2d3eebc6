"""Can a name be taken out of a journal for good, without anything else changing?"""

from pathlib import Path

import pytest

from bot.journal.chain_file import ChainFile, RottenError, TakenError
from bot.journal.erase import erase
from bot.journal.verify import verify
from tests.unit.journal.chains import Chains, event, make


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """Two short journals."""
    return make(tmp_path / "journal", 12)


def test_a_name_is_gone_and_the_chain_holds(chains: Chains) -> None:
    """Every text with the words is dropped, the rest stays, the anchors still match, and the journal goes on."""
    anchors, before = chains.note(), chains.lines()
    assert b"U0004" in b"".join(before)
    assert b"nightly job" in b"".join(before)

    assert erase(chains.path(), "U0004") == 1
    after = chains.lines()
    assert b"U0004" not in b"".join(after)
    assert [seq for seq, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]] == [5]
    found = verify([chains.folder], chains.signer.verifier_key, anchors)
    assert (found.code, found.erased) == (0, 1)

    chains.write([event(3)])
    assert verify([chains.folder], chains.signer.verifier_key, anchors).entries["bot"] == 13
    assert erase(chains.path(), "U0004") == 0
    assert sorted(path.name for path in chains.folder.iterdir()) == ["bastion.jsonl", "bot.jsonl"]


def test_a_journal_in_use_is_refused(chains: Chains) -> None:
    """Its writer would go on in the old file."""
    held = ChainFile(chains.path())
    with pytest.raises(TakenError):
        erase(chains.path(), "U0004")
    held.close()


def test_a_damaged_or_missing_journal_is_left_alone(chains: Chains) -> None:
    """An erasure must not cover up an alteration, nor make a journal."""
    chains.path().write_bytes(chains.path().read_bytes().replace(b"note 7", b"note 9"))
    with pytest.raises(RottenError, match="entry 8"):
        erase(chains.path(), "U0004")
    with pytest.raises(FileNotFoundError):
        erase(chains.path("none"), "U0004")
    assert not chains.path("none").exists()
