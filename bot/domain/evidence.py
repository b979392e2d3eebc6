"""What machines say on a ballot: evaluations, and everything known of its surfaces in as few lines as it takes. Pure.

Nothing that an agent wrote gets here but names of what it may use, tamed by whoever shows them: no output of an
evaluation.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapters.base import Attempt, Mode
from bot.domain.events import Finding
from bot.domain.model import Agent
from bot.domain.trust import QUIET, Earned, Trust, age
from bot.domain.words import shorten

_NAMES = 2  # that a line names before it counts the rest
_GROUPS = 3  # lines of one topic; the best of what is left is counted in one more
_SAID = 300  # characters of what changed at a surface
_WORDS = 120  # characters of a pact that a line quotes
_URL = 300  # characters of a link
_LINK = re.compile(r"https://[^\s<>|\"'`]+[^\s<>|\"'`.,;:!?)\]}]")


class Answer(StrEnum):
    """What an evaluation met."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # never passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One evaluation that was run. `held` is the mode on its surfaces at that moment; `why` is never its output."""

    agent: str
    id: str
    held: Mode
    expected: str
    answer: Answer
    seconds: float = 0.0
    why: str = ""

    @property
    def name(self) -> str:
        """`agent/evaluation`."""
        return f"{self.agent}/{self.id}"

    @property
    def passed(self) -> bool:
        """Whether it came out as expected."""
        return self.answer == self.expected

    @property
    def sentence(self) -> str:
        """What is wrong with it, without a full stop."""
        if self.answer is Answer.UNKNOWN:
            return f"the evaluation {self.name} gave no answer ({self.why or 'the reason is not known'})"
        return f"the evaluation {self.name} was {self.answer} at {self.held}, where {self.expected} is expected"


