"""What do the messages of a thread say?"""

import json

from adapters.base import Attempt, Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.slack.blocks import closing, listing, parent, surface
from bot.slack.blocks.message import Message
from tests.unit.slack.incidents import Desk, read

ROOT = events.Person(kind="cli", id="root@bastion")


def test_the_parent_says_who_what_why_when_and_how_far() -> None:
    """Totals, mode, scope, agents, stopper, time, hold, incident and reason stand in the parent."""
    desk = Desk()
    desk.stop("billing/ledger", "billing/queue", reason="it mails customers")
    desk.prove("billing/ledger")
    shown = read(parent.parent(desk.story()))
    assert shown.splitlines() == [
        "# :hourglass_flowing_sign: STOPPING: full_stop on billing",
        ":white_check_mark: *1* cut and proven   :hourglass_flowing_sign: *1* still being cut   of 2 surfaces",
        "*full_stop* on *billing* (Billing agent; 2 surfaces)",
        "*By* <@U0ALICE>, <!date^1800000000^{date_short_pretty} {time_secs}|2027-01-15 08:00:00 UTC>",
        "*Hold* `hold-1`",
        "*Why:*",
        "“it mails customers”",
        "  Incident `inc-1`. Every surface is confirmed in this thread.",
    ]


def test_the_headline_follows_the_worst_that_is_known() -> None:
    """NOT CUT comes before NOT PROVEN, and only full proof is called proven."""
    for outcome, words in {
        Outcome.VERIFIED: "CUT AND PROVEN",
        Outcome.APPLIED: "CUT, NOT ALL PROVEN",
        Outcome.UNKNOWN: "NOT FULLY CUT",
        Outcome.CONTESTED: "NOT FULLY CUT",
    }.items():
        desk = Desk()
        desk.stop("billing/ledger", "billing/queue")
        desk.prove("billing/queue")
        desk.prove("billing/ledger", outcome=outcome)
        assert words in read(parent.parent(desk.story())).splitlines()[0]


def test_a_stop_from_the_command_line_says_so() -> None:
    """The parent names the host and the user of the command line."""
    desk = Desk()
    desk.stop("billing/ledger", by=ROOT)
    assert "*By* root, from the command line on host bastion," in read(parent.parent(desk.story()))


def test_a_confirmation_tells_asked_held_outcome_work_proof_and_time() -> None:
    """One reply has everything that issue and contract ask of it, rounding included."""
    desk = Desk()
    desk.stop("billing/ledger", mode=Mode.DRAFT_ONLY)
    desk.prove("billing/ledger", asked=Mode.DRAFT_ONLY, held=Mode.READ_ONLY, ended=2)
    message = surface.confirmation(desk.story().chapters[0].fresh[0])
    assert message.text == "billing/ledger is VERIFIED: draft_only asked, held as read_only."
    assert read(message).splitlines() == [
        ":white_check_mark: *VERIFIED* `billing/ledger` (memory, api)",
        "draft_only asked, held as read_only",
        "  work in flight: 2 ended, none left · proof: read back; refused under the agent's own credential · 12 ms",
    ]


def test_a_cut_on_the_surface_s_word_is_never_called_proven() -> None:
    """An applied cut is amber in words, says what is missing, and what to do."""
    desk = Desk()
    desk.stop("billing/mail")
    desk.prove("billing/mail", outcome=Outcome.APPLIED, held=Mode.FULL_STOP, attempt=Attempt.UNTRIED, left=None)
    shown = read(surface.confirmation(desk.story().chapters[0].fresh[0]))
    assert "*APPLIED, NOT PROVEN*" in shown
    assert "may still run (unknown)" in shown
    assert "only the surface's own word; the canary could not be tried" in shown
    assert "*Next:* look at the surface yourself" in shown


