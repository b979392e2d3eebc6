"""A ballot's message: one screen of a phone to decide on, and later the course of the restore. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot, ballot_digest, round_up, steps
from bot.slack import wording
from bot.slack.blocks import ballot_codes
from bot.slack.blocks.ballot_progress import progress
from bot.slack.blocks.message import Block, Message, context, header, listing, message, quoted, section
from bot.slack.limits import BUTTON_TEXT, NAME, clean, escape, tame

WHO = "agent_restore:who"
WITHDRAW = "agent_restore:withdraw"
AGAIN = "agent_restore:again"
ROWS = 6  # surfaces that are named one by one; above it they are counted, and the full list is a file
_HOLDS = 2  # holds that are told in full
_FINDINGS = 5
_WORDS = 140  # characters of a foreign sentence
_RISKS = ("low", "medium", "high")  # the order in which they come back
_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotScene:
    """What a ballot's message is made of, beside the ballot.

    Args:
        holds: what the board knows of every hold.
        groups: who votes, as Slack mentions; user groups first.
        effective: the strictest live hold of each target that the ballot names.
        rest: what is still stricter at a target that nothing holds any more, and is not known to be ours.
    """

    holds: Mapping[str, events.HoldAdded]
    groups: Sequence[str]
    effective: Mapping[str, Mode]
    rest: Mapping[str, str] = field(default_factory=dict)


def ballot_text(opened: events.BallotOpened) -> str:
    """The sentence that stays as it was posted until the ballot ends: a message that says another is not ours."""
    scope = escape(opened.scope, 80)
    what = f"was the stop of {scope} a mistake?" if opened.kind == "undo" else f"give {scope} back to {opened.mode}?"
    need = f"{opened.quorum} votes{ballot_codes.need(opened)}"
    return f"Ballot {opened.ballot}: {what} Needs {need}. Digest {ballot_digest(opened)}."


def ballot_message(ballot: Ballot, opened: events.BallotOpened, scene: BallotScene) -> Message:
    """The message as it should read now."""
    made = message(ballot_text(opened), [block for block in _blocks(ballot, opened, scene) if block])
    if ballot.ended is None:
        return made
    said = f"Ballot {opened.ballot} on {escape(opened.scope, 80)}: {_ENDS[ballot.ended.how][1]}."
    return Message(text=said, blocks=made.blocks)


def _blocks(ballot: Ballot, opened: events.BallotOpened, scene: BallotScene) -> list[Block | None]:
    head = [header(_headline(ballot, opened)), *_asked(opened)]
    if ballot.ended is not None:
        return [*head, *_end(ballot, opened, scene), _small_print(opened)]
    if ballot.committed:
        return [*head, *_under_way(ballot, opened), _small_print(opened)]
    return [
        *head,
        *_returns(opened),
        *_lifts(opened, scene.holds),
        *_evidence(opened),
        section(_rules(opened, scene.groups)),
        section(_tally(ballot, opened)),
        _buttons(opened),
        _small_print(opened),
    ]


def _headline(ballot: Ballot, opened: events.BallotOpened) -> str:
    scope = tame(opened.scope, 60)
    if ballot.ended is not None:
        return f"{_ENDS[ballot.ended.how][0]}: {scope}"
    if ballot.committed:
        return f":arrow_up_small: GIVING BACK: {scope} to {opened.mode}"
    if opened.kind == "undo":
        return f":ballot_box_with_ballot: VOTE: was the stop of {scope} a mistake?"
    return f":ballot_box_with_ballot: VOTE: give {scope} back to {opened.mode}?"


_ENDS: Mapping[str, tuple[str, str]] = {
    "void": (":no_entry_sign: VOID", "void, nothing was given back"),
    "expired": (":hourglass: EXPIRED", "expired, nothing was given back"),
    "vetoed": (":no_entry: VETOED", "vetoed, nothing was given back"),
    "withdrawn": (":leftwards_arrow_with_hook: WITHDRAWN", "withdrawn, nothing was given back"),
    "aborted": (":octagonal_sign: HELD AGAIN", "aborted, held again"),
    "completed": (":white_check_mark: GIVEN BACK", "completed"),
}


def _asked(opened: events.BallotOpened) -> list[Block]:
    said = f"*Asked by* {wording.person(opened.by)}, {wording.minute(opened.at)}, because:"
    return [section(said), quoted(opened.reason)]


def _returns(opened: events.BallotOpened) -> list[Block | None]:
    count = sum(len(item.surfaces) for item in opened.returns)
    many = count > ROWS
    items = sorted(opened.returns, key=lambda item: _RISKS.index(item.risk))
    rows = _counted(items, opened.mode) if many else [_row(item, opened.mode) for item in items]
    title = f"*What comes back* ({wording.plural(count, 'surface')}; {pace(opened)})"
    return [section(title), *listing(rows, room=1200, more="see the file in the thread"), _shared(items)]


def pace(opened: events.BallotOpened) -> str:
    """In what order and how long, in words."""
    path = " → ".join(str(mode) for mode in steps(opened)) or str(opened.mode)
    risks = [risk for risk in _RISKS if any(item.risk == risk for item in opened.returns)]
    order = f", {' before '.join(risks)} risk" if len(risks) > 1 else ""
    return f"in {wording.plural(len(steps(opened)), 'step')}: {path}{order}{_long(opened)}"


def _long(opened: events.BallotOpened) -> str:
    whole = opened.dwell + opened.step * len(steps(opened))
    if not whole:
        return ", at once"
    each = f", {duration(opened.step)} watched after each" if opened.step else ""
    return f"{each}; about {duration(whole)} in all"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"


def _row(item: events.Return, mode: Mode) -> str:
    return f"• {_names(item)}: {item.now} → {_to(item, mode)} ({item.risk} risk)"


def _names(item: events.Return) -> str:
    return ", ".join(wording.name(surface) for surface in item.surfaces)


def _to(item: events.Return, mode: Mode) -> str:
    held = round_up(item, mode)
    return str(mode) if held is mode else f"{mode}, held as {held}"


def _counted(items: Sequence[events.Return], mode: Mode) -> list[str]:
    found: dict[tuple[str, str, str], int] = {}
    for item in items:
        for surface in item.surfaces:
            key = (surface.partition("/")[0], str(item.now), _to(item, mode))
            found[key] = found.get(key, 0) + 1
    return [
        f"• {wording.name(agent)}: {wording.plural(count, 'surface')} {now} → {to}"
        for (agent, now, to), count in found.items()
    ]


def _shared(items: Sequence[events.Return]) -> Block | None:
    """Every agent that gets something back because it shares a target."""
    both = [item for item in items if len({surface.partition("/")[0] for surface in item.surfaces}) > 1]
    if not both:
        return None
    agents = dict.fromkeys(surface.partition("/")[0] for item in both for surface in item.surfaces)
    names = ", ".join(wording.name(agent) for agent in list(agents)[:10])
    more = f" and {len(agents) - 10:,} more" if len(agents) > 10 else ""  # noqa: PLR2004  # as many as were named
    return section(f":warning: *Shared targets*: {names}{more} get back what any of them does.")


def _lifts(opened: events.BallotOpened, holds: Mapping[str, events.HoldAdded]) -> list[Block | None]:
    """Which holds end: who, why, since when. Reasons are other people's words, so each is plain text."""
    ids = list(dict.fromkeys(hold for hold, _ in opened.pairs))
    if not ids:
        return [section("*Lifts no hold*: nothing of ours explains why this is restricted.")]
    found: list[Block | None] = []
    for hold_id in ids[:_HOLDS]:
        hold = holds.get(hold_id)
        if hold is None:
            found.append(section(f"*Lifts hold* `{escape(hold_id, NAME)}`"))
            continue
        who = f"{hold.mode} by {wording.person(hold.by)}, since {wording.minute(hold.at)}"
        found.append(section(f"*Lifts hold* `{escape(hold_id, NAME)}`: {who}"))
        found.append(quoted(clean(hold.reason, _WORDS) if hold.reason else "(no reason was given)"))
    if len(ids) > _HOLDS:
        found.append(section(f"… and {wording.plural(len(ids) - _HOLDS, 'more hold')}, see the file in the thread."))
    return found


