"""What does the board tell of incidents, reasons, posts, undo records and the surfaces that are held?"""

import itertools

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board, record_id
from tests.unit.domain.facts import ALICE, board, held_target, hold, lift


def _posted(slot: str, digest: str) -> events.Posted:
    return events.Posted(at=1.0, incident="i", slot=slot, channel="C1", ts="1.0", digest=digest)


def _reason(at: float, name: str, text: str) -> events.ReasonGiven:
    return events.ReasonGiven(at=at, hold=name, by=ALICE, reason=text)


def _reasons(made: Board) -> dict[str, str]:
    """By hold, as reports and as the status read it: both must say the same."""
    told = {stop.hold: stop.reason for incident in made.incidents.values() for stop in incident.holds}
    assert told == {name: stop.reason for name, stop in made.hold_events.items()}
    return told


def test_an_incident_opens_with_its_first_stop_in_the_first_channel() -> None:
    """In any order of arrival; a stop without a channel, from a terminal, gives the incident none."""
    stops = [hold("h1", 10.0, "a/1"), hold("h2", 20.0, "a/1", channel="C2"), hold("h3", 30.0, "a/1", channel="C1")]
    for story in itertools.permutations(stops):
        incident = board(*story).incidents["i"]
        assert (incident.opened_at, incident.channel) == (10.0, "C2")
        assert [stop.hold for stop in incident.holds] == [stop.hold for stop in story]


def test_an_incident_that_lost_its_only_stop_is_as_if_it_had_none() -> None:
    """Two writers took one delivery and opened an incident each: the stop stands in the first one alone."""
    made = board(hold("h", 20.0, "a/1", incident="late", channel="C1"), hold("h", 10.0, "a/1", incident="early"))
    late, early = made.incidents["late"], made.incidents["early"]
    assert (late.holds, late.opened_at, late.channel) == ([], 0.0, None)
    assert ([stop.hold for stop in early.holds], early.opened_at, early.channel) == (["h"], 10.0, None)


def test_an_incident_of_which_only_a_post_is_known_is_empty_and_open() -> None:
    """Its stops may stand in a journal that is read later."""
    known = board(_posted("parent", "one")).incidents["i"]
    assert (known.opened_at, known.channel, known.holds, known.closed) == (0.0, None, [], None)


def test_a_stop_that_is_told_again_keeps_its_place() -> None:
    """Also where the second telling names more."""
    made = board(hold("h1", 10.0, "a/1"), hold("h2", 20.0, "a/1"), hold("h1", 10.0, "a/1", "a/2"))
    assert [stop.hold for stop in made.incidents["i"].holds] == ["h1", "h2"]


def test_a_stop_moves_between_incidents_without_its_neighbours() -> None:
    """The other stop of the incident stays, and gives it its time and channel."""
    made = board(
        hold("other", 30.0, "a/1", incident="late", channel="C3"),
        hold("h", 20.0, "a/1", incident="late", channel="C1"),
        hold("h", 10.0, "a/1", incident="early", channel="C1"),
    )
    late = made.incidents["late"]
    assert ([stop.hold for stop in late.holds], late.opened_at, late.channel) == (["other"], 30.0, "C3")


def test_a_stop_joins_the_latest_open_incident_of_its_channel() -> None:
    """Neither a closed one, nor another channel's, nor one of which only a post is known."""
    made = board(
        hold("h1", 10.0, "a/1", incident="first", channel="C1"),
        hold("h2", 30.0, "a/1", incident="second", channel="C1"),
        hold("h3", 20.0, "a/1", incident="between", channel="C1"),
        hold("h4", 40.0, "a/1", incident="elsewhere", channel="C2"),
        hold("h5", 50.0, "a/1", incident="terminal"),
        events.Posted(at=60.0, incident="post", slot="parent", channel="C1", ts="1", digest=""),
    )

    def joined(channel: str | None) -> str | None:
        found = made.open_incident(channel)
        return found.id if found else None

    assert (joined("C1"), joined("C2"), joined(None), joined("C3")) == ("second", "elsewhere", "terminal", None)
    assert made.open_incident("C3") is None
    assert board(_posted("parent", "one")).open_incident(None) is None
    made.apply(events.IncidentClosed(at=70.0, incident="second", by=ALICE))
    assert joined("C1") == "between"
    made.apply(events.IncidentClosed(at=70.0, incident="elsewhere", by=ALICE))
    assert joined("C2") is None


