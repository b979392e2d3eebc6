"""One seeded defect."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from adapters.conformance import Rig

Seed = Callable[[pytest.MonkeyPatch, Rig], None]


@dataclass(frozen=True)
class Defect:
    """A way to be wrong.

    Attributes:
        name: what the adapter does wrong.
        check: the check that must catch it, without `test_`.
        says: part of what the check says.
        seed: breaks the adapter, for one test.
    """

    name: str
    check: str
    says: str
    seed: Seed
