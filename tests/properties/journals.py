"""Events as hypothesis draws them: few ids, so that they meet, and several writers, so that they interleave."""

from collections.abc import Sequence

from hypothesis import strategies as st

from adapters.base import Attempt, Mode
from bot.domain import draft_events as drafts
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.ballot import ballot_digest
from bot.domain.board import Board, record_id
from bot.domain.outcome import Outcome

TARGETS = ("t1", "t2", "t3")
HOLDS = ("h1", "h2", "h3", "h4")
INCIDENTS = ("i1", "i2")
SURFACES = {"t1": ("a/one", "b/one"), "t2": ("a/two",), "t3": ("b/three",)}
BOT = events.Person(kind="bot", id="test")
HELD_MODES = st.sampled_from([mode for mode in Mode if mode is not Mode.NORMAL])
# what a lane publishes: the other outcomes belong to lines without a target, or to a restore
PUBLISHED = (
    Outcome.VERIFIED,
    Outcome.APPLIED,
    Outcome.FAILED,
    Outcome.ABSENT,
    Outcome.UNKNOWN,
    Outcome.DRIFTED,
    Outcome.CONTESTED,
)


def held_targets(keys: Sequence[str]) -> tuple[events.HeldTarget, ...]:
    """Targets of a hold with every surface that they carry."""
    return tuple(events.HeldTarget(key=key, surfaces=SURFACES[key], round_to=Mode.FULL_STOP) for key in keys)


@st.composite
def hold_added(draw: st.DrawFn) -> events.HoldAdded:
    """A stop; two of one id are one delivery that two writers took, with configurations that may differ."""
    return events.HoldAdded(
        at=draw(_AT),
        hold=draw(st.sampled_from(HOLDS)),
        incident=draw(st.sampled_from(INCIDENTS)),
        mode=draw(HELD_MODES),
        by=BOT,
        channel=draw(st.sampled_from([None, "C1"])),
        targets=held_targets(draw(st.lists(st.sampled_from(TARGETS), unique=True, max_size=3))),
        left=tuple(
            events.LeftAlone(surface=name, why=draw(st.sampled_from(["configuration: typo", "left alone"])))
            for name in draw(st.lists(st.sampled_from(["a/left", "a/two"]), unique=True, max_size=1))
        ),
    )


@st.composite
def proofs(draw: st.DrawFn, target: str | None = None) -> events.Proof:
    """What a lane published of one target."""
    outcome = draw(st.sampled_from(PUBLISHED))
    return events.Proof(
        target=target or draw(st.sampled_from(TARGETS)),
        outcome=outcome,
        asked=draw(HELD_MODES),
        held=draw(st.sampled_from([None, *Mode])),
        attempt=draw(st.sampled_from([None, *Attempt])),
        left=draw(st.sampled_from([None, 0, 1])),
        next="" if outcome is Outcome.VERIFIED else "cut it by hand",
    )


@st.composite
def lifts(draw: st.DrawFn) -> events.PairsLifted:
    """A lift of named pairs."""
    pair = st.tuples(st.sampled_from(HOLDS), st.sampled_from(TARGETS))
    step, at = draw(st.integers(0, 2)), draw(_AT)
    mode = draw(HELD_MODES)
    kept = events.HoldAdded(
        at=at,
        hold=f"b.{step}.{mode}",
        incident=INCIDENTS[0],
        mode=mode,
        by=BOT,
        origin="restore",
        targets=held_targets(draw(st.lists(st.sampled_from(TARGETS), unique=True, max_size=3))),
    )
    return events.PairsLifted(
        at=at, ballot="b", pairs=tuple(draw(st.lists(pair, max_size=3))), step=step, holds=(kept,) if step else ()
    )


