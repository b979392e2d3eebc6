"""What whoever asks for a restore is told, visible only to them. Pure."""

from collections.abc import Sequence

from bot.domain import events
from bot.domain.board import Board
from bot.domain.commands import AskBack, Choice
from bot.domain.restore_commands import ASKED, Restore
from bot.service.ports import RestoreOrder
from bot.slack import wording
from bot.slack.answers import refusal
from bot.slack.blocks.message import Message, button, context, listing, message, section
from bot.slack.limits import NAME, escape

CHOOSE = "agent_restore:choose"
GIVE_REASON = "agent_restore:give_reason"
NOT_READY = "Restores are not ready yet: the bot has just started, or its database does not answer. Try again soon."
_ROOM = 2500  # characters for a list
_MODES = ", ".join(f"`{mode}`" for mode in ASKED)

USAGE = f"""*Give authority back, by a vote*
`/agent-restore TARGET… MODE reason`   opens a ballot in this channel; others decide by reaction
`/agent-restore acknowledge agent/surface reason`   goes without a proof, or a journal (`writer:NAME`); two people must
`/agent-kill undo [HOLD] reason`   says that your own stop was a mistake, within minutes of it
MODE: {_MODES}
TARGET: an agent, `agent/surface`, `class:queue`, `all`"""


def usage(said: str, board: Board) -> Message:
    """How to type it, and what is held now."""
    held = {}
    for target in board.holds.targets():
        held.update(dict.fromkeys(board.surfaces_of(target), board.effective(target)))
    rows = [f"• {wording.name(name)}: {mode}" for name, mode in sorted(held.items())]
    title = f"*Held now* ({wording.plural(len(rows), 'surface')}):" if rows else "Nothing is held now."
    return message(
        said or "How to ask for a restore: /agent-restore TARGET MODE reason.",
        [
            section(said) if said else None,
            section(USAGE),
            section(title),
            *listing(rows, room=_ROOM, more="see `/agent-status`"),
            context("Whoever asks does not vote, and no agent gives itself anything back."),
        ],
    )


def gathering(command: Restore, *, undo: bool) -> Message:
    """The receipt: evidence takes longer than an acknowledgement may."""
    what = "the undo" if undo else f"{escape(str(command.scope), NAME)} to {command.mode}"
    said = f"Gathering the evidence for {what}. The ballot is posted here; nothing is given back before a vote."
    return message(said, [section(f":hourglass_flowing_sign: {said}")])


def cannot_open(order: RestoreOrder, reasons: Sequence[str]) -> Message:
    """Every reason at once, each with its next step."""
    what = f"{escape(str(order.scope), NAME)} to {order.mode}"
    rows = [f"• {wording.own(reason)}" for reason in reasons]
    return message(
        f"No ballot was opened on {what}: {wording.plural(len(rows), 'thing')} in the way. Everything stays held.",
        [
            section(f":no_entry_sign: *No ballot was opened on {what}.* Everything stays held. In the way:"),
            *listing(rows, room=_ROOM * 2, more="mend these first"),
        ],
    )


def failed() -> Message:
    """Something broke inside the bot."""
    return refusal("The ballot failed inside the bot, so nothing was opened and everything stays held: see its log.")


def told(sentence: str) -> Message:
    """A sentence of the use case's."""
    return refusal(wording.own(sentence, 2500))


def elsewhere(places: Sequence[str]) -> str:
    """Where to type it instead."""
    where = " or ".join(wording.channel(place) for place in places)
    if not where:
        return "A ballot needs a channel of its incident: configure `workspace.incident_channel`. Nothing was changed."
    return f"A restore is voted on where its incident is: type it in {where}. Nothing was changed."


def ask_reason(line: str) -> Message:
    """A restore needs a reason, and it is never made up."""
    said = "Why may authority come back? A restore needs a reason. Nothing was opened yet."
    return message(said, [section(said), button("Give the reason", action=GIVE_REASON, value=line)])


def which_stop(holds: Sequence[events.HoldAdded], why: str) -> AskBack:
    """Several stops of the same person: one of them is named, never guessed."""
    tail = f" -- {why}" if why else ""
    choices = [
        Choice(label=f"{hold.mode} on {hold.scope} ({hold.hold})", line=f"undo {hold.hold}{_escaped(tail)}")
        for hold in holds[:5]
    ]
    return AskBack("Which of your stops was a mistake? Nothing was changed yet.", tuple(choices))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
