"""Does every proposal get one card in the incident's thread, bound to what it shows, and told what came of it?"""

import pytest

from adapters.base import Mode
from bot.domain import draft_events as drafts
from bot.domain import events
from bot.slack.blocks.draft_card import cut, parsed, value, verdict_of
from tests.acceptance.whole_bot import rendered
from tests.unit.slack.draft_rig import Rig, rigged


async def test_each_proposal_gets_one_card() -> None:
    """Once, whatever restarts; what it shows is on record before it is posted."""
    async with rigged() as rig:
        await rig.proposes("pay 1", "pay 2")
        first = await rig.posted()
        assert [("pay 1" in rendered(it), "pay 2" in rendered(it)) for it in first] == [(True, False), (False, True)]
        kinds = [type(it) for it in rig.journal.written if isinstance(it, drafts.DraftShown | events.Posted)]
        assert kinds == [drafts.DraftShown, events.Posted] * 2
        rig.post = rig.another()
        assert await rig.posted() == first


async def test_what_came_of_it_stands_on_its_card() -> None:
    """Who decided, and that it was done once; the buttons are gone."""
    async with rigged() as rig:
        await rig.proposes("pay 1", "pay 2")
        await rig.posted()
        one, two = rig.parked.found()
        await rig.decide(one)
        await rig.decide(two, "drop")
        released, denied = await rig.posted()
        assert "*Released by <@U0APPROVER1>*, done once" in rendered(released)
        assert "*Denied by <@U0APPROVER1>*" in rendered(denied)
        assert not [block for it in (released, denied) for block in it.blocks if block["type"] == "actions"]


async def test_a_card_that_a_restart_left_behind_is_brought_up_to_date() -> None:
    """The decision was recorded while Slack, or the bot, was down."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        await rig.posted()
        (item,) = rig.parked.found()
        await rig.decide(item)
        rig.post = rig.another()
        (card,) = await rig.posted()
        assert "Released by" in rendered(card)


async def test_what_changed_gets_a_card_of_its_own() -> None:
    """The old one says so, and has no button any more."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        await rig.posted()
        rig.rename("1", "pay 1000")
        await rig.looked()
        old, new = await rig.posted()
        assert "It changed since this was shown" in rendered(old)
        assert "pay 1000" in rendered(new)
        (item,) = rig.parked.found()
        await rig.decide(item)
        old, new = await rig.posted()
        assert "It changed since this was shown" in rendered(old)
        assert "Released by" in rendered(new)


async def test_a_stricter_hold_is_told_and_leaves_denying() -> None:
    """Approving is not offered then; what comes of an earlier approval stays on the card."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        await rig.posted()
        (item,) = rig.parked.found()
        rig.rename("1", "pay 1000")
        await rig.decide(item)
        rig.rename("1", "pay 1")
        rig.hold(Mode.FULL_STOP, "h2")
        (card,) = await rig.posted()
        text = rendered(card)
        assert "full_stop is held there, and nothing is released under it" in text
        assert "The decision of <@U0APPROVER1> is *void*: what is parked is not what was shown" in text
        (row,) = (block for block in card.blocks if block["type"] == "actions")
        assert [element["action_id"] for element in row["elements"]] == ["agent_kill:draft_drop"]
        assert "Or react: :-1: deny." in text


async def test_what_nobody_knows_says_what_to_do() -> None:
    """After a crash in the middle of a release; and after that it may be parked or not."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        await rig.posted()
        (item,) = rig.parked.found()
        rig.recorder.record(
            drafts.DraftDecided(
                at=rig.clock.now(),
                decision="x",
                draft=item.name,
                digest=item.digest,
                verdict="release",
                by=events.Person(kind="slack", id="U0APPROVER2"),
                mode=Mode.DRAFT_ONLY,
            )
        )
        (card,) = await rig.posted()
        assert "*Releasing it*, decided by <@U0APPROVER2>" in rendered(card)
        await rig.looked()
        (card,) = await rig.posted()
        text = rendered(card)
        assert "Whether the approval of <@U0APPROVER2> was carried out is not known" in text
        assert "*Next:* look at the surface" in text
        rig.world.drafts.clear()
        for _ in range(3):
            await rig.looked()
        (card,) = await rig.posted()
        assert "*Unknown whether it was done*: it is not parked any more" in rendered(card)


async def test_a_burst_is_a_few_cards_and_one_message() -> None:
    """A thousand at once: five cards, the rest counted with the way to list them; a decision makes room."""
    async with rigged() as rig:
        await rig.proposes(*(f"pay {number}" for number in range(1000)))
        *cards, rest = await rig.posted()
        assert len(cards) == 5
        assert "995 more writes are parked" in rendered(rest)
        assert "`agent-kill drafts`" in rendered(rest)
        first = next(rig.parked.found())
        await rig.decide(first)
        await rig.looked()
        thread = await rig.posted()
        assert len(thread) == 7
        assert "pay 5" in rendered(thread[-1])