def test_a_reason_that_is_given_later_stands_at_its_stop() -> None:
    """Also where it is read before the stop, which keeps its place among the others."""
    stops = [hold("h1", 10.0, "a/1"), hold("h2", 20.0, "a/1")]
    for story in itertools.permutations([*stops, _reason(30.0, "h1", "it leaks")]):
        made = board(*story)
        assert _reasons(made) == {"h1": "it leaks", "h2": ""}
        assert sorted(stop.hold for stop in made.incidents["i"].holds) == ["h1", "h2"]


def test_the_first_reason_stands_and_one_that_came_with_the_stop_before_all() -> None:
    """In any order; at one instant the same one wins everywhere."""
    given = [_reason(30.0, "h1", "first"), _reason(40.0, "h1", "a later"), _reason(30.0, "h1", "second")]
    for story in itertools.permutations([hold("h1", 10.0, "a/1"), *given]):
        assert _reasons(board(*story)) == {"h1": "first"}
    own = hold("h1", 10.0, "a/1", reason="typed at once")
    assert _reasons(board(own, *given)) == {"h1": "typed at once"}
    assert _reasons(board(*given, own)) == {"h1": "typed at once"}


def test_a_post_is_found_by_its_slot_as_it_was_last_said() -> None:
    """P5: the thread goes on where it was left."""
    posts = board(_posted("parent", "one"), _posted("line", "two"), _posted("parent", "three")).incidents["i"].posts
    assert {slot: post.digest for slot, post in posts.items()} == {"parent": "three", "line": "two"}


def test_undo_records_are_kept_once_and_in_their_order() -> None:
    """Of each target its own, until its episode ends."""
    made = board(
        events.UndoRecorded(at=1.0, target="t1", sealed="one"),
        events.UndosRecorded(at=2.0, records=(("t1", "two"), ("t2", "one"), ("t1", "one"))),
        events.UndoRecorded(at=3.0, target="t1", sealed="three"),
    )
    assert made.undo == {"t1": ["one", "two", "three"], "t2": ["one"]}


def test_an_episode_that_ended_before_its_records_are_read_leaves_nothing() -> None:
    """As two writers' journals may be read."""
    made = board(
        events.EpisodeEnded(at=9.0, target="t1", records=(record_id("one"),)),
        events.UndoRecorded(at=1.0, target="t1", sealed="one"),
    )
    assert made.undo.get("t1", []) == []


def test_an_ended_episode_forgets_its_own_records_alone() -> None:
    """A record that is read after the end of its episode stays forgotten; another target's with that text does not."""
    ended = events.EpisodeEnded(at=9.0, target="t1", records=(record_id("one"), record_id("late")))
    made = board(
        events.UndosRecorded(at=2.0, records=(("t1", "one"), ("t1", "two"), ("t2", "one"))),
        ended,
        events.UndosRecorded(at=3.0, records=(("t1", "late"), ("t1", "new"), ("t2", "late"))),
    )
    assert made.undo == {"t1": ["two", "new"], "t2": ["one", "late"]}


def test_the_newest_baseline_stands_in_for_a_lost_record() -> None:
    """Of each target its own, in any order of the journals; of two of one instant the same one everywhere."""
    taken = [
        events.BaselinesTaken(at=0.5, records=(("t1", "old"), ("t2", "only"))),
        events.BaselinesTaken(at=0.75, records=(("t1", "new"),)),
        events.BaselinesTaken(at=0.75, records=(("t1", "beside"),)),
    ]
    for story in itertools.permutations(taken):
        assert board(*story).baselines == {"t1": (0.75, "new"), "t2": (0.5, "only")}


