"""Does the inventory say what is covered, what is not, and what each surface lacks?"""

from dataclasses import replace

from adapters.base import Config, Mode, SurfaceClass
from bot.domain.coverage import Cover, Reach, coverage
from bot.domain.model import Agent, Configuration, Drill, Quarantined, Surface

CUTS = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


def surface(name: str, surface_class: SurfaceClass = SurfaceClass.DATABASE) -> Surface:
    """A surface without anything."""
    agent, _, own = name.partition("/")
    return Surface(agent=agent, id=own, adapter="memory", surface_class=surface_class, settings=Config())


LEDGER = replace(surface("billing/ledger"), canary=Config(), backstop="billing/queue")
BILLING = Agent(
    id="billing",
    name="Billing",
    surfaces=(LEDGER, surface("billing/queue", SurfaceClass.QUEUE)),
    quarantined=(Quarantined(agent="billing", id="jobs", why="wrong", surface_class=SurfaceClass.WORKER),),
    not_applicable={SurfaceClass.WEBHOOK: "takes no callbacks"},
)
DRILL = Drill(id="weekly", schedule="0 10 * * MON", surfaces=("billing/ledger",), mode=Mode.READ_ONLY, kind="live")
WHOLE = Configuration(agents=(BILLING,), drills=(DRILL,))


def test_every_class_of_every_agent_has_a_cell() -> None:
    """Covered, not applicable with its reason, broken, or a gap; a broken surface is a gap too."""
    (row,) = coverage(WHOLE, {}).agents
    cells = {cell.surface_class: cell for cell in row.cells}
    assert [cell.surface_class for cell in row.cells] == list(SurfaceClass)
    assert (cells[SurfaceClass.DATABASE].cover, cells[SurfaceClass.DATABASE].surfaces) == (
        Cover.COVERED,
        ("billing/ledger",),
    )
    assert cells[SurfaceClass.WEBHOOK].cover is Cover.NOT_APPLICABLE
    assert cells[SurfaceClass.WEBHOOK].reason == "takes no callbacks"
    assert (cells[SurfaceClass.WORKER].cover, cells[SurfaceClass.WORKER].surfaces) == (Cover.BROKEN, ("billing/jobs",))
    assert row.gaps == ("api", "tool", "scheduler", "worker", "identity")


def test_each_surface_says_what_it_lacks_and_what_it_holds_here() -> None:
    """As observed where somebody asked, else as declared; the document names both."""
    reach = {
        "billing/ledger": Reach(declared=CUTS, enforced=frozenset({Mode.FULL_STOP}), why="a grant of PUBLIC"),
        "billing/queue": Reach(declared=CUTS),
    }
    found = coverage(WHOLE, reach)
    ledger, queue = (surface.json() for surface in found.surfaces)
    assert (ledger["modes"], ledger["enforced"], ledger["why"]) == (
        ["read_only", "full_stop"],
        ["full_stop"],
        "a grant of PUBLIC",
    )
    assert (ledger["lacks"], ledger["drills"], queue["lacks"], queue["enforced"]) == (
        [],
        ["weekly"],
        ["canary", "backstop", "drill"],
        None,
    )
    assert found.json()["without"] == {
        "canary": ["billing/queue"],
        "backstop": ["billing/queue"],
        "drill": ["billing/queue"],
    }
