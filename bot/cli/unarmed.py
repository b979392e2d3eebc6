"""What is not armed, on a terminal."""

from collections.abc import Sequence

from bot.domain.armed import Armed, State

_SHOWN = 20  # that are told one by one
_NAMED = 10  # names in one line


def lines(lost: Sequence[Armed]) -> list[str]:
    """Each that was found amiss, and those in one line that nobody looked at lately."""
    found = [item for item in lost if item.state is State.NOT_ARMED]
    told = [f"NOT ARMED {it.subject}: {it.why}. Next: {it.next}" for it in found[:_SHOWN]]
    if len(found) > _SHOWN:
        told.append(f"NOT ARMED: {len(found) - _SHOWN:,} more, see --json")
    for state in (State.STALE, State.UNCHECKED):
        names = [item.subject for item in lost if item.state is state]
        if names:
            why = next(item for item in lost if item.state is state)
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            told.append(f"NOT ARMED, {state}: {', '.join(sorted(names)[:_NAMED])}{more}: {why.why}; {why.next}")
    return told
