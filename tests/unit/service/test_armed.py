"""Does the armed check find the buttons that do not work, tell it once, and never stand in a stop's way?"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.base import Adapter, Mode, Observation
from bot.domain import armed_events
from bot.domain.armed import State
from bot.domain.model import ArmedPeriod, Quarantined
from bot.domain.plan import Scope
from bot.service import checked_file
from bot.service.armed import ArmedCheck, Looked, standings
from bot.service.armed_news import ArmedNews, Line, Said
from tests.unit.service.rig import Rig, surface

PERIOD = 300.0


@dataclass
class Channel:
    """Takes the news, or refuses it."""

    said: list[list[Line]] = field(default_factory=list)
    refuses: str = ""

    async def __call__(self, lines: Sequence[Line]) -> Said | str:
        """Keeps what was said."""
        if self.refuses:
            return self.refuses
        self.said.append(list(lines))
        return Said("C1", f"{len(self.said)}.0")


class Checked:
    """A check with its news over a rig."""

    def __init__(self, rig: Rig, file: Path, channel: Channel, **more: object) -> None:
        self.rig, self.channel, self.file = rig, channel, file
        configuration = replace(rig.inventory.configuration, armed=ArmedPeriod(period=PERIOD))
        rig.inventory.configuration = configuration
        self.check = ArmedCheck(
            inventory=lambda: rig.inventory,
            board=rig.board,
            record=rig.recorder.record,
            clock=rig.clock,
            busy=rig.dispatcher.is_hurried,
            hesitation=rig.dispatcher.hesitation,
            file=file,
            **more,  # type: ignore[arg-type]  # passed on
        )
        self.news = ArmedNews(
            check=self.check,
            board=rig.board,
            record=rig.recorder.record,
            clock=rig.clock,
            busy=rig.dispatcher.is_hurried,
            post=channel,
        )
        self.tasks = [asyncio.create_task(self.check.run()), asyncio.create_task(self.news.run())]

    def states(self) -> dict[str, State]:
        """Of everybody."""
        return {name: it.state for name, it in self.check.standings().items()}

    def told(self) -> list[dict[str, bool]]:
        """Every message, as what it said of whom."""
        return [{line.subject: line.armed for line in lines} for lines in self.channel.said]

    async def aclose(self) -> None:
        """Ends both."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