def _evidence(opened: events.BallotOpened) -> list[Block | None]:
    """What speaks against comes first, and what is missing is never left out."""
    order = sorted(opened.evidence, key=lambda item: (item.good is not False, item.good is None))
    rows = [_finding(item) for item in order[:_FINDINGS]]
    if len(order) > _FINDINGS:
        rows.append(f"… and {len(order) - _FINDINGS:,} more, see the file in the thread")
    without = ", ".join(wording.name(name) for name in opened.without[:10])
    return [
        section("*Evidence*, by machines, just now"),
        *listing(rows or ["• none"], room=1500, more="see the file in the thread"),
        section(f":warning: *Missing, acknowledged by two people*: {without}") if opened.without else None,
    ]


def _finding(item: events.Finding) -> str:
    mark, word = _WEIGHTS[item.good]
    return f"• {mark} *{word}* {wording.name(item.about)}: {escape(item.says, _WORDS)}"


_WEIGHTS = {
    True: (":white_check_mark:", "for"),
    False: (":x:", "against"),
    None: (":small_blue_diamond:", "note"),
}


def _rules(opened: events.BallotOpened, groups: Sequence[str]) -> str:
    who = ", ".join(groups[:10]) or "whoever `policy.restore` names"
    dwell = f" that stand for {duration(opened.dwell)}" if opened.dwell else ""
    need = f"{wording.plural(opened.quorum, 'vote')}{dwell}"
    return (
        f"*React* :+1: or :white_check_mark: to give it back; :-1: :x: :no_entry: veto and end it. "
        f"{who} may vote, not whoever asked, nor the agents' owners. "
        f"Needs *{need}* by {wording.minute(opened.expires_at)}.{ballot_codes.rule(opened)}"
    )


