"""What every journaled event is made of, and the people in it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict


class Aside:
    """Marks a text field of an event as erasable: its commitment is in the chain, its body beside it."""


Erasable = Annotated[str, Aside()]


class Event(BaseModel):
    """Base of every journaled event; `at` is Unix time in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float


class Person(BaseModel):
    """Who asked; `kind` is the door: a Slack user, an operating-system user, a signed HTTP caller, the bot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["slack", "cli", "http", "bot"]
    id: Erasable