Start = Callable[..., Checked]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts checks that are ended at the end."""
    made: list[Checked] = []

    def begin(rig: Rig, *, channel: Channel | None = None, **more: object) -> Checked:
        made.append(Checked(rig, tmp_path / "armed.json", channel or Channel(), **more))
        return made[-1]

    yield begin
    for it in made:
        await it.aclose()


async def test_a_burst_is_one_message_and_its_end_another(make_rig: Callable[..., Rig], start: Start) -> None:
    """Within a period each; the journal has who changed and what was told."""
    rig = make_rig(*(surface(f"a/{n}") for n in range(20)))
    checked = start(rig)
    await rig.until(lambda: set(checked.states().values()) == {State.ARMED})
    for n in range(10):
        rig.world(f"a/{n}").faults.unreachable = True
    await rig.until(lambda: bool(checked.told()), PERIOD)
    await rig.until(lambda: sum(map(len, checked.told())) == 10, PERIOD / 2)
    lost = {f"a/{n}" for n in range(10)}
    assert {name for name, state in checked.states().items() if state is State.NOT_ARMED} == lost
    assert all("unreachable" in line.why for lines in checked.channel.said for line in lines)
    for n in range(10):
        rig.world(f"a/{n}").faults.unreachable = False
    await rig.until(lambda: sum(map(len, checked.told())) == 20, PERIOD)
    assert set(checked.states().values()) == {State.ARMED}
    assert Counter(armed for said in checked.told() for armed in said.values()) == {False: 10, True: 10}
    assert len(checked.told()) <= 4  # the jitter parts a burst in two at the most
    changes = [
        it for event in await rig.written() if isinstance(event, armed_events.ArmedChanged) for it in event.changes
    ]
    assert Counter(it.subject for it in changes) == dict.fromkeys(lost, 2)


async def test_what_is_amiss_for_one_look_alone_is_told_to_nobody(make_rig: Callable[..., Rig], start: Start) -> None:
    """A second look, soon, has to find it too."""
    rig = make_rig(surface("a/1"))
    world = rig.world("a/1")
    world.faults.unreachable = True
    checked = start(rig)
    await rig.until(lambda: bool(world.calls))
    world.faults.unreachable = False
    await asyncio.sleep(2 * PERIOD)
    assert checked.states() == {"a/1": State.ARMED}
    assert not checked.told()
    assert not [event for event in await rig.written() if isinstance(event, armed_events.ArmedChanged)]


async def test_a_restart_tells_nothing_twice(make_rig: Callable[..., Rig], start: Start) -> None:
    """What was found and told is in the journal; the first look of the next process finds it as it was."""
    first = make_rig(surface("a/1"), surface("a/2"))
    first.world("a/1").faults.refuse = True
    before = start(first)
    await first.until(lambda: before.told() == [{"a/1": False}], PERIOD)
    await before.aclose()
    rig = make_rig(surface("a/1"), surface("a/2"), board=first.board, shared=first.shared)
    checked = start(rig)
    assert checked.states() == {"a/1": State.NOT_ARMED, "a/2": State.ARMED}
    await asyncio.sleep(2 * PERIOD)
    assert not checked.told()
    rig.world("a/1").faults.refuse = False
    await rig.until(lambda: checked.told() == [{"a/1": True}], PERIOD)


async def test_what_nobody_could_be_told_is_told_when_it_is_over(make_rig: Callable[..., Rig], start: Start) -> None:
    """A channel that took nothing meanwhile: it hears that there was something, and since when."""
    rig, channel = make_rig(surface("a/1")), Channel(refuses="channel_not_found")
    rig.world("a/1").faults.unreachable = True
    checked = start(rig, channel=channel)
    await rig.until(lambda: bool(checked.news.problems()), PERIOD)
    assert "channel_not_found" in checked.news.problems()[0]
    rig.world("a/1").faults.unreachable = False
    await rig.until(lambda: checked.states() == {"a/1": State.ARMED}, PERIOD)
    channel.refuses = ""
    await rig.until(lambda: bool(channel.said), PERIOD)
    ((line,),) = channel.said
    assert (line.subject, line.armed, line.late, line.since is not None) == ("a/1", True, True, True)
    await asyncio.sleep(PERIOD)
    assert len(channel.said) == 1
    assert not checked.news.problems()


async def test_what_comes_and_goes_is_not_told_every_time(make_rig: Callable[..., Rig], start: Start) -> None:
    """After three rounds in an hour people are left with NOT ARMED, until it was armed for three periods."""
    rig = make_rig(surface("a/1"))
    checked, faults = start(rig), rig.world("a/1").faults
    for _ in range(4):
        faults.unreachable = True
        await asyncio.sleep(PERIOD)
        faults.unreachable = False
        await asyncio.sleep(PERIOD)
    assert checked.told() == [{"a/1": armed} for _ in range(3) for armed in (False, True)] + [{"a/1": False}]
    assert checked.states() == {"a/1": State.ARMED}
    await asyncio.sleep(3 * PERIOD)
    assert checked.told()[7:] == [{"a/1": True}]


async def test_nothing_is_asked_while_a_cut_is_under_way(make_rig: Callable[..., Rig], start: Start) -> None:
    """One surface's cut, in its own time, is enough; one that goes on failing holds nothing up for ever."""
    rig = make_rig(surface("a/1", deadline=20.0), surface("a/2"))
    rig.world("a/1").faults.hang = True
    await rig.stop(scope=Scope(surfaces=frozenset({"a/1"})))
    await rig.until(rig.dispatcher.is_hurried)
    checked = start(rig)
    await asyncio.sleep(15.0)
    assert "preflight" not in rig.world("a/2").calls
    await rig.until(lambda: "preflight" in rig.world("a/2").calls)
    assert not rig.dispatcher.is_hurried()
    await rig.until(lambda: checked.states()["a/1"] is State.NOT_ARMED, PERIOD)


async def test_many_are_spread_over_the_period(make_rig: Callable[..., Rig], start: Start) -> None:
    """Fifteen hundred are all looked at within a period, at the start too, and never many in one second."""
    rig = make_rig(*(surface(f"a/{n}") for n in range(1500)))
    checked = start(rig)
    starts: list[float] = []
    begin = checked.check._begin

    def counted(key: str, inventory: object) -> None:
        starts.append(rig.clock.monotonic())
        begin(key, inventory)  # type: ignore[arg-type]  # passed on

    checked.check._begin = counted  # type: ignore[method-assign]  # counts what it starts
    began = rig.clock.monotonic()
    await asyncio.sleep(1.5 * PERIOD)
    assert set(checked.states().values()) == {State.ARMED}
    assert max(Counter(int(at) for at in starts).values()) <= 75
    assert max(it.age or 0.0 for it in checked.check.standings().values()) <= PERIOD
    assert len([at for at in starts if at - began < PERIOD]) >= 1500


class Stubborn:
    """An adapter that answers nothing and ignores its cancellation."""

    def __init__(self, inner: Adapter) -> None:
        self._inner = inner
        self.done = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def observe(self) -> Observation:
        """Never, until the test says so."""
        while not self.done.is_set():
            try:
                await self.done.wait()
            except asyncio.CancelledError:
                continue
        return await self._inner.observe()


