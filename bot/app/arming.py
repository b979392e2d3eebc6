"""Composes the armed check, and who tells of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bot.core import CLOCK, Core
from bot.service.armed import ArmedCheck
from bot.service.armed_news import ArmedNews
from bot.service.own_parts import Audit, DatabaseClock, Disks
from bot.slack.armed_parts import SlackParts
from bot.slack.armed_post import ArmedPost
from bot.slack.client import SlackApi
from bot.slack.door import Door


def armed_check(
    core: Core, file: Path, audit: Callable[[], Sequence[str]], skew: Callable[[], float | None]
) -> tuple[ArmedCheck, ArmedNews]:
    """Puts both together around the stop path; Slack's part is added where there is a Slack.

    Args:
        core: the stop path.
        file: where it is kept when each thing was asked last.
        audit: what is wrong with the anchors.
        skew: how far the database's clock is off, in seconds; None where it does not tell.
    """
    check = ArmedCheck(
        inventory=lambda: core.inventory,
        board=core.board,
        record=core.recorder.record,
        clock=CLOCK,
        busy=core.dispatcher.is_hurried,
        hesitation=core.dispatcher.hesitation,
        file=file,
        parts=(Disks(core.folders, lambda: core.writer.chain), Audit(audit), DatabaseClock(skew)),
    )
    news = ArmedNews(
        check=check, board=core.board, record=core.recorder.record, clock=CLOCK, busy=core.dispatcher.is_hurried
    )
    return check, news


def in_slack(check: ArmedCheck, news: ArmedNews, *, core: Core, api: SlackApi, door: Door) -> None:
    """What the armed check asks of Slack, and where it tells what it found."""
    news.post = ArmedPost(api, lambda: core.inventory.configuration)
    slack = SlackParts(
        client=api.client,
        configuration=lambda: core.inventory.configuration,
        roster=door.roster,
        way_in=lambda: bool(door.ready()["slack_http"] or door.ready()["slack_socket"]),
        clock=CLOCK,
    )
    check.parts.append(slack)
