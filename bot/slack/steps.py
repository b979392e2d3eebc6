"""Which message comes next: compares the posts that should exist with those that do. Pure but for the memory.

Slots name the places of a thread: `parent`, then per stop `reason:<hold>`, `surface:<hold>:<surface>` or
`batch:<hold>`, `file:<hold>`, `closing:<hold>`, `late:<n>` for what changes afterwards, and `remind:<n>` for what is
still held a day later.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.base import Mode
from bot.domain import events
from bot.domain.practice import Practised
from bot.domain.report import Line
from bot.slack.blocks import closing, parent, surface
from bot.slack.blocks.message import Message
from bot.slack.blocks.reminder import reminder
from bot.slack.progress import PARENT, Progress, ReportSettings, digest, last_said, states
from bot.slack.story import Chapter, Story

_FEW = 3  # surfaces that get a reply each
_FILE_CALLS = 3  # ask for an address, upload, complete
_BY_PEOPLE = ("remind:", "reason:", "ballot:")  # a drift that was cut again is no touch of anybody's


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to say.

    Args:
        slot: its place in the thread.
        due: when, on the monotonic clock.
        make: builds the message, when it is due.
        digest: recorded as what was said; None for the message's own.
        chapter: the stop that it is counted for.
        told: states that are told by it.
    """

    kind: Literal["post", "update", "upload"]
    slot: str
    due: float
    make: Callable[[], Message]
    digest: str | None = None
    chapter: Chapter | None = None
    told: Mapping[str, str] | None = None

    @property
    def cost(self) -> int:
        """Calls to Slack."""
        return _FILE_CALLS if self.kind == "upload" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that decides what comes next. `now` is monotonic, `wall` Unix time."""

    story: Story
    posts: Mapping[str, events.Posted]
    progress: Progress
    settings: ReportSettings
    groups: tuple[str, ...]
    moved_from: str | None
    now: float
    wall: float
    practice: Callable[[Iterable[str]], Practised] | None = None  # of surfaces

    def has(self, slot: str) -> bool:
        """Whether the slot is filled, or never can be."""
        return (slot in self.posts and slot not in self.progress.lost) or slot in self.progress.dropped

    def done(self, chapter: Chapter) -> bool:
        """Whether the stop's report is closed."""
        return self.has(f"closing:{chapter.hold.hold}")


def next_step(scene: Scene) -> Step | None:
    """What to say next: the step that is due first, in the order of the thread; None where all is said."""
    return min(_steps(scene), key=lambda step: max(step.due, scene.now), default=None)


def parent_message(scene: Scene) -> Message:
    """The parent as it should read now."""
    posted = scene.posts.get(PARENT)
    reported_at = posted.at if posted is not None and PARENT not in scene.progress.lost else scene.wall
    first = min((post.at for post in scene.posts.values()), default=reported_at)
    return parent.parent(scene.story, moved_from=scene.moved_from, reported_at=min(first, reported_at))


def _steps(scene: Scene) -> Iterator[Step]:
    if not scene.has(PARENT):
        first = scene.story.chapters[-1]
        yield Step(kind="post", slot=PARENT, due=scene.now, make=lambda: parent_message(scene), chapter=first)
        return
    yield from _parent_update(scene)  # first: it is seen at once, and takes no turn of the channel
    for chapter in scene.story.chapters:
        yield from _chapter_steps(scene, chapter)
    yield from _late(scene)
    yield from _remind(scene)


def _chapter_steps(scene: Scene, chapter: Chapter) -> Iterator[Step]:
    """The reason at any time; of the rest only the first that is missing, so that the order is kept."""
    yield from _reason(scene, chapter)
    if scene.done(chapter):
        return
    replies = list(_replies(scene, chapter))
    if replies:
        yield replies[0]
    elif chapter.settled:
        yield _closing(scene, chapter)


