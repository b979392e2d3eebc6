"""HTTP mode: the payloads go to the app's request URL, signed.

Signature: docs.slack.dev/authentication/verifying-requests-from-slack. Commands and interactions are form-encoded,
events are JSON (docs.slack.dev/apis/events-api/using-http-request-urls).
"""

import hashlib
import hmac
import json
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.clock import Clock
from bot.sandbox.delivery import Delivery, Reply
from bot.sandbox.faults import Faults
from bot.sandbox.identity import Identity, Ids

_FORM = "application/x-www-form-urlencoded"
_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `X-Slack-Signature`."""
    base = b"v0:" + str(timestamp).encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpMode:
    """Slack as an HTTP client.

    Args:
        url: the app's request URL (commands, interactivity and events alike); may be set later.
        ack_timeout: how long the app has to answer, in seconds; Slack gives three.
    """

    def __init__(self, app: Identity, ids: Ids, *, clock: Clock, faults: Faults, ack_timeout: float) -> None:
        self.url = ""
        self.ack_timeout = ack_timeout
        self._app, self._ids, self._clock, self._faults = app, ids, clock, faults
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery, *, attempt: int, reason: str) -> Reply:
        """Makes one signed request and reads the acknowledgement."""
        body, kind = self._body(delivery)
        headers = self._sign(delivery.kind, delivery.name, body) | {"Content-Type": kind}
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        return await self.request(body, headers)

    async def request(self, body: bytes, headers: dict[str, str]) -> Reply:
        """POSTs these very bytes; the place for malformed requests that a test makes up itself."""
        began = time.perf_counter()
        timeout = aiohttp.ClientTimeout(total=self.ack_timeout)
        headers = {"User-Agent": _AGENT, "Accept": "*/*"} | headers
        try:
            async with self._client().post(
                self.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return await _read(answer, began)
        except TimeoutError:
            return Reply("timeout", elapsed_ms=_since(began))
        except aiohttp.ClientError:
            return Reply("connection_failed", elapsed_ms=_since(began))

    def signed(self, body: bytes, *, timestamp: int | None = None, secret: str | None = None) -> dict[str, str]:
        """The two signature headers for a body."""
        at = int(self._clock.now()) if timestamp is None else timestamp
        signature = sign(secret or self._app.signing_secret, at, body)
        return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signature}

    async def verify_url(self) -> bool:
        """Does Slack's `url_verification` handshake; true when the challenge came back."""
        challenge = self._ids.secret()
        asked = {"token": self._app.verification_token, "challenge": challenge, "type": "url_verification"}
        body = json.dumps(asked).encode()
        reply = await self.request(body, self.signed(body) | {"Content-Type": "application/json"})
        given = reply.body.get("challenge") if isinstance(reply.body, dict) else reply.body
        return reply.status == HTTPStatus.OK and given == challenge

    async def ssl_check(self) -> Reply:
        """Asks as Slack does when it checks the certificate of a command's URL."""
        body = urlencode({"token": self._app.verification_token, "ssl_check": "1"}).encode()
        return await self.request(body, self.signed(body) | {"Content-Type": _FORM})

    async def stop(self) -> None:
        """Closes the client's connections."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session

    def _body(self, delivery: Delivery) -> tuple[bytes, str]:
        if delivery.kind == "events_api":
            return json.dumps(delivery.payload).encode(), "application/json"
        form = delivery.payload if delivery.kind == "slash_commands" else {"payload": json.dumps(delivery.payload)}
        return urlencode(form).encode(), _FORM

    def _sign(self, kind: str, name: str, body: bytes) -> dict[str, str]:
        wrong = self._faults.strike_wire("bad_signature", kind, name)
        old = self._faults.strike_wire("old_timestamp", kind, name)
        at = int(self._clock.now() - (old[0].amount if old else 0))
        return self.signed(body, timestamp=at, secret="0" * 32 if wrong else None)


async def _read(answer: aiohttp.ClientResponse, began: float) -> Reply:
    raw = await answer.read()
    ok = 200 <= answer.status < 300  # noqa: PLR2004  # the 2xx range
    return Reply(
        "" if ok else "http_error",
        body=_parse(raw, answer.content_type),
        elapsed_ms=_since(began),
        status=answer.status,
        no_retry=answer.headers.get("X-Slack-No-Retry") == "1",
    )


def _parse(raw: bytes, content_type: str) -> Any:
    text = raw.decode("utf-8", "replace").strip()
    if not text:
        return None
    if content_type == "application/json":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
