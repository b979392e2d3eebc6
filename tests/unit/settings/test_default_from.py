"""Do two surfaces whose settings name nothing stay two targets, whatever their adapter is?"""

from typing import ClassVar

import pytest
from pydantic import Field

from adapters.base import Config, Mode, Shared, SurfaceClass
from adapters.memory import Memory, Settings
from adapters.registry import Registry
from bot.settings.loaded import Loaded, load_text
from bot.settings.schema import json_schema
from tests.unit.settings.fakes import CUTS, Blank


class PlaceConfig(Config):
    """What an outside adapter may declare."""

    place: str = Field("", alias="at", description="Where.", json_schema_extra={"default_from": "surface"})
    other: str = Field("kept", description="Not marked.")


class Outside(Blank):
    """An adapter of somebody else's."""

    kind: ClassVar[str] = "outside"
    modes: ClassVar[frozenset[Mode]] = CUTS
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(SurfaceClass)
    config_type: ClassVar[type[Config]] = PlaceConfig
    canary_type: ClassVar[type[Config] | None] = None


KINDS = Registry.of(Memory, Outside)


def settings(loaded: Loaded) -> dict[str, Config]:
    """The settings of every surface by its name."""
    assert loaded.configuration
    return {surface.name: surface.settings for surface in loaded.configuration.surfaces()}


def load(kind: str, one: str, other: str) -> Loaded:
    """Two agents with a surface each."""
    surfaces = [f"surfaces: {{x: {{adapter: {kind}, class: tool{part}}}}}" for part in (one, other)]
    text = f"policy: {{stop: {{users: [U0X]}}}}\nagents:\n  a: {{{surfaces[0]}}}\n  b: {{{surfaces[1]}}}\n"
    return load_text(text, file="f", environ={}, registry=KINDS)


@pytest.mark.parametrize(
    "part", ["", ", settings: {}", ", settings: null", ", settings: {target: }", ", settings: {target: ''}"]
)
def test_memory_surfaces_that_name_no_world_have_one_each(part: str) -> None:
    """A cut of one agent's leaves the other's alone."""
    found = load("memory", part, part)
    assert found.errors == ()
    built = [
        KINDS.build("memory", config=own, canary=None, shared=Shared()).target_key() for own in settings(found).values()
    ]
    assert built == ["memory:a/x", "memory:b/x"]


def test_memory_surfaces_that_name_one_world_share_it() -> None:
    """What is written counts."""
    found = load("memory", ", settings: {target: desk}", ", settings: {target: desk}")
    assert set(settings(found).values()) == {Settings(target="desk")}


def test_an_outside_adapter_asks_for_the_name_by_its_field_alone() -> None:
    """By alias too; a field without the mark keeps its own default."""
    found = settings(load("outside", "", ", settings: {at: here, other: there}"))
    assert found == {"a/x": PlaceConfig(at="a/x"), "b/x": PlaceConfig(at="here", other="there")}


def test_a_wrong_key_beside_it_is_still_found() -> None:
    """Filling hides nothing of what was written."""
    found = load("memory", ", settings: {targett: x}", ", settings: {target: x, target: y}")
    assert [error.message for error in found.errors] == [
        "a/x: settings.targett is not a known key",
        "b/x: settings.target stands twice, in lines 4 and 4",
    ]


def test_the_schema_promises_no_fixed_default_there() -> None:
    """An editor that fills in defaults would make the surfaces one."""
    assert "default" not in json_schema(KINDS)["$defs"]["memory.settings"]["properties"]["target"]