def _replies(scene: Scene, chapter: Chapter) -> Iterator[Step]:
    hold = chapter.hold.hold
    if chapter.hold.origin == "drill":
        return  # its scorecard names them all
    if _one_by_one(scene, chapter):
        for line in chapter.fresh:
            slot = f"surface:{hold}:{line.surface}"
            if line.settled and not scene.has(slot):
                yield Step(kind="post", slot=slot, due=scene.now, make=_confirm(line), chapter=chapter)
        return
    if not chapter.settled or not chapter.fresh:
        return
    if not scene.has(f"batch:{hold}"):
        yield Step(
            kind="post", slot=f"batch:{hold}", due=scene.now, make=lambda: surface.batch(chapter), chapter=chapter
        )
    if _filed(chapter) and not scene.has(f"file:{hold}"):
        yield Step(
            kind="upload", slot=f"file:{hold}", due=scene.now, make=lambda: surface.batch(chapter), chapter=chapter
        )


def _confirm(line: Line) -> Callable[[], Message]:
    return lambda: surface.confirmation(line)


def _one_by_one(scene: Scene, chapter: Chapter) -> bool:
    """Whether each surface gets its own reply: few of them, and not told long after the fact."""
    hold = chapter.hold.hold
    if len(chapter.fresh) > _FEW or f"batch:{hold}" in scene.posts:
        return False
    begun = any(slot.startswith(f"surface:{hold}:") for slot in scene.posts)
    old = scene.wall - chapter.hold.at > scene.settings.catch_up_after
    return begun or not (old and chapter.settled and len(chapter.fresh) > 1)


def _filed(chapter: Chapter) -> bool:
    return len(chapter.fresh) > surface.FILE_ABOVE


def _asks(chapter: Chapter) -> bool:
    return chapter.hold.by.kind == "slack" and chapter.hold.origin != "drill"


def _reason(scene: Scene, chapter: Chapter) -> Iterator[Step]:
    """Asks for a missing reason in a reply of its own; where a file takes the calls, the closing asks."""
    slot, closing_slot = f"reason:{chapter.hold.hold}", f"closing:{chapter.hold.hold}"
    if not _asks(chapter):
        return
    state = "given" if chapter.hold.reason else "asked"
    posted = scene.posts.get(slot)
    if posted is None or slot in scene.progress.lost:
        if state == "asked" and (not _filed(chapter) or scene.has(closing_slot)):
            yield Step(
                kind="post",
                slot=slot,
                due=scene.now,
                make=lambda: closing.reason(chapter),
                digest=state,
                chapter=chapter,
            )
        return
    if posted.digest != state and posted.ts and slot not in scene.progress.frozen:
        in_closing = closing_slot in scene.posts and scene.posts[closing_slot].ts == posted.ts
        yield Step(
            kind="update",
            slot=slot,
            due=scene.now,
            make=lambda: _closing_message(scene, chapter) if in_closing else closing.reason(chapter),
            digest=state,
        )


def _closing(scene: Scene, chapter: Chapter) -> Step:
    told = states(chapter.everything)
    return Step(
        kind="post",
        slot=f"closing:{chapter.hold.hold}",
        due=scene.now,
        make=lambda: _closing_message(scene, chapter),
        digest=digest({**(scene.progress.said or {}), **told}),
        chapter=chapter,
        told=told,
    )


def asks_in_closing(chapter: Chapter) -> bool:
    """Whether the closing carries the question for the reason."""
    return _asks(chapter) and _filed(chapter) and not chapter.hold.reason


def _closing_message(scene: Scene, chapter: Chapter) -> Message:
    filed = _filed(chapter) and f"file:{chapter.hold.hold}" not in scene.progress.dropped
    practice = scene.practice([line.surface for line in chapter.everything]) if scene.practice else None
    return closing.closing(
        chapter,
        groups=scene.groups,
        ask=asks_in_closing(chapter),
        filed=filed,
        gap=_gap(scene),
        practice=practice,
    )


def _gap(scene: Scene) -> tuple[float, float] | None:
    return scene.progress.gap(scene.wall, scene.settings.catch_up_after)


