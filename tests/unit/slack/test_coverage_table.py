"""Is the inventory below `/agent-status` read on a phone: first what no stop reaches, then what is shared?"""

import json
import re

import pytest

from adapters.base import Config, Mode, SurfaceClass
from bot.domain.armed import Armed
from bot.domain.coverage import Coverage, Reach, coverage
from bot.domain.fate import Fate
from bot.domain.model import Agent, Configuration, Drill, Quarantined, Surface
from bot.sandbox.limits import complaints
from bot.slack import status_table
from bot.slack.status_table import Row

HOSTILE = "<!channel> `x` *b* <https://evil.example|ok>"
PHONE = 40  # characters of a code block that a phone shows in one line


def agent(name: str, *classes: SurfaceClass, broken: bool = False) -> Agent:
    """An agent with a surface of each class; one is broken where asked."""
    surfaces = tuple(
        Surface(agent=name, id=f"s-{one}", adapter="memory", surface_class=one, settings=Config()) for one in classes
    )
    lost = (Quarantined(agent=name, id="lost", why="no such key", surface_class=SurfaceClass.QUEUE),)
    return Agent(
        id=name,
        name=name,
        surfaces=surfaces,
        quarantined=lost if broken else (),
        not_applicable={SurfaceClass.IDENTITY: "none"},
    )


def covered(*agents: Agent, drill: str = "billing/s-api") -> Coverage:
    """Their inventory; the surfaces hold nothing stricter than read_only but for the drilled one."""
    drills = (Drill(id="weekly", schedule="0 10 * * MON", surfaces=(drill,), mode=Mode.FULL_STOP, kind="live"),)
    reach = {
        surface.name: Reach(declared=frozenset(Mode), enforced=frozenset({Mode.READ_ONLY, Mode.FULL_STOP}))
        for one in agents
        for surface in one.surfaces
    }
    reach[drill] = Reach(declared=frozenset(Mode), enforced=frozenset(Mode))
    return coverage(Configuration(agents=agents, drills=drills), reach)


def fate(number: int) -> Fate:
    """Something shared, told in hostile words."""
    return Fate(kind="host", with_="x", surfaces=(), message=f"fate {number} {HOSTILE}", next="move one of them")


def shown(found: Coverage, shared: tuple[Fate, ...] = (), lost: tuple[Armed, ...] = ()) -> str:
    """The whole message, which Slack would take."""
    said = status_table.table([Row("billing/s-api", Mode.NORMAL, None, 3.0)], (), lost, found, shared)
    payload = said.payload()
    assert not complaints(payload["blocks"])
    body = json.dumps(payload, ensure_ascii=False)
    assert "<!channel>" not in body
    assert "<https://evil" not in body
    return body


def test_gaps_come_first_then_what_is_shared_then_the_matrix() -> None:
    """Each gap and each broken surface is named with its agent, before anything that is in order."""
    billing = agent("billing", SurfaceClass.API, SurfaceClass.DATABASE, broken=True)
    text = shown(covered(billing), (fate(1),))
    gap = text.index("*billing*: no tool, no scheduler, no webhook, no worker; BROKEN `billing/lost`")
    assert gap < text.index("*Not independent: 1 thing shared*") < text.index("fate 1") < text.index("●")
    assert "*Coverage: 5 gaps*" in text


def test_modes_that_are_held_here_and_what_is_missing() -> None:
    """What a surface really enforces, and that it has no canary, no backstop, no drill."""
    text = shown(covered(agent("billing", SurfaceClass.API, SurfaceClass.TOOL)))
    assert "`billing/s-api`: all four modes; no canary, no backstop\\n" in text
    assert "`billing/s-tool`: read_only full_stop; no canary, no backstop, no drill" in text
    assert "Of 2 surfaces: 2 without canary, 2 without backstop, 1 without drill." in text


def test_an_inventory_without_a_gap_says_so() -> None:
    """Covered, or with a reason."""
    every = tuple(one for one in SurfaceClass if one is not SurfaceClass.IDENTITY)
    text = shown(covered(agent("billing", *every)))
    assert "*Coverage: no gap*" in text
    assert "Not independent" not in text


@pytest.mark.parametrize("count", [1, 13, 3000])
def test_columns_fit_a_phone_and_the_message_fits_slack(count: int) -> None:
    """The matrix is narrower than forty characters; of many agents, fates and surfaces the rest is counted."""
    agents = [agent(f"billing-{HOSTILE}-{number}", SurfaceClass.API) for number in range(count)]
    text = shown(covered(*agents), tuple(fate(number) for number in range(count)))
    matrix = next(code for code in re.findall("```(.*?)```", text) if "●" in code)
    assert max(len(re.sub("&[a-z]+;", "x", line)) for line in matrix.split("\\n")) <= PHONE
    if count == 3000:
        assert "and 2,988 more agents" in text
        assert "and 2,996 more: see `agent-kill check --probe`" in text