async def test_a_call_that_cannot_be_ended_is_not_armed(make_rig: Callable[..., Rig], start: Start) -> None:
    """It costs its own place, and the others are checked as ever."""
    rig = make_rig(surface("a/1"), surface("a/2"))
    target = rig.inventory.targets[rig.inventory.key_of("a/1") or ""]
    stubborn = Stubborn(target.adapter)
    target.adapters = (stubborn,)  # type: ignore[assignment]  # an adapter in all but its verbs
    checked = start(rig)
    await rig.until(lambda: checked.states() == {"a/1": State.NOT_ARMED, "a/2": State.ARMED}, PERIOD)
    assert "hangs" in checked.check.why("a/1")[0]
    stubborn.done.set()
    await rig.until(lambda: checked.states() == {"a/1": State.ARMED, "a/2": State.ARMED}, PERIOD)


GOOD = Observation(exists=True, mode=Mode.NORMAL, enforceable=frozenset({Mode.FULL_STOP}))


@pytest.mark.parametrize(
    ("observed", "missing", "why"),
    [
        (None, (), "answered NoneType, and no observation"),
        ("normal", (), "answered str, and no observation"),
        (replace(GOOD, enforceable=None), (), "cannot be read"),  # type: ignore[arg-type]  # as a bad adapter
        (replace(GOOD, mode="normal"), (), "cannot be read"),  # type: ignore[arg-type]  # as above
        (GOOD, None, "TypeError"),
        (asyncio.CancelledError(), (), "cancelled the call by itself"),
        (GOOD, asyncio.CancelledError(), "cancelled the call by itself"),
        (SystemExit(), (), "asked the whole process to end"),
        (RecursionError(), (), "RecursionError"),
    ],
)
async def test_an_adapter_that_answers_nonsense_is_not_armed(
    make_rig: Callable[..., Rig], start: Start, observed: object, missing: object, why: str
) -> None:
    """Whatever it lets out, it is told, and the others are checked as ever."""

    async def says(what: object) -> object:
        if isinstance(what, BaseException):
            raise what
        return what

    rig = make_rig(surface("a/1"), surface("a/2"))
    adapter = rig.inventory.targets[rig.inventory.key_of("a/1") or ""].adapter
    vars(adapter).update(observe=lambda: says(observed), preflight=lambda: says(missing))
    checked = start(rig)
    await rig.until(lambda: checked.states() == {"a/1": State.NOT_ARMED, "a/2": State.ARMED}, PERIOD)
    assert why in checked.check.why("a/1")[0]
    await rig.until(lambda: checked.told() == [{"a/1": False}], PERIOD)


async def test_a_broken_surface_is_not_armed_and_one_that_is_gone_is_told(
    make_rig: Callable[..., Rig], start: Start
) -> None:
    """With the line of its configuration; once it is not configured any more nobody waits for it."""
    rig = make_rig(surface("a/1"), broken=(Quarantined(agent="a", id="2", why="no such adapter"),))
    checked = start(rig)
    await rig.until(lambda: checked.told() == [{"a/2": False}], PERIOD)
    assert checked.check.why("a/2")[0] == "configuration: no such adapter"
    rig.inventory = replace(rig.inventory, broken=())
    await rig.until(lambda: len(checked.told()) == 2, PERIOD)
    ((line,),) = checked.channel.said[1:]
    assert (line.subject, line.gone) == ("a/2", True)
    assert checked.states() == {"a/1": State.ARMED}


async def test_a_part_that_cannot_be_asked_gets_old(make_rig: Callable[..., Rig], start: Start) -> None:
    """What was known stays for two periods, and then it is not called armed any more."""
    rig, looked = make_rig(surface("a/1")), [Looked(subject="slack scopes")]

    async def part() -> Sequence[Looked]:
        return looked

    checked = start(rig, parts=(part,))
    await rig.until(lambda: checked.states().get("slack scopes") is State.ARMED)
    looked[0] = Looked(subject="slack scopes", sure=False)
    await asyncio.sleep(1.5 * PERIOD)
    assert checked.states()["slack scopes"] is State.ARMED
    await asyncio.sleep(PERIOD)
    assert checked.states()["slack scopes"] is State.STALE
    assert not checked.told()


async def test_what_nobody_checks_any_more_is_not_called_armed(make_rig: Callable[..., Rig], start: Start) -> None:
    """The command line reads when a bot last checked: two periods after its end nothing is armed."""
    rig = make_rig(surface("a/1"))
    checked = start(rig)
    await rig.until(lambda: checked_file.read(checked.file).at != {})
    await checked.aclose()

    def read(later: float) -> State:
        kept = checked_file.read(checked.file)
        return standings(rig.board, rig.inventory, kept, rig.clock.now() + later)["a/1"].state

    assert read(0.0) is State.ARMED
    assert read(2.1 * PERIOD) is State.STALE
    assert read(-3600.0) is State.UNCHECKED  # a clock that was set back makes nothing fresh
    checked.file.unlink()
    assert read(0.0) is State.UNCHECKED
