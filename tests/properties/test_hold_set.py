"""Do stops commute, and does nothing but a lift that names a hold end it?"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.base import Mode
from bot.domain.holds import HoldSet
from tests.properties.journals import HELD_MODES, HOLDS, TARGETS

Fact = tuple[str, str, str, Mode | None]  # what was done: "add" or "lift", hold, target, mode
_TARGETS = st.lists(st.sampled_from(TARGETS), unique=True, min_size=1, max_size=3)
_REPLICAS = st.integers(0, 2)


class Replicas(RuleBasedStateMachine):
    """Three writers with a hold set each; facts reach them late, in any order, repeatedly, and from old backups.

    The oracle is a second opinion: plain sets of facts, from which what is live is computed anew each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.replicas = [HoldSet() for _ in range(3)]
        self.known: list[set[Fact]] = [set() for _ in range(3)]
        self.facts: list[Fact] = []
        self.before: dict[tuple[int, str], Mode] = {}
        self.lifted_now: set[tuple[int, str]] = set()

    @rule(replica=_REPLICAS, hold=st.sampled_from(HOLDS), mode=HELD_MODES, keys=_TARGETS)
    def stop(self, replica: int, hold: str, mode: Mode, keys: list[str]) -> None:
        """A stop arrives at one writer. The same delivery may arrive at two, which may round it differently."""
        self._take(replica, [("add", hold, target, mode) for target in keys])

    @rule(replica=_REPLICAS, pairs=st.lists(st.tuples(st.sampled_from(HOLDS), st.sampled_from(TARGETS)), max_size=3))
    def lift(self, replica: int, pairs: list[tuple[str, str]]) -> None:
        """A committed lift reaches one writer, maybe before the hold that it ends."""
        self._take(replica, [("lift", hold, target, None) for hold, target in pairs])

    @rule(replica=_REPLICAS, data=st.data())
    def hear(self, replica: int, data: st.DataObject) -> None:
        """A writer hears of what others did: any of it, in any order, also again."""
        if self.facts:
            self._take(replica, data.draw(st.lists(st.sampled_from(self.facts), max_size=6)))

    @rule(replica=_REPLICAS, data=st.data())
    def old_backup(self, replica: int, data: st.DataObject) -> None:
        """A writer dies and starts with an old prefix of the facts, then reads its own journal again."""
        prefix = self.facts[: data.draw(st.integers(0, len(self.facts)))]
        own = self.known[replica]
        self.replicas[replica], self.known[replica] = HoldSet(), set()
        self.before = {place: mode for place, mode in self.before.items() if place[0] != replica}
        self._take(replica, [*prefix, *own])

    @invariant()
    def i3_effective_is_the_strictest_live_hold(self) -> None:
        """I3: what is effective is the strictest hold that no lift names."""
        for holds, known in zip(self.replicas, self.known, strict=True):
            for target in TARGETS:
                live = _live(known, target)
                assert holds.live(target) == live
                assert holds.effective(target) is max(live.values(), default=Mode.NORMAL)
            assert set(holds.targets()) == {target for target in TARGETS if _live(known, target)}
            assert all(holds.is_live(hold) == any(hold in _live(known, t) for t in TARGETS) for hold in HOLDS)

    @invariant()
    def i7_nothing_but_a_lift_loosens(self) -> None:
        """I7: between two steps a target grows looser only where a lift named one of its holds."""
        for replica, holds in enumerate(self.replicas):
            for target in TARGETS:
                now = holds.effective(target)
                if (replica, target) not in self.lifted_now:
                    assert now >= self.before.get((replica, target), Mode.NORMAL)
                self.before[replica, target] = now
        self.lifted_now.clear()

    def teardown(self) -> None:
        """Writers that know the same facts agree, whatever the order was: stops commute and are idempotent."""
        everything = HoldSet()
        for replica in range(3):
            self._take(replica, self.facts[::-1] if replica else self.facts)
        _apply(everything, sorted(set(self.facts), key=repr))
        for holds in self.replicas:
            assert [holds.live(target) for target in TARGETS] == [everything.live(target) for target in TARGETS]

    def _take(self, replica: int, facts: list[Fact]) -> None:
        self.facts += facts
        self.known[replica] |= set(facts)
        self.lifted_now |= {(replica, target) for kind, _, target, _ in facts if kind == "lift"}
        _apply(self.replicas[replica], facts)


def _apply(holds: HoldSet, facts: list[Fact]) -> None:
    for kind, hold, target, mode in facts:
        if kind == "add" and mode is not None:
            holds.add(hold, mode, [target])
        else:
            holds.lift([(hold, target)])


def _live(known: set[Fact], target: str) -> dict[str, Mode]:
    lifted = {hold for kind, hold, on, _ in known if kind == "lift" and on == target}
    found: dict[str, Mode] = {}
    for kind, hold, on, mode in known:
        if kind == "add" and on == target and mode is not None and hold not in lifted:
            found[hold] = max(mode, found.get(hold, mode))
    return found


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