def _tally(ballot: Ballot, opened: events.BallotOpened) -> str:
    votes = ballot.votes
    people = [wording.user(person.id) for person in votes.approvals] if votes else []
    said = f"*{len(people)} of {wording.plural(opened.quorum, 'vote')}*"
    if people:
        said += f": {', '.join(people[:10])}"
    said += ballot_codes.tally(ballot, opened)
    if len(people) >= opened.quorum and ballot_codes.stands(ballot, opened) and not (votes and votes.vetoes):
        said += ". *The quorum stands*: it is read once more after the dwell, and counts only if it still does."
    return said


def _buttons(opened: events.BallotOpened) -> Block:
    who = _button("Who may vote", WHO, opened.ballot)
    confirm = {
        "title": _plain("Withdraw this ballot?"),
        "text": _plain("The vote ends, and nothing is given back."),
        "confirm": _plain("Withdraw it"),
        "deny": _plain("Leave it"),
    }
    withdraw = _button("Withdraw", WITHDRAW, opened.ballot) | {"confirm": confirm}
    code = [_button(ballot_codes.LABEL, ballot_codes.CONFIRM, opened.ballot)] if opened.confirmations else []
    return {"type": "actions", "elements": [*code, who, withdraw]}


def _button(label: str, action: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "value": value, "text": _plain(label[:BUTTON_TEXT])}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _under_way(ballot: Ballot, opened: events.BallotOpened) -> list[Block | None]:
    rows = progress(ballot, opened, many=ROWS)
    return [
        section(f"*Voted for by* {_voters(ballot)}. {pace(opened).capitalize()}."),
        *listing(rows, room=2000, more="ask `/agent-status`"),
        section("A stop wins at once. Until the end :no_entry: is still a veto, and a vote taken back stops it too."),
    ]


def _voters(ballot: Ballot) -> str:
    people = ballot.votes.approvals if ballot.votes else ()
    names = ", ".join(wording.user(person.id) for person in people[:10]) or "the quorum"
    return f"{names}{ballot_codes.confirmed_by(ballot)}"


def _end(ballot: Ballot, opened: events.BallotOpened, scene: BallotScene) -> list[Block | None]:
    ended = ballot.ended
    if ended is None:
        return []
    by = f" by {wording.person(ended.by)}" if ended.by and ended.by.kind == "slack" else ""
    said = f"*{_ENDS[ended.how][1].capitalize()}*{by}, {wording.when(ended.at)}."
    why = wording.own(ended.why, only=_concerned(opened, scene))
    why = f" {why[:1].upper()}{why[1:]}." if why else ""
    again = None if ended.how == "completed" else _again(opened)
    return [section(said + why), *_now(ballot, opened, scene), again]


def _concerned(opened: events.BallotOpened, scene: BallotScene) -> set[str]:
    """People whom the reason of an end may mention: a surface's own words may be part of it, and call nobody."""
    stopped = {hold.by.id for hold in scene.holds.values() if hold.by.kind == "slack"}
    return stopped | {opened.by.id} | {person.id for person in opened.electorate}


def _now(ballot: Ballot, opened: events.BallotOpened, scene: BallotScene) -> list[Block | None]:
    """What is held after a restore that was begun; a vote that failed left everything as it was."""
    if not ballot.committed:
        return []
    rows = [f"• {_names(item)}: {_what_holds(scene, item.key)}" for item in opened.returns]
    many = sum(len(item.surfaces) for item in opened.returns) > ROWS
    voters = section(f"*Voted for by* {_voters(ballot)}.")
    return [voters, *(listing(rows, room=900 if many else 2000, more="ask `/agent-status`"))]


def _what_holds(scene: BallotScene, key: str) -> str:
    mode = scene.effective.get(key, Mode.NORMAL)
    if mode > Mode.NORMAL:
        return f"held at {mode}"
    rest = scene.rest.get(key)
    return f":warning: nothing is held, but {escape(rest, _WORDS)}" if rest else "given back, nothing is held"


def _again(opened: events.BallotOpened) -> Block:
    return {"type": "actions", "elements": [_button("Open a fresh ballot", AGAIN, opened.ballot)]}


def _small_print(opened: events.BallotOpened) -> Block:
    return context(f"Ballot `{escape(opened.ballot, NAME)}`, digest `{ballot_digest(opened)}`")
