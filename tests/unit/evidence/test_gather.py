"""Does a ballot get what the machines say, gathered at that moment?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Adapter, Attempt, Mode, Observation, Shared, SurfaceClass
from adapters.memory import Memory, Settings
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Agent, Configuration, Evaluation, Pact, Surface
from bot.domain.outcome import Outcome
from bot.service.evidence import Machines
from bot.service.inventory import Inventory, make_inventory
from bot.service.ports import Evidence
from tests.unit.evidence.rig import MachineClock, python

BY = events.Person(kind="slack", id="U0ONCALL")
NOW = 1_000_000.0
HOUR = 3600.0


class Fixed(MachineClock):
    """Stands still for people, so that ages are known."""

    def now(self) -> float:
        """Always the same."""
        return NOW


class Scene:
    """One board, one inventory of memory surfaces and the machines over them."""

    def __init__(self, folder: Path) -> None:
        self.board = Board()
        self.folder = folder
        self.agents: list[Agent] = []
        self.inventory = Inventory(configuration=Configuration())
        self.machines = Machines(
            inventory=lambda: self.inventory, board=self.board, clock=Fixed(), folder=lambda: folder, environ={}
        )

    def agent(self, name: str, *surfaces: str, **more: Any) -> None:
        """Adds an agent with surfaces."""
        made = tuple(
            Surface(
                agent=name,
                id=it,
                adapter="memory",
                surface_class=SurfaceClass.API,
                settings=Settings(target=f"{name}/{it}"),
            )
            for it in surfaces
        )
        self.agents.append(Agent(id=name, name=name, surfaces=made, **more))
        self.inventory = make_inventory(Configuration(agents=tuple(self.agents)), _build(Shared()))

    def key(self, surface: str) -> str:
        """The surface's target."""
        key = self.inventory.key_of(surface)
        assert key is not None
        return key

    def stop(self, *surfaces: str, mode: Mode = Mode.READ_ONLY, at: float = NOW - HOUR, hold: str = "h1") -> None:
        """Holds surfaces, and proves them."""
        targets = tuple(events.HeldTarget(key=self.key(it), surfaces=(it,), round_to=mode) for it in surfaces)
        self.board.apply(events.HoldAdded(at=at, hold=hold, incident=f"i-{hold}", mode=mode, by=BY, targets=targets))
        self.seen(*surfaces, outcome=Outcome.VERIFIED, mode=mode, at=at + 1)
        self.board.look_again([self.key(it) for it in surfaces], NOW - 12)

    def seen(self, *surfaces: str, outcome: Outcome, mode: Mode = Mode.READ_ONLY, at: float) -> None:
        """Journals a proof of each."""
        proofs = tuple(
            events.Proof(
                target=self.key(it),
                outcome=outcome,
                asked=mode,
                held=mode,
                attempt=Attempt.REFUSED,
                detail="agent text",
            )
            for it in surfaces
        )
        self.board.apply(events.Outcomes(at=at, proofs=proofs))

    def returns(self, *surfaces: str, to: Mode = Mode.NORMAL) -> list[events.Return]:
        """What a ballot would name."""
        return [
            events.Return(
                key=self.key(it),
                surfaces=(it,),
                now=self.board.effective(self.key(it)),
                to=to,
                modes=tuple(sorted(self.inventory.targets[self.key(it)].enforceable())),
            )
            for it in surfaces
        ]

    async def lines(
        self, *surfaces: str, to: Mode = Mode.NORMAL, reason: str = "mended"
    ) -> dict[str, list[tuple[str, bool | None]]]:
        """The findings, by what they are about."""
        gathered = await self.machines.gather(self.returns(*surfaces), to, reason)
        found: dict[str, list[tuple[str, bool | None]]] = {}
        for line in gathered.findings:
            found.setdefault(line.about, []).append((line.says, line.good))
        return found


def _build(shared: Shared) -> Callable[[Surface], Adapter]:
    def build(item: Surface) -> Adapter:
        assert isinstance(item.settings, Settings)
        return Memory(config=item.settings, canary=None, shared=shared)

    return build


