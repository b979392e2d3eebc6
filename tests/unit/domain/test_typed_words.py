"""How does a line fall into words, and how near are two of them?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Config, SurfaceClass
from bot.domain.model import Agent, Quarantined, Surface
from bot.domain.names import Names
from bot.domain.plan import Scope
from bot.domain.words import MAX_REASON, Word, distance, fold, reason, seen, shorten, split, squash


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a \t b\n", [Word("a"), Word("b")]),
        ("a&lt;b&gt; &amp;amp; &amp;lt;", [Word("a<b>"), Word("&amp;"), Word("&lt;")]),
        ("x<@U1|al ice>y", [Word("x"), Word("al_ice", mention="U1"), Word("y")]),
        ("<@U1>", [Word("", mention="U1")]),
        ("<@|ghost>", [Word("ghost", mention="?")]),
        ("<#C1|general><!here>", [Word("general", mention="C1"), Word("", mention="here")]),
        ("<https://x.example/a|text> <mailto:a@x.example>", [Word("https://x.example/a"), Word("mailto:a@x.example")]),
        ("full\u200b_stop\u202e \u200b", [Word("full_stop")]),
        ("caf\u00e9", [Word("caf\u00e9")]),
    ],
)
def test_a_line_is_split_as_slack_sent_it(line: str, words: list[Word]) -> None:
    """Escapes undone once, mentions kept whole, links as their address, nothing that nobody sees."""
    assert split(line) == words


def test_a_word_reads_as_it_was_typed() -> None:
    """A mention by its name, or its id where it has none."""
    assert [word.shown() for word in (Word("a"), Word("al", mention="U1"), Word("", mention="U1"))] == [
        "a",
        "@al",
        "@U1",
    ]


def test_invisible_characters_are_dropped_and_others_kept() -> None:
    """Control characters too, in plain text as in any other."""
    assert seen("a\x00b") == "ab"
    assert seen("a\u200bb\u00e9\U0001f600") == "ab\u00e9\U0001f600"
    assert seen("a\ud800b\ue000c\u0378d") == "abcd"  # half a pair, of private use, of no use yet
    assert seen("plain text") == "plain text"
    assert seen("\u2028 caf\u00e9") == "\u2028 caf\u00e9"


def test_a_reason_is_cut_with_an_ellipsis() -> None:
    """At its limit and not before."""
    assert reason([Word("it"), Word("al", mention="U1"), Word("leaks")]) == "it @al leaks"
    assert reason([Word("x" * MAX_REASON)]) == "x" * 1000
    assert reason([Word("x" * (MAX_REASON + 1))]) == "x" * 999 + "\u2026"
    assert (shorten("abc", 3), shorten("abcd", 3), shorten("", 0)) == ("abc", "ab\u2026", "")


@pytest.mark.parametrize(
    ("typed", "folded", "squashed"),
    [
        ("Full-Stop,", "full-stop", "fullstop"),
        ("\u201cread_only\u201d", "read_only", "readonly"),
        ("DRAFT.ONLY!", "draft.only", "draftonly"),
        ("\uff42illing", "billing", "billing"),
        ("--x--", "x", "x"),
        ("...", "", ""),
    ],
)
def test_a_hurried_word_is_read_without_what_a_hand_gets_wrong(typed: str, folded: str, squashed: str) -> None:
    """Case, width, punctuation around it; and without separators."""
    assert (fold(typed), squash(typed)) == (folded, squashed)


def _slow(one: str, other: str) -> int:
    """The definition of the optimal string alignment distance, computed without any shortcut."""
    if not one or not other:
        return len(one) + len(other)
    best = min(
        _slow(one[:-1], other) + 1,
        _slow(one, other[:-1]) + 1,
        _slow(one[:-1], other[:-1]) + (one[-1] != other[-1]),
    )
    if len(one) > 1 and len(other) > 1 and one[-1] == other[-2] and one[-2] == other[-1]:
        best = min(best, _slow(one[:-2], other[:-2]) + 1)
    return best


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 6))
def test_the_distance_of_two_words_is_the_number_of_edits(one: str, other: str, limit: int) -> None:
    """Insertions, deletions, replacements and swaps of neighbours, up to the limit."""
    assert distance(one, other, limit) == min(_slow(one, other), limit + 1)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("aaa", "a", 2),
        ("billing", "billing", 0),
        ("billing", "bililng", 1),
        ("abcd", "wxyz", 4),
        ("ab", "ba", 1),
        ("ca", "abc", 3),
    ],
)
def test_distances_that_are_known(one: str, other: str, edits: int) -> None:
    """And what is just beyond a limit."""
    assert distance(one, other, edits) == edits
    assert distance(one, other, max(0, edits - 1)) == edits


def test_words_of_the_same_letters_are_no_further_apart_than_one_beyond_the_limit() -> None:
    """Though they differ in more places."""
    assert [distance("abcdef", "fedcba", limit) for limit in (0, 1, 2, 9)] == [1, 2, 3, 5]


def _surface(agent: str, name: str) -> Surface:
    return Surface(agent=agent, id=name, adapter="memory", surface_class=SurfaceClass.API, settings=Config())


NAMED = (
    Agent(id="w" * 65, name="Wide"),
    Agent(
        id="billing",
        name="Money Maker",
        surfaces=(_surface("billing", "ledger"), _surface("billing", "crm")),
        quarantined=(Quarantined(agent="billing", id="typo", why="x"),),
        slack_identities=frozenset({"U1", "U2"}),
    ),
    Agent(id="mail", name="Mail", surfaces=(_surface("mail", "crm"),), slack_identities=frozenset({"U2"})),
    Agent(id="ops-eu", name="", slack_identities=frozenset({"U2"})),
    Agent(id="hr", name="", slack_identities=frozenset({"U2"})),
    Agent(id="qa", name="", slack_identities=frozenset({"U2"})),
    Agent(id="n" * 64, name=""),
    Agent(id="north-1", name=""),
    Agent(id="north1", name=""),
)


def _near(typed: str, mention: str = "") -> tuple[str, ...]:
    return Names(NAMED).near(Word(typed, mention=mention))


@pytest.mark.parametrize(
    ("typed", "scope"),
    [
        ("billing", Scope(agents=frozenset({"billing"}))),
        ("mail/crm", Scope(surfaces=frozenset({"mail/crm"}))),
        ("billing/typo", Scope(surfaces=frozenset({"billing/typo"}))),
        ("class:queue", Scope(classes=frozenset({SurfaceClass.QUEUE}))),
        ("all", Scope(everything=True)),
        ("Billing", None),
        ("queue", None),
        ("", None),
    ],
)
def test_a_name_is_taken_exactly_or_not_at_all(typed: str, scope: Scope | None) -> None:
    """A mention never is one, whatever it is called."""
    assert Names(NAMED).scope(Word(typed)) == scope
    assert Names(NAMED).scope(Word(typed, mention="U9")) is None


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("BILLING.", ("billing",)),
        ("MoneyMaker", ("billing",)),
        ("opseu", ("ops-eu",)),
        ("ops_eu", ("ops-eu",)),
        ("crm", ("billing/crm", "mail/crm")),
        ("typo", ("billing/typo",)),
        ("queue", ("class:queue",)),
        ("Queues", ("class:queue",)),
        ("billing\\ledger", ("billing/ledger",)),
        ("billing:ledger", ("billing/ledger",)),
        ("class/queue", ()),
        ("CLASS:quue", ("class:queue",)),
        ("clas:queue", ("class:queue",)),
        ("mail,billing", ("mail billing",)),
        ("mail,nobody", ()),
        ("billing/ledgr", ("billing/ledger",)),
        ("bill", ("billing",)),
        ("bil", ()),
        ("mai", ("mail",)),
        ("ma", ()),
        ("hr.", ("hr",)),
        ("hx", ()),
        ("mali", ("mail",)),
        ("milx", ()),
        ("bilxin", ("billing",)),
        ("bxlxinx", ()),
        ("al", ()),
        ("alx", ("all",)),
        ("x" * 64, ()),
        ("ledgr", ()),
        ("--", ()),
        ("N" * 64, ("n" * 64,)),
        ("N" * 65, ()),
        ("W" * 65, ()),
        ("billing+", ("billing",)),
        ("+", ()),
        ("North-1", ("north-1",)),
        ("NORTH1", ("north-1", "north1")),
        ("o-p-s-e-u", ("ops-eu",)),
        ("maxlx", ()),
        ("billing" + "," * 60, ()),
    ],
)
def test_a_word_that_names_nothing_may_have_meant_something(typed: str, names: tuple[str, ...]) -> None:
    """By case, punctuation, a short or another name, several in one word, or a slip of the finger."""
    assert _near(typed) == names


def test_a_mentioned_agent_is_meant_by_its_own_identity() -> None:
    """At most four; somebody else who is mentioned is nobody's."""
    assert _near("whoever", "U1") == ("billing",)
    assert _near("billing.", "U2") == ("billing", "mail", "ops-eu", "hr")
    assert _near("wibble", "U9") == ()


@pytest.mark.parametrize(
    ("typed", "shaped"),
    [
        ("a/b", True),
        ("class:x", True),
        ("Class:x", True),
        ("a", False),
        ("/b", False),
        ("a/", False),
        ("a/b/c", False),
        ("https://x", False),
        ("x:a/b", False),
        ("a/b:c", True),
        ("subclass:x", False),
    ],
)
def test_the_form_of_a_target_is_seldom_prose(typed: str, *, shaped: bool) -> None:
    """Two parts and one stroke, or a class; a mention has none."""
    assert Names(NAMED).shaped(Word(typed)) is shaped
    assert not Names(NAMED).shaped(Word(typed, mention="U1"))
