"""The confirmations: one reply per surface, or all of them in one."""

from collections import Counter

from bot.domain.report import Line
from bot.slack import wording
from bot.slack.blocks.message import Block, Message, context, listing, message, quoted, section
from bot.slack.limits import NAME, escape
from bot.slack.story import Chapter

FILE_ABOVE = 15  # surfaces; above it the list is a file
_ROOM = 8000  # characters
_DETAIL = 140


def confirmation(line: Line) -> Message:
    """The reply about one surface: asked, held, outcome, work in flight, proof, milliseconds."""
    facts = [wording.work(line), wording.proof(line), wording.took(line)]
    step = f"*Next:* {wording.next_step(line)}" if line.not_cut or line.not_proven else ""
    blocks: list[Block | None] = [
        section(f"{wording.state(line)} {_who(line)}\n{wording.held(line)}"),
        quoted(line.detail) if line.detail else None,
        section(step) if step else None,
        context(" · ".join(fact for fact in facts if fact)) if any(facts) else None,
    ]
    word = wording.OUTCOMES[line.outcome][1]
    return message(f"{escape(line.surface, NAME)} is {word}: {wording.held(line)}.", blocks)


def batch(chapter: Chapter) -> Message:
    """One reply about all new surfaces of a stop: a line each up to `FILE_ABOVE`, above it one per agent."""
    lines = chapter.fresh
    many = len(lines) > FILE_ABOVE
    rows = _by_agent(lines) if many else [_row(line) for line in lines]
    title = f"*{wording.plural(len(lines), 'surface')}*, {'by agent' if many else 'one by one'}: {_outcomes(lines)}"
    where = "see the file below" if many else "ask `/agent-status`"
    slowest = max((line.elapsed_ms for line in lines), default=0.0)
    return message(
        f"{wording.plural(len(lines), 'surface')} asked for {chapter.hold.mode}: {_outcomes(lines)}.",
        [
            section(title),
            *listing(rows, room=_ROOM, more=where),
            context(f"The slowest took {slowest:,.0f} ms, counted from its own start.") if slowest else None,
        ],
    )


def _who(line: Line) -> str:
    kind = ", ".join(escape(part, 40) for part in (line.adapter, line.surface_class or "") if part)
    return f"{wording.name(line.surface)}{f' ({kind})' if kind else ''}"


def _row(line: Line) -> str:
    facts = [wording.held(line), wording.work(line), wording.proof(line), wording.took(line)]
    detail = f" “{escape(line.detail, _DETAIL)}”" if line.detail else ""
    return f"• {wording.state(line)} {_who(line)}: {' · '.join(fact for fact in facts if fact)}{detail}"


def _outcomes(lines: tuple[Line, ...]) -> str:
    found = Counter(wording.OUTCOMES[line.outcome][1] for line in lines)
    return ", ".join(f"{count:,} {word}" for word, count in found.most_common())


def _by_agent(lines: tuple[Line, ...]) -> list[str]:
    agents: dict[str, list[Line]] = {}
    for line in lines:
        agents.setdefault(line.surface.partition("/")[0], []).append(line)
    return [f"• {wording.name(agent)}: {_outcomes(tuple(own))}" for agent, own in agents.items()]
