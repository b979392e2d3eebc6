"""One role of an account (a scoped signing key) as plain facts, and facts as its template. Nothing here does I/O.

A fact's key is a change's key: the field of the template that a cut replaces, its value as JSON, None where it is not
there. What the bot does not replace (limits, sources, times, the users' own keys) is no fact.
"""

import copy
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

from adapters.base import Change, Mode
from adapters.base.record import Facts, first

MARK = "agent-kill:"  # of the account's tag `agent-kill:ROLE:TOKEN`
FIELDS = ("pub", "sub", "resp", "allowed_connection_types")
NOBODY = "AGENT-KILL"  # a type of connection that no server knows: every login of the role is refused
_EVERYTHING, _EVERY_QUEUE = ">", "> >"  # subjects; subjects and queue groups
_TYPES = {"STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"}
Claims = dict[str, Any]


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))


STOPPED: Facts = {
    "pub": _json({"deny": [_EVERYTHING]}),
    "sub": _json({"deny": [_EVERYTHING]}),
    "resp": None,
    "allowed_connection_types": _json([NOBODY]),
}


def scope_of(claims: Claims, role: str) -> Claims | None:
    """The role as the account has it; None where it has no such role, or a key without a template."""
    keys = _nats(claims).get("signing_keys") or []
    return next((key for key in keys if isinstance(key, dict) and key.get("key") == role and "template" in key), None)


def unscoped(claims: Claims, role: str) -> bool:
    """Whether the account has this key, and no template with it."""
    return role in (_nats(claims).get("signing_keys") or [])


def facts(scope: Claims) -> dict[str, str | None]:
    """Everything that a cut may replace."""
    template = scope.get("template") or {}
    return {name: _json(template.get(name)) for name in FIELDS}


def judged(found: Facts) -> Mode:
    """The loosest mode that a template amounts to."""
    types = [str(one).upper() for one in _value(found, "allowed_connection_types") or []]
    if types and not _TYPES.intersection(types):
        return Mode.FULL_STOP
    pub, sub = _denied(found, "pub"), _denied(found, "sub")
    quiet = _EVERYTHING in pub and found["resp"] is None
    return Mode.READ_ONLY if quiet and (_EVERY_QUEUE in sub or _EVERYTHING in sub) else Mode.NORMAL


def reduced(base: Facts) -> dict[str, str | None]:
    """The same authority with nothing left but listening: no publish, no reply, no share of a queue group's work."""
    sub = dict(_value(base, "sub") or {})
    denied = sub.get("deny") or []
    sub["deny"] = denied if _EVERYTHING in denied or _EVERY_QUEUE in denied else [*denied, _EVERY_QUEUE]
    return {**base, "pub": STOPPED["pub"], "sub": _json(sub), "resp": None}


def baseline(found: Facts, undo: Sequence[Change]) -> dict[str, str | None]:
    """What the role was when the episode began; `found` where nothing is recorded.

    A fact that was not recorded is one that the cuts found as they would have left it, so no more of it is believed.
    """
    return {**(reduced(found) if undo else found), **first(undo)}


def mark(claims: Claims, role: str) -> str | None:
    """The bot's mark on a role."""
    found = [tag for tag in _nats(claims).get("tags") or [] if tag.startswith(f"{MARK}{role}:")]
    return unquote(found[0].rpartition(":")[2]) if len(found) == 1 else None


def rewritten(claims: Claims, role: str, target: Facts, *, token: str | None, at: int) -> Claims:
    """The account's claims with this role made `target` and marked, and everything else as it was.

    They are always newer than what they replace, because a server that was away keeps the newest that it is told of.
    """
    made = copy.deepcopy(claims)
    scope = scope_of(made, role)
    if scope is None:
        raise KeyError(role)
    template = scope["template"]
    for name in FIELDS:
        template.pop(name, None)
    template.update({name: json.loads(text) for name, text in target.items() if text is not None})
    tags = [tag for tag in _nats(made).get("tags") or [] if not tag.startswith(f"{MARK}{role}:")]
    tags += [f"{MARK}{role}:{quote(token, safe='')}"] if token else []
    made["nats"].pop("tags", None)
    made["nats"].update({"tags": tags} if tags else {})
    made["iat"] = max(at, int(made.get("iat", 0)) + 1)
    return made


def revoked(claims: Claims, user: Claims) -> bool:
    """Whether the account has revoked this user's JWT."""
    until = _nats(claims).get("revocations") or {}
    return any(int(user.get("iat", 0)) <= int(until[name]) for name in (str(user.get("sub")), "*") if name in until)


def may_publish(rules: Claims, subject: str) -> bool:
    """Whether a role, or a user's own claims in its place, may publish to a subject."""
    pub = (rules.get("template") or {}).get("pub") or {}
    allowed, denied = pub.get("allow") or [_EVERYTHING], pub.get("deny") or []
    return any(_matches(one, subject) for one in allowed) and not any(_matches(one, subject) for one in denied)


def _matches(pattern: str, subject: str) -> bool:
    words, parts = pattern.split("."), subject.split(".")
    if words[-1] == _EVERYTHING:
        words, parts = words[:-1], parts[: len(words) - 1] if len(parts) >= len(words) else []
    return len(words) == len(parts) and all(word in ("*", part) for word, part in zip(words, parts, strict=True))


def _nats(claims: Claims) -> Claims:
    found = claims.get("nats")
    return found if isinstance(found, dict) else {}


def _value(found: Facts, name: str) -> Any:
    text = found.get(name)
    return None if text is None else json.loads(text)


def _denied(found: Facts, name: str) -> list[str]:
    rules = _value(found, name) or {}
    return list(rules.get("deny") or [])
