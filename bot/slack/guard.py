"""Decides whether an HTTP request is Slack's, before anything else reads it.

Stands in front of Bolt, whose own check lets replays and far-future times pass, answers malformed input with 500 and
logs the raw body. Here whatever is not a fresh, well-formed and correctly signed request is one and the same 401.
The signature: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from bot.slack.replays import Replays

MAX_BODY = 256 * 1024  # a message shortcut carries the whole message that it was used on
PAST = 300.0  # seconds that a request may be old
FUTURE = 30.0  # seconds that Slack's clock may be ahead
_MAX_FIELDS = 100
_MAX_DEPTH = 64  # of JSON; Slack's own stays under 20
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


class Rejected(Exception):
    """The request is not taken. The reason is for the log; whoever sent it learns nothing."""


class Guard:
    """Checks one request at a time.

    Args:
        secret: `SLACK_SIGNING_SECRET`. Raises ValueError where it is empty, since an empty one signs everything.
        replays: the signatures that were already used.
    """

    def __init__(self, secret: str, replays: Replays) -> None:
        if not secret.strip():
            raise ValueError(
                "SLACK_SIGNING_SECRET is empty, so that anybody could sign a request: copy the app's signing secret"
                " from its Basic Information page, or unset the variable and use Socket Mode"
            )
        self._secret = secret.strip().encode()
        self._replays = replays

    def check(self, method: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """Returns the body's text. Raises `Rejected` for everything that is not a fresh request of Slack's."""
        if method != "POST":
            raise Rejected(f"method {method[:16]!r}")
        if len(body) > MAX_BODY:
            raise Rejected(f"body of more than {MAX_BODY} bytes")
        timestamp, signature = self._signed(headers, body)
        self._fresh(timestamp, now)
        text = _text(headers, body)
        if not self._replays.use(signature, now):
            raise Rejected("replayed signature")
        return text

    def _signed(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        timestamp = headers.get("X-Slack-Request-Timestamp", "")
        signature = headers.get("X-Slack-Signature", "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            raise Rejected("malformed timestamp or signature")
        base = b"v0:" + timestamp.encode("ascii") + b":" + body
        expected = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            raise Rejected("wrong signature")
        return timestamp, signature

    @staticmethod
    def _fresh(timestamp: str, now: float) -> None:
        age = now - int(timestamp)
        if age > PAST:
            raise Rejected(f"{age:.0f} s old; where all requests are, this machine's clock is wrong")
        if age < -FUTURE:
            raise Rejected(f"{-age:.0f} s in the future; where all requests are, this machine's clock is wrong")


def _text(headers: Mapping[str, str], body: bytes) -> str:
    """The body as text, once it is certain that Bolt can read it."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8")
        if kind == _FORM:
            _form(text)
        elif kind == _JSON:
            _json(text)
        else:
            raise Rejected("content type")
    except (ValueError, RecursionError) as error:
        raise Rejected(f"unreadable body: {type(error).__name__}") from None
    return text


def _form(text: str) -> None:
    fields = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    if not fields or any(len(values) > 1 for values in fields.values()):
        raise ValueError("no field, or one twice")
    if "payload" in fields:
        _json(fields["payload"][0])


def _json(text: str) -> None:
    _flat_enough(text)
    if not isinstance(json.loads(text), dict):
        raise ValueError("not an object")  # noqa: TRY004  # one sort of error for every unreadable body


def _flat_enough(text: str) -> None:
    """Refuses deep nesting before the recursive parser sees it."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAX_DEPTH:
            raise ValueError("too deep")
