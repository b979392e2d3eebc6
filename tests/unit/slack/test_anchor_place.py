"""Where does the small print for the audit stand?"""

from dataclasses import replace

from bot.slack.blocks.message import message, section


def test_what_closes_a_report_stays_its_last_words() -> None:
    """The anchor stands below the title of a report, so that NOT CUT closes it."""
    said = replace(message("t", [section("title"), section("*NOT CUT* (1)")]), anchor="anchor bot:1:ab", anchor_at=1)
    blocks = said.payload()["blocks"]
    assert isinstance(blocks, list)

    assert "anchor bot:1:ab" in str(blocks[1])
    assert "NOT CUT" in str(blocks[-1])


def test_an_anchor_is_no_reason_for_an_update() -> None:
    """A new head of a journal changes no digest: the thread is not edited for it."""
    plain = message("t", [section("title")])

    assert replace(plain, anchor="anchor bot:2:cd").digest == plain.digest
