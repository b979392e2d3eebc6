"""The card of one parked write, and the message about those that have no card yet. Pure.

All that the agent and the surface say of it is foreign: it stands in `plain_text` objects, cut, without marks and
secrets.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adapters.base import Mode
from bot.domain import draft_events as drafts
from bot.domain.ballot import meaning
from bot.domain.drafts import Proposal, why_no_release
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, context, listing, message, section
from bot.slack.limits import NAME, clean, escape, shorten

RELEASE, DROP = "agent_kill:draft_release", "agent_kill:draft_drop"
WHAT, ARGUMENTS, LINES = 600, 1500, 24  # characters, characters and lines that a card shows
_ROOM = 2400  # characters of the list of what has no card


@dataclass(frozen=True, slots=True, kw_only=True)
class CardScene:
    """Everything that a card is made of.

    Args:
        shown: what it says of the write, word for word.
        proposal: what is known of the write.
        agents: names of the agents that share its target.
        surfaces: their `agent/surface` names.
        risk: the highest risk of those surfaces.
        effective: what their holds ask now.
        expires_at: Unix time; None where it is not known.
        who: the sentence that names who may decide.
    """

    shown: drafts.DraftShown
    proposal: Proposal
    agents: tuple[str, ...]
    surfaces: tuple[str, ...]
    risk: str
    effective: Mode
    expires_at: float | None
    who: str


def value(draft: str, digest: str) -> str:
    """What a button says of the card that it stands under."""
    return f"{draft}|{digest}"


def parsed(text: str) -> tuple[str, str] | None:
    """Draft and digest out of a button's value; None where it is none of ours."""
    draft, _, digest = text.partition("|")
    return (draft, digest) if draft and digest else None


def verdict_of(reaction: str) -> Literal["release", "drop"] | None:
    """What a reaction under a card says: the same signs as on a ballot; None where it says nothing."""
    match meaning(reaction):
        case "for":
            return "release"
        case "veto":
            return "drop"
        case _:
            return None


def cut(text: str) -> tuple[str, bool]:
    """Arguments as a card shows them, and whether they are shortened."""
    lines = [_printable(line) for line in text.splitlines()]
    kept = shorten("\n".join(lines[:LINES]), ARGUMENTS)
    return kept, len(lines) > LINES or kept != "\n".join(lines)


def card(scene: CardScene) -> Message:
    """The card as it is to stand now."""
    state, open_ = _state(scene)
    surfaces = ", ".join(wording.name(name) for name in scene.surfaces[:5])
    agents = ", ".join(escape(name, NAME) for name in scene.agents[:5])
    blocks: list[Block | None] = [
        section(f"{state}\n*{agents}* on {surfaces}:"),
        _plain(clean(scene.shown.what, WHAT) or "(the surface does not say what)"),
        _plain(scene.shown.arguments) if scene.shown.arguments else None,
        section(note) if (note := _note(scene)) else None,
        _buttons(scene) if open_ else None,
        context(*_small_print(scene, open_=open_)),
    ]
    plain = state.partition("*")[2].replace("*", "")
    return message(f"{agents}: {plain}", blocks)


def _state(scene: CardScene) -> tuple[str, bool]:
    """The headline, and whether it still waits for people."""
    proposal, digest = scene.proposal, scene.shown.digest
    ended, standing = proposal.ended(), proposal.standing()
    if ended is not None:
        return _end(scene, ended), False
    if _newest(proposal) != digest:
        return ":leftwards_arrow_with_hook: *It changed since this was shown*: see its newer card", False
    if standing is not None:
        verb = "Releasing" if standing.verdict == "release" else "Dropping"
        return f":hourglass_flowing_sign: *{verb} it*, decided by {wording.person(standing.by)}", False
    if proposal.vanished:
        return _vanished(proposal), False
    waits = proposal.seen[digest][1].waits if digest in proposal.seen else False
    return f":raised_hand: *{'Waits for a decision' if waits else 'A draft'}*: not done, parked", True


def _end(scene: CardScene, ended: drafts.DraftSettled) -> str:
    decided = scene.proposal.decided.get(ended.decision)
    by = f" by {wording.person(decided.by)}" if decided and decided.verdict != "expire" else ""
    at = wording.when(ended.at)
    if decided is not None and decided.digest != scene.shown.digest:
        return ":leftwards_arrow_with_hook: *It changed since this was shown*: see its newer card"
    if ended.how == "released":
        return f":white_check_mark: *Released{by}*, done once, {at}"
    if decided and decided.verdict == "expire":
        return f":hourglass: *Expired*, {at}: nobody decided in time, and it was dropped"
    return f":no_entry: *Denied{by}*, {at}: {'it was dropped' if ended.how == 'dropped' else 'it was gone already'}"


