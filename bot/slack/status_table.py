"""`/agent-status`: what is held, what is known of it, and how old the last proof is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import Mode
from bot.domain.armed import Armed
from bot.domain.board import Board
from bot.domain.coverage import Coverage
from bot.domain.fate import Fate
from bot.domain.outcome import NOT_CUT, NOT_PROVEN, Outcome
from bot.domain.plan import Plan
from bot.slack import coverage_table, wording
from bot.slack.blocks.message import Block, Message, message, section
from bot.slack.limits import clean, escape, shorten

_NAME = 44  # characters of a surface's name in the table
_ROWS = 2600  # characters of one block of rows; Slack allows 3,000
_BLOCKS = 3
_LOST = 6  # that are not armed are told, the rest is counted
_ORPHANS = 8  # of them are told, the rest is counted
_SENTENCE = 300  # characters
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Row:
    """One surface. `outcome` is None where nothing of ours holds it; `age` is in seconds."""

    surface: str
    mode: Mode
    outcome: Outcome | None
    age: float | None


def rows(plan: Plan, board: Board, now: float) -> tuple[Row, ...]:
    """The state of every surface of a plan; what is bad first, then what is held, then the rest."""
    found = [_row(line.surface, line.target, board, now) for line in plan.lines]
    return tuple(sorted(found, key=lambda row: (_rank(row), row.surface)))


def _row(surface: str, target: str | None, board: Board, now: float) -> Row:
    if target is None:
        return Row(surface, Mode.NORMAL, Outcome.QUARANTINED, None)
    mode = board.effective(target)
    proof = board.proofs.get(target)
    age = max(0.0, now - board.proof_at[target]) if proof is not None else None
    if mode is Mode.NORMAL:
        return Row(surface, mode, None, age)
    proves = proof is not None and proof.asked >= mode and board.is_proven(target)
    outcome = proof.outcome if proof is not None and proves else Outcome.PENDING
    return Row(surface, mode, outcome, age)


def _rank(row: Row) -> int:
    if row.outcome in NOT_CUT:
        return 0
    return 1 if row.outcome in NOT_PROVEN else 2 if row.outcome else 3


def table(
    found: Sequence[Row],
    orphans: Sequence[str] = (),
    lost: Sequence[Armed] = (),
    covered: Coverage | None = None,
    shared: Sequence[Fate] = (),
) -> Message:
    """The table as a message.

    Args:
        found: the surfaces that are asked about.
        orphans: sentences on restrictions that no live hold explains.
        lost: what is not armed, of these surfaces and of the switch itself.
        covered: the inventory of their agents; None where nobody took it.
        shared: what the switch shares with them, the worst first.
    """
    held = [row for row in found if row.mode is not Mode.NORMAL]
    bad = [row for row in found if row.outcome in NOT_CUT]
    soft = [row for row in found if row.outcome in NOT_PROVEN]
    said = (
        f"{wording.plural(len(found), 'surface')}, {len(held):,} held, {len(bad):,} NOT CUT, {len(soft):,} NOT PROVEN,"
        f" {len(lost):,} NOT ARMED."
    )
    if not found:
        return message("Nothing that is configured matches.", [section("Nothing that is configured matches.")])
    blocks = [
        section(f"*{said}*"),
        *_blocks(found),
        *map(section, _unarmed(lost)),
        *map(section, _unexplained(orphans)),
    ]
    return message(said, [*blocks, *(coverage_table.blocks(covered, shared) if covered else ())])


def _unarmed(lost: Sequence[Armed]) -> list[str]:
    lines = unarmed(lost)
    return ["*NOT ARMED: a stop would not work here now*\n" + "\n".join(lines)] if lines else []


def unarmed(lost: Sequence[Armed]) -> list[str]:
    """A line for each that is not armed, as far as there is room."""
    lines = [f"• {wording.name(it.subject)}{_armed(it)}" for it in lost[:_LOST]]
    if len(lost) > _LOST:
        lines.append(f"… and {len(lost) - _LOST:,} more: see `agent-kill status`.")
    return lines


def _armed(item: Armed) -> str:
    step = f" Next: {escape(item.next, _SENTENCE // 2)}." if item.next else ""
    return f": {escape(item.why, _SENTENCE // 2)}.{step} Checked {_age(item.age)}."


def _unexplained(orphans: Sequence[str]) -> list[str]:
    lines = [f"• {escape(shorten(clean(orphan), _SENTENCE))}" for orphan in orphans[:_ORPHANS]]
    if len(orphans) > _ORPHANS:
        lines.append(f"… and {len(orphans) - _ORPHANS:,} more: see `agent-kill status`.")
    return ["*Restrictions that no live hold explains*\n" + "\n".join(lines)] if lines else []


def _blocks(found: Sequence[Row]) -> list[Block]:
    width = min(_NAME, max(len(row.surface) for row in found))
    lines = [f"{'SURFACE':<{width}}  {'MODE':<14}  {'OUTCOME':<22}  LAST PROOF", *(_line(row, width) for row in found)]
    texts: list[str] = [""]
    shown = 0
    for line in lines:
        if len(texts[-1]) + len(line) > _ROWS:
            if len(texts) == _BLOCKS:
                break
            texts.append("")
        texts[-1] += f"{line}\n"
        shown += 1
    blocks = [section(f"```{text}```") for text in texts]
    if shown < len(lines):
        blocks.append(section(f"… and {len(lines) - shown:,} more: name an agent, as in `/agent-status AGENT`."))
    return blocks


def _line(row: Row, width: int) -> str:
    name = escape(shorten(clean(row.surface), width))
    outcome = wording.OUTCOMES[row.outcome][1] if row.outcome else "not held"
    mode = "-" if row.outcome is Outcome.QUARANTINED else str(row.mode)
    return f"{name:<{width}}  {mode:<14}  {outcome:<22}  {_age(row.age)}"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"