def evaluation(code: int, *surfaces: str, id: str = "refund", **expect: str) -> Evaluation:  # noqa: A002  # the model's word
    """An evaluation whose command ends with that code."""
    wanted = {Mode(mode): answer for mode, answer in expect.items()}
    return Evaluation(id=id, surfaces=surfaces, expect=wanted, command=python(f"raise SystemExit({code})"))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A scene whose pool is ended."""
    made = Scene(tmp_path)
    yield made
    made.machines.close()


def test_the_port_is_implemented(scene: Scene) -> None:
    """What a restore asks for is what this is."""
    evidence: Evidence = scene.machines
    assert evidence is scene.machines


async def test_a_quiet_proven_surface_has_earned_everything(scene: Scene) -> None:
    """Nothing is withheld, and the lines say why the voters may trust it."""
    scene.agent(
        "billing",
        "ledger",
        evaluations=(evaluation(10, "ledger", read_only="refused"),),
        pact=Pact(may_never=("change bank details",)),
    )
    scene.stop("billing/ledger")
    gathered = await scene.machines.gather(
        scene.returns("billing/ledger"), Mode.NORMAL, "see https://wiki.example/p/7."
    )
    assert gathered.withheld == ()
    says = [(line.about, line.says, line.good) for line in gathered.findings]
    evaluated = says.pop(3)
    assert evaluated[0] == "billing"
    assert evaluated[1].startswith("1 of 1 evaluations as expected, within ")
    assert evaluated[2] is True
    assert says == [
        ("billing/ledger", "earned normal: no rule holds it back", True),
        ("billing/ledger", "no drift since it was held, 60 min ago", True),
        ("billing/ledger", "read back and the agent's own credential refused, 12 s ago", True),
        ("billing/ledger", "1 incident in 30 days; never drilled", None),
        ("billing/ledger", "whether others changed its rights, credentials or deployment is not known", None),
        (
            "since the stop",
            "whether configuration or pact changed is not known: nothing was recorded before it",
            None,
        ),
        ("billing/ledger", "work that waits there is not known: this kind does not tell", None),
        ("billing", "may never: change bank details", None),
        ("root cause", "https://wiki.example/p/7", None),
    ]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0, "the evaluation billing/refund was allowed at read_only, where refused is expected"),
        (3, "the evaluation billing/refund gave no answer (it ended with exit code 3; 0 means allowed and 10 refused)"),
    ],
)
async def test_an_evaluation_that_does_not_pass_withholds_everything(scene: Scene, code: int, says: str) -> None:
    """Failing or unknown, the ballot cannot be opened, and says which evaluation it is."""
    scene.agent("billing", "ledger", "mail", evaluations=(evaluation(code, "ledger", read_only="refused"),))
    scene.stop("billing/ledger", "billing/mail")
    gathered = await scene.machines.gather(scene.returns("billing/ledger", "billing/mail"), Mode.NORMAL, "")
    assert gathered.withheld == (
        f"billing/ledger: {says}: nothing looser than read_only until it comes out as expected",
    )
    assert await scene.machines.evaluate(scene.returns("billing/ledger", "billing/mail")) == (says,)
    assert await scene.machines.evaluate(scene.returns("billing/mail")) == ()


async def test_an_evaluation_is_judged_by_the_strictest_mode_that_it_crosses(scene: Scene) -> None:
    """Its path crosses two surfaces; the stop of one of them is enough to refuse it."""
    crossing = evaluation(10, "ledger", "mail", normal="allowed", read_only="refused")
    scene.agent("billing", "ledger", "mail", evaluations=(crossing,))
    scene.stop("billing/ledger", mode=Mode.READ_ONLY, hold="h1")
    scene.stop("billing/mail", mode=Mode.FULL_STOP, hold="h2")
    assert await scene.machines.evaluate(scene.returns("billing/ledger")) == ()
    lift = events.PairsLifted(at=NOW, ballot="b", pairs=(("h1", scene.key("billing/ledger")),))
    scene.board.apply(lift)
    assert await scene.machines.evaluate(scene.returns("billing/ledger")) == ()
    scene.board.apply(events.PairsLifted(at=NOW, ballot="b", pairs=(("h2", scene.key("billing/mail")),)))
    (why,) = await scene.machines.evaluate(scene.returns("billing/ledger"))
    assert why == "the evaluation billing/refund was refused at normal, where allowed is expected"


async def test_what_is_read_there_counts_where_it_is_stricter_than_the_holds(scene: Scene) -> None:
    """A mode that is held stricter than asked is what the evaluation meets."""
    scene.agent("billing", "ledger", evaluations=(evaluation(10, "ledger", draft_only="allowed", read_only="refused"),))
    scene.stop("billing/ledger", mode=Mode.DRAFT_ONLY)
    assert len(await scene.machines.evaluate(scene.returns("billing/ledger"))) == 1
    seen = Observation(exists=True, mode=Mode.READ_ONLY, enforceable=frozenset({Mode.READ_ONLY, Mode.FULL_STOP}))
    scene.inventory.targets[scene.key("billing/ledger")].remember(seen, 0.0)
    assert await scene.machines.evaluate(scene.returns("billing/ledger")) == ()


async def test_what_was_read_before_a_hold_does_not_count(scene: Scene) -> None:
    """Looser than what is held now: the mode is the hold's, as it rounds there."""
    scene.agent("billing", "ledger", evaluations=(evaluation(10, "ledger", normal="allowed", full_stop="refused"),))
    scene.stop("billing/ledger", mode=Mode.READ_ONLY)
    seen = Observation(exists=True, mode=Mode.NORMAL, enforceable=frozenset({Mode.FULL_STOP}))
    scene.inventory.targets[scene.key("billing/ledger")].remember(seen, 0.0)
    gathered = await scene.machines.gather(scene.returns("billing/ledger"), Mode.NORMAL, "")
    assert gathered.withheld == ()
    assert any(line.says.startswith("1 of 1 evaluations as expected") for line in gathered.findings)


