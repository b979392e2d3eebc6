"""What a reading of the role and a survey amount to, and what of it is the role's baseline."""

from collections.abc import Iterable

from adapters.base import Change, Mode
from adapters.postgres_role.grants import Grant
from adapters.postgres_role.landing import MIDDLE, Landing
from adapters.postgres_role.role import LOGIN, NOLOGIN, Role, Taken
from adapters.postgres_role.survey import Survey

_BY_GUARD = {str(mode): mode for mode in (*MIDDLE, Mode.READ_ONLY)}


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
    reading = frozenset() if survey.blockers and survey.unparked else frozenset({Mode.READ_ONLY})
    return frozenset({Mode.FULL_STOP}) | reading | (frozenset() if survey.unparked else MIDDLE)


def why_not(survey: Survey) -> str:
    """What stands in the way of the others, in sentences."""
    said = [f"read_only is not possible here: {survey.why}"] if survey.blockers and survey.unparked else []
    said += [f"draft_only and approval_gated are not: {survey.why_unparked}"] if survey.unparked else []
    return "; ".join(said)


def login_change(role: Role) -> tuple[Change, ...]:
    """Never from a role that carries our mark: what it has then is not its baseline."""
    return (Change(key="login", was=LOGIN, now=NOLOGIN),) if role.can_login and role.mark is None else ()


def grant_changes(end: Landing, survey: Survey, taken: Taken, known: Iterable[Change]) -> tuple[Change, ...]:
    """What a cut takes of the role's baseline; after `parked` that is what the guards had covered."""
    if taken == "reduced":
        return ()
    recorded = {grant.identity for change in known if (grant := Grant.of(change.key))}
    fresh = [item for item in end.taking(survey) if item.grant.identity not in recorded]
    return tuple(
        Change(key=item.grant.key, was=item.how, now=None)
        for item in fresh
        if taken != "parked" or survey.covers(item.grant)
    )
