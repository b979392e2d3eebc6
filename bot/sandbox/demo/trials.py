"""The second half: what goes wrong afterwards, and what the bot makes of it."""

import shlex
import signal
from collections import Counter

from bot.sandbox.demo.cast import BILLING, MAILER, RESEARCH, SUPPORT
from bot.sandbox.demo.checks import PATIENCE, in_vain, insist, until, working
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.opening import closing, confirmed, proven, receipt, say
from bot.sandbox.demo.scene import Scene

_TOLD = 90.0  # seconds: changes are gathered, and told once a minute at the most
_LEDGER, _REPLIES = BILLING.place("sql"), SUPPORT.place("api")


async def drift_is_cut_again(scene: Scene, tell: Narrator, incident: str) -> int:
    """Somebody brings a role back by hand; the watch cuts it again and the thread says so.

    Returns how many messages the thread had before, for `said_once`.
    """
    told, before = len(scene.thread(incident)), await scene.witness.count(_LEDGER)
    tell.say(f"Somebody re-enables the role by hand:  ALTER ROLE {BILLING.login} LOGIN")
    await scene.witness.reenable(BILLING)
    await until(lambda: _used(scene, before), PATIENCE, "the agent did not use the login that it got back")
    if await _rose(scene, before):
        tell.true("the agent is back in at once, and writes")
    with tell.waiting("the drift watch looks every 2 s here, every 5 s in your workspace"):
        await until(lambda: _shut(scene), PATIENCE, f"{_LEDGER.name} was not cut again")
        await in_vain(scene, [_LEDGER])
    slipped = await scene.witness.count(_LEDGER) - before
    tell.true(f"cut again by itself: {slipped} rows slipped through, none since")
    with tell.waiting("reading the thread"):
        await until(
            lambda: _news(scene, incident, told), _TOLD, f"the thread does not say that {_LEDGER.name} came back"
        )
    tell.true("said in the thread")
    return told


def said_once(scene: Scene, incident: str, told: int) -> None:
    """Judges, when the play is over, that nobody was told of the drift twice. Raises `NotSo`."""
    times = len(_news(scene, incident, told))
    insist(times == 1, f"the thread tells the drift of {_LEDGER.name} {times} times")


async def _used(scene: Scene, before: int) -> bool:
    """Whether the agent wrote again, or the watch was quicker than the agent."""
    return await _rose(scene, before) or await _shut(scene)


async def _rose(scene: Scene, before: int) -> bool:
    return await scene.witness.count(_LEDGER) > before


async def _shut(scene: Scene) -> bool:
    return not await scene.witness.may_log_in(BILLING) and not await scene.witness.sessions(BILLING)


def _news(scene: Scene, incident: str, told: int) -> list[str]:
    """Later messages of the thread that speak of the ledger."""
    texts = ["\n".join(scene.lines(message)) for message in scene.thread(incident)[told:]]
    return [text for text in texts if _LEDGER.name in text]


async def a_hung_surface_is_not_cut(scene: Scene, tell: Narrator) -> None:
    """A guard that accepts and never answers stands under NOT CUT; the others are proven."""
    tell.say("Three more agents go into service: written into the configuration, read by the running bot (SIGHUP).")
    with tell.waiting("they start to work"):
        await scene.grow()
        await working(scene, SUPPORT.places)
    guard = scene.estate.guards[_REPLIES.guard]
    tell.say(f"The process that guards {_REPLIES.name} hangs: connections open, no answer (SIGSTOP).")
    guard.signal(signal.SIGSTOP)
    tell.say("In the channel of one agent a stop without a target means that agent alone.")
    try:
        result = await say(scene, tell, "oncall", "support", "full_stop it shows customers each other's tickets")
        incident = await receipt(scene, result, tell)
        others = [place.name for place in SUPPORT.places if place is not _REPLIES]
        with tell.waiting(f"until the deadline of {_REPLIES.name} passes (3 s)"):
            await confirmed(scene, incident, others)
            report = await until(lambda: closing(scene, incident, "support"), PATIENCE, "the report was not closed")
    finally:
        guard.signal(signal.SIGCONT)
    await _judge(scene, report, tell)
    with tell.waiting("the guard goes on; the bot has never stopped trying"):
        await _cut_in_the_end(scene)
    tell.true(f"{_REPLIES.name} was cut as soon as it answered: nothing gets through any more")


