"""Who decides on a card, by button and by emoji, and what is everybody else told?"""

from typing import Any

import pytest

from bot.domain import draft_events as drafts
from bot.domain import events
from bot.domain.policy import Group, Kind, Roster
from bot.service.lots import Found
from bot.slack.ask import Ask
from bot.slack.blocks.draft_card import value
from bot.slack.draft_desk import NOT_READY, DraftDesk
from tests.unit.slack.draft_rig import Rig, rigged


class People:
    """A roster that Slack confirms, or does not."""

    def __init__(self) -> None:
        self.silent = False

    async def fresh(self, beside: Any = ()) -> Roster | None:  # noqa: ARG002  # as the real one
        """Two approvers, and an agent that somebody put among them."""
        group = Group(id="S0RESTORE", members=frozenset({"U1", "U2", "U0AGENT"}))
        return None if self.silent else Roster(groups=(group,), people=dict.fromkeys(("U1", "U2"), Kind.MEMBER))


class Told:
    """Slack's client, as far as a reaction is answered."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.place = ("", "")

    async def chat_postEphemeral(self, *, channel: str, user: str, text: str, thread_ts: str) -> None:  # noqa: N802  # the client's name
        """Remembers; says no where the thread is another."""
        if (channel, thread_ts) != self.place:
            raise ValueError("another thread")
        self.said.append((user, text))


class Scene:
    """One card, and the desk before it."""

    def __init__(self, rig: Rig, item: Found) -> None:
        self.rig, self.item, self.people, self.told = rig, item, People(), Told()
        self.desk = DraftDesk(
            board=rig.board,
            record=rig.recorder.record,
            configuration=lambda: rig.inventory.configuration,
            roster=self.people,  # type: ignore[arg-type]  # as far as it is used
            clock=rig.clock,
            client=self.told,  # type: ignore[arg-type]  # as far as it is used
        )
        self.desk.parked = rig.parked
        parent = rig.board.incidents["i"].posts["parent"]
        self.told.place = (parent.channel, parent.ts)

    async def press(self, user: str, verdict: Any = "release", text: str = "") -> str:
        """Presses a button of the card."""
        ask = Ask(user=user, channel="C0INCIDENT", text=text or value(self.item.name, self.item.digest))
        return (await self.desk.decide(ask, verdict)).text

    async def react(self, user: str, reaction: str, *, age: float = 0.0, ts: str = "") -> list[tuple[str, str]]:
        """Reacts under the card; what was answered."""
        posted = next(it for slot, it in self.rig.board.incidents["i"].posts.items() if slot.startswith("draft:"))
        ask = Ask(user=user, channel="C0INCIDENT")
        await self.desk.reacted(ask, reaction, ts or posted.ts, self.rig.clock.now() - age)
        return self.told.said


async def scene(rig: Rig) -> Scene:
    """One proposal with its card."""
    await rig.proposes("pay 1")
    await rig.posted()
    (item,) = rig.parked.found()
    return Scene(rig, item)


async def test_an_approver_decides_by_button() -> None:
    """The answer says what came of it; who it was and how old the roster was is on record."""
    async with rigged() as rig:
        here = await scene(rig)
        assert await here.press("U1") == "It was released, and done once."
        (decided,) = rig.board.proposals.all[here.item.name].decided.values()
        assert decided.by == events.Person(kind="slack", id="U1")
        assert rig.world.done == {"pay 1": 1}


@pytest.mark.parametrize(("reaction", "done"), [("+1", 1), ("-1", 0)])
async def test_an_approver_decides_by_emoji(reaction: str, done: int) -> None:
    """Told to them alone."""
    async with rigged() as rig:
        here = await scene(rig)
        ((user, said),) = await here.react("U2", reaction)
        assert user == "U2"
        assert said.startswith("It was released" if done else "It was dropped")
        assert sum(rig.world.done.values()) == done
        assert not rig.world.drafts


async def test_whoever_pressed_is_answered_in_the_thread() -> None:
    """There they look; where Slack does not take it, or the card is unknown, the answer goes another way."""
    async with rigged() as rig:
        here = await scene(rig)
        ask = Ask(user="U1", channel="C0INCIDENT", text=value(here.item.name, here.item.digest))
        said = await here.desk.decide(ask, "release")
        assert await here.desk.tell(ask, said)
        assert here.told.said == [("U1", "It was released, and done once.")]
        here.told.place = ("", "")
        assert not await here.desk.tell(ask, said)
        assert not await here.desk.tell(Ask(user="U1", channel="C0INCIDENT", text="nonsense"), said)


async def test_an_emoji_that_comes_late_decides_nothing() -> None:
    """Slack repeats an event for an hour, and much may have happened since."""
    async with rigged() as rig:
        here = await scene(rig)
        for age in (130.0, -130.0):
            await here.react("U1", "+1", age=age)
        assert [said for _, said in here.told.said] == [
            "Your reaction came to the bot too late to count: press the button. Nothing was done."
        ] * 2
        assert not rig.world.done


async def test_other_emoji_and_other_messages_say_nothing() -> None:
    """Nobody is bothered for them."""
    async with rigged() as rig:
        here = await scene(rig)
        await here.react("U1", "eyes")
        await here.react("U1", "+1", ts="1.0")
        parent = rig.board.incidents["i"].posts["parent"]
        await here.react("U1", "+1", ts=parent.ts)
        assert here.told.said == []
        assert not rig.world.done


async def test_whoever_may_not_is_told_and_on_record() -> None:
    """Somebody else, and whoever Slack does not confirm."""
    async with rigged() as rig:
        here = await scene(rig)
        assert "not among those who decide" in await here.press("U9")
        assert "has not confirmed" in await here.press("U0AGENT", "drop")
        await rig.slack.wait_for(lambda: len(_refused(rig)) > 1, what="the record of both")
        assert [(it.by.id, it.asked) for it in _refused(rig)] == [
            ("U9", f"approve {here.item.name}"),
            ("U0AGENT", f"deny {here.item.name}"),
        ]
        assert rig.world.drafts


def _refused(rig: Rig) -> list[events.Refusal]:
    return [it for it in rig.journal.written if isinstance(it, events.Refusal)]


async def test_every_doubt_is_a_no() -> None:
    """Slack does not say who may; the use case is not there yet."""
    async with rigged() as rig:
        here = await scene(rig)
        here.people.silent = True
        assert "every doubt is a no" in await here.press("U1")
        here.people.silent = False
        here.desk.parked = None
        assert await here.press("U1") == NOT_READY
        assert not rig.world.done


@pytest.mark.parametrize("text", ["nonsense", "d0000000000|ab", "{name}|ab"])
async def test_a_forged_value_decides_nothing(text: str) -> None:
    """Only what was seen and shown can be decided on."""
    async with rigged() as rig:
        here = await scene(rig)
        said = await here.press("U1", text=text.format(name=here.item.name))
        assert said in {NOT_READY, "This button is none of this version's. Nothing was done."}
        assert rig.world.drafts
        assert not any(isinstance(it, drafts.DraftDecided) for it in rig.journal.written)


async def test_what_a_surface_says_mentions_nobody() -> None:
    """Its words may be the agent's."""
    async with rigged() as rig:
        here = await scene(rig)

        async def fails(**_: object) -> None:
            raise ValueError("<!channel> <@U2>")

        here.item.lot.adapter.release = fails  # type: ignore[method-assign,assignment]
        said = await here.press("U1")
        assert "&lt;!channel&gt; &lt;@U2&gt;" in said
