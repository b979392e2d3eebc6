"""Does the reference receiver keep its promises, is it what the page shows, and do its checks see it broken?"""

import re
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.http_control import receiver
from adapters.http_control.receiver.receiver import Receiver
from tests.contract.receiver_checks import CHECKS, DEFECTS, Made

FOLDER = Path(receiver.__file__).parent
SOURCE = (FOLDER / "receiver.py").read_text(encoding="utf-8")
PAGE = Path(__file__).parents[2] / "docs" / "receiver.md"
LONGEST = 60  # lines

by_name = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@by_name
def test_a_promise_is_kept(check: Callable[[Made], None], tmp_path: Path) -> None:
    """As the check says."""
    check(Made(Receiver, tmp_path))


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_receiver_is_seen(defect: str, tmp_path: Path) -> None:
    """The check that is for it fails on it."""
    right, wrong, check = DEFECTS[defect]
    assert SOURCE.count(right) == 1
    module = types.ModuleType("broken")
    exec(SOURCE.replace(right, wrong), module.__dict__)  # noqa: S102  # our own text, broken on purpose
    with pytest.raises((AssertionError, pytest.fail.Exception, ValueError)):
        check(Made(module.Receiver, tmp_path))


def test_it_is_short() -> None:
    """Under 60 lines, so that whoever pastes it reads it."""
    assert SOURCE.count("\n") < LONGEST


@pytest.mark.parametrize("name", ["receiver", "work", "parking", "mount"])
def test_the_page_shows_what_was_tried(name: str) -> None:
    """Letter for letter."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert (FOLDER / f"{name}.py").read_text(encoding="utf-8") in blocks
