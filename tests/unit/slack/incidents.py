"""Incidents for the tests of the thread: a board that is fed as the journal would feed it, and a reader of messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.base import Attempt, Mode, SurfaceClass
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.report import Known
from bot.slack.blocks.message import Message
from bot.slack.story import Story, story

NOW = 1_800_000_000.0


class Desk:
    """A board with the shorthands of the tests. Targets are called as their surface."""

    def __init__(self, *, now: float = NOW) -> None:
        self.board = Board()
        self.now = now
        self.known: dict[str, Known] = {}
        self.unrecorded: frozenset[str] = frozenset()

    async def record(self, event: events.AnyEvent) -> bool:
        """Folds the event in, as the recorder does."""
        self.board.apply(event)
        return True

    def stop(
        self,
        *surfaces: str,
        hold: str = "hold-1",
        incident: str = "inc-1",
        mode: Mode = Mode.FULL_STOP,
        reason: str = "it mails customers",
        scope: str = "billing",
        channel: str | None = "C0INCIDENT",
        by: events.Person | None = None,
        left: Mapping[str, str] | None = None,
        parent: str | None = None,
        at: float | None = None,
    ) -> None:
        """Adds a hold over `surfaces`."""
        for surface in (*surfaces, *(left or {})):
            facts = Known(adapter="memory", surface_class=SurfaceClass.API, owner="U0OWNER", agent_name="Billing agent")
            self.known.setdefault(surface, facts)
        self.board.apply(
            events.HoldAdded(
                at=self.now if at is None else at,
                hold=hold,
                incident=incident,
                mode=mode,
                by=by or events.Person(kind="slack", id="U0ALICE"),
                reason=reason,
                scope=scope,
                channel=channel,
                origin="backstop" if parent else "slack",
                parent=parent,
                targets=tuple(
                    events.HeldTarget(key=surface, surfaces=(surface,), round_to=mode) for surface in surfaces
                ),
                left=tuple(events.LeftAlone(surface=surface, why=why) for surface, why in (left or {}).items()),
            )
        )

    def prove(
        self,
        *surfaces: str,
        outcome: Outcome = Outcome.VERIFIED,
        asked: Mode = Mode.FULL_STOP,
        held: Mode | None = None,
        attempt: Attempt | None = Attempt.REFUSED,
        left: int | None = 0,
        ended: int = 0,
        detail: str = "",
        step: str = "",
        late: bool = False,
        settled: bool = True,
    ) -> None:
        """Records what became of surfaces."""
        self.now += 0.001
        proofs = tuple(
            events.Proof(
                target=surface,
                outcome=outcome,
                asked=asked,
                held=held if held is not None or outcome is not Outcome.VERIFIED else asked,
                attempt=attempt,
                ended=ended,
                left=left,
                elapsed_ms=12.3,
                detail=detail,
                next=step,
                late=late,
                settled=settled,
            )
            for surface in surfaces
        )
        self.board.apply(events.Outcomes(at=self.now, proofs=proofs))

    def story(self, incident: str = "inc-1") -> Story:
        """The incident as the thread sees it."""
        return story(self.board, self.board.incidents[incident], self.known, self.unrecorded)


def read(message: Message | Mapping[str, Any]) -> str:
    """A message as a person sees it: one line per line, plain text in brackets."""
    blocks: Sequence[Any] = message.blocks if isinstance(message, Message) else message["blocks"]
    return "\n".join(_read(block) for block in blocks)


def _read(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"# {block['text']['text']}"
        case "context":
            return "  " + " | ".join(item["text"] for item in block["elements"])
        case "actions":
            return " ".join(f"[{item['text']['text']}]" for item in block["elements"])
        case _:
            text = block["text"]
            return str(text["text"]) if text["type"] == "mrkdwn" else f"“{text['text']}”"
