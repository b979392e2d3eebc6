"""Every surface of an incident: what was asked, what was held, how long it took, and where that is recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import NOT_CUT, NOT_PROVEN, Outcome
from bot.domain.report import Line, report
from bot.report.scope import Place, Scope

_CUT = frozenset({Outcome.VERIFIED, Outcome.APPLIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which a surface was asked to be cut and was not, or was not proven to be. Unix seconds.

    `end` is None where it lasted until the end of the record.
    """

    start: float
    end: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One surface.

    Args:
        line: how it stood at the end; the same line as in the incident's thread.
        asked: the strictest mode that the stops asked.
        held: what the strictest of the proofs read back; None where nothing was.
        asked_at: when its first stop was asked. Unix time.
        answered: seconds from then until the first outcome of any kind was recorded; None where none was.
        proven: seconds from then until the first proof as strict as that stop was recorded; None where none was.
        took: seconds that the cut and its read-back took by the bot's own clock, at that proof.
        late: when a deadline passed unproven. Unix times.
        ended: work in flight that cuts ended.
        unknown: whether work in flight could not be seen at some cut.
        drifts: how often it came back by itself.
        gaps: when it was not cut, or not proven to be, after it had been once or after a deadline.
        evidence: the entries of its stops and of its proofs that changed anything, the first and the last ones.
    """

    line: Line
    asked: Mode
    held: Mode | None = None
    asked_at: float
    answered: float | None = None
    proven: float | None = None
    took: float | None = None
    late: tuple[float, ...] = ()
    ended: int = 0
    unknown: bool = False
    drifts: int = 0
    gaps: tuple[Gap, ...] = ()
    evidence: tuple[Place, ...] = ()

    @property
    def surface(self) -> str:
        """`agent/surface`."""
        return self.line.surface


@dataclass(slots=True)
class _Course:
    """What became of one target."""

    asked_at: float
    asked: Mode
    strictest: Mode = Mode.NORMAL
    held: Mode | None = None
    answered: float | None = None
    proven: float | None = None
    took: float | None = None
    late: list[float] = field(default_factory=list)
    ended: int = 0
    unknown: bool = False
    drifts: int = 0
    gaps: list[Gap] = field(default_factory=list)
    evidence: list[Place] = field(default_factory=list)
    last: events.Proof | None = None
    open: tuple[float, str] | None = None  # a gap that lasts

    def see(self, at: float, proof: events.Proof, place: Place) -> None:
        """Takes a proof in."""
        changed = self.last is None or (self.last.outcome, self.last.asked) != (proof.outcome, proof.asked)
        self.last = proof
        if changed:
            self.evidence.append(place)
        if proof.asked is Mode.NORMAL:  # given back: what is read then is no cut
            self._shut(at)
            return
        if proof.outcome in _CUT and proof.held and (self.held is None or proof.held > self.held):
            self.held = proof.held
        self.answered = at - self.asked_at if self.answered is None else self.answered
        self.ended, self.unknown = max(self.ended, proof.ended), self.unknown or proof.left is None
        self.drifts += proof.outcome is Outcome.DRIFTED
        if proof.late and (not self.late or changed):
            self.late.append(at)
        if proof.outcome is Outcome.VERIFIED and proof.asked >= self.asked and self.proven is None:
            self.proven, self.took = at - self.asked_at, proof.elapsed_ms / 1000
        self._mind(at, proof)

    def _mind(self, at: float, proof: events.Proof) -> None:
        """Opens or shuts a gap."""
        if proof.outcome in _CUT:
            self._shut(at)
        elif self.open is None and proof.outcome in NOT_CUT and proof.outcome is not Outcome.PENDING:
            self.open = (at, proof.detail or str(proof.outcome))

    def _shut(self, at: float) -> None:
        if self.open is not None:
            self.gaps.append(Gap(start=self.open[0], end=at, why=self.open[1]))
            self.open = None

    def all_gaps(self) -> tuple[Gap, ...]:
        """Those that ended, and the one that lasts."""
        last = [Gap(start=self.open[0], end=None, why=self.open[1])] if self.open else []
        return (*self.gaps, *last)


def cuts(scope: Scope) -> tuple[Cut, ...]:
    """One for each surface of the incident, in the order of the cut; what was not cut or not proven comes first."""
    courses = _courses(scope)
    lines = report(scope.board, scope.incident, scope.record.known).lines
    keys: dict[str, list[str]] = {}
    for key, names in scope.surfaces.items():
        for name in names:
            keys.setdefault(name, []).append(key)
    made = [_cut(scope, line, [courses[key] for key in keys.get(line.surface, ())]) for line in lines]
    return tuple(sorted(made, key=_urgency))


def _courses(scope: Scope) -> dict[str, _Course]:
    found: dict[str, _Course] = {}
    for entry in scope.entries():
        event, place = entry.event, (entry.chain, entry.seq)
        if isinstance(event, events.HoldAdded) and event.incident == scope.incident.id and event.origin != "restore":
            for key in event.targets.keys:
                course = found.setdefault(key, _Course(event.at, event.mode))
                course.strictest = max(course.strictest, event.mode)
                course.evidence.append(place)
        elif isinstance(event, events.Outcomes):
            for proof in event.proofs:
                if proof.target in found:
                    found[proof.target].see(event.at, proof, place)
    for key in scope.surfaces.keys() - found.keys():
        found[key] = _Course(scope.since, Mode.FULL_STOP)
    return found


def _cut(scope: Scope, line: Line, courses: list[_Course]) -> Cut:
    if not courses:
        return Cut(line=line, asked=line.asked, asked_at=_left_at(scope, line.surface))
    first = min(courses, key=lambda course: course.asked_at)
    return Cut(
        line=line,
        asked=max(course.strictest for course in courses),
        held=min((course.held for course in courses if course.held), default=None),
        asked_at=first.asked_at,
        answered=first.answered,
        proven=_latest(course.proven for course in courses),
        took=first.took,
        late=tuple(sorted(at for course in courses for at in course.late)),
        ended=sum(course.ended for course in courses),
        unknown=any(course.unknown for course in courses),
        drifts=sum(course.drifts for course in courses),
        gaps=tuple(gap for course in courses for gap in course.all_gaps()),
        evidence=tuple(dict.fromkeys(place for course in courses for place in _ends(course.evidence))),
    )


def _latest(times: Iterable[float | None]) -> float | None:
    found = list(times)
    return None if any(time is None for time in found) else max(time for time in found if time is not None)


def _ends(places: list[Place]) -> Iterator[Place]:
    yield from places[:3]
    yield from places[-2:]


def _left_at(scope: Scope, surface: str) -> float:
    return min(
        (hold.at for hold in scope.incident.holds for left in hold.left if left.surface == surface),
        default=scope.since,
    )


def _urgency(cut: Cut) -> int:
    if cut.line.outcome in NOT_CUT:
        return 0
    return 1 if cut.line.outcome in NOT_PROVEN or cut.line.unknown else 2
