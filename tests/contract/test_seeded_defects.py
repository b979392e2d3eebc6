"""Does the conformance kit catch adapters that are wrong? Each seeded defect, by the one check that is for it."""

import gc
from collections import Counter

import pytest

from adapters.conformance import CHECKS, trial
from tests.contract.defects import KINDS, Defect, defects
from tests.contract.rigs import opener
from tests.contract.rigs.running import Running

LEAST = 10  # per kind
ALWAYS = 2  # per kind, in every run; the others are long


def _every() -> list[object]:
    return [
        pytest.param(kind, defect, id=f"{kind}: {defect.name}", marks=() if number < ALWAYS else pytest.mark.long)
        for kind in KINDS
        for number, defect in enumerate(defects(kind))
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a defect leaves connections open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("kind", "defect"), _every())
async def test_a_defect_is_caught(kind: str, defect: Defect, servers: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check that is for it fails, and says what is wrong."""
    async with opener(kind, servers)() as rig:
        defect.seed(monkeypatch, rig)
        found = await trial(rig, f"test_{defect.check}")
        monkeypatch.undo()
    gc.collect()  # here, and not in the middle of another test
    assert found, f"{defect.check} found nothing wrong"
    assert defect.says in found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_defects(kind: str) -> None:
    """At least ten, each with a name of its own and a check that exists, the lying surface first."""
    seeded = defects(kind)
    assert len(seeded) >= LEAST
    assert seeded[0].name == "the surface lies"
    assert [name for name, count in Counter(defect.name for defect in seeded).items() if count > 1] == []
    assert [defect.check for defect in seeded if f"test_{defect.check}" not in CHECKS] == []
