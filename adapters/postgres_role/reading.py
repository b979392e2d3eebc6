"""What a reading of the role and a survey amount to, and what a cut to a mode takes."""

from collections.abc import Iterable

from adapters.base import Change, Mode
from adapters.postgres_role.grants import Grant, Held
from adapters.postgres_role.loosen import LOGIN, NOLOGIN
from adapters.postgres_role.role import Role, Taken
from adapters.postgres_role.survey import Survey

MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})
# A guard that refuses holds no grant back, which is what read_only is read from.
_BY_GUARD = {"approval_gated": Mode.APPROVAL_GATED, "draft_only": Mode.DRAFT_ONLY, "read_only": Mode.DRAFT_ONLY}


def mode_of(role: Role, survey: Survey) -> Mode:
    """The loosest mode that this amounts to."""
    if not role.can_login:
        return Mode.FULL_STOP
    if not survey.writes:
        return Mode.READ_ONLY
    return Mode.NORMAL if survey.past_guards else _BY_GUARD.get(survey.guards.mode, Mode.NORMAL)


def in_flight(role: Role, survey: Survey) -> int:
    """A prepared transaction can be committed by the next session, so it counts in the reduced modes too."""
    mode = mode_of(role, survey)
    return role.alive if mode is Mode.FULL_STOP else role.prepared * (mode is not Mode.NORMAL)


def enforceable(survey: Survey) -> frozenset[Mode]:
    """The modes that are possible here."""
    reading = frozenset() if survey.blockers else frozenset({Mode.READ_ONLY})
    return frozenset({Mode.FULL_STOP}) | reading | (frozenset() if survey.unparked else MIDDLE)


def why_not(survey: Survey) -> str:
    """What stands in the way of the others, in sentences."""
    said = [f"read_only is not possible here: {survey.why}"] if survey.blockers else []
    said += [f"draft_only and approval_gated are not: {survey.why_unparked}"] if survey.unparked else []
    return "; ".join(said)


def landing(mode: Mode, survey: Survey) -> tuple[Mode, str]:
    """The mode to reopen at, never looser than `mode`, and why it is another one."""
    if mode in MIDDLE and not survey.unparked:
        return mode, ""
    why = f"{mode} is not possible here: {survey.why_unparked}; " if mode in MIDDLE else ""
    if survey.blockers:
        return Mode.FULL_STOP, f"{why}read_only is not possible here: {survey.why}"
    return Mode.READ_ONLY, why.removesuffix("; ")


def taking(mode: Mode, survey: Survey) -> tuple[Held, ...]:
    """The grants that a reduced mode takes."""
    return survey.uncovered if mode in MIDDLE else survey.held


def remains(mode: Mode, survey: Survey) -> bool:
    """Whether the role can still write what the mode forbids."""
    return survey.past_guards if mode in MIDDLE else survey.writes


def rest(mode: Mode, survey: Survey) -> str:
    """What that is."""
    reasons = survey.unparked if mode in MIDDLE else survey.blockers
    return "; ".join([*reasons, *(str(item.grant) for item in taking(mode, survey)[:3])])


def mark_after(mode: Mode, taken: Taken) -> Taken:
    """Which grants the episode took, once a cut to `mode` is done."""
    return "parked" if mode in MIDDLE and taken != "reduced" else "reduced"


def login_change(role: Role) -> tuple[Change, ...]:
    """Never from a role that carries our mark: what it has then is not its baseline."""
    return (Change(key="login", was=LOGIN, now=NOLOGIN),) if role.can_login and role.mark is None else ()


def grant_changes(mode: Mode, survey: Survey, taken: Taken, known: Iterable[Change]) -> tuple[Change, ...]:
    """What a cut to `mode` takes of the role's baseline; after `parked` that is what the guards had covered."""
    if taken == "reduced":
        return ()
    recorded = {grant.identity for change in known if (grant := Grant.of(change.key))}
    fresh = [item for item in taking(mode, survey) if item.grant.identity not in recorded]
    return tuple(
        Change(key=item.grant.key, was=item.how, now=None)
        for item in fresh
        if taken != "parked" or survey.covers(item.grant)
    )
