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
    assert [surface.reach.declared for surface in coverage(WHOLE, {}).surfaces] == [frozenset(), frozenset()]
    assert found.json()["without"] == {
        "canary": ["billing/queue"],
        "backstop": ["billing/queue"],
        "drill": ["billing/queue"],
    }


def test_the_document_has_all_of_it() -> None:
    """Under names that whoever reads it may count on."""
    both = (surface("ops/shell"), surface("ops/mail", SurfaceClass.QUEUE))
    lost = Quarantined(agent="ops", id="chat", why="no such key", surface_class=SurfaceClass.WORKER)
    ops = Agent(
        id="ops", name="Operations", surfaces=both, quarantined=(lost,), not_applicable={SurfaceClass.TOOL: "none"}
    )
    reach = {"ops/shell": Reach(declared=CUTS, why="it is asked for", attests="self")}
    gap = {"cover": "gap", "surfaces": [], "reason": ""}
    bare: dict[str, object] = {"risk": "medium", "enforced": None, "canary": False, "backstop": None, "drills": []}
    bare |= {"adapter": "memory", "lacks": ["canary", "backstop", "drill"]}
    assert coverage(Configuration(agents=(ops,)), reach).json() == {
        "agents": [
            {
                "agent": "ops",
                "classes": {str(kind): gap for kind in SurfaceClass}
                | {
                    "tool": {"cover": "not_applicable", "surfaces": [], "reason": "none"},
                    "database": {"cover": "covered", "surfaces": ["ops/shell"], "reason": ""},
                    "queue": {"cover": "covered", "surfaces": ["ops/mail"], "reason": ""},
                    "worker": {"cover": "broken", "surfaces": ["ops/chat"], "reason": ""},
                },
            }
        ],
        "surfaces": [
            {
                "surface": "ops/shell",
                "class": "database",
                "modes": ["read_only", "full_stop"],
                "why": "it is asked for",
                "proof": "self",
                **bare,
            },
            {"surface": "ops/mail", "class": "queue", "modes": [], "why": "", "proof": "catalogue", **bare},
        ],
        "broken": [{"surface": "ops/chat", "why": "no such key"}],
        "without": {what: ["ops/shell", "ops/mail"] for what in ("canary", "backstop", "drill")},
    }


def test_a_cell_says_which_of_its_surfaces_are_broken() -> None:
    """Beside those that work, which cover it; alone they leave it open."""
    lost = Quarantined(agent="billing", id="old", why="wrong", surface_class=SurfaceClass.DATABASE)
    (row,) = coverage(Configuration(agents=(replace(BILLING, quarantined=(lost,)),)), {}).agents
    cell = next(cell for cell in row.cells if cell.surface_class is SurfaceClass.DATABASE)
    assert (cell.cover, cell.surfaces, cell.broken) == (
        Cover.COVERED,
        ("billing/ledger", "billing/old"),
        ("billing/old",),
    )
    assert "database" not in row.gaps


def test_a_canary_is_said_to_be_there_and_not_shown() -> None:
    """It is a credential of the agent's."""
    ledger = coverage(WHOLE, {}).surfaces[0].json()
    assert (ledger["canary"], ledger["backstop"]) == (True, "billing/queue")


def test_every_drill_of_a_surface_is_named() -> None:
    """In the order of the configuration."""
    other = replace(DRILL, id="monthly", surfaces=("billing/queue", "billing/ledger"))
    found = coverage(replace(WHOLE, drills=(DRILL, other)), {})
    assert [surface.drills for surface in found.surfaces] == [("weekly", "monthly"), ("monthly",)]
