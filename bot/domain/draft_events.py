"""What the journal records of writes that surfaces parked: that they were seen, shown, decided on, and what came of it.

A draft has a name of the bot's own (`drafts.draft_name`), since a surface's own id says nothing elsewhere. A digest
names exactly what was listed under it: nothing is released but what its approver was shown.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from adapters.base import Mode
from bot.domain.event_base import Erasable, Event, Person

Verdict = Literal["release", "drop", "expire"]
Settled = Literal["released", "dropped", "gone", "void", "failed", "unknown"]


class DraftSeen(BaseModel):
    """One parked write as its surface listed it, under `agent/surface` names that share the target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    draft: str
    target: str
    id: str  # the surface's own name for it
    surfaces: tuple[str, ...]
    digest: str
    waits: bool = False  # for a decision, under approval_gated; else kept until asked for


class DraftsSeen(Event):
    """These are parked, and were not seen so before. From now on their time runs."""

    type: Literal["drafts_seen"] = "drafts_seen"
    drafts: tuple[DraftSeen, ...]


class DraftsGone(Event):
    """These are parked no more, and nobody decided on them here."""

    type: Literal["drafts_gone"] = "drafts_gone"
    drafts: tuple[str, ...]


class DraftShown(Event):
    """What a card says of one, word for word: recorded before it is posted, so that an approval is bound to it."""

    type: Literal["draft_shown"] = "draft_shown"
    draft: str
    digest: str
    incident: str
    what: Erasable
    arguments: Erasable = ""
    shortened: bool = False  # whether the arguments are longer than what is shown of them


class DraftAsked(Event):
    """Somebody at a command line asks those who may approve it to release this."""

    type: Literal["draft_asked"] = "draft_asked"
    draft: str
    digest: str
    by: Person


class DraftDecided(Event):
    """Somebody decided; recorded before anything is done. `mode` was asked of the target then: a stricter one voids."""

    type: Literal["draft_decided"] = "draft_decided"
    decision: str
    draft: str
    digest: str
    verdict: Verdict
    by: Person
    mode: Mode
    roster_age: float | None = None  # seconds; None where no roster was needed


class DraftSettled(Event):
    """What came of a decision. `void`, `failed` and `unknown` leave it parked, as far as is known."""

    type: Literal["draft_settled"] = "draft_settled"
    decision: str
    draft: str
    how: Settled
    why: str = ""


AnyDraft = DraftsSeen | DraftsGone | DraftShown | DraftAsked | DraftDecided | DraftSettled
