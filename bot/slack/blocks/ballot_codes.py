"""What a ballot says of the second factor: that codes are needed, and who confirmed. Empty where none is. Pure."""

from bot.domain import events
from bot.domain.ballot import Ballot
from bot.slack import wording

CONFIRM = "agent_restore:confirm"
LABEL = "Confirm with a code"


def need(opened: events.BallotOpened) -> str:
    """For the sentence that stays as it was posted."""
    return f", {opened.confirmations} of them confirmed with a code" if opened.confirmations else ""


def rule(opened: events.BallotOpened) -> str:
    """What to press, beside reacting."""
    if not opened.confirmations:
        return ""
    voters = wording.plural(opened.confirmations, "voter")
    return f" At least *{voters}* must confirm with a code of their app, after reacting: press _{LABEL}_."


def tally(ballot: Ballot, opened: events.BallotOpened) -> str:
    """How many confirmed, and who; and that votes alone give nothing back."""
    if not opened.confirmations:
        return ""
    people = [wording.user(person.id) for person in ballot.votes.confirmed] if ballot.votes else []
    said = f". *{len(people)} of {opened.confirmations} confirmed with a code*"
    if people:
        said += f": {', '.join(people[:10])}"
    return said if stands(ballot, opened) else f"{said}: nothing passes without it"


def confirmed_by(ballot: Ballot) -> str:
    """Who confirmed, once it passed."""
    people = ballot.votes.confirmed if ballot.votes else ()
    return f", confirmed with a code by {', '.join(wording.user(it.id) for it in people[:10])}" if people else ""


def stands(ballot: Ballot, opened: events.BallotOpened) -> bool:
    """Whether as many confirmed as must."""
    return len(ballot.votes.confirmed if ballot.votes else ()) >= opened.confirmations
