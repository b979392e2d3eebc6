"""Slack's requests as asks for a desk, and the ways in which an answer goes back."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import answers, modal
from bot.slack.ask import Ask
from bot.slack.blocks.message import Message
from bot.slack.respond import Responder
from bot.slack.roster import explain
from bot.slack.tasks import Tasks

_log = logging.getLogger(__name__)

Body = Mapping[str, Any]  # a request of Slack's, as JSON


def typed(body: Body) -> Ask:
    """A slash command."""
    return Ask(
        user=str(body.get("user_id") or ""),
        channel=body.get("channel_id"),
        text=str(body.get("text") or ""),
        trigger=body.get("trigger_id"),
        response_url=body.get("response_url"),
    )


def pressed(body: Body) -> Ask:
    """A button; the text is its value."""
    actions = body.get("actions") or [{}]
    return Ask(
        user=str(body.get("user", {}).get("id") or ""),
        channel=channel_of(body),
        text=str(actions[0].get("value") or ""),
        trigger=body.get("trigger_id"),
        response_url=body.get("response_url"),
    )


def submitted(body: Body, text: str = "") -> Ask:
    """A form."""
    return Ask(
        user=str(body.get("user", {}).get("id") or ""),
        channel=modal.metadata(body["view"]).get("channel"),
        text=text,
        trigger=body.get("trigger_id"),
    )


def channel_of(body: Body) -> str | None:
    """Where a button or a shortcut was used."""
    channel = body.get("channel") or {}
    return channel.get("id") or (body.get("container") or {}).get("channel_id")


async def answered(work: Callable[[Ask], Awaitable[Message]], ask: Ask, what: str) -> Message:
    """The answer, or a clear word that there is none: never silence."""
    try:
        return await work(ask)
    except Exception:  # noqa: BLE001  # a person waits for the answer, whatever failed
        _log.exception("%s failed", what)
        return answers.broken(what)


async def acknowledge(ack: AsyncAck, said: Message) -> None:
    """Answers a command, for the eyes of whoever typed it."""
    payload = said.payload()
    await ack(text=said.text, blocks=payload["blocks"], response_type="ephemeral")  # type: ignore[arg-type]  # Bolt's own block type is as wide


class Back:
    """Answers behind an acknowledgement: through `response_url`, or by a form."""

    def __init__(self, *, responder: Responder, client: AsyncWebClient, tasks: Tasks) -> None:
        self._responder = responder
        self._client = client
        self._tasks = tasks

    def say(self, body: Body, said: Message, *, replace: bool = False) -> None:
        """Answers a button; `replace` puts the answer in the place of the question."""
        url = body.get("response_url")
        if url:
            payload = {**answers.ephemeral(said), "replace_original": replace}
            self._tasks.spawn(self._responder.send(str(url), payload), name="answer to a button")

    def open(self, body: Body, view: modal.View, *, instead: str = "") -> None:
        """Opens a form: its trigger lives for 3 s, and so does the request. `instead` is what to type otherwise."""
        self._tasks.spawn(self._opened(body, view, instead), name="open a modal")

    async def _opened(self, body: Body, view: modal.View, instead: str) -> None:
        try:
            await self._client.views_open(trigger_id=str(body.get("trigger_id")), view=view)
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told what to type instead
            why = explain(error)
            _log.warning("a modal could not be opened: %s", why)
            url = body.get("response_url")
            if url:
                otherwise = f"Type `{instead}` instead." if instead else "Press the button again."
                said = answers.refusal(f"The form could not be opened: {why}. {otherwise}")
                await self._responder.send(str(url), answers.ephemeral(said))