def _parent_update(scene: Scene) -> Iterator[Step]:
    posted, progress, settings = scene.posts[PARENT], scene.progress, scene.settings
    if PARENT in progress.frozen or parent_message(scene).digest == posted.digest:
        return
    running = [chapter for chapter in scene.story.chapters if not scene.done(chapter)]
    if not running:
        due = progress.parent_at + settings.calm_every
    else:
        newest, settled = running[-1], all(chapter.settled for chapter in running)
        wait = settings.update_every * (1 if settled else 2 ** progress.updates[newest.hold.hold])
        due = progress.parent_at + wait
        spent = progress.calls[newest.hold.hold] + _still_to_come(scene, newest)
        if spent + (1 if settled else 2) > settings.budget:
            return  # the last one, with the final state, is kept for the end
    yield Step(
        kind="update",
        slot=PARENT,
        due=due,
        make=lambda: parent_message(scene),
        chapter=running[-1] if running else None,
    )


def _still_to_come(scene: Scene, chapter: Chapter) -> int:
    """Calls that the rest of the stop's report will take, its last parent update aside."""
    hold = chapter.hold.hold
    if _one_by_one(scene, chapter):
        replies = sum(1 for line in chapter.fresh if not scene.has(f"surface:{hold}:{line.surface}"))
    else:
        replies = int(bool(chapter.fresh) and not scene.has(f"batch:{hold}"))
        replies += _FILE_CALLS if _filed(chapter) and not scene.has(f"file:{hold}") else 0
    asks = _asks(chapter) and not chapter.hold.reason and not _filed(chapter) and not scene.has(f"reason:{hold}")
    return replies + int(asks) + 1


def _late(scene: Scene) -> Iterator[Step]:
    """What changed since it was last told, gathered."""
    progress, settings = scene.progress, scene.settings
    lines = _closed_lines(scene)
    current = states(lines)
    before = last_said(scene.posts)
    if not lines or before is None:
        return
    if progress.said is None:
        progress.late_at = scene.now - (scene.wall - before.at) if before.slot.startswith("late:") else float("-inf")
        if digest(current) == before.digest:
            progress.said = current
    said = progress.said
    changed = [] if said is None else [line for line in lines if said.get(line.surface) != current[line.surface]]
    if said is not None and not changed:
        progress.changed_at = None
        return
    if progress.changed_at is None:
        progress.changed_at = scene.now
    slipped = any(line.not_cut for line in changed)
    number = sum(1 for slot in scene.posts if slot.startswith("late:")) + 1
    told = {**(said or {}), **current}
    yield Step(
        kind="post",
        slot=f"late:{number}",
        due=max(progress.changed_at + settings.late_gather, progress.late_at + settings.late_every),
        make=lambda: closing.late(changed, scene.story, groups=scene.groups, calling=slipped, gap=_gap(scene)),
        digest=digest(told),
        told=told,
    )


def _remind(scene: Scene) -> Iterator[Step]:
    """What is still held, a day after anybody last touched it; again every day."""
    if not all(scene.done(chapter) for chapter in scene.story.chapters):
        return
    if not any(_is_held(line) for line in scene.story.now.lines):
        return
    stops = [chapter.hold.at for chapter in scene.story.chapters]
    closed = [scene.story.closed.at] if scene.story.closed else []
    said = [post.at for slot, post in scene.posts.items() if slot.startswith(_BY_PEOPLE)]
    touched = max([*stops, *closed, *said])
    number = sum(1 for slot in scene.posts if slot.startswith("remind:")) + 1
    yield Step(
        kind="post",
        slot=f"remind:{number}",
        due=scene.now + touched + scene.settings.remind_every - scene.wall,
        make=lambda: reminder([line for line in scene.story.now.lines if _is_held(line)], scene.story, since=touched),
    )


def _is_held(line: Line) -> bool:
    return line.asked > Mode.NORMAL and not line.left


def _closed_lines(scene: Scene) -> list[Line]:
    """Surfaces whose report is closed, without those that a stop under way answers for."""
    told: set[str] = set()
    running: set[str] = set()
    for chapter in scene.story.chapters:
        names = {line.surface for line in chapter.everything}
        (told if scene.done(chapter) else running).update(names)
    quiet = told - running
    return [line for line in scene.story.now.lines if line.surface in quiet]
