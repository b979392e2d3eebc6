"""Only fresh, well-formed requests of Slack's pass, each once; all others are one refusal, never an error."""

import contextlib
import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.slack.guard import MAX_BODY, Guard, Rejected
from bot.slack.replays import KEEP, Replays

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_800_000_000.0
FORM = "application/x-www-form-urlencoded"
BODY = urlencode({"command": "/agent-kill", "text": "full_stop", "trigger_id": "1.2.abc"}).encode()


def sign(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    """As Slack's documentation says, written apart from the code under test."""
    base = f"v0:{timestamp}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def headers(
    body: bytes = BODY, *, at: str = "1800000000", kind: str = FORM, signature: str | None = None
) -> dict[str, str]:
    """The headers of a request."""
    return {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": sign(body, at) if signature is None else signature,
        "Content-Type": kind,
    }


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    """A guard that has seen nothing."""
    return Guard(SECRET, Replays(tmp_path / "used", NOW))


def refused(guard: Guard, found: dict[str, str], body: bytes = BODY, *, method: str = "POST", now: float = NOW) -> str:
    """Why it is refused; fails where it is not."""
    with pytest.raises(Rejected) as caught:
        guard.check(method, found, body, now)
    return str(caught.value)


def test_slacks_own_published_example_passes(tmp_path: Path) -> None:
    """The secret, timestamp, body and signature of docs.slack.dev/authentication/verifying-requests-from-slack."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    guard = Guard("8f742231b10e8888abcd99yyyzzz85a5", Replays(tmp_path / "used", 1531420618))
    found = headers(body, at="1531420618", signature=signature)
    assert guard.check("POST", found, body, 1531420618.0).startswith("token=xyzz")


def test_a_request_passes_once(guard: Guard) -> None:
    """The same signed bytes are worth nothing a second time."""
    assert guard.check("POST", headers(), BODY, NOW) == BODY.decode()
    assert "replay" in refused(guard, headers())


def test_a_replay_is_recognised_after_a_restart(tmp_path: Path) -> None:
    """The file remembers what the process forgot, for longer than a signature is good."""
    Guard(SECRET, Replays(tmp_path / "used", NOW)).check("POST", headers(), BODY, NOW)
    again = Guard(SECRET, Replays(tmp_path / "used", NOW + 200))
    assert "replay" in refused(again, headers(), now=NOW + 200)
    assert KEEP > 360


def test_a_disk_that_fails_delays_no_request(tmp_path: Path) -> None:
    """Without its file the cache still works in memory: a stop comes before the memory of it."""
    (tmp_path / "used").mkdir()
    guard = Guard(SECRET, Replays(tmp_path / "used", NOW))
    assert guard.check("POST", headers(), BODY, NOW)
    assert "replay" in refused(guard, headers())


def test_old_signatures_are_forgotten(tmp_path: Path) -> None:
    """Neither memory nor file grows for ever."""
    replays = Replays(tmp_path / "used", NOW)
    for index in range(30):
        assert replays.use(f"v0={index:064x}", NOW + index * 60)
    replays.close()
    Replays(tmp_path / "used", NOW + 29 * 60).close()
    assert len((tmp_path / "used").read_text().splitlines()) < 13
    assert (tmp_path / "used").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("age", [301, 4000, -31, -290])
def test_old_and_future_requests_are_refused(guard: Guard, age: int) -> None:
    """Five minutes past, half a minute future."""
    assert "clock" in refused(guard, headers(at=str(int(NOW) - age)))


@pytest.mark.parametrize("age", [299, 0, -29])
def test_the_window_itself_is_open(guard: Guard, age: int) -> None:
    """Slack's delays and small skews are no attack."""
    assert guard.check("POST", headers(at=str(int(NOW) - age)), BODY, NOW)


@pytest.mark.parametrize(
    "at", ["", "x", "1e9", "-1", "+1800000000", " 1800000000", "1" * 5000, "\u0661\u0668", "1800000000.5", "0x10"]
)
def test_a_timestamp_that_is_no_number_is_refused(guard: Guard, at: str) -> None:
    """Also where it was signed as it stands."""
    refused(guard, headers(at=at))


@pytest.mark.parametrize(
    "signature", ["", "v0=", "v0=" + "g" * 64, "v0=" + "\u00e9" * 64, "v1=" + "0" * 64, "\udcff", "v0=" + "0" * 64]
)
def test_a_wrong_signature_is_refused(guard: Guard, signature: str) -> None:
    """Malformed, foreign or merely wrong."""
    refused(guard, headers(signature=signature))


def test_another_secret_is_refused(guard: Guard) -> None:
    """The signature is checked against ours."""
    refused(guard, headers(signature=sign(BODY, "1800000000", "another")))


DEEP = "[" * 2000 + "]" * 2000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"\xff\xfe=1"),
        (FORM, b"a=%ff"),
        (FORM, b""),
        (FORM, b"a=1&a=2"),
        (FORM, b"&".join(b"k%d=1" % i for i in range(200))),
        (FORM, urlencode({"payload": "{"}).encode()),
        (FORM, urlencode({"payload": "[]"}).encode()),
        (FORM, urlencode({"payload": f'{{"a":{DEEP}}}'}).encode()),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", f'{{"a":{DEEP}}}'.encode()),
        ("application/json", b'{"a": 1' + b"0" * 5000 + b"}"),
        ("text/plain", BODY),
        ("", BODY),
        ("multipart/form-data; boundary=x", BODY),
        (FORM, b"a=" + b"x" * MAX_BODY),
    ],
)
def test_a_signed_body_that_bolt_could_choke_on_is_refused(guard: Guard, kind: str, body: bytes) -> None:
    """Not text, not a form, not JSON, too deep, too big: refused before anything parses it."""
    refused(guard, headers(body, kind=kind), body)


def test_brackets_in_a_reason_are_no_nesting(guard: Guard) -> None:
    """Somebody may type a hundred brackets."""
    payload = json.dumps({"type": "view_submission", "text": '\\"[' + "[{" * 100})
    body = urlencode({"payload": payload}).encode()
    assert guard.check("POST", headers(body), body, NOW)


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_only_post_is_taken(guard: Guard, method: str) -> None:
    """Slack posts."""
    refused(guard, headers(), method=method)


@pytest.mark.parametrize("secret", ["", "  "])
def test_an_empty_secret_refuses_to_start(secret: str, tmp_path: Path) -> None:
    """Whoever knows that it is empty could sign anything."""
    with pytest.raises(ValueError, match="SLACK_SIGNING_SECRET is empty"):
        Guard(secret, Replays(tmp_path / "used", NOW))


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.text(max_size=30) | st.just("1800000000"),
    signature=st.text(max_size=80) | st.from_regex(r"v0=[0-9a-f]{64}", fullmatch=True),
    kind=st.sampled_from([FORM, "application/json", "", "\u00e9"]),
    body=st.binary(max_size=300),
)
def test_nothing_unsigned_passes_and_nothing_fails(
    guard: Guard, at: str, signature: str, kind: str, body: bytes
) -> None:
    """Two thousand made-up requests: none accepted, none an error."""
    refused(guard, headers(body, at=at, kind=kind, signature=signature), body)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400) | st.recursive(st.none(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_a_signed_body_of_any_bytes_passes_or_is_refused(guard: Guard, body: bytes) -> None:
    """Whoever holds the secret can still break nothing."""
    for kind in (FORM, "application/json"):
        with contextlib.suppress(Rejected):
            assert isinstance(guard.check("POST", headers(body, kind=kind), body, NOW), str)