async def test_an_orphan_is_bound_by_the_pact_too(scene: Scene) -> None:
    """No hold explains the restriction; what it is held at is what was read."""
    scene.agent("billing", "ledger", pact=Pact(loosest=Mode.READ_ONLY))
    (item,) = scene.returns("billing/ledger")
    orphan = item.model_copy(update={"now": Mode.FULL_STOP})
    assert len((await scene.machines.gather([orphan], Mode.NORMAL, "")).withheld) == 1
    assert (await scene.machines.gather([orphan], Mode.READ_ONLY, "")).withheld == ()


async def test_a_mode_is_judged_as_it_would_be_held(scene: Scene) -> None:
    """Asked for what it cannot hold, the surface stays where it is, and stands in nobody's way."""
    scene.agent("billing", "ledger", pact=Pact(loosest=Mode.READ_ONLY))
    scene.stop("billing/ledger", mode=Mode.FULL_STOP)
    (item,) = scene.returns("billing/ledger")
    stiff = item.model_copy(update={"modes": (Mode.FULL_STOP,)})
    assert (await scene.machines.gather([stiff], Mode.DRAFT_ONLY, "")).withheld == ()
    assert len((await scene.machines.gather([item], Mode.DRAFT_ONLY, "")).withheld) == 1


async def test_an_evaluation_that_expects_nothing_of_the_mode_is_not_run(scene: Scene) -> None:
    """It proves nothing, and holds nothing back; the ballot says so."""
    scene.agent("billing", "ledger", evaluations=(evaluation(1, "ledger", full_stop="refused"),))
    scene.stop("billing/ledger")
    assert await scene.machines.evaluate(scene.returns("billing/ledger")) == ()
    assert (await scene.lines("billing/ledger"))["billing"][0] == (
        "no evaluation expects anything of the mode held",
        None,
    )


async def test_a_pact_bounds_what_may_be_asked(scene: Scene) -> None:
    """Its loosest mode may be asked, anything looser is withheld and says what to change."""
    scene.agent("billing", "ledger", pact=Pact(loosest=Mode.APPROVAL_GATED))
    scene.stop("billing/ledger")
    asked = await scene.machines.gather(scene.returns("billing/ledger"), Mode.APPROVAL_GATED, "")
    assert asked.withheld == ()
    asked = await scene.machines.gather(scene.returns("billing/ledger"), Mode.NORMAL, "")
    (why,) = asked.withheld
    assert why == (
        "billing/ledger: the pact gives back approval_gated at most: nothing looser than approval_gated until"
        " `pact.loosest` is changed"
    )


