"""The last part: authority comes back by vote, one mode at a time; and a stop in the middle of it wins."""

from collections import Counter
from functools import partial

from bot.sandbox.demo.cast import MAILER, RESEARCH
from bot.sandbox.demo.checks import PATIENCE, in_vain, insist, until, working
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.opening import receipt, say
from bot.sandbox.demo.scene import Scene
from bot.sandbox.messages import Message

_HELD_AGAIN = "HELD AGAIN"
_GIVEN_BACK = "GIVEN BACK"
_OUTSIDERS = {
    "oncall": "opened this ballot",
    "owner": "You own the agent",
    "intruder": "not among those who vote",
    "agent": "You are an identity of an agent",
}


async def a_vote_gives_it_back(scene: Scene, tell: Narrator) -> None:
    """A ballot, votes without a say, a quorum, and one mode per step until the agent works again."""
    ballot = await _opened(scene, tell, f"{RESEARCH.id} normal the data sets were sent back")
    tell.quoted(scene.lines(_now(scene, ballot)), "the ballot in #incident")
    await _refused(scene, tell, ballot)
    await in_vain(scene, RESEARCH.places)
    tell.true("four reactions without a say, and nothing moved")
    for name in ("approver1", "approver2"):
        scene.simulator.person(name).react(ballot, "+1" if name == "approver1" else "+1::skin-tone-4")
    tell.say("Two of the restore group react: :+1: and :+1: with a skin tone.")
    with tell.waiting("the quorum has to stand; then one mode per step, each read back and watched"):
        await _ends(scene, ballot, _GIVEN_BACK)
        rates = await working(scene, RESEARCH.places)
    tell.quoted(scene.lines(_now(scene, ballot)), "the ballot afterwards")
    tell.numbers("the agent works again, actions per second:", {name: f"{rate:.0f}" for name, rate in rates.items()})
    tell.true("given back by vote, and by nothing else")


async def a_stop_in_the_middle_wins(scene: Scene, tell: Narrator, incident: str) -> None:
    """While a restore goes through its steps somebody stops the agent: at once everything is held again."""
    ballot = await _opened(scene, tell, f"{MAILER.id} normal the list was mended")
    for name in ("approver1", "approver2"):
        scene.simulator.person(name).react(ballot, "white_check_mark")
    with tell.waiting("two votes, and the first step"):
        await until(lambda: _stepped(scene), PATIENCE, "the first step did not let the agent log in again")
    held = _confirmations(scene, incident)
    result = await say(scene, tell, "oncall", "incident", f"full_stop {MAILER.id} no, it mails them again")
    await receipt(scene, result, tell)
    with tell.waiting("the stop wins"):
        await _ends(scene, ballot, _HELD_AGAIN)
        for place in MAILER.places:  # that it is held was said at once; that it is cut, when it was read back
            await until(
                partial(_again, scene, incident, held, place.name),
                PATIENCE,
                f"the new cut of {place.name} was not told",
            )
        await in_vain(scene, MAILER.places)
    tell.quoted(scene.lines(_now(scene, ballot)), "the ballot afterwards")
    tell.true("the stop won in the middle of the restore: nothing gets through")


async def _opened(scene: Scene, tell: Narrator, words: str) -> Message:
    """Asks for a ballot, and waits until it is posted."""
    person = scene.simulator.person("oncall")
    tell.typed(person.user.real_name, "incident", f"/agent-restore {words}")
    before = {message.ts for message in _ballots(scene)}
    result = await person.slash("/agent-restore", words, channel="incident")
    insist(result.ok and result.answer, f"the bot did not answer the command: {result.shown}")

    def posted() -> Message | None:
        return next((message for message in _ballots(scene) if message.ts not in before), None)

    with tell.waiting("the evidence is gathered"):
        found = await until(posted, PATIENCE, f"no ballot was posted; told was: {_told(scene, 'oncall')}")
    insist(isinstance(found, Message), "the ballot is no message")
    return found  # type: ignore[no-any-return]  # insisted on above


async def _refused(scene: Scene, tell: Narrator, ballot: Message) -> None:
    """Whoever has no say reacts, and is told why, for their eyes only."""
    for who in _OUTSIDERS:
        scene.simulator.person(who).react(ballot, "+1")
    for who, words in _OUTSIDERS.items():
        with tell.waiting(f"{who} reacts with :+1:"):
            said = await until(partial(_said, scene, who, words), PATIENCE, f"{who} was not told: {words}")
        tell.quoted([said], f"only visible to {scene.simulator.person(who).user.real_name}")


def _said(scene: Scene, who: str, words: str) -> str:
    return next((one.text for one in scene.simulator.person(who).sees() if words in one.text), "")


def _told(scene: Scene, who: str) -> str:
    seen = scene.simulator.person(who).sees()
    return seen[-1].text if seen else "nothing"


async def _ends(scene: Scene, ballot: Message, words: str) -> None:
    await until(lambda: words in _text(scene, ballot), PATIENCE, f"the ballot does not come to say {words}")


async def _stepped(scene: Scene) -> bool:
    """Whether the agent may log in again, as it may under read_only."""
    return await scene.witness.may_log_in(MAILER)


def _confirmations(scene: Scene, incident: str) -> Counter[str]:
    """How often the thread says VERIFIED of each surface: every hold is confirmed by itself."""
    said = scene.read(incident)
    return Counter({place.name: said.count(f"VERIFIED `{place.name}`") for place in MAILER.places})


def _again(scene: Scene, incident: str, before: Counter[str], name: str) -> bool:
    return _confirmations(scene, incident)[name] > before[name]


def _ballots(scene: Scene) -> list[Message]:
    messages = scene.simulator.workspace.messages("incident")
    return [message for message in messages if not message.thread_ts and message.text.startswith("Ballot ")]


def _now(scene: Scene, ballot: Message) -> Message:
    messages = scene.simulator.workspace.messages("incident")
    return next((message for message in messages if message.ts == ballot.ts), ballot)


def _text(scene: Scene, ballot: Message) -> str:
    return "\n".join(scene.lines(_now(scene, ballot)))
