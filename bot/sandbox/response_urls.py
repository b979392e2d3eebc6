"""response_url: five messages within thirty minutes, without membership and without a token.

docs.slack.dev/interactivity/handling-user-interaction. The bodies after the fifth use and after thirty minutes
(`used_url`, `expired_url`, both 404) are what apps have met; Slack does not document them.
"""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.api_chat import named
from bot.sandbox.arguments import Arguments
from bot.sandbox.desk import Desk
from bot.sandbox.errors import PROGRAMMING_ERRORS, SlackError
from bot.sandbox.limits import check_message_blocks
from bot.sandbox.messages import Ephemeral, Json, Message

USES, LIFETIME = 5, 30 * 60
FIELDS = frozenset(
    {
        "attachments",
        "blocks",
        "delete_original",
        "link_names",
        "metadata",
        "mrkdwn",
        "parse",
        "replace_original",
        "reply_broadcast",
        "response_type",
        "text",
        "thread_ts",
        "unfurl_links",
        "unfurl_media",
    }
)
Original = Message | Ephemeral | None


@dataclass(slots=True)
class ResponseUrl:
    """One address, bound to a person and a channel.

    Attributes:
        original: the message that `replace_original` and `delete_original` mean.
    """

    user: str
    channel: str
    issued: float
    original: Original = None
    uses: int = 0


class ResponseUrls:
    """Hands out addresses and takes what is posted to them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._issued: dict[str, ResponseUrl] = {}

    def issue(self, kind: str, user: str, channel: str, original: Original = None) -> tuple[str, ResponseUrl]:
        """A new address and what it stands for; `kind` is `commands` or `actions`, as in Slack's own."""
        ids, app = self._desk.workspace.ids, self._desk.workspace.app
        path = f"{kind}/{app.team_id}/{ids.next('')}/{ids.secret()}"
        target = ResponseUrl(user, channel, self._desk.workspace.clock.now(), original)
        self._issued[path] = target
        return f"http://{self._desk.host}/{path}", target

    async def handle(self, request: web.Request) -> web.Response:
        """Takes one message."""
        found = self._issued.get(request.path.strip("/"))
        if found is None:
            return _refuse("no_service", 404)
        if self._desk.workspace.clock.now() - found.issued > LIFETIME:
            return _refuse("expired_url", 404)
        if found.uses >= USES:
            return _refuse("used_url", 404)
        try:
            body = json.loads(await request.text())
            self.apply(found, body, source="response_url")
        except (ValueError, AttributeError):
            return self._blame(SlackError("invalid_payload"), 400)
        except SlackError as error:
            return self._blame(error, 400)
        found.uses += 1
        return web.Response(text="ok")

    def _blame(self, error: SlackError, status: int) -> web.Response:
        if error.code in PROGRAMMING_ERRORS:
            self._desk.workspace.violate(f"response_url was answered {error.code}: {error.extra}")
        return _refuse(error.code, status)

    def apply(self, target: ResponseUrl, body: Json, *, source: str) -> Original:
        """Shows, replaces or deletes a message.

        Raises:
            SlackError: `no_text`, `invalid_blocks`, `msg_blocks_too_long`.
        """
        for name in sorted(body.keys() - FIELDS):
            self._desk.workspace.violate(f"{source} has no field {name}")
        if body.get("delete_original"):
            return self._delete(target)
        args = Arguments(body)
        blocks = args.objects("blocks", "invalid_blocks_format")
        if blocks:
            check_message_blocks(blocks)
        if not args.text("text") and not blocks and not body.get("attachments"):
            raise SlackError("no_text")
        shown = named(self._desk, blocks) or []
        if body.get("replace_original") and target.original is not None:
            return self._replace(target.original, args.text("text"), shown)
        return self._show(target, body, shown, source)

    def _delete(self, target: ResponseUrl) -> Original:
        if target.original is not None:
            target.original.deleted = True
            self._desk.workspace.changed("message", target.original)
        return target.original

    def _replace(self, original: Message | Ephemeral, text: str, blocks: list[Json]) -> Original:
        past = original.history if isinstance(original, Message) else original.replaced
        past.append((original.text, original.blocks))
        original.text, original.blocks = text, blocks
        self._desk.workspace.changed("message", original)
        return original

    def _show(self, target: ResponseUrl, body: Json, blocks: list[Json], source: str) -> Original:
        workspace, text = self._desk.workspace, str(body.get("text") or "")
        common: dict[str, Any] = {"blocks": blocks, "thread_ts": body.get("thread_ts")}
        common["attachments"] = body.get("attachments") or []
        ts = workspace.next_ts()
        if body.get("response_type") == "in_channel":
            app = workspace.app
            shown: Original = workspace.post(
                Message(ts, target.channel, app.bot_user, text, bot_id=app.bot_id, **common)
            )
        else:
            shown = workspace.show(Ephemeral(ts, target.channel, target.user, text, source, **common))
        target.original = target.original or shown
        return shown


def _refuse(code: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": code}, status=status)
