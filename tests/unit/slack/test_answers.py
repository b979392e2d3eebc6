"""What a person is told stays within Slack's limits and says what counts, however large or odd the stop."""

import json
import time

import pytest

from adapters.base import Config, Mode, SurfaceClass
from bot.domain import events
from bot.domain.armed import Armed, State
from bot.domain.board import Board
from bot.domain.commands import Here, parse_kill
from bot.domain.model import Agent, Configuration, Surface, Workspace
from bot.domain.names import Names
from bot.domain.plan import Inventoried, Plan, Scope, make_plan
from bot.sandbox.limits import complaints, view_complaints
from bot.service.ports import Receipt, StopOrder
from bot.slack import answers, modal, status_table
from bot.slack.blocks.message import Message

HOSTILE = "<!channel> `x` *b* \u202e<https://evil.example|ok>"


def plan(count: int, mode: Mode = Mode.DRAFT_ONLY) -> Plan:
    """A plan over surfaces that can only be read-only or stopped, each sharing its target with one out of scope."""
    modes = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
    inventory = [
        Inventoried(
            surface=Surface(
                agent=agent, id=f"s{number}", adapter="memory", surface_class=SurfaceClass.API, settings=Config()
            ),
            target=f"t{number}",
            enforceable=modes,
            why=HOSTILE,
        )
        for number in range(count)
        for agent in ("billing", "other")
    ]
    return make_plan(mode, Scope(agents=frozenset({"billing"})), inventory, ())


def order(made: Plan, reason: str = "") -> StopOrder:
    """The order of that plan."""
    return StopOrder(
        mode=made.mode, scope=made.scope, by=events.Person(kind="slack", id="U0A"), reason=reason, roster_age=4000.0
    )


def fits(said: Message) -> str:
    """Asserts Slack's limits with the simulator's own checks; yields the whole text."""
    payload = said.payload()
    assert len(said.text) <= 3000
    assert len(said.blocks) <= 50
    body = json.dumps(payload)
    assert "<!channel>" not in body
    assert "<https://evil" not in body
    assert not complaints(payload["blocks"])
    return body


@pytest.mark.parametrize("count", [1, 3, 10_000])
def test_a_receipt_fits_for_any_number_of_surfaces(count: int) -> None:
    """Rounding, shared targets and the age of the roster are said; what does not fit is counted."""
    made = plan(count)
    done = Receipt(incident="inc-1", hold="hold-1", plan=made, recorded=True)
    began = time.thread_time()
    text = fits(answers.receipt(done, order(made)))
    assert time.thread_time() - began < 0.5
    for word in ("RECORDED", "held as read_only", "other/s0", "66 minutes", answers.GIVE_REASON):
        assert word in text
    assert "more" in text if count == 10_000 else True


def test_a_plan_fits_for_any_number_of_surfaces() -> None:
    """The same for the preview."""
    assert "Nothing was touched" in fits(answers.preview(plan(10_000)))


def test_a_plan_names_what_is_not_armed_now() -> None:
    """Beside what cannot be cut, before what can: with the reason and the next step; many of them are counted."""
    lost = [
        Armed(subject=f"billing/s{n}", state=State.NOT_ARMED, why=HOSTILE, next="mend that", age=9.0) for n in range(40)
    ]
    text = fits(answers.preview(plan(40), lost))
    assert "40 NOT ARMED" in text
    assert "*NOT ARMED now*" in text
    assert text.index("`billing/s0`: &lt;!channel&gt;") < text.index("held as read_only")
    assert "and 34 more" in text
    assert "NOT ARMED" not in fits(answers.preview(plan(40)))


def test_a_status_table_fits_and_shows_what_is_bad_first() -> None:
    """Ten thousand surfaces: the held one that is not proven comes first."""
    made, board = plan(10_000), Board()
    held = events.HeldTarget(key="t777", surfaces=("billing/s777",), round_to=Mode.FULL_STOP)
    board.apply(
        events.HoldAdded(
            at=0.0,
            hold="h",
            incident="i",
            mode=Mode.FULL_STOP,
            by=events.Person(kind="slack", id="U0A"),
            targets=(held,),
        )
    )
    found = status_table.rows(made, board, 10.0)
    assert found[0].surface == "billing/s777"
    text = fits(status_table.table(found))
    assert "1 held" in text
    assert "1 NOT CUT" in text
    assert "more: name an agent" in text


def test_a_question_about_hostile_words_cannot_mark_anything_up() -> None:
    """The typed word is shown as plain text, its buttons within Slack's limits."""
    agents = (Agent(id="a" * 140, name="A", channel="C1"), Agent(id="billing", name="B"))
    here = Here(
        channel="C1",
        configuration=Configuration(workspace=Workspace(incident_channel="C1"), agents=agents),
        names=Names(agents),
    )
    for line in ("full_stop &lt;!channel&gt;/x y", f"full_stop {'a' * 60} y", "full_stop billng " + "z" * 5000):
        found = parse_kill(line, here)
        fits(answers.ask_back(found))  # type: ignore[arg-type]  # fails where it is no question


def test_a_question_has_no_marks_that_plain_text_would_show() -> None:
    """Slack renders no code in plain text: the word stands in quotation marks, in the fallback text too."""
    agents = (Agent(id="billing", name="B", channel="C1"),)
    here = Here(channel="C1", configuration=Configuration(agents=agents), names=Names(agents))
    shown = answers.ask_back(parse_kill("full_stop biling it leaks", here))  # type: ignore[arg-type]  # as above
    assert "“biling” is not quite a target here." in shown.text
    assert "`" not in shown.text + str(shown.blocks[0])


@pytest.mark.parametrize("count", [0, 1, 101, 2500])
def test_the_form_fits_for_any_number_of_agents(count: int) -> None:
    """Menus are grouped by a hundred; an agent whose id is too long has to be typed."""
    agents = (*(Agent(id=f"agent-{number}", name="A") for number in range(count)), Agent(id="x" * 90, name="X"))
    here = Here(channel="C1", configuration=Configuration(agents=agents), names=Names(agents))
    view = modal.stop_view(here)
    assert not view_complaints(view, "modal")
    menus = [block["element"] for block in view["blocks"] if block["block_id"] == "agents"]  # type: ignore[attr-defined]
    for menu in menus:
        groups = menu.get("option_groups") or [{"options": menu["options"]}]
        assert all(0 < len(group["options"]) <= 100 for group in groups)
        assert sum(len(group["options"]) for group in groups) == count
    assert len(menus) == (1 if count else 0)


def test_metadata_that_is_no_json_is_nothing() -> None:
    """A view of another version breaks nothing."""
    assert modal.metadata({"private_metadata": "{"}) == {}
    assert modal.metadata({"private_metadata": "[]"}) == {}
    assert [part.strip() for part in modal.submitted_stop({})] == ["", "", ""]
