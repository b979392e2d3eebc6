"""The first half of the play: work, an intruder, the stop and its proof."""

import re
from typing import Any

from bot.sandbox.demo import slack_text
from bot.sandbox.demo.cast import BILLING, Agent
from bot.sandbox.demo.checks import PATIENCE, in_vain, insist, until, working
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.scene import Scene
from bot.sandbox.results import SlashResult
from bot.sandbox.views import View

EVERYTHING = "Everything in scope is cut and proven"
_HOLD = re.compile(r"hold-[0-9a-z]+")
_INCIDENT = re.compile(r"inc-[0-9a-z]+")
_REASON = "It refunds invoices twice"
_QUICK = 3000.0  # milliseconds that Slack waits for a receipt, and that are promised
_LATER = 75.0  # seconds: what is proven after a report was closed is told once a minute at the most


async def everything_works(scene: Scene, tell: Narrator) -> None:
    """The agents act, and the witness sees it."""
    tell.say(
        "The billing agent works on eight surfaces at once: rows, jobs, API calls, mails, reminders, hooks, exports, "
        "sign-ins."
    )
    with tell.waiting("counting what it really does"):
        rates = await working(scene, BILLING.places)
        await until(lambda: scene.witness.long_statements(BILLING), PATIENCE, "no long statement of the agent ever ran")
    tell.numbers("actions per second, counted by the witness:", {name: f"{rate:.0f}" for name, rate in rates.items()})
    tell.true("a transaction with an hour-long statement is open in PostgreSQL; a BLPOP waits in Valkey")


async def an_intruder_is_refused(scene: Scene, tell: Narrator) -> None:
    """Who is not in the user group stops nothing."""
    result = await say(scene, tell, "intruder", "incident", "full_stop")
    insist(not _INCIDENT.search(result.text), f"the intruder was obeyed: {result.text}")
    insist("RECORDED" not in result.text, f"the intruder was obeyed: {result.text}")
    with tell.waiting("looking whether the agent still works"):
        await working(scene, BILLING.places, 5)
    tell.true("refused with the reason, and nothing was stopped")


async def the_stop_is_proven(scene: Scene, tell: Narrator) -> str:
    """One line; the thread says what is proven; the witness agrees. Returns the incident."""
    result = await say(scene, tell, "oncall", "incident", "full_stop")
    incident = await receipt(scene, result, tell)
    await _give_the_reason(scene, result, tell)
    with tell.waiting("reading the incident's thread"):
        await proven(scene, incident, BILLING, "all")
    tell.true(f"the thread has {len(BILLING.places)} confirmations and ends: {EVERYTHING}")
    with tell.waiting("the agent hammers on, and the witness counts"):
        attempts = await in_vain(scene, BILLING.places)
    tell.numbers("after the proof:", {name: f"{count} more attempts, 0 effects" for name, count in attempts.items()})
    await _in_flight_was_ended(scene, tell)
    await until(
        lambda: _REASON in scene.read(incident), PATIENCE, "the reason that was given does not show in the thread"
    )
    return incident


async def _in_flight_was_ended(scene: Scene, tell: Narrator) -> None:
    insist(not await scene.witness.committed_in_flight(BILLING), "the transaction in flight was committed")
    insist(not await scene.witness.sessions(BILLING), "a session of the agent is still open in PostgreSQL")
    tell.true("the open transaction was rolled back, and no session of the agent is left")
    await scene.witness.order(BILLING)
    await in_vain(scene, [place for place in BILLING.places if place.kind == "queue"])
    insist(await scene.witness.untaken(BILLING) == 1, "an order that came after the stop was taken from the queue")
    tell.true("an order that arrives now stays in the queue: the waiting BLPOP is gone")


async def _give_the_reason(scene: Scene, result: SlashResult, tell: Narrator) -> None:
    """A missing reason never delays a stop; it is asked for afterwards."""
    person = scene.simulator.person("oncall")
    action = _button(result, "reason")
    insist(action and result.answer, "the receipt does not ask for the reason")
    assert result.answer is not None  # noqa: S101  # insisted on above
    await person.click(result.answer, str(action))
    view: View = await until(lambda: person.view, PATIENCE, "the form for the reason did not open")
    field = next(block["element"]["action_id"] for block in view.body["blocks"] if block["type"] == "input")
    done = await person.submit_view({field: _REASON})
    insist(done.ok and not done.errors, f"the reason was not taken: {done.errors or done.error}")
    while person.view:
        await person.close_view()
    tell.say(f"Afterwards the on-call presses [Give the reason] and writes: {_REASON}")


