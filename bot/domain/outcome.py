"""Outcomes, and which of them a report may show as green."""

from enum import StrEnum


class Outcome(StrEnum):
    """What is known of a cut."""

    PENDING = "pending"  # asked, no answer yet
    VERIFIED = "verified"  # read back from the enforcing system's own catalogue and, with a canary, refused
    APPLIED = "applied"  # only the surface's own word
    FAILED = "failed"
    ABSENT = "absent"  # the target does not exist: never green, keeps being observed
    UNKNOWN = "unknown"
    DRIFTED = "drifted"
    CONTESTED = "contested"
    RELAXING = "relaxing"
    PROBATION = "probation"  # given back by a vote, and watched
    RESTORED = "restored"  # given back by a vote that is done
    QUARANTINED = "quarantined"  # its configuration is wrong
    LEFT = "left_alone"  # `unsupported: leave`


NOT_CUT = frozenset(
    {
        Outcome.PENDING,
        Outcome.FAILED,
        Outcome.ABSENT,
        Outcome.UNKNOWN,
        Outcome.DRIFTED,
        Outcome.CONTESTED,
        Outcome.QUARANTINED,
        Outcome.LEFT,
    }
)
NOT_PROVEN = frozenset({Outcome.APPLIED})
