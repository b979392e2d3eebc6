"""Does `/readyz` say when commands from Slack cannot come in?"""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.whole_bot import Bot

AGENTS = {"billing": {"name": "Billing", "surfaces": {"api": {"adapter": "memory", "class": "api"}}}}


@pytest.mark.parametrize(
    ("environ", "status", "said"),
    [
        ({}, 200, None),
        ({"SLACK_SIGNING_SECRET": "s3cret-s3cret-s3cret"}, 503, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_APP_TOKEN": "xapp-1"}, 503, "SLACK_BOT_TOKEN is not set"),
    ],
)
async def test_half_a_slack_is_not_ready(
    tmp_path: Path, environ: dict[str, str], status: int, said: str | None
) -> None:
    """With one of Slack's variables and no bot token nobody could type a stop: a probe has to see it."""
    bot = Bot(tmp_path, environ)
    bot.configure(AGENTS)
    await bot.start()
    try:
        found, body = _readyz(bot)
    finally:
        bot.stop()

    assert found == status, body
    assert said is None or said in json.dumps(body)


def _readyz(bot: Bot) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{bot.admin_port}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
