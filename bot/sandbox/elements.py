"""Finds interactive elements in blocks."""

from collections.abc import Iterator

from bot.sandbox.messages import Json


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block that it stands in."""
    for block in blocks:
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def find_element(blocks: list[Json], action_id: str) -> tuple[Json, Json]:
    """The block and element with this action_id.

    Raises:
        LookupError: there is none; the message names those that there are.
    """
    for block, element in elements(blocks):
        if element["action_id"] == action_id:
            return block, element
    there = [element["action_id"] for _, element in elements(blocks)]
    raise LookupError(f"nothing here has the action_id {action_id}; there are {there}")
