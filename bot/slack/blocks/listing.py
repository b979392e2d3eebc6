"""The full list of a stop as a text file, for those who need every line."""

from bot.domain.outcome import Outcome
from bot.domain.report import Line
from bot.slack import wording
from bot.slack.limits import USER_TEXT, clean
from bot.slack.story import Chapter


def file_name(chapter: Chapter) -> str:
    """The name of the file; made of the hold's id."""
    safe = "".join(char for char in chapter.hold.hold if char.isalnum() or char in "-_")
    return f"agent-kill-{safe[:80]}.txt"


def file_text(chapter: Chapter) -> str:
    """Every surface of the stop on a line: NOT CUT first, then NOT PROVEN, then what is proven."""
    lines = chapter.everything
    parts = {
        "NOT CUT": [line for line in lines if line.not_cut],
        "NOT PROVEN": [line for line in lines if line.not_proven],
        "CUT AND PROVEN": [line for line in lines if line.outcome is Outcome.VERIFIED],
        "GIVEN BACK BY A VOTE": [line for line in lines if line.outcome in wording.GIVEN_BACK],
    }
    hold = chapter.hold
    rows = [f"{hold.mode} on {clean(hold.scope)}, hold {clean(hold.hold)}, incident {clean(hold.incident)}"]
    for title, group in parts.items():
        if group:
            rows += ["", f"{title} ({len(group):,})", *(_row(line) for line in group)]
    return "\n".join(rows) + "\n"


def _row(line: Line) -> str:
    word = wording.OUTCOMES[line.outcome][1]
    kind = "/".join(part for part in (line.adapter, line.surface_class or "") if part)
    facts = [f"{clean(line.surface)} [{kind}]", word, wording.held(line), wording.work(line), wording.proof(line)]
    facts += [fact for fact in (wording.took(line), clean(line.detail)) if fact]
    if line.not_cut or line.not_proven:
        facts.append(f"next: {clean(line.next, USER_TEXT) or wording.next_step(line)}")
    return "  ".join(facts)