async def test_nothing_is_said_while_a_cut_is_under_way() -> None:
    """P1: a stop's own messages come first."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        rig.hurried = True
        assert await rig.posted() == []
        rig.hurried = False
        assert len(await rig.posted()) == 1


async def test_cards_stand_behind_the_report() -> None:
    """They take none of the few calls that a stop has; a late report is not waited for."""
    async with rigged() as rig:
        rig.hold(Mode.APPROVAL_GATED, "h2")
        await rig.proposes("pay 1")
        assert await rig.posted() == []
        rig.report()
        assert len(await rig.posted()) == 1
        rig.hold(Mode.APPROVAL_GATED, "h3")
        await rig.proposes("pay 2")
        assert len(await rig.posted()) == 1
        later = rig.clock.now() + 21.0
        rig.clock.now = lambda: later  # type: ignore[method-assign]  # twenty seconds without a report
        assert len(await rig.posted()) == 2


async def test_a_later_incident_shows_it_too() -> None:
    """The newer thread is where people look; both cards are kept up to date, and it is on record once."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        await rig.posted()
        await rig.open(Mode.APPROVAL_GATED, "j")
        await rig.posted()
        (item,) = rig.parked.found()
        await rig.decide(item)
        await rig.posted()
        cards = [it for it in rig.slack.workspace.messages("incident") if it.thread_ts]
        assert len(cards) == 2
        assert all("Released by <@U0APPROVER1>" in rendered(it) for it in cards)
        assert sum(isinstance(it, drafts.DraftShown) for it in rig.journal.written) == 1


async def test_only_what_waits_calls_people() -> None:
    """A draft names those who may decide, and calls nobody."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        (draft,) = await rig.posted()
        assert "<!subteam" not in rendered(draft)
        assert "Who may: @S0RESTORE." in rendered(draft)
        rig.world.rights |= {"apply": "on", "unattended": "off"}
        await rig.proposes("pay 2")
        _, waits = await rig.posted()
        assert "Who may: <!subteam^S0RESTORE>." in rendered(waits)


async def test_a_card_that_no_disk_knows_is_not_posted() -> None:
    """An approval must be bound to something."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        rig.journal.broken = True
        assert await rig.posted() == []
        assert rig.post.problems() == [
            "the cards of what is parked are held up: no disk takes the record of what a card shows"
        ]


async def test_slack_may_be_down_for_a_while() -> None:
    """Cards follow; the status page says why they are late."""
    async with rigged() as rig:
        await rig.proposes("pay 1")
        rig.api.refused = lambda: "an outage"
        assert await rig.posted() == []
        assert rig.post.problems() == ["the cards of what is parked are held up: an outage"]
        rig.api.refused = str
        (card,) = await rig.posted()
        assert "pay 1" in rendered(card)
        assert rig.post.problems() == []


def test_arguments_are_cut_without_what_reorders_or_hides() -> None:
    """Lines stay lines; what is left out is said."""
    assert cut("a\u202eb\x1b[2J\tc\u200b\n  d") == ("ab[2J  c\n  d", False)
    assert cut("x" * 1501) == ("x" * 1499 + "…", True)
    assert cut("\n".join("x" * 25)) == ("\n".join("x" * 24), True)


@pytest.mark.parametrize(
    ("reaction", "verdict"),
    [
        ("+1", "release"),
        ("thumbsup::skin-tone-4", "release"),
        ("white_check_mark", "release"),
        ("-1", "drop"),
        ("x", "drop"),
        ("no_entry", "drop"),
        ("heavy_check_mark", None),
        ("eyes", None),
        ("+1::skin-tone-9", None),
    ],
)
def test_the_signs_of_a_ballot_decide(reaction: str, verdict: str | None) -> None:
    """And no others: not what only looks alike."""
    assert verdict_of(reaction) == verdict


@pytest.mark.parametrize("text", ["", "|", "d1|", "|ab", "d1"])
def test_a_value_that_names_no_card_is_none_of_ours(text: str) -> None:
    """A button's value is foreign."""
    assert parsed(text) is None
    assert parsed(value("d1", "ab")) == ("d1", "ab")


HOSTILE = "<!channel> <@U0OWNER> :white_check_mark: *Released by* \u202eevil\u202c `x` &amp; https://evil.example\x07"


async def test_what_an_agent_says_mentions_nobody_and_fakes_nothing() -> None:
    """It is plain text, without characters that reorder or hide; secrets are starred, and long ones are cut."""
    async with rigged() as rig:
        await rig.proposes(HOSTILE, "password=hunter2", "x" * 5000)
        hostile, secret, long = await rig.posted()
        (plain,) = [block["text"] for block in hostile.blocks if block.get("text", {}).get("type") == "plain_text"]
        assert plain["emoji"] is False
        assert plain["text"].startswith("<!channel> <@U0OWNER> :white_check_mark: *Released by* ")
        assert not {"\u202e", "\u202c", "\x07"} & set(plain["text"])
        assert "Billing &lt;@U0OWNER&gt; agent" in hostile.blocks[0]["text"]["text"]
        assert "hunter2" not in rendered(secret)
        assert "secrets are starred" in rendered(secret)
        assert "shortened: `agent-kill drafts show` has all of it" in rendered(long)
        assert len(rendered(long)) < 1500


async def test_what_was_asked_for_comes_first() -> None:
    """Also where nothing is held any more: what a restore left parked can still be released."""
    async with rigged() as rig:
        await rig.proposes(*(f"pay {number}" for number in range(20)))
        await rig.posted()
        last = list(rig.parked.found())[-1]
        assert "pay 19" not in _all(rig)
        rig.board.holds.lift([("h1", "memory:billing/api")])
        by = events.Person(kind="cli", id="root@host")
        asked = drafts.DraftAsked(at=rig.clock.now(), draft=last.name, digest=last.digest, by=by)
        rig.recorder.record(asked)
        await rig.posted()
        assert "pay 19" in _all(rig)
        assert "a release was asked for by root, from the command line on host host" in _all(rig)


def _all(rig: Rig) -> str:
    return "\n".join(rendered(it) for it in rig.slack.workspace.messages("incident"))
