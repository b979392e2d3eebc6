"""Composes what deals with parked writes: looks and decisions, and their cards in Slack."""

from bot.core import CLOCK, Core
from bot.service.parked import ParkedWork
from bot.slack.client import SlackApi
from bot.slack.door import Door
from bot.slack.draft_post import DraftPost


def parked_work(core: Core) -> ParkedWork:
    """Looks and decisions, around the stop path and never in its way."""
    return ParkedWork(
        inventory=lambda: core.inventory,
        recorder=core.recorder,
        hurried=core.dispatcher.is_hurried,
        refresh=core.refresh,
        clock=CLOCK,
    )


def cards(core: Core, parked: ParkedWork, api: SlackApi, door: Door) -> DraftPost:
    """From now on buttons and emoji under cards count; the cards themselves are posted by what is returned."""
    door.serve_drafts(parked)
    return DraftPost(
        board=core.board,
        record=core.recorder.record,
        parked=parked,
        configuration=lambda: core.inventory.configuration,
        roster=door.roster.snapshot,
        api=api,
        hurried=core.dispatcher.is_hurried,
        clock=CLOCK,
    )