def test_the_closing_ends_with_not_cut_and_not_proven() -> None:
    """Both lists come last, each line with its next step, after owner and group were called."""
    desk = Desk()
    desk.stop("billing/ledger", "billing/mail", "billing/queue")
    desk.prove("billing/ledger")
    desk.prove("billing/mail", outcome=Outcome.APPLIED, held=Mode.FULL_STOP, attempt=None)
    desk.prove(
        "billing/queue",
        outcome=Outcome.FAILED,
        held=Mode.NORMAL,
        attempt=Attempt.ALLOWED,
        detail="no rights",
        step="grant ADMIN",
    )
    shown = read(closing.closing(desk.story().chapters[0], groups=["S0ONCALL"])).splitlines()
    assert shown == [
        "*Report of full_stop on billing*: 1 of 3 surfaces cut and proven.",
        ":rotating_light: <@U0OWNER> <!subteam^S0ONCALL> please act: something is NOT CUT.",
        "*NOT CUT* (1)",
        (
            "• :x: *FAILED* `billing/queue`: full_stop asked, only normal is held. The agent's own credential still "
            "works. “no rights” *Next:* grant ADMIN"
        ),
        "*NOT PROVEN* (1)",
        (
            "• :warning: *APPLIED, NOT PROVEN* `billing/mail`: full_stop asked and held. *Next:* look at the surface "
            "yourself; a canary in its configuration would prove the next cut"
        ),
    ]


def test_every_line_that_is_not_green_has_a_next_step() -> None:
    """Whatever the outcome, the closing never leaves the reader without something to do."""
    for outcome in Outcome:
        desk = Desk()
        desk.stop("billing/queue", left={"billing/hook": "configuration: unknown key"})
        desk.prove("billing/queue", outcome=outcome)
        lines = read(closing.closing(desk.story().chapters[0], groups=())).splitlines()
        assert all("*Next:* " in line and not line.endswith("*Next:* ") for line in lines if line.startswith("•"))


def test_only_full_proof_earns_the_closing_sentence() -> None:
    """The sentence stands when everything is verified, and for no other outcome."""
    for outcome in Outcome:
        desk = Desk()
        desk.stop("billing/queue")
        desk.prove("billing/queue", outcome=outcome)
        shown = read(closing.closing(desk.story().chapters[0], groups=()))
        assert ("Everything in scope is cut and proven" in shown) is (outcome is Outcome.VERIFIED)
        assert ("NOT CUT" in shown) is (outcome is not Outcome.VERIFIED)


def test_a_second_stop_says_once_what_was_held_already() -> None:
    """What an earlier stop holds as strictly is named, not confirmed again; the closing still answers for it."""
    desk = Desk()
    desk.stop("billing/ledger", "billing/queue")
    desk.prove("billing/ledger", "billing/queue")
    desk.stop("billing/ledger", "crm/api", hold="hold-2", mode=Mode.READ_ONLY, by=ROOT)
    chapter = desk.story().chapters[1]
    assert [line.surface for line in chapter.fresh] == ["crm/api"]
    desk.prove("crm/api", outcome=Outcome.UNKNOWN, asked=Mode.READ_ONLY)
    desk.prove("billing/ledger")
    shown = read(closing.closing(desk.story().chapters[1], groups=()))
    assert "1 surface already held as strictly by an earlier stop, reported above: `billing/ledger`" in shown
    assert "1 of 2 surfaces cut and proven" in shown


def test_a_stricter_second_stop_confirms_everything_anew() -> None:
    """A looser hold before is no confirmation of a stricter one."""
    desk = Desk()
    desk.stop("billing/ledger", mode=Mode.READ_ONLY)
    desk.prove("billing/ledger", asked=Mode.READ_ONLY)
    desk.stop("billing/ledger", hold="hold-2")
    chapter = desk.story().chapters[1]
    assert [line.surface for line in chapter.fresh] == ["billing/ledger"]
    assert not chapter.settled


def test_a_tripped_backstop_belongs_to_the_stop_that_tripped_it() -> None:
    """It makes no chapter of its own; the closing of its stop names it."""
    desk = Desk()
    desk.stop("billing/ledger")
    desk.prove("billing/ledger", outcome=Outcome.UNKNOWN, late=True)
    desk.stop("billing/identity", hold="hold-b", parent="hold-1")
    desk.prove("billing/identity")
    (chapter,) = desk.story().chapters
    shown = read(closing.closing(chapter, groups=()))
    assert "Backstops tripped, since a deadline passed without proof: `billing/identity`" in shown