def _button(result: SlashResult, word: str) -> str | None:
    blocks: list[dict[str, Any]] = result.answer.blocks if result.answer else []
    buttons = [part for block in blocks for part in block.get("elements", ()) if part.get("type") == "button"]
    return next((str(part["action_id"]) for part in buttons if word in part["text"]["text"].lower()), None)


# Said and read in Slack --------------------------------------------------------------------------------------------
async def say(scene: Scene, tell: Narrator, who: str, where: str, text: str) -> SlashResult:
    """Somebody types a stop; what comes back is shown. Raises `NotSo` when Slack got no answer in time."""
    person = scene.simulator.person(who)
    tell.typed(person.user.real_name, where, f"/agent-kill {text}")
    result = await person.slash("/agent-kill", text, channel=where)
    insist(result.ok, f"the bot did not answer the command: {result.shown}")
    insist(result.answer, "the bot answered the command with nothing to read")
    assert result.answer is not None  # noqa: S101  # insisted on above
    lines = slack_text.shown(result.answer, scene.simulator.workspace)
    tell.quoted(lines, f"only visible to {person.user.real_name}, after {result.ack_ms or 0:.0f} ms")
    return result


async def receipt(scene: Scene, result: SlashResult, tell: Narrator) -> str:
    """Judges the receipt of a stop; returns the incident. Raises `NotSo`.

    A stop waits 50 ms for the disk. Where it is slower the answer says NOT RECORDED, and the hold comes later.
    """
    found, hold = _INCIDENT.search(result.text), _HOLD.search(result.text)
    insist(found and hold, f"the receipt names no incident or no hold: {result.text}")
    insist("RECORDED" in result.text, f"not recorded: {result.text}")
    insist((result.ack_ms or _QUICK) < _QUICK, f"the receipt took {result.ack_ms} ms")
    assert found is not None  # noqa: S101  # insisted on above
    assert hold is not None  # noqa: S101  # as above
    late = "NOT RECORDED" in result.text
    await until(lambda: hold.group() in scene.journal(), PATIENCE, f"{hold.group()} never came into the journal")
    tell.true(f"receipt after {result.ack_ms or 0:.0f} ms, {'recorded right after it' if late else 'RECORDED'}")
    return found.group()


async def proven(scene: Scene, incident: str, agent: Agent, scope: str) -> None:
    """Waits until the thread confirms every surface of the agent and closes the report. Raises `NotSo`.

    Where a slow machine let a deadline pass, the report rightly says so, and a later one says that all is proven.
    """
    await confirmed(scene, incident, [place.name for place in agent.places])
    await until(lambda: closing(scene, incident, scope), PATIENCE, f"the report on {scope} was not closed")
    await until(
        lambda: any(EVERYTHING in text for text in _since(scene, incident, scope)),
        _LATER,
        f"the report on {scope} did not come to end with: {EVERYTHING}",
    )


async def confirmed(scene: Scene, incident: str, surfaces: list[str], seconds: float = PATIENCE) -> None:
    """Waits until the thread says VERIFIED of each surface. Raises `NotSo`."""
    for surface in surfaces:
        await until(
            lambda surface=surface: f"VERIFIED `{surface}`" in scene.read(incident),  # type: ignore[misc]  # a name of its own for each turn
            seconds,
            f"the thread never said VERIFIED of {surface}",
        )


def closing(scene: Scene, incident: str, scope: str) -> str:
    """The report that ends the stop of this scope; empty while there is none."""
    return next(iter(_since(scene, incident, scope)), "")


def _since(scene: Scene, incident: str, scope: str) -> list[str]:
    """The first report of this scope, and whatever the thread says after it."""
    texts = ["\n".join(scene.lines(message)) for message in scene.thread(incident)]
    first = (place for place, text in enumerate(texts) if f"Report of full_stop on {scope}" in text)
    return texts[next(first, len(texts)) :]
