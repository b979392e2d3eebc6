"""Answers through a `response_url`: works without membership of the channel, five times within thirty minutes."""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

_log = logging.getLogger(__name__)
_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Responder:
    """Posts to the `response_url` of a request, and to no other place.

    Args:
        session: shared with the rest of the room.
        api_url: base of the Web API; its host is allowed too, for a simulator or a proxy.
    """

    def __init__(self, session: aiohttp.ClientSession, api_url: str) -> None:
        self._session = session
        self._own = urlsplit(api_url)

    async def send(self, url: str, payload: Mapping[str, object]) -> bool:
        """Posts the answer; says whether it was taken. Never raises: an answer is worth less than what it tells of."""
        if not self._allowed(url):
            _log.error("an answer was not sent: its response_url is not Slack's")
            return False
        try:
            async with self._session.post(url, json=payload, timeout=_TIMEOUT, allow_redirects=False) as response:
                if response.status == 200:  # noqa: PLR2004  # OK
                    return True
                _log.warning("Slack answered %d to an answer through response_url", response.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            _log.warning("an answer through response_url failed: %s", type(error).__name__)
        return False

    def _allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            place = (parts.scheme, parts.hostname, parts.port)
        except ValueError:
            return False
        if parts.username or parts.password:
            return False
        own = place == (self._own.scheme, self._own.hostname, self._own.port)
        return own or (parts.scheme == "https" and parts.hostname in _HOSTS and parts.port in {None, 443})
