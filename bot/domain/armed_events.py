"""What the journal records of the armed check: what could not be cut any more, what can again, and who was told."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bot.domain.event_base import Event


class ArmedSeen(BaseModel):
    """A surface (`agent/surface`) or a part of the bot itself (a word without a slash): could it do its part now?"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    armed: bool
    why: str = ""  # why it is not
    next: str = ""  # what a person should do


class ArmedChanged(Event):
    """The armed check found that these could not be cut any more, or that they can again."""

    type: Literal["armed_changed"] = "armed_changed"
    changes: tuple[ArmedSeen, ...]


class ArmedTold(Event):
    """A message in Slack said so: pairs of subject and whether it was said to be armed."""

    type: Literal["armed_told"] = "armed_told"
    told: tuple[tuple[str, bool], ...]
    channel: str
    ts: str


AnyArmed = ArmedChanged | ArmedTold
