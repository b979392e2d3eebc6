"""What the gate itself says to an agent: that it was stopped, by whom, since when, and where to read of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.base import Mode
from adapters.base.gated import DRAFT, MODE
from bot.gate.state import Told

BY, SINCE, INCIDENT, LINK = (f"X-Agent-Kill-{name}" for name in ("By", "Since", "Incident", "Link"))
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body, whole."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def stopped(name: str, told: Told, *, held: Mode | None = None, why: str = "") -> Answer:
    """A refusal. `held` is what the mode amounts to here, where that is stricter."""
    mode = told.mode if held is None else held
    facts = {"error": "stopped", "surface": name, **story(told, mode), "why": why or _why(told, mode)}
    return Answer(403, _body(facts), {**_headers(told, mode), "Content-Type": JSON, "Cache-Control": "no-store"})


def ended(name: str, told: Told, mode: Mode) -> Answer:
    """502, and no refusal: a call that a stop ended under way, which the upstream may have carried out."""
    why = f"{_why(told, mode)}; the call was under way and was ended: whether it had its effect is not known"
    facts = {"error": "ended", "surface": name, **story(told, mode), "why": why}
    return Answer(502, _body(facts), {**_headers(told, mode), "Content-Type": JSON, "Cache-Control": "no-store"})


def refused(name: str, told: Told, why: str, status: int = 403) -> Answer:
    """A call that is refused for how it is written."""
    facts = {"error": "refused", "surface": name, "mode": str(told.mode), "why": why}
    return Answer(status, _body(facts), {MODE: str(told.mode), "Content-Type": JSON, "Cache-Control": "no-store"})


def parked(name: str, told: Told, draft: str, why: str) -> Answer:
    """202: taken in and not carried out."""
    facts = {"status": "parked", "draft": draft, "surface": name, **story(told, told.mode), "why": why}
    headers = {**_headers(told, told.mode), DRAFT: draft, "Content-Type": JSON, "Cache-Control": "no-store"}
    return Answer(202, _body(facts), headers)


def story(told: Told, mode: Mode) -> dict[str, object]:
    """For programs."""
    found = told.story
    return {
        "mode": str(mode),
        "asked": str(told.mode),
        "by": found.by,
        "reason": found.reason,
        "since": _time(found.since),
        "incident": found.incident,
        "link": found.link,
    }


def sentence(told: Told, mode: Mode) -> str:
    """For people."""
    found = told.story
    who = f" by {found.by}" if found.by else ""
    since = f" since {_time(found.since)}" if found.since else ""
    return f"this agent is held at {mode}{who}{since}" + (f" ({found.incident})" if found.incident else "")


def _why(told: Told, mode: Mode) -> str:
    if told.fresh:
        return "this gate was not told yet what is held, so that nothing passes"
    return sentence(told, mode)


def _headers(told: Told, mode: Mode) -> dict[str, str]:
    found = told.story
    pairs = {
        MODE: str(mode),
        BY: found.by,
        SINCE: _time(found.since),
        INCIDENT: found.incident,
        LINK: found.link,
    }
    return {name: plain for name, value in pairs.items() if (plain := _ascii(value))}


def _ascii(text: str) -> str:
    """Fit for a header."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:200]).strip()


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else ""


def _body(facts: Mapping[str, object]) -> bytes:
    return json.dumps(facts).encode() + b"\n"