def test_a_hold_that_is_not_on_disk_is_called_not_recorded() -> None:
    """Parent and closing say it, with what to do."""
    desk = Desk()
    desk.stop("billing/ledger")
    desk.prove("billing/ledger")
    desk.unrecorded = frozenset({"hold-1"})
    for message in (parent.parent(desk.story()), closing.closing(desk.story().chapters[0], groups=())):
        assert "*NOT RECORDED*: hold `hold-1` is carried out, but it is not on disk" in read(message)


def test_a_missing_reason_is_asked_for_with_a_button() -> None:
    """The button carries the hold, so that the answer finds it."""
    desk = Desk()
    desk.stop("billing/ledger", reason="")
    message = closing.reason(desk.story().chapters[0])
    (button,) = [block for block in message.blocks if block["type"] == "actions"]
    assert '"action_id": "agent_kill:give_reason", "value": "hold-1"' in json.dumps(button)
    assert "no reason was given yet" in read(parent.parent(desk.story()))


def test_a_closed_incident_says_who_closed_it_and_what_stays_held() -> None:
    """The owners of what is still held are named."""
    desk = Desk()
    desk.stop("billing/ledger")
    desk.prove("billing/ledger")
    owned = (events.Owned(surface="billing/ledger", owner="U0OWNER"),)
    by = events.Person(kind="slack", id="U0BOB")
    desk.board.apply(events.IncidentClosed(at=desk.now, incident="inc-1", by=by, owned=owned))
    message = parent.parent(desk.story())
    shown = read(message)
    assert shown.startswith("# :lock: CLOSED: full_stop on billing")
    assert "*Closed* by <@U0BOB>" in shown
    assert "`billing/ledger`, owned by <@U0OWNER>" in shown
    assert message.text.endswith("The incident is closed.")


def test_a_stop_of_everything_is_told_to_every_owner() -> None:
    """The parent mentions them; no other parent does."""
    for scope, told in {"all": True, "billing": False}.items():
        desk = Desk()
        desk.stop("billing/ledger", scope=scope)
        assert ("<@U0OWNER>" in read(parent.parent(desk.story()))) is told


def test_a_thousand_surfaces_are_told_by_agent_and_listed_in_the_file() -> None:
    """The thread stays short; the file has every surface, NOT CUT first."""
    desk = Desk()
    names = [f"agent{index % 30}/surface{index}" for index in range(1000)]
    desk.stop(*names)
    desk.prove(*names[150:])
    desk.prove(*names[:150], outcome=Outcome.UNKNOWN, late=True, detail="no answer within 5 s")
    chapter = desk.story().chapters[0]
    assert "• `agent7`: 29 VERIFIED, 5 UNKNOWN" in read(surface.batch(chapter))
    shown = read(closing.closing(chapter, groups=(), filed=True))
    assert "*NOT CUT* (150)" in shown
    assert "more, see the file\n*NOT PROVEN*: nothing" in shown
    rows = listing.file_text(chapter).splitlines()
    assert rows[2] == "NOT CUT (150)"
    assert all(any(row.startswith(f"{name} ") for row in rows) for name in names)


def test_every_message_has_a_sentence_for_notifications() -> None:
    """The fallback says the state in words, without blocks."""
    desk = Desk()
    desk.stop("billing/ledger", "billing/queue")
    desk.prove("billing/ledger")
    desk.prove("billing/queue", outcome=Outcome.UNKNOWN, late=True)
    chapter = desk.story().chapters[0]
    told: list[Message] = [parent.parent(desk.story()), closing.closing(chapter, groups=()), surface.batch(chapter)]
    assert [message.text for message in told] == [
        "Agent stop full_stop on billing: 1 of 2 surfaces cut and proven, 1 NOT CUT. Incident inc-1.",
        "full_stop on billing: 1 NOT CUT, 0 NOT PROVEN, of 2 surfaces.",
        "2 surfaces asked for full_stop: 1 VERIFIED, 1 UNKNOWN.",
    ]
