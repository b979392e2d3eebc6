"""Seeded defects: for each kind, ways in which its adapter could be wrong, and the check of the kit that must say so.

A kind's module has `DEFECTS`; the first two are tried in every run, the others by `make witness`.
"""

from importlib import import_module

from tests.contract.defects.defect import Defect
from tests.contract.rigs import KINDS

__all__ = ["KINDS", "Defect", "defects"]


def defects(kind: str) -> tuple[Defect, ...]:
    """Those of one kind."""
    found: tuple[Defect, ...] = import_module(f"tests.contract.defects.{kind}").DEFECTS
    return found