_AT = st.floats(min_value=1.0, max_value=2_000_000_000.0, allow_nan=False)
_REASONS = st.builds(
    events.ReasonGiven, at=_AT, hold=st.sampled_from(HOLDS), by=st.just(BOT), reason=st.sampled_from(["loop", "spam"])
)
_CLOSED = st.builds(events.IncidentClosed, at=_AT, incident=st.sampled_from(INCIDENTS), by=st.just(BOT))
_SEALED = st.sampled_from(["s1", "s2", "s3"])
_UNDO = st.builds(events.UndoRecorded, at=_AT, target=st.sampled_from(TARGETS), sealed=_SEALED) | st.builds(
    events.UndosRecorded,
    at=_AT,
    records=st.lists(st.tuples(st.sampled_from(TARGETS), _SEALED), max_size=3).map(tuple),
)
_UNDONE = st.builds(
    events.EpisodeEnded, at=_AT, target=st.sampled_from(TARGETS), records=st.lists(_SEALED.map(record_id)).map(tuple)
)
_BASELINES = st.builds(
    events.BaselinesTaken,
    at=_AT,
    records=st.lists(st.tuples(st.sampled_from(TARGETS), _SEALED), max_size=3).map(tuple),
)
_CONFIGURED = st.builds(
    events.ConfigurationSeen,
    at=_AT,
    parts=st.lists(st.tuples(st.sampled_from(["pact of a", "writers"]), _SEALED), max_size=2).map(tuple),
)
OPENED = events.BallotOpened(
    at=1.0,
    ballot="b",
    incident=INCIDENTS[0],
    channel="C1",
    by=BOT,
    scope="all",
    mode=Mode.NORMAL,
    pairs=(),
    returns=(),
    electorate=(),
    quorum=2,
    expires_at=2.0,
    dwell=0.0,
    step=0.0,
    configuration="",
    confirmations=1,
)
_VOTERS = [events.Person(kind="slack", id=name) for name in ("U1", "U2")]
_VOTES = st.builds(
    events.VotesCounted, at=_AT, ballot=st.just("b"), approvals=st.lists(st.sampled_from(_VOTERS)).map(tuple)
)
_CODES = st.builds(
    events.CodeEntered,
    at=_AT,
    ballot=st.just("b"),
    digest=st.sampled_from([ballot_digest(OPENED), "another"]),
    by=st.sampled_from(_VOTERS),
    attempt=st.integers(1, 6),
    step=st.none() | st.integers(1, 9),
)
_OUTCOMES = st.builds(events.Outcomes, at=_AT, proofs=st.tuples(proofs()))
_CARD = drills.Scorecard(kind="live", mode=Mode.FULL_STOP)
_DRILLS = st.one_of(
    st.builds(
        drills.DrillReleased,
        at=_AT,
        run=st.sampled_from(["r1", "r2"]),
        pairs=st.lists(st.tuples(st.sampled_from(HOLDS), st.sampled_from(TARGETS)), max_size=3).map(tuple),
    ),
    st.builds(
        drills.DrillEnded,
        at=_AT,
        run=st.sampled_from(["r1", "r2"]),
        drill=st.just("d"),
        how=st.sampled_from(["passed", "failed"]),
        card=st.just(_CARD),
    ),
    st.builds(drills.DrillMissed, at=_AT, drill=st.just("d"), due=st.sampled_from([1.0, 2.0]), why=st.just("down")),
    st.builds(
        drills.DrillAnswered,
        at=_AT,
        drill=st.just("d"),
        due=st.sampled_from([1.0, 2.0]),
        answer=st.just("handed_over"),
        by=st.sampled_from(_VOTERS),
        to=st.sampled_from(_VOTERS),
    ),
)
_NAMED = st.sampled_from(["d1", "d2"])
_DECISIONS = st.sampled_from(["x", "y"])
_DIGESTS = st.sampled_from(["ab", "cd"])
_PEOPLE = st.sampled_from(_VOTERS)
_DRAFTS = st.one_of(
    st.builds(
        drafts.DraftsSeen,
        at=_AT,
        drafts=st.builds(
            drafts.DraftSeen,
            draft=_NAMED,
            target=st.just("t1"),
            id=st.just("7"),
            surfaces=st.just(("a/one",)),
            digest=_DIGESTS,
            waits=st.booleans(),
        ).map(lambda one: (one,)),
    ),
    st.builds(drafts.DraftsGone, at=_AT, drafts=_NAMED.map(lambda one: (one,))),
    st.builds(
        drafts.DraftShown,
        at=_AT,
        draft=_NAMED,
        digest=_DIGESTS,
        incident=st.sampled_from(INCIDENTS),
        what=st.just("INSERT"),
    ),
    st.builds(drafts.DraftAsked, at=_AT, draft=_NAMED, digest=_DIGESTS, by=_PEOPLE),
    st.builds(
        drafts.DraftSettled,
        at=_AT,
        decision=_DECISIONS,
        draft=_NAMED,
        how=st.sampled_from(["released", "dropped", "gone", "void", "failed", "unknown"]),
        why=st.sampled_from(["", "why"]),
    ),
)
ANY = st.one_of(
    hold_added(),
    _DRAFTS,
    _DRILLS,
    lifts(),
    _REASONS,
    _CLOSED,
    _UNDO,
    _UNDONE,
    _BASELINES,
    _CONFIGURED,
    _OUTCOMES,
    _VOTES,
    _CODES,
    st.builds(OPENED.model_copy),
)
# Of one target, no two proofs of one instant: a dispatcher stamps them so that they rise.
JOURNAL: st.SearchStrategy[list[events.AnyEvent]] = st.lists(
    ANY,
    max_size=25,
    unique_by=lambda event: (event.type == "outcomes", event.at if event.type == "outcomes" else id(event)),
)


def fold(journal: Sequence[events.AnyEvent]) -> Board:
    """The board of a journal."""
    board = Board()
    for event in journal:
        board.apply(event)
    return board
