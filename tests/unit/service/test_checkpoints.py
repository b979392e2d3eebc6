"""Are the journals anchored in time, and is every trouble with it told without anything waiting for it?"""

import asyncio
import threading
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal.chain import Link
from bot.journal.checkpoint import Signer
from bot.journal.verify import verify
from bot.service.checkpoints import Checkpoints
from tests.unit.journal.chains import AT, KEY, Chains, event, make


@dataclass
class Watch:
    """A clock that tests move."""

    at: float = AT

    def now(self) -> float:
        """Unix time."""
        return self.at

    def monotonic(self) -> float:
        """Seconds."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Moves the time."""
        self.at += seconds


@dataclass
class Rig:
    """Checkpoints over two journals, and what became of them."""

    chains: Chains
    state: Path
    watch: Watch = field(default_factory=Watch)
    posts: list[tuple[str, str]] = field(default_factory=list)
    recorded: list[events.AnyEvent] = field(default_factory=list)
    slack: str | None = None  # why Slack refuses
    key: str = KEY

    def start(self) -> Checkpoints:
        """As a process that starts."""
        return Checkpoints(
            heads=self.heads,
            signer=lambda: Signer(self.key, "bot"),
            writer="bot",
            folders=[self.chains.folder],
            state_dir=self.state,
            record=self._record,
            clock=self.watch,
            channel=lambda: "C0AUDIT",
            post=self._post,
        )

    def heads(self) -> dict[str, Link]:
        """Of the files as they are."""
        return self.chains.heads()

    def notes(self) -> int:
        """Notes in the file, all of which verify."""
        path = self.state / "anchors.txt"
        if not path.exists() or not path.read_text():
            return 0
        assert verify([self.chains.folder], self.chains.signer.verifier_key, path.read_text()).code == 0
        return path.read_text().count("\n— ")

    def _record(self, added: events.AnyEvent) -> Awaitable[bool]:
        self.recorded.append(added)
        return _true()

    async def _post(self, channel: str, note: str) -> str | None:
        if self.slack is None:
            self.posts.append((channel, note))
        return self.slack


class _Done:
    def __await__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204  # an awaitable that nobody needs to await
        yield from ()
        return True


