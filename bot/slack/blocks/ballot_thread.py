"""What the incident's thread says of a ballot: where it is, how it ended, and the full list as a file. Pure."""

from collections.abc import Mapping

from bot.domain import events
from bot.domain.ballot import Ballot, ballot_digest, round_up
from bot.slack.blocks.ballot import BallotScene, ballot_message
from bot.slack.blocks.message import Message, message, section
from bot.slack.limits import NAME, clean, escape


def opened_link(opened: events.BallotOpened, link: str) -> Message:
    """Leads from the thread to the ballot."""
    what = f"giving {escape(opened.scope, NAME)} back to {opened.mode}"
    where = f"<{link}|in the channel>" if link else "in the channel"
    said = f"A vote on {what} is open {where}: ballot `{escape(opened.ballot, NAME)}`. Everything stays held meanwhile."
    return message(f"A vote on {what} is open: ballot {escape(opened.ballot, NAME)}.", [section(said)])


def ended(ballot: Ballot, opened: events.BallotOpened, scene: BallotScene, link: str) -> Message:
    """How it ended: the words of the ballot itself, without its buttons."""
    told = ballot_message(ballot, opened, scene)
    blocks = [block for block in told.blocks if block["type"] not in {"header", "actions", "context"}]
    where = f"<{link}|The ballot>" if link else "The ballot"
    return message(told.text, [section(f"{where} on {escape(opened.scope, NAME)} to {opened.mode} is over."), *blocks])


def ballot_file(opened: events.BallotOpened, holds: Mapping[str, events.HoldAdded]) -> str:
    """Every surface, every hold and all evidence, a line each."""
    rows = [f"ballot {opened.ballot}, digest {ballot_digest(opened)}: {clean(opened.scope)} to {opened.mode}"]
    rows += ["", "WHAT COMES BACK"]
    for item in opened.returns:
        to = round_up(item, opened.mode)
        rows += [f"{clean(name)}  {item.now} -> {to}  {item.risk} risk" for name in item.surfaces]
    rows += ["", "HOLDS THAT END"]
    rows += [_hold(hold_id, holds.get(hold_id)) for hold_id in dict.fromkeys(hold for hold, _ in opened.pairs)]
    rows += ["", "EVIDENCE"]
    words = {True: "for", False: "against", None: "note"}
    rows += [f"{words[item.good]}  {clean(item.about)}  {clean(item.says)}" for item in opened.evidence]
    rows += [f"missing, acknowledged by two people: {clean(name)}" for name in opened.without]
    return "\n".join(rows) + "\n"


def _hold(hold_id: str, hold: events.HoldAdded | None) -> str:
    if hold is None:
        return clean(hold_id)
    return f"{clean(hold_id)}  {hold.mode} by {hold.by.kind} {clean(hold.by.id)}  {clean(hold.reason) or '(no reason)'}"
