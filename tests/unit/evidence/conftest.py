from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.service.evaluate import Evaluator
from tests.unit.evidence.rig import evaluator


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Evaluator]]:
    """Makes evaluators that are closed at the end."""
    made: list[Evaluator] = []

    def build(**more: Any) -> Evaluator:
        made.append(evaluator(tmp_path, **more))
        return made[-1]

    yield build
    for item in made:
        item.close()
