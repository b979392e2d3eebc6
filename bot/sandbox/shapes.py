"""Small checks out of which the limits of Block Kit are written down.

A check takes a value and its JSON pointer and yields complaints in the words of Slack's `response_metadata.messages`
(`must be less than 3001 characters [json-pointer:/blocks/0/text/text]`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def _at(message: str, pointer: str) -> str:
    return f"{message} [json-pointer:{pointer}]"


def anything(value: Any, pointer: str) -> Iterator[str]:
    """Takes any value: its inside is not modelled."""
    del value, pointer
    yield from ()


def boolean(value: Any, pointer: str) -> Iterator[str]:
    """Takes true and false."""
    if not isinstance(value, bool):
        yield _at("must be a boolean", pointer)


def string(longest: int, *, shortest: int = 0, among: tuple[str, ...] = ()) -> Check:
    """Takes a string of `shortest` to `longest` characters, optionally one of a few."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield _at("must provide a string", pointer)
        elif len(value) > longest:
            yield _at(f"must be less than {longest + 1} characters", pointer)
        elif len(value) < shortest:
            yield _at(f"must be more than {shortest - 1} characters", pointer)
        elif among and value not in among:
            yield _at(f"must be one of {', '.join(among)}", pointer)

    return check


def array(item: Check, most: int, *, least: int = 1) -> Check:
    """Takes a list of `least` to `most` things that each pass `item`."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield _at("must provide an array", pointer)
            return
        if len(value) > most:
            yield _at(f"no more than {most} items allowed", pointer)
        if len(value) < least:
            yield _at(f"no fewer than {least} items allowed", pointer)
        for index, entry in enumerate(value):
            yield from item(entry, f"{pointer}/{index}")

    return check


@dataclass(frozen=True)
class Shape:
    """An object with named fields; any other field is a complaint, as it is with Slack."""

    fields: Mapping[str, Check]
    required: frozenset[str] = field(default_factory=frozenset)

    def __call__(self, value: Any, pointer: str) -> Iterator[str]:
        """Checks one object."""
        if not isinstance(value, dict):
            yield _at("must provide an object", pointer)
            return
        for name in sorted(self.required - value.keys()):
            yield _at(f"missing required field: {name}", pointer)
        for name, entry in value.items():
            if name not in self.fields:
                yield _at(f"invalid additional property: {name}", pointer)
            elif entry is not None:
                yield from self.fields[name](entry, f"{pointer}/{name}")


def shape(required: str = "", /, **fields: Check) -> Shape:
    """A `Shape`; `required` are names parted by blanks."""
    return Shape(fields, frozenset(required.split()))


def by_type(kinds: Callable[[], Mapping[str, Check]], complaint: str) -> Check:
    """Looks at the field `type` and hands over to that kind's check.

    `kinds` is called late because blocks and elements refer to each other.
    """

    def check(value: Any, pointer: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        found = kinds().get(kind) if isinstance(kind, str) else None
        if found is None:
            yield _at(f"{complaint}: {kind}", pointer)
        else:
            yield from found(value, pointer)

    return check
