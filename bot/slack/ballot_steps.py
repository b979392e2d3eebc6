"""What is to be said next about a ballot: its message, the link and the end in the incident's thread. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.domain import events
from bot.domain.ballot import Ballot
from bot.slack.blocks.ballot import ROWS, BallotScene, ballot_message
from bot.slack.blocks.ballot_thread import ballot_file, ended, opened_link
from bot.slack.blocks.message import Message

LATEST = 86_400.0  # seconds after which nothing is said of a ballot that ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call.

    Args:
        kind: `post` and `update` are of the ballot itself, `reply` and `upload` go to the incident's thread.
        make: builds the message; given the ballot's address, which only a reply shows.
        text: of the file that is uploaded.
    """

    kind: Literal["post", "update", "reply", "upload"]
    slot: str
    make: Callable[[str], Message]
    digest: str
    text: str = ""


def next_step(
    ballot: Ballot,
    opened: events.BallotOpened,
    posts: Mapping[str, events.Posted],
    scene: BallotScene,
    dropped: set[str],
) -> Step | None:
    """The first that is missing; None where all is said."""
    return next((step for step in _steps(ballot, opened, posts, scene) if step.slot not in dropped), None)


def _steps(
    ballot: Ballot, opened: events.BallotOpened, posts: Mapping[str, events.Posted], scene: BallotScene
) -> Iterator[Step]:
    slot = f"ballot:{opened.ballot}"
    now = ballot_message(ballot, opened, scene)
    posted = posts.get(slot)
    if posted is None and ballot.ended is None:
        yield Step(kind="post", slot=slot, make=lambda _: now, digest=now.digest)
        return  # everything else points at it
    if posted is not None and posted.digest != now.digest:
        yield Step(kind="update", slot=slot, make=lambda _: now, digest=now.digest)
    yield from _replies(ballot, opened, posts, scene)


def _replies(
    ballot: Ballot, opened: events.BallotOpened, posts: Mapping[str, events.Posted], scene: BallotScene
) -> Iterator[Step]:
    name = opened.ballot
    if f"ballot-link:{name}" not in posts and ballot.ended is None:
        yield Step(
            kind="reply", slot=f"ballot-link:{name}", make=lambda link: opened_link(opened, link), digest="linked"
        )
    large = sum(len(item.surfaces) for item in opened.returns) > ROWS or len({hold for hold, _ in opened.pairs}) > 2  # noqa: PLR2004  # holds that the ballot tells in full
    if large and f"ballot-file:{name}" not in posts and ballot.ended is None:
        text = ballot_file(opened, scene.holds)
        yield Step(
            kind="upload",
            slot=f"ballot-file:{name}",
            make=lambda link: opened_link(opened, link),
            digest="filed",
            text=text,
        )
    if ballot.ended is not None and f"ballot-end:{name}" not in posts:
        yield Step(
            kind="reply",
            slot=f"ballot-end:{name}",
            make=lambda link: ended(ballot, opened, scene, link),
            digest="ended",
        )
