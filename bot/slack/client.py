"""The Web API of Slack: one shared session, and answers instead of exceptions."""

import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.blocks.message import Message

SLACK = "https://slack.com/api/"
_TIMEOUT = 15.0  # seconds; a post that takes longer is of unknown outcome
_CONNECT = 5.0
_SERVER_ERROR = 500
_TOO_MANY = 429
_GATEWAY_TIMEOUT = 504
_BUSY = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_MAYBE_DONE = {"internal_error", "fatal_error"}  # "some aspect of the operation may have succeeded"
_NO_NAME = "Slack took the {} and did not say {}: look at what stands between Slack and the bot (SLACK_API_URL)"
_TROUBLE = _MAYBE_DONE | {"service_unavailable", "request_timeout", "team_added_to_org"}


@dataclass(frozen=True, slots=True)
class Sent:
    """Slack took it. `ts` names the message (or the file)."""

    ts: str


@dataclass(frozen=True, slots=True)
class Later:
    """Try again.

    Args:
        why: for the log and the status page.
        seconds: how long Slack asked to wait; None where it did not say.
        unsure: whether it may have been done all the same.
    """

    why: str
    seconds: float | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Slack said no; `code` is its word for why."""

    code: str


Answer = Sent | Later | Refused


class SlackApi:
    """One client session for everything that speaks to Slack. Made by `open` inside the running loop.

    `client` is slack_sdk's own, for the calls that are not listed here. It never retries by itself: a retry that the
    outbox does not know of could post twice.
    """

    def __init__(self, session: aiohttp.ClientSession, client: AsyncWebClient) -> None:
        self.session = session
        self.client = client
        self.refused: Callable[[], str] = str  # why nothing is sent now, where a drill rehearses an outage of Slack

    @classmethod
    async def open(cls, *, token: str, base_url: str = SLACK, patience: float = _TIMEOUT) -> Self:
        """Opens the session. `patience` is seconds for a whole call."""
        limits = aiohttp.ClientTimeout(total=patience, connect=min(_CONNECT, patience))
        session = aiohttp.ClientSession(timeout=limits, trust_env=True)
        client = AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])
        return cls(session, client)

    async def aclose(self) -> None:
        """Closes the session."""
        await self.session.close()

    async def post(self, channel: str, message: Message, *, thread: str | None = None) -> Answer:
        """Posts a message, in a thread or in the channel. Nothing in it is unfurled."""
        if why := self.refused():
            return Later(why)
        body = {"channel": channel, "unfurl_links": False, "unfurl_media": False, **message.payload()}
        if thread is not None:
            body["thread_ts"] = thread
        answer = await _asked(self.client.api_call("chat.postMessage", json=body))
        if thread is None and answer == Sent(""):
            # nothing can be said below it, nor can it be updated: for a thread it is as good as lost
            return Later(_NO_NAME.format("message", "ts"), unsure=True)
        return answer

    async def update(self, channel: str, ts: str, message: Message) -> Answer:
        """Replaces a message. Doing it twice is harmless, so it is never `unsure`."""
        if why := self.refused():
            return Later(why)
        body = {"channel": channel, "ts": ts, **message.payload()}
        answer = await _asked(self.client.api_call("chat.update", json=body))
        return Later(answer.why, answer.seconds) if isinstance(answer, Later) else answer

    async def upload(self, channel: str, *, thread: str, name: str, title: str, text: str | bytes) -> Answer:
        """Shares a file, of text or not, in a thread: three calls (ask for an address, upload, complete)."""
        data = text.encode() if isinstance(text, str) else text
        asked = self.client.files_getUploadURLExternal(filename=name, length=len(data))
        ticket = await _response(asked)
        if not isinstance(ticket, AsyncSlackResponse):
            return Later(ticket.why, ticket.seconds) if isinstance(ticket, Later) else ticket
        url, file = ticket.get("upload_url"), ticket.get("file_id")
        if not (isinstance(url, str) and isinstance(file, str)):
            return Later(_NO_NAME.format("file", "upload_url and file_id"))
        failure = await self._put(url, data)
        if failure is not None:
            return failure
        done = self.client.files_completeUploadExternal(
            files=[{"id": file, "title": title}], channel_id=channel, thread_ts=thread
        )
        answer = await _response(done)
        return Sent(file) if isinstance(answer, AsyncSlackResponse) else answer

    async def _put(self, url: str, data: bytes) -> Later | None:
        """Uploads the bytes; a failure is never `unsure`, since an upload that is not completed shows nowhere."""
        try:
            async with self.session.post(url, data=io.BytesIO(data)) as response:
                await response.read()
                if response.ok:
                    return None
                return Later(f"the upload of the file was answered {response.status}", _wait(response.headers))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Later(f"the upload of the file failed: {_name(error)}")


async def _asked(call: Awaitable[AsyncSlackResponse]) -> Answer:
    answer = await _response(call)
    return Sent(str(answer.get("ts") or "")) if isinstance(answer, AsyncSlackResponse) else answer


async def _response(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse | Later | Refused:
    try:
        return await call
    except SlackApiError as error:
        return _judge(error)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return Later(f"Slack cannot be reached: {_name(error)}")
    except (TimeoutError, aiohttp.ClientError, OSError, AttributeError, json.JSONDecodeError) as error:
        # AttributeError is what the client library makes of a page that is not JSON
        return Later(f"Slack's answer was lost: {_name(error)}", unsure=True)


def _judge(error: SlackApiError) -> Later | Refused:
    """Sorts what Slack (or something on the way to it) answered."""
    response = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    code = ""
    if isinstance(response, AsyncSlackResponse) and isinstance(response.data, dict):
        code = str(response.data.get("error") or "")
    if status == _TOO_MANY or code in _BUSY:
        return Later("Slack asks for patience (rate limit)", _wait(getattr(response, "headers", {})))
    if status >= _SERVER_ERROR or code in _TROUBLE:
        # a page of whatever stands before Slack's servers comes from before the call; a gateway's timeout does not
        done = code in _MAYBE_DONE or status == _GATEWAY_TIMEOUT
        return Later(f"Slack answered {status} {code}".rstrip(), _wait(getattr(response, "headers", {})), unsure=done)
    return Refused(code) if code else Later(f"Slack answered {status} without a word", unsure=True)


def _wait(headers: object) -> float | None:
    """Seconds of `Retry-After`; Slack sends a whole number."""
    if not hasattr(headers, "items"):
        return None
    found = {str(key).lower(): value for key, value in headers.items()}.get("retry-after")
    try:
        return max(float(str(found)), 0.0) if found is not None else None
    except ValueError:
        return None


def _name(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()