def test_what_was_configured_is_kept_by_its_time() -> None:
    """Of each part, in any order of the journals; of one instant the same one everywhere, not what is gone."""
    seen = [
        events.ConfigurationSeen(at=1.0, parts=(("billing", "aa"), ("policy", "ee"))),
        events.ConfigurationSeen(at=2.0, parts=(("billing", "cc"), ("policy", ""))),
        events.ConfigurationSeen(at=2.0, parts=(("billing", "bb"), ("gone", ""))),
    ]
    for story in itertools.permutations(seen):
        assert board(*story).configured == {
            "billing": {1.0: "aa", 2.0: "cc"},
            "policy": {1.0: "ee", 2.0: ""},
            "gone": {2.0: ""},
        }


def test_a_target_knows_its_incidents_and_surfaces_while_it_is_held() -> None:
    """Every live hold counts, and no other target's."""
    made = board(
        hold("h1", 10.0, held_target("t1", "a/1"), held_target("t1", "a/2"), held_target("t2", "b/1")),
        hold("h2", 20.0, held_target("t1", "c/1"), incident="j"),
        hold("h3", 30.0, held_target("t3", "d/1"), incident="k"),
    )
    assert (made.incidents_of("t1"), made.incidents_of("t2"), made.incidents_of("t9")) == ({"i", "j"}, {"i"}, set())
    assert (made.surfaces_of("t1"), made.surfaces_of("t9")) == ({"a/1", "a/2", "c/1"}, set())
    assert made.surfaces_under("h1", "t1") == {"a/1", "a/2"}
    assert made.surfaces_under("h1", "t1") is made.surfaces_under("h1", "t1")  # of ten thousand, made once
    assert made.surfaces_under("h1", "t3") == made.surfaces_under("h9", "t1") == frozenset()
    assert made.held_surfaces() == {"a/1", "a/2", "b/1", "c/1", "d/1"}
    made.apply(lift(40.0, ("h1", "t1"), ("h3", "t3")))
    assert (made.incidents_of("t1"), made.surfaces_of("t1")) == ({"j"}, {"c/1"})
    assert made.held_surfaces() == {"b/1", "c/1"}


def test_one_delivery_at_two_writers_is_one_hold_that_asks_for_all_of_both() -> None:
    """The stricter mode and rounding, every surface of each target, what either left alone; the earlier one's words."""
    one = hold(
        "h",
        10.0,
        held_target("t2", "b/1", "a/9", round_to=Mode.READ_ONLY),
        held_target("t1", "a/1", round_to=Mode.FULL_STOP),
        mode=Mode.READ_ONLY,
        scope="billing",
        left=(events.LeftAlone(surface="x/2", why="typo"), events.LeftAlone(surface="x/1", why="left alone")),
    )
    two = hold(
        "h",
        20.0,
        held_target("t1", "a/2", round_to=Mode.READ_ONLY),
        held_target("t2", "a/1", round_to=Mode.DRAFT_ONLY),
        held_target("t3", "c/1"),
        mode=Mode.FULL_STOP,
        scope="all",
        left=(events.LeftAlone(surface="x/1", why="left alone"),),
    )
    for story in ((one, two), (two, one), (one, two, one), (two, one, two)):
        merged = board(*story).hold_events["h"]
        assert (merged.at, merged.scope, merged.mode) == (10.0, "billing", Mode.FULL_STOP)
        assert merged.targets == (
            held_target("t1", "a/1", "a/2", round_to=Mode.FULL_STOP),
            held_target("t2", "a/1", "a/9", "b/1", round_to=Mode.READ_ONLY),
            held_target("t3", "c/1"),
        )
        assert [(item.surface, item.why) for item in merged.left] == [("x/1", "left alone"), ("x/2", "typo")]
        assert board(*story).effective("t3") is Mode.FULL_STOP
        assert board(*story).surfaces_under("h", "t1") == {"a/1", "a/2"}
    again = board(one, one).hold_events["h"]
    assert again.targets == one.targets


