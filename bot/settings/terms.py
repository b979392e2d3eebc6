"""The words of the file: durations, names, Slack ids, time zones. Each check says what would be accepted."""

import base64
import re
import zoneinfo
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr, WithJsonSchema

from adapters.base import Mode

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"([0-9]{1,9})([smh])")
_LONGEST = 30 * 24 * 3600
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
ARMED_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # wrong, and still harmless enough to stay armed under
_SURFACE = re.compile(rf"{NAME.pattern}/{NAME.pattern}")
RESERVED = frozenset({*(str(mode) for mode in Mode), "all"})

_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,20}")
_USER = re.compile(r"[UW][A-Z0-9]{1,20}")
_GROUP = re.compile(r"S[A-Z0-9]{1,20}|@[^\s@<>,]{1,80}")
_SEED = 16  # bytes
_ID_REST = "1 to 20 capital letters or digits"


def seconds(text: Any) -> float:
    """`60s`, `5m`, `2h` -> seconds. Raises `ValueError` on anything else, and above 30 days."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise ValueError("is not a duration: write seconds, minutes or hours, such as 60s, 5m or 2h")
    value = int(match[1]) * _SECONDS[match[2]]
    if value > _LONGEST:
        raise ValueError("is longer than 30 days (720h)")
    return float(value)


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be longer than 0s")
    return value


def name_fault(name: str) -> str:
    """Why `name` cannot be an id; empty where it can."""
    if name in RESERVED:
        return "is a word of the commands: choose another name"
    if not NAME.fullmatch(name):
        return "is not a name: use 1 to 64 of a-z 0-9 _ -, beginning with a letter or a digit"
    return ""


def _shaped(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"is not {what}")
    return text


def _channel(text: str) -> str:
    return _shaped(
        _CHANNEL, text, f"a channel id: write C or G and {_ID_REST}, such as C0INCIDENT (not the channel's name)"
    )


def user_id(text: str) -> str:
    """A Slack user id. Raises `ValueError` on anything else."""
    return _shaped(_USER, text, f"a user id: write U or W and {_ID_REST}, such as U0OWNER (not the person's name)")


def _group(text: str) -> str:
    forms = f"its id, S and {_ID_REST}, such as S0ONCALL, or its handle, such as @oncall"
    return _shaped(_GROUP, text, f"a user group: write {forms}")


def _seed(secret: SecretStr) -> SecretStr:
    """As apps show it: in groups, in small letters, with or without padding. The length is RFC 4226's, section 4."""
    text = re.sub(r"[\s-]", "", secret.get_secret_value()).upper().rstrip("=")
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        raise ValueError("is not a seed in base32 (A to Z, 2 to 7): make one with `agent-kill enrol`") from None
    if len(raw) < _SEED:
        raise ValueError(f"is a seed of {len(raw) * 8} bits: make one of at least 128 with `agent-kill enrol`")
    return SecretStr(text)


def _surface(text: str) -> str:
    return _shaped(_SURFACE, text, "the name of a surface: write agent/surface, such as billing/ledger")


def _name(text: str) -> str:
    if fault := name_fault(text):
        raise ValueError(fault)
    return text


def _timezone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        close = get_close_matches(text, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"is not a time zone: {hint}write a name such as Europe/Berlin or UTC") from None
    return text


def _text_schema(pattern: re.Pattern[str], example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": rf"^({pattern.pattern})$|\$\{{", "examples": [example]})


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,9}[smh]$|\$\{", "examples": ["60s"]})

Duration = Annotated[float, BeforeValidator(seconds), _DURATION_SCHEMA]
PositiveDuration = Annotated[float, BeforeValidator(seconds), AfterValidator(_positive), _DURATION_SCHEMA]
Channel = Annotated[str, AfterValidator(_channel), _text_schema(_CHANNEL, "C0INCIDENT")]
User = Annotated[str, AfterValidator(user_id), _text_schema(_USER, "U0OWNER")]
Seed = Annotated[SecretStr, AfterValidator(_seed)]
Group = Annotated[str, AfterValidator(_group), _text_schema(_GROUP, "S0ONCALL")]
SurfaceName = Annotated[str, AfterValidator(_surface), _text_schema(_SURFACE, "billing/ledger")]
Name = Annotated[str, AfterValidator(_name), _text_schema(NAME, "ledger")]
TimeZone = Annotated[str, AfterValidator(_timezone)]
