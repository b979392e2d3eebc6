"""What a drill measured, as its thread shows it; and what is said of drills that did not run. Pure."""

from collections.abc import Iterable, Sequence

from bot.domain import drill_events as drills
from bot.domain.outcome import Outcome
from bot.domain.practice import Run
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, context, listing, message, section
from bot.slack.limits import NAME, USER_TEXT, escape

_ROOM = 5000  # characters for the surfaces
_HEADS = {
    "passed": ":white_check_mark: *Drill passed*",
    "failed": ":x: *Drill failed*",
    "void": ":octagonal_sign: *Drill ended by a real stop*",
    "refused": ":no_entry_sign: *Drill not begun*",
}
_NEXT = "it stays held until a vote gives it back: `/agent-restore TARGET normal reason`"


def scorecard(run: Run, before: Sequence[Run]) -> Message:
    """The card of a run that ended; `before` are the runs of the same drill that ended earlier, the latest first."""
    ended, card = run.ended, run.ended.card if run.ended else None
    if ended is None or card is None:
        return message("The drill is under way.", [])
    last = next((it.ended.card for it in before if it.ended and it.ended.card.surfaces), None)
    head = f"{_HEADS[ended.how]}: `{escape(ended.drill, NAME)}`, {card.mode}, {card.kind}"
    rows = [_row(score, last) for score in card.surfaces]
    blocks: list[Block | None] = [
        section(f"{head}{_by(run)}"),
        section(f"*Why:* {_why(ended)}") if ended.why else None,
        *listing(rows, room=_ROOM, more="run `agent-kill drill --json`"),
        *_details(run, card),
        section(f"*LEFT HELD*: {_names(run.left.surfaces)}. *Next:* {_NEXT}.") if run.left else None,
    ]
    return message(f"{ended.how}: drill {escape(ended.drill, NAME)}, {_sentence(card)}.", blocks)


def missed(event: drills.DrillMissed, groups: Iterable[str]) -> Message:
    """A due time that passed without a run."""
    called = " ".join(wording.group(group) for group in groups)
    said = f"The drill `{escape(event.drill, NAME)}` of {wording.minute(event.due)} did not run"
    step = f"run it now with `/agent-drill run {escape(event.drill, NAME)}`"
    return message(
        f"The drill {escape(event.drill, NAME)} did not run.",
        [section(f":warning: *{said}*: {escape(event.why, USER_TEXT)}. *Next:* {step}. {called}".rstrip())],
    )


def _why(ended: drills.DrillEnded) -> str:
    """Whose stop it was is a mention; what surfaces answered is foreign text."""
    return wording.own(ended.why, 1500) if ended.how == "void" else escape(ended.why, 1500)


def _by(run: Run) -> str:
    if run.claimed is None:
        return ""
    late = f", {(run.started.at - run.claimed.due):.0f} s after it was due" if run.started and _late(run) else ""
    return f", by {wording.person(run.claimed.by)}{late}"


def _late(run: Run) -> bool:
    claimed, started = run.claimed, run.started
    return bool(claimed and started and claimed.scheduled and started.at > claimed.due)


def _row(score: drills.SurfaceScore, last: drills.Scorecard | None) -> str:
    emoji, word = wording.OUTCOMES[score.outcome]
    cut = "not cut" if score.cut_ms is None else f"cut in {_seconds(score.cut_ms)}"
    proof = "not proven" if score.proof_ms is None else f"proven in {_seconds(score.proof_ms)}"
    parts = [f"{cut}, {proof}, of {_seconds(score.deadline_ms)}{_compared(score, last)}"]
    if score.held is not None and score.held is not score.asked:
        parts.append(f"held as {score.held}")
    if score.ended or score.left is None or score.left:
        parts.append(f"{score.ended} in flight ended, {'unknown' if score.left is None else score.left} left")
    parts.append("no witness" if score.effects is None else f"{wording.plural(score.effects, 'effect')} after the cut")
    if score.given_back_ms is not None:
        parts.append(f"given back in {_seconds(score.given_back_ms)}")
    return f"• {emoji} *{word}* {wording.name(score.surface)}: {'; '.join(parts)}"


def _compared(score: drills.SurfaceScore, last: drills.Scorecard | None) -> str:
    known = next((it for it in last.surfaces if it.surface == score.surface), None) if last else None
    if known is None or known.cut_ms is None:
        return " (first drill)"
    return f" (before: {_seconds(known.cut_ms)})"


def _details(run: Run, card: drills.Scorecard) -> list[Block | None]:
    faults = [f"{it.fault} {'survived' if it.survived else 'NOT survived'}" for it in card.faults]
    tried = [f"{it.when}: {len(it.failing)} unexpected" for it in card.evaluations if it.failing]
    if not tried and any(score.effects is not None for score in card.surfaces):
        tried = [f"as expected {', '.join(it.when for it in card.evaluations)} the cut"]
    backstops = run.started.backstops if run.started else ()
    lines = [
        f"Evaluations {', '.join(tried)}." if tried else "",
        f"Faults injected: {', '.join(faults)}." if faults else "",
        f"Load: {escape(card.load, USER_TEXT)}." if card.load else "",
        f"Backstops that stood behind it: {_names(backstops)}." if backstops else "",
        *(f"{escape(remark, USER_TEXT)}." for remark in card.remarks),
    ]
    return [context("\n".join(line for line in lines if line))] if any(lines) else []


def _sentence(card: drills.Scorecard) -> str:
    if not card.surfaces:
        return "nothing was touched"
    proven = sum(score.outcome is Outcome.VERIFIED for score in card.surfaces)
    return f"{proven} of {wording.plural(len(card.surfaces), 'surface')} cut and proven"


def _names(surfaces: Sequence[str]) -> str:
    more = f" and {len(surfaces) - 10:,} more" if len(surfaces) > 10 else ""  # noqa: PLR2004  # as many as are named
    return f"{', '.join(wording.name(surface) for surface in surfaces[:10])}{more}"


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"  # noqa: PLR2004
