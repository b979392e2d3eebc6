"""Is the picture of a drill shared below its card, and does one that cannot be drawn keep nothing else back?"""

from bot.domain import events
from bot.domain.board import Board
from bot.domain.practice import Run
from bot.slack.blocks.message import Message
from bot.slack.client import Answer, Sent
from bot.slack.drill_post import DrillPost
from tests.unit.report.incidents import T0
from tests.unit.report.quarter import DAY, run


class Clock:
    """Stands still, a minute after the drill."""

    def now(self) -> float:
        """Unix time."""
        return T0 + DAY + 60

    def monotonic(self) -> float:
        """Rises by nothing."""
        return 0.0

    async def sleep(self, _seconds: float) -> None:
        """Waits for nothing."""


class Api:
    """Notes what it is asked, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    async def post(self, _channel: str, message: Message, *, thread: str | None = None) -> Answer:
        """A message."""
        self.said.append((f"post {thread}", message.text))
        return Sent("2.0")

    async def upload(self, _channel: str, *, thread: str, name: str, title: str, text: bytes) -> Answer:
        """A file."""
        self.said.append((f"upload {thread} {name}", text))
        assert "until" not in title
        return Sent("F1")


def told(*, broken: bool) -> tuple[DrillPost, Api]:
    """What tells of one drill whose incident has a message."""
    board, api = Board(), Api()
    parent = events.Posted(at=T0 + DAY, incident="inc-run-1", slot="parent", channel="C1", ts="1.0", digest="d")
    for event in (*run(1), parent):
        board.apply(event)  # type: ignore[arg-type]  # only kinds that a journal has

    async def record(event: events.AnyEvent) -> bool:
        board.apply(event)
        return True

    async def picture(of: Run) -> bytes:
        if broken:
            raise ImportError("no font")
        return of.id.encode()

    post = DrillPost(
        board=board,
        record=record,
        api=api,  # type: ignore[arg-type]  # what it is asked of Slack
        channel=lambda: "C1",
        groups=lambda: (),
        clock=Clock(),
        picture=picture,
    )
    return post, api


async def test_the_picture_follows_the_card_once() -> None:
    """Below the drill's own message, and never again."""
    post, api = told(broken=False)
    for _ in range(5):
        await post._step()
    assert [what for what, _ in api.said] == ["post 1.0", "upload 1.0 drill.png"]
    assert api.said[1][1] == b"run-1"


async def test_a_picture_that_cannot_be_drawn_is_given_up() -> None:
    """After a few tries; the card was said, and the next look finds nothing more to say."""
    post, api = told(broken=True)
    waits = [await post._step() for _ in range(8)]
    assert [what for what, _ in api.said] == ["post 1.0"]
    assert waits[-1] == waits[-2] == 0.5
