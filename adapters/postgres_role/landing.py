"""Where a cut ends: the mode that can be held, what it takes, and what keeps it from being held."""

from dataclasses import dataclass

from adapters.base import Mode
from adapters.postgres_role.grants import Held
from adapters.postgres_role.role import Taken
from adapters.postgres_role.survey import Survey

MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})


@dataclass(frozen=True, slots=True)
class Landing:
    """The mode to reopen at, never looser than was asked, and why it is another one."""

    mode: Mode
    why: str = ""
    guarded: bool = False  # what the guards cover stays granted: they park it, or refuse it

    def taking(self, survey: Survey) -> tuple[Held, ...]:
        """The grants that have to be taken."""
        return survey.uncovered if self.guarded else survey.held

    def remains(self, survey: Survey) -> bool:
        """Whether the role can still write what the mode forbids."""
        return survey.past_guards if self.guarded else survey.writes

    def rest(self, survey: Survey) -> str:
        """What that is."""
        reasons = survey.unparked if self.guarded else survey.blockers
        return "; ".join([*reasons, *(str(item.grant) for item in self.taking(survey)[:3])])

    def taken(self, before: Taken, *, given: bool) -> Taken:
        """Which grants the episode took once it is there; `given`: those that the guards cover came back."""
        return "parked" if self.guarded and (given or before != "reduced") else "reduced"


def landing(mode: Mode, survey: Survey) -> Landing:
    """Where a cut to `mode` ends. Grants that can be revoked are, for read_only: then it needs no guard."""
    if mode in MIDDLE and not survey.unparked:
        return Landing(mode, guarded=True)
    why = f"{mode} is not possible here: {survey.why_unparked}; " if mode in MIDDLE else ""
    if survey.blockers and survey.unparked:
        return Landing(Mode.FULL_STOP, f"{why}read_only is not possible here: {survey.why}")
    return Landing(Mode.READ_ONLY, why.removesuffix("; "), guarded=bool(survey.blockers))