def test_what_a_hold_binds_is_known_anew_when_a_second_telling_names_more() -> None:
    """P3: also where somebody looked between the two."""
    made = board(hold("h", 10.0, held_target("t1", "a/1")))
    assert made.surfaces_under("h", "t1") == {"a/1"}
    made.apply(hold("h", 20.0, held_target("t1", "a/2")))
    assert made.surfaces_under("h", "t1") == {"a/1", "a/2"}


def test_of_two_tellings_of_one_instant_the_same_one_gives_the_words() -> None:
    """By incident and then by what they say, so that every reader agrees."""
    one, two, three = (
        hold("h", 10.0, "a/1", incident="i2", scope="a"),
        hold("h", 10.0, "a/1", incident="i1", scope="c"),
        hold("h", 10.0, "a/1", incident="i1", scope="b"),
    )
    for story in itertools.permutations([one, two, three]):
        merged = board(*story).hold_events["h"]
        assert (merged.incident, merged.scope) == ("i1", "b")


def test_a_hold_of_a_restore_is_no_stop_of_its_incident() -> None:
    """It is a part of its ballot's story; it holds all the same."""
    made = board(hold("h", 10.0, "a/1"), hold("b.1", 20.0, "a/1", origin="restore", mode=Mode.READ_ONLY))
    assert [stop.hold for stop in made.incidents["i"].holds] == ["h"]
    assert set(made.holds.live("a/1")) == {"h", "b.1"}


def test_what_is_merged_does_not_decide_whose_words_count() -> None:
    """Mode, targets and what is left are of all: else three tellings would depend on their order."""
    pairs: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"mode": Mode.READ_ONLY}, {"mode": Mode.FULL_STOP}),
        ({"targets": (held_target("t9", "a/9"),)}, {"targets": (held_target("t1", "a/1"),)}),
        ({"left": (events.LeftAlone(surface="x/9", why=""),)}, {"left": (events.LeftAlone(surface="x/1", why=""),)}),
    ]
    for first, second in pairs:
        for words in ({"scope": "a"}, {"scope": "b"}), ({"roster_age": 1.0}, {"roster_age": 2.0}):
            one, two = hold("h", 10.0, **{**words[0], **first}), hold("h", 10.0, **{**words[1], **second})
            for story in itertools.permutations([one, two]):
                merged = board(*story).hold_events["h"]
                assert (merged.scope, merged.roster_age) == (one.scope, one.roster_age)


def test_what_the_audit_alone_needs_changes_nothing() -> None:
    """Notes, refusals and the heads of other chains."""
    made = board(
        events.Note(at=1.0, text="opened"),
        events.Refusal(at=2.0, by=ALICE, asked="full_stop", why="not in the group"),
        events.HeadsSeen(at=3.0, heads=(("bot", 1, "00"),)),
    )
    assert (made.incidents, made.proofs, made.hold_events, made.undo) == ({}, {}, {}, {})


def test_a_drill_has_an_incident_of_its_own_that_no_stop_joins() -> None:
    """With the backstops that it tripped; the first real stop in it makes it everybody's."""
    made = board(hold("cut", 10.0, "a/1", incident="d", channel="C1", origin="drill"))
    made.apply(hold("more", 20.0, "a/2", incident="d", channel="C1", origin="backstop"))
    assert made.incidents["d"].drill
    assert made.open_incident("C1") is None
    made.apply(hold("real", 15.0, "a/1", incident="d", channel="C1"))
    assert not made.incidents["d"].drill
    assert made.open_incident("C1") is made.incidents["d"]
