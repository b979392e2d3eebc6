"""Does every fault of the catalogue have a test that exists, or a reason?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (F\d\d) \|(.*)\|$", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), re.MULTILINE)
PLACE = re.compile(r"`(tests/[\w/]+\.py)(?::(\w+))?`")


def test_the_catalogue_is_complete() -> None:
    """F01 to F72, once each and in order."""
    assert [number for number, _ in ROWS] == [f"F{number:02}" for number in range(1, 73)]


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[number for number, _ in ROWS])
def test_a_fault_is_tested_or_explained(number: str, row: str) -> None:
    """Each test that is named exists; a fault without one says in which way it does not apply yet."""
    places = PLACE.findall(row)
    assert places or "Later:" in row, number
    for file, name in places:
        assert f"def {name or 'test_'}" in (ROOT / file).read_text(encoding="utf-8"), f"{number}: {file}:{name}"