def _vanished(proposal: Proposal) -> str:
    last = proposal.last()
    if last is not None and last.how == "unknown":
        return ":grey_question: *Unknown whether it was done*: it is not parked any more"
    return ":ghost: *Not parked any more*: somebody decided at the surface itself"


def _note(scene: CardScene) -> str:
    """What came of an earlier decision, and what stands in the way now."""
    if scene.proposal.ended() is not None:
        return _said(scene, scene.proposal.ended())
    last = scene.proposal.last()
    stricter = why_no_release(scene.effective) if scene.proposal.open else ""
    parts = [_said(scene, last)] if last else []
    if stricter:
        parts.append(f":lock: *Not now:* {stricter}. It stays parked, and can be denied.")
    return "\n".join(part for part in parts if part)


def _said(scene: CardScene, settled: drafts.DraftSettled | None) -> str:
    if settled is None:
        return ""
    decided = scene.proposal.decided.get(settled.decision)
    by = f" of {wording.person(decided.by)}" if decided else ""
    why = f": {escape(settled.why)}" if settled.why else ""
    if settled.how == "unknown":
        return (
            f":warning: *Whether the approval{by} was carried out is not known*{why}. *Next:* look at the surface; it"
            " is never repeated by itself, and only what is still parked can be approved again."
        )
    if settled.how == "void":
        return f":warning: The decision{by} is *void*{why}."
    if settled.how == "failed":
        return f":warning: The decision{by} *could not be carried out*{why}. *Next:* decide again once that is mended."
    return f"The surface said{why}." if settled.why else ""


def _buttons(scene: CardScene) -> Block:
    own = value(scene.shown.draft, scene.shown.digest)
    confirm = {
        "title": _text("Do this one write now?"),
        "text": _text("It is done once, exactly as the card shows it. The hold stays for everything else."),
        "confirm": _text("Approve it"),
        "deny": _text("Leave it parked"),
    }
    approve = {**_button("Approve", RELEASE, own), "style": "primary", "confirm": confirm}
    deny = {**_button("Deny", DROP, own), "style": "danger"}
    return {"type": "actions", "elements": [deny] if why_no_release(scene.effective) else [approve, deny]}


def _small_print(scene: CardScene, *, open_: bool) -> list[str]:
    shortened = "shortened: `agent-kill drafts show` has all of it" if scene.shown.shortened else ""
    asked = scene.proposal.asked.get(scene.shown.digest)
    parts = [
        f"{escape(scene.risk, NAME)} risk",
        f"held at {scene.effective}" if open_ and scene.effective > Mode.NORMAL else "",
        f"dropped {wording.minute(scene.expires_at)} unless decided" if open_ and scene.expires_at else "",
        f"a release was asked for by {wording.person(asked.by)}" if open_ and asked else "",
        shortened,
        "secrets are starred" if "***" in scene.shown.arguments + scene.shown.what else "",
        f"`{escape(scene.shown.draft, NAME)}`",
    ]
    approve = "" if why_no_release(scene.effective) else ":+1: approve, "
    how = f"Or react: {approve}:-1: deny. {scene.who}" if open_ else ""
    return [" · ".join(part for part in parts if part), how]


def burst(waiting: Sequence[tuple[str, int, str]], *, unlisted: int) -> Message:
    """What is parked and has no card yet.

    Args:
        waiting: surface names, how many, and what the oldest of them is, for each place that parks.
        unlisted: how many more there are that were not even listed.
    """
    count = sum(number for _, number, _ in waiting) + unlisted
    if not count:
        return message(
            "Nothing more is parked than what has a card.",
            [section(":inbox_tray: *Nothing more is parked* than what has a card.")],
        )
    rows = [
        f"• {', '.join(wording.name(name) for name in names.split(', ')[:3])}: {number:,} more, the oldest"
        f" _{escape(what, 80)}_"
        for names, number, what in waiting
    ]
    title = f"{wording.plural(count, 'more write')} {'is' if count == 1 else 'are'} parked"
    return message(
        f"{title} and not done.",
        [
            section(f":inbox_tray: *{title}*, and not done. Each gets a card of its own as those above are decided."),
            *listing(rows, room=_ROOM, more="see `agent-kill drafts`"),
            context("List them: `agent-kill drafts`. Ask for one now: `agent-kill drafts release ID`."),
        ],
    )


def _newest(proposal: Proposal) -> str:
    return max(proposal.seen.values(), key=lambda it: (it[0], it[1].digest))[1].digest if proposal.seen else ""


def _plain(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _button(label: str, action: str, own: str) -> Block:
    return {"type": "button", "action_id": action, "value": own, "text": _text(label)}


def _printable(line: str) -> str:
    """One line without control, format (bidirectional overrides, zero width) and surrogate characters."""
    return "".join(char for char in line.replace("\t", "  ") if unicodedata.category(char)[0] != "C")