def expected(expect: Mapping[Mode, str], held: Mode) -> str | None:
    """What is expected at `held`; None where the expectations do not say.

    What is refused at one mode is refused at every stricter one, and what is allowed at one is allowed at every looser
    one, so that a full stop needs no line of its own. Where both follow, they contradict each other and nothing does.
    """
    if held in expect:
        return expect[held]
    refused = any(answer == Answer.REFUSED and mode <= held for mode, answer in expect.items())
    allowed = any(answer == Answer.ALLOWED and mode >= held for mode, answer in expect.items())
    if refused == allowed:
        return None
    return str(Answer.REFUSED if refused else Answer.ALLOWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One target of a ballot with everything that is known of it.

    Args:
        surfaces: that point at it.
        to: the mode that is asked, as it would be held there.
        record: its trust record.
        earned: what it has earned.
        since: when the oldest of its live holds was asked for; None where nothing holds it.
        backlog: how much work waits there; None where its kind does not tell.
        held_aside: how much earlier restores put aside there.
        policy: what becomes of what waits when the agent may take it up again; empty where no work is told.
        changed: what others changed there since it was last seen before the stop; None where that is not known.
        silent: whether it could not be asked now.
    """

    surfaces: tuple[str, ...]
    to: Mode
    record: Trust
    earned: Earned
    since: float | None = None
    backlog: int | None = None
    held_aside: int = 0
    policy: str = ""
    changed: tuple[str, ...] | None = None
    silent: bool = False
    drilled: float | None = None  # when a drill last proved a cut of all its surfaces, Unix time


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that the lines of a ballot are made from.

    Args:
        cases: the targets.
        agents: whose surfaces they are.
        evaluated: the evaluations that were run just now.
        silent: evaluations (`agent/evaluation`) that expect nothing at the mode that is held, so that none was run.
        reconfigured: what of the configuration changed since the stop; None where that is not known.
        reason: why authority may come back, as it was typed.
        now: Unix time.
    """

    cases: Sequence[Case]
    agents: Sequence[Agent]
    evaluated: Sequence[Evaluated] = ()
    silent: Sequence[str] = ()
    reconfigured: Sequence[str] | None = None
    reason: str = ""
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One thing that is said of some names; `{}` in the text stands for the worst `seconds` of all who share it."""

    names: tuple[str, ...]
    text: str
    good: bool | None = None
    seconds: float = 0.0
    shortest: bool = False  # whether the shortest time is the worst


def findings(material: Material) -> tuple[Finding, ...]:
    """The lines of a ballot: about ten, however many surfaces there are. What is alike is one line."""
    now = material.now
    topics: tuple[Callable[[Case], _Said], ...] = (
        _trusted,
        lambda case: _drift(case, now),
        _proof,
        lambda case: _history(case, now),
        _waiting,
        _changed,
    )
    trusted, drift, proof, history, waiting, changed = (
        _lines("surfaces", map(topic, material.cases)) for topic in topics
    )
    evaluations = _lines("agents", [_evaluations(agent, material) for agent in material.agents])
    pacts = _lines("agents", map(_pact, material.agents))
    return (
        *trusted,
        *drift,
        *proof,
        *evaluations,
        *history,
        *changed,
        _configuration(material.reconfigured),
        *waiting,
        *pacts,
        _root_cause(material.reason),
    )


def _configuration(changed: Sequence[str] | None) -> Finding:
    about = "since the stop"
    if changed is None:
        says = "whether configuration or pact changed is not known: nothing was recorded before it"
        return Finding(about=about, says=says)
    if not changed:
        return Finding(about=about, says="neither configuration nor pact changed", good=True)
    named = ", ".join(changed[:_GROUPS]) + (f" and {len(changed) - _GROUPS:,} more" if changed[_GROUPS:] else "")
    return Finding(about=about, says=f"changed in the configuration: {named}", good=False)


def _trusted(case: Case) -> _Said:
    """What was earned, and the rule that holds it back where one does."""
    mode = case.earned.mode
    if not case.earned.bounds:
        return _Said(names=case.surfaces, text=f"earned {mode}: no rule holds it back", good=True)
    good = False if case.earned.against(case.to) else None
    return _Said(names=case.surfaces, text=f"earned {mode}: {case.earned.bounds[0].why}", good=good)


def _drift(case: Case, now: float) -> _Said:
    record = case.record
    last = max((at for at in (record.last_drift, record.last_contested) if at is not None), default=None)
    since = case.since
    if last is not None and (since is None or last >= since):
        quiet = now - last
        good = None if quiet >= QUIET else False
        return _Said(
            names=case.surfaces, text="last came back by itself {} ago", good=good, seconds=quiet, shortest=True
        )
    if since is None:
        return _Said(names=case.surfaces, text="nothing holds it, so that no drift is watched for")
    held = now - since
    return _Said(names=case.surfaces, text="no drift since it was held, {} ago", good=True, seconds=held, shortest=True)


def _proof(case: Case) -> _Said:
    record, seconds = case.record, case.record.proof_age or 0.0
    if not record.proven:
        state = str(record.outcome).replace("_", " ") if record.outcome else "no proof yet"
        return _Said(names=case.surfaces, text=f"not proven cut: {state}", good=False)
    if record.attempt is Attempt.REFUSED:
        text = "read back and the agent's own credential refused, {} ago"
        return _Said(names=case.surfaces, text=text, good=True, seconds=seconds)
    return _Said(names=case.surfaces, text="read back {} ago; no credential of the agent to try", seconds=seconds)


def _history(case: Case, now: float) -> _Said:
    """How often it was stopped, and when a cut of it was last rehearsed."""
    count = len(case.record.stops)
    text = f"{count} {'incident' if count == 1 else 'incidents'} in 30 days"
    if case.drilled is None:
        return _Said(names=case.surfaces, text=f"{text}; never drilled")
    return _Said(names=case.surfaces, text=f"{text}; last drilled {{}} ago", seconds=now - case.drilled)


def _changed(case: Case) -> _Said:
    """What others changed at the surface itself: nobody should vote without having read it."""
    if case.silent:
        return _Said(names=case.surfaces, text="did not say what others changed there since the stop", good=False)
    if case.changed is None:
        text = "whether others changed its rights, credentials or deployment is not known"
        return _Said(names=case.surfaces, text=text)
    if not case.changed:
        return _Said(names=case.surfaces, text="nothing that it tells of itself changed since the stop", good=True)
    text = shorten(f"changed by others since the stop: {'; '.join(case.changed)}", _SAID)
    return _Said(names=case.surfaces, text=text, good=False)


_FATES = {  # by backlog policy
    "drop": "backlog policy drop: removed before the agent may take them up",
    "hold": "backlog policy hold: put aside before the agent may take them up",
    "replay": "backlog policy replay: left in place, to be worked off",
}


def _waiting(case: Case) -> _Said:
    if case.backlog is None and not case.policy:
        return _Said(names=case.surfaces, text="work that waits there is not known: this kind does not tell")
    number = "an unknown number" if case.backlog is None else f"{case.backlog:,}"
    then = f"; {_FATES[case.policy]}" if case.policy else ""
    before = f"; {case.held_aside:,} held aside since an earlier restore" if case.held_aside else ""
    good = None if case.held_aside else True
    good = good if case.backlog == 0 else False  # whoever votes has to know of it: it comes first
    return _Said(names=case.surfaces, text=f"{number} waiting there{then}{before}", good=good)


def _evaluations(agent: Agent, material: Material) -> _Said:
    """Those that do not pass by name, the rest by number and the longest time."""
    ran = [it for it in material.evaluated if it.agent == agent.id]
    silent = [name for name in material.silent if name.partition("/")[0] == agent.id]
    bad = [it for it in ran if not it.passed]
    if not ran:
        text = (
            "no evaluation expects anything of the mode held" if silent else "no evaluation covers what is given back"
        )
        return _Said(names=(agent.id,), text=text)
    if not bad:
        text = f"{len(ran)} of {len(ran)} evaluations as expected, within {max(it.seconds for it in ran):.1f} s"
        return _Said(names=(agent.id,), text=text, good=True)
    named = "; ".join(it.sentence for it in bad[:_NAMES]) + (f"; and {len(bad) - _NAMES} more" if bad[_NAMES:] else "")
    return _Said(names=(agent.id,), text=f"{len(bad)} of {len(ran)} evaluations not as expected: {named}", good=False)


def _pact(agent: Agent) -> _Said:
    never = "; ".join(agent.pact.may_never)
    if not never:
        return _Said(names=(agent.id,), text="no pact says what it may never do")
    return _Said(names=(agent.id,), text=f"may never: {shorten(never, _WORDS)}")


def _root_cause(reason: str) -> Finding:
    found = _LINK.search(reason)
    if found is None:
        return Finding(about="root cause", says="no link was given", good=False)
    return Finding(about="root cause", says=shorten(found[0], _URL))


def _lines(noun: str, said: Iterable[_Said]) -> list[Finding]:
    """What is alike as one line, what is bad first; the best of what is left is one line too."""
    groups: dict[tuple[str, bool | None], list[_Said]] = {}
    everyone: set[str] = set()
    for item in said:
        groups.setdefault((item.text, item.good), []).append(item)
        everyone.update(item.names)
    order = sorted(groups.values(), key=lambda group: (_RANK[group[0].good], -len(group)))
    lines = [_line(noun, group, everyone) for group in order[:_GROUPS]]
    rest = {name for group in order[_GROUPS:] for item in group for name in item.names}
    if rest:
        good = order[_GROUPS][0].good
        lines.append(Finding(about=label(rest), says="see `agent-kill status` for each", good=good))
    return lines


def _line(noun: str, group: Sequence[_Said], everyone: Collection[str]) -> Finding:
    names = {name for item in group for name in item.names}
    worst = (min if group[0].shortest else max)(item.seconds for item in group)
    return Finding(
        about=_label(noun, names, everyone), says=group[0].text.replace("{}", age(worst)), good=group[0].good
    )


def _label(noun: str, names: Collection[str], everyone: Collection[str]) -> str:
    if len(names) == len(everyone) > 1:
        return f"all {len(names):,} {noun}"
    return label(names)


def label(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    shown = sorted(names)[:_NAMES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


_RANK: dict[bool | None, int] = {False: 0, None: 1, True: 2}