def _true() -> Awaitable[bool]:
    return _Done()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Two short journals and a state directory."""
    return Rig(make(tmp_path / "journal", 8), tmp_path)


async def test_what_is_new_is_anchored_once_a_minute(rig: Rig) -> None:
    """The first look writes a note; what comes later waits a minute at the most; nothing new writes nothing."""
    checkpoints = rig.start()
    assert not checkpoints.health().current
    await checkpoints.tick()
    assert (rig.notes(), checkpoints.health().current, checkpoints.problems()) == (1, True, [])

    rig.chains.write([event(3)])
    await checkpoints.tick()
    assert (rig.notes(), checkpoints.health().current) == (1, False)
    rig.watch.at += 61
    await checkpoints.tick()
    rig.watch.at += 61
    await checkpoints.tick()
    assert (rig.notes(), checkpoints.health().current, checkpoints.health().anchored_at) == (2, True, AT + 61)


async def test_a_restore_gets_a_fresh_anchor_at_once(rig: Rig) -> None:
    """Without waiting for the minute."""
    checkpoints = rig.start()
    await checkpoints.tick()
    rig.chains.write([event(3)])

    assert await checkpoints.anchor_now()
    assert rig.notes() == 2


async def test_other_chains_are_named_in_the_own_one(rig: Rig) -> None:
    """Once for each change, so that a chain that is removed whole is missed without any anchor."""
    checkpoints = rig.start()
    await checkpoints.tick()
    rig.watch.at += 61
    await checkpoints.tick()
    rig.chains.write([event(3)], "bastion")
    rig.watch.at += 61
    await checkpoints.tick()

    seen = [item.heads for item in rig.recorded if isinstance(item, events.HeadsSeen)]
    assert [(heads[0][0], heads[0][1], len(heads)) for heads in seen] == [("bastion", 5, 1), ("bastion", 6, 1)]


async def test_the_channel_gets_one_a_day_across_restarts(rig: Rig) -> None:
    """The note as it is, so that it can be copied out of Slack."""
    for _ in range(3):
        await rig.start().tick()
    assert [channel for channel, _ in rig.posts] == ["C0AUDIT"]
    assert verify([rig.chains.folder], rig.chains.signer.verifier_key, rig.posts[0][1]).anchors == 2

    rig.watch.at += 24 * 3600
    await rig.start().tick()
    assert len(rig.posts) == 2


async def test_an_outage_of_slack_is_told_until_it_is_over(rig: Rig) -> None:
    """And asked again every few minutes."""
    checkpoints = rig.start()
    rig.slack = "Slack answered not_in_channel; invite the bot to that channel"
    await checkpoints.tick()
    (problem,) = checkpoints.problems()
    assert "audit channel C0AUDIT did not take the daily checkpoint: Slack answered not_in_channel" in problem
    assert not checkpoints.health().ok

    rig.slack = None
    rig.watch.at += 301
    await checkpoints.tick()
    assert (checkpoints.problems(), len(rig.posts)) == ([], 1)


@pytest.mark.parametrize("key", ["weak", "22" * 31])
async def test_an_unusable_key_is_told(rig: Rig, key: str) -> None:
    """No anchors, a problem, no exception; and no key in its text."""
    rig.key = key
    checkpoints = rig.start()
    await checkpoints.tick()

    (problem,) = checkpoints.problems()
    assert "AGENT_KILL_SIGNING_KEY is not 64 hexadecimal digits" in problem
    assert key not in problem
    assert rig.notes() == 0
    assert checkpoints.line().startswith("anchor bot:8:")


async def test_a_disk_that_refuses_is_told_and_tried_again(rig: Rig) -> None:
    """The file cannot be written; a minute later it can."""
    (rig.state / "anchors.txt").mkdir()
    checkpoints = rig.start()
    await checkpoints.tick()
    (problem,) = checkpoints.problems()
    assert "anchors.txt or the signing key in the state directory cannot be used: Is a directory" in problem

    (rig.state / "anchors.txt").rmdir()
    rig.watch.at += 61
    await checkpoints.tick()
    assert (checkpoints.problems(), rig.notes()) == ([], 1)


async def test_entries_that_wait_too_long_for_an_anchor_are_told(rig: Rig) -> None:
    """Also where nothing says why."""
    checkpoints = rig.start()
    rig.watch.at += 660

    assert "the last entries of the journal wait for their anchor for 11 min" in checkpoints.problems()[0]


async def test_journals_that_contradict_the_last_anchor_get_no_new_one(rig: Rig) -> None:
    """An old copy that was put back would else be the truth at the start after the next."""
    old = rig.chains.path().read_bytes()
    rig.chains.write([event(3)])
    await rig.start().tick()
    rig.chains.path().write_bytes(old)
    before = (rig.state / "anchors.txt").read_bytes()
    checkpoints = rig.start()
    for _ in range(2):
        await checkpoints.tick()
        rig.watch.at += 61

    (problem,) = checkpoints.problems()
    assert "the journal bot ends before its entry 9, which was anchored: an old copy was put back" in problem
    assert problem.endswith("stops go on, restores wait for it")
    assert (rig.state / "anchors.txt").read_bytes() == before

    (rig.state / "anchors.txt").rename(rig.state / "anchors-of-before.txt")
    await checkpoints.tick()
    assert (checkpoints.problems(), rig.notes()) == ([], 1)


async def test_a_disk_that_hangs_is_told_and_holds_nobody_up(rig: Rig) -> None:
    """The loop goes on; the problem is there while the tick waits."""
    hanging = threading.Event()
    checkpoints = rig.start()
    await checkpoints.tick()
    append = checkpoints._file.append
    checkpoints._file.append = lambda note: (hanging.wait(20), append(note))[1]  # type: ignore[method-assign]
    rig.chains.write([event(3)])
    rig.watch.at += 61
    tick = asyncio.create_task(checkpoints.tick())
    await asyncio.sleep(0)  # the tick's first turn goes as far as the disk
    assert checkpoints._busy_since is not None
    rig.watch.at += 11
    assert "the disk of anchors.txt does not answer" in checkpoints.problems()[0]
    assert checkpoints.line().startswith("anchor bot:9:")

    hanging.set()
    await tick
    assert checkpoints.problems() == []