async def _judge(scene: Scene, report: str, tell: Narrator) -> None:
    _, listed, rows = report.partition("NOT CUT (1)")
    row = next((line for line in rows.splitlines() if _REPLIES.name in line), "")
    insist(listed and row, f"the report does not list {_REPLIES.name} under NOT CUT: {report}")
    insist("Next:" in row, f"NOT CUT without a next step: {row}")
    tell.quoted(report.splitlines(), "the report in #support")
    await in_vain(scene, [place for place in SUPPORT.places if place is not _REPLIES])
    tell.true("the hung surface closes the report under NOT CUT with its next step; the others are proven")


async def _cut_in_the_end(scene: Scene) -> None:
    """The bot's next try meets a guard that answers."""
    await until(
        lambda: "stopped: full_stop" in scene.estate.tally(_REPLIES).error,
        PATIENCE,
        f"the process that guards {_REPLIES.name} never got the stop",
    )
    await in_vain(scene, [_REPLIES])


async def a_killed_bot_finishes(scene: Scene, tell: Narrator, incident: str) -> None:
    """`kill -9` right after the receipt: the holds stand without the bot, and the next start tells the rest."""
    result = await say(scene, tell, "oncall", "incident", "full_stop research it buys data sets")
    insist(
        await receipt(scene, result, tell) == incident, "a second stop in the channel did not join its open incident"
    )
    pid = scene.product.pid
    await scene.product.kill()
    tell.say(f"kill -9 {pid}, at once after the receipt. The bot is gone; the billing agent goes on trying.")
    with tell.waiting("the witness counts without the bot"):
        await in_vain(scene, BILLING.places)
    tell.true("still held: the cuts live in the systems, not in the bot")
    await scene.product.start()
    with tell.waiting("the bot starts again and reads its journal"):
        await proven(scene, incident, RESEARCH, "research")
        await in_vain(scene, (*BILLING.places, *RESEARCH.places))
    texts = Counter("\n".join(scene.lines(message)) for message in scene.thread(incident))
    twice = sum(count - 1 for count in texts.values())
    insist(twice <= 1, f"{twice} messages of the thread stand there twice")
    tell.true(f"restarted: everything is held, the thread is complete, {twice} duplicate messages")


async def the_command_line_works_without_slack(scene: Scene, tell: Narrator, incident: str) -> None:
    """The out-of-band twin, with Slack down; the bot reports it when Slack is back."""
    await scene.simulator.go_down()
    tell.say("Slack is down: every connection broken, new ones refused.")
    words = ("stop", "full_stop", "--agent", MAILER.id, "--reason", "It mails everybody", "--json")
    tell.ran(shlex.join(("agent-kill", *words)))
    with tell.waiting("the command line does the job alone"):
        said = await scene.product.run(*words)
    insist(said.code == 0, f"it ended with {said.code}: {said.output[-500:]}")
    outcomes = {one["surface"]: one for one in (said.document or {}).get("surfaces", ())}
    insist(
        {name: one["outcome"] for name, one in outcomes.items()} == {p.name: "verified" for p in MAILER.places},
        f"not every surface was verified: {said.output[-500:]}",
    )
    tell.numbers("its answer:", {n: f"{o['outcome']} in {o['elapsed_ms']:.0f} ms" for n, o in outcomes.items()})
    await in_vain(scene, MAILER.places)
    tell.true("exit 0, every surface proven, 0 effects since")
    await scene.simulator.start()
    with tell.waiting("Slack is back; the bot reports what was done meanwhile"):
        await proven(scene, incident, MAILER, MAILER.id)
        await until(
            lambda: scene.simulator.socket.connections, PATIENCE, "the bot did not open its socket to Slack again"
        )
    tell.true("the incident's thread tells it too, and commands come in again")
