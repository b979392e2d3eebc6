"""What a control endpoint's answers mean, and what the agent's own call proves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from adapters.base import Attempt, Mode
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.http_control.answer import Answer
from adapters.http_control.wire import short

OK = range(200, 300)
GONE = frozenset({404, 410})
NO_LOGIN = frozenset({401, 403})
NOT_NOW = frozenset({429, 502, 503, 504})
REDIRECT = range(300, 400)
READS = frozenset({"GET", "HEAD", "OPTIONS"})
DENIED = frozenset({403, 423, 451})  # "I know you, and no"
WHO_ARE_YOU = 401
PARKED = 202
OVERTAKEN = 412
MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})  # modes that keep writes back for a person
EVERY = frozenset(Mode) - {Mode.NORMAL}
_SAME = 64  # bodies that are remembered: ten thousand receivers say the same few things


@dataclass(frozen=True, slots=True)
class Said:
    """The receiver's own words. What it leaves out, it says is not so: nothing ended, nothing in flight."""

    mode: Mode
    in_flight: int | None = 0  # None where what it says cannot be read
    ended: int = 0
    modes: frozenset[Mode] | None = None  # the modes that it can hold; None where it does not say
    by: str = ""  # who set the mode, where it says so
    deployment: str = ""  # what runs behind it, where it says so
    generation: str = ""  # counts what it was told; only a receiver that lets no late call loosen it tells one
    instance: str = ""  # which of several receivers answered, where it says so
    parks: bool = False  # whether it says that it keeps for a person what the middle modes hold back


class Overtaken(AdapterError):
    """412: the receiver was told something since it was read, so that it takes nothing that loosens."""


def reach(found: Said, *, must_park: bool) -> frozenset[Mode]:
    """The modes that the receiver can hold, by its own words.

    A receiver that tells a generation knows this protocol: its silence about `parked` says that it parks nothing, and
    what the middle modes would hold back is lost. A plain one was asked for less, and its modes count as they did.

    Args:
        found: what it said.
        must_park: whether the configuration asks for parking, so that silence counts as a no from any receiver.
    """
    told = EVERY if found.modes is None else found.modes
    return told - MIDDLE if (must_park or found.generation) and not found.parks else told


def said(answer: Answer, *, name: str) -> Said | None:
    """Reads `{"mode": …}`; None where the endpoint is gone (404, 410).

    Raises:
        Refused: 401 or 403: the receiver does not accept our signature.
        Unreachable: 429, 502, 503 or 504.
        AdapterError: any other status, or something that is no such answer.
    """
    if answer.status in GONE:
        return None
    judged(answer, name=name)
    found = _read(answer.body)
    if found is None:
        raise AdapterError(
            f'{name} answered no {{"mode": …}} but {short(answer.body[:80].decode(errors="replace")) or "nothing"!r}: '
            f"accepted are {', '.join(map(str, Mode))}; mend the receiver"
        )
    return found


@lru_cache(maxsize=_SAME)
def _read(body: bytes) -> Said | None:
    fields = parsed(body)
    mode = _mode(fields.get("mode"))
    if mode is None:
        return None
    return Said(
        mode,
        in_flight=_number(fields.get("in_flight", 0)),
        ended=_number(fields.get("ended")) or 0,
        modes=_modes(fields.get("modes")),
        by=_text(fields.get("by")),
        deployment=_text(fields.get("deployment")),
        generation="" if (count := _number(fields.get("generation"))) is None else str(count),
        instance=_text(fields.get("instance")),
        parks=fields.get("parked") is True or _number(fields.get("parked")) is not None,
    )


def judged(answer: Answer, *, name: str) -> None:
    """Raises for every status that is neither a success nor an absence; as `said` does."""
    if answer.status in OK or answer.status in GONE:
        return
    if answer.status in NO_LOGIN:
        raise Refused(
            f"{name} answered {answer.status} to a signed call: give settings.secret the receiver's own secret, and "
            "compare the two clocks (a signature is good for 5 minutes)",
            missing=("settings.secret, as the receiver has it",),
        )
    if answer.status in NOT_NOW:
        raise Unreachable(f"{name} answered {answer.status}: it takes no calls now; look at the receiver")
    if answer.status == OVERTAKEN:
        raise Overtaken(f"{name} was told something else since it was read (412): read it again, then loosen it")
    if answer.status in REDIRECT:
        raise AdapterError(f"{name} answered {answer.status}: redirects are not followed; put the final address in url")
    raise AdapterError(f"{name} answered {answer.status}: look at the receiver's log; the bot tries again")


@lru_cache(maxsize=_SAME)
def parsed(body: bytes) -> Mapping[str, object]:
    """A JSON object; empty where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def proves(answer: Answer | None, *, mode: Mode, worked: bool) -> Attempt:
    """What the agent's own call shows.

    Args:
        answer: None where nothing answered.
        mode: what is held.
        worked: whether this credential was seen to be accepted before; only then does a 401 say more than that it
            may be stale.
    """
    if answer is None:
        return Attempt.UNTRIED
    named = _mode(answer.mode)  # the header by which a receiver says that the mode, and no accident, is the reason
    if named is not None and named >= mode and answer.status not in OK:
        return Attempt.REFUSED
    if answer.status == PARKED and named in {Mode.APPROVAL_GATED, Mode.DRAFT_ONLY} and named >= mode:
        return Attempt.REFUSED  # taken in and not carried out
    if answer.status in OK:
        return Attempt.ALLOWED
    if answer.status in DENIED or (answer.status == WHO_ARE_YOU and worked):
        return Attempt.REFUSED
    return Attempt.UNTRIED


def _mode(value: object) -> Mode | None:
    try:
        return Mode(value)
    except ValueError:
        return None


def _text(value: object) -> str:
    return short(value) if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _modes(value: object) -> frozenset[Mode] | None:
    if not isinstance(value, list):
        return None
    found = (_mode(one) for one in value if isinstance(one, str))
    return frozenset(mode for mode in found if mode is not None and mode is not Mode.NORMAL)