async def test_a_surface_that_came_back_is_withheld_for_a_while(scene: Scene) -> None:
    """A drift three minutes ago: said with the time that is left, and without the surface's own words."""
    scene.agent("billing", "ledger")
    scene.stop("billing/ledger")
    scene.seen("billing/ledger", outcome=Outcome.DRIFTED, at=NOW - 180)
    scene.seen("billing/ledger", outcome=Outcome.VERIFIED, at=NOW - 170)
    gathered = await scene.machines.gather(scene.returns("billing/ledger"), Mode.NORMAL, "")
    assert gathered.withheld == (
        "billing/ledger: it came back by itself 3 min ago: nothing looser than read_only for 7 min more",
    )
    assert ("billing/ledger", "last came back by itself 3 min ago", False) in [
        (line.about, line.says, line.good) for line in gathered.findings
    ]
    assert not any("agent text" in line.says for line in gathered.findings)


async def test_a_missing_proof_is_for_whoever_opens_the_ballot(scene: Scene) -> None:
    """It stands among the findings and not among what is withheld: two people may go without it."""
    scene.agent("billing", "ledger")
    scene.stop("billing/ledger")
    scene.seen("billing/ledger", outcome=Outcome.APPLIED, at=NOW - 5)
    gathered = await scene.machines.gather(scene.returns("billing/ledger"), Mode.NORMAL, "")
    assert gathered.withheld == ()
    assert ("not proven cut: applied", False) in [(line.says, line.good) for line in gathered.findings]


async def test_many_surfaces_that_are_alike_are_one_line(scene: Scene) -> None:
    """Two hundred surfaces fit on a phone; the one that is not like the others is named."""
    names = [f"s{number}" for number in range(200)]
    full = [f"billing/{name}" for name in names]
    scene.agent("billing", *names)
    scene.stop(*full)
    scene.seen("billing/s7", outcome=Outcome.DRIFTED, at=NOW - 30)
    scene.seen("billing/s7", outcome=Outcome.VERIFIED, at=NOW - 20)
    gathered = await scene.machines.gather(scene.returns(*full), Mode.NORMAL, "")
    assert len(gathered.findings) <= 14
    about = [line.about for line in gathered.findings]
    assert "billing/s7" in about
    assert "all 200 surfaces" in about
    assert any(name.startswith("billing/s0, billing/s1 and ") for name in about)


async def test_evidence_that_cannot_be_gathered_is_a_no(scene: Scene) -> None:
    """Whatever breaks inside, nothing is raised and nothing is given back."""
    scene.agent("billing", "ledger")
    scene.stop("billing/ledger")
    returns = scene.returns("billing/ledger")
    scene.inventory = None  # type: ignore[assignment]  # broken on purpose
    gathered = await scene.machines.gather(returns, Mode.NORMAL, "")
    (why,) = gathered.withheld
    assert why == (
        "the evidence could not be gathered (AttributeError): nothing is given back until that is mended,"
        " see the bot's log"
    )
    assert len(await scene.machines.evaluate(returns)) == 1


async def test_the_evaluations_of_a_ballot_run_side_by_side(scene: Scene) -> None:
    """Each of three waits for the other two, so that one after the other would never end."""
    source = (
        "import pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "while len(list(pathlib.Path('.').glob('e*'))) < 3: time.sleep(0.01)\n"
        "raise SystemExit(10)\n"
    )
    three = tuple(
        Evaluation(id=it, surfaces=("ledger",), expect={Mode.READ_ONLY: "refused"}, command=(*python(source), it))
        for it in ("e1", "e2", "e3")
    )
    scene.agent("billing", "ledger", evaluations=three)
    scene.stop("billing/ledger")
    assert await scene.machines.evaluate(scene.returns("billing/ledger")) == ()
