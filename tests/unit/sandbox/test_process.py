"""Does `python -m bot.sandbox` serve a workspace as a process of its own?"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import yaml
from slack_sdk.web.async_client import AsyncWebClient

from tests.unit.sandbox.conftest import MANIFEST


async def test_process(tmp_path: Path) -> None:
    """The first line is the bot's environment; an interrupt ends it with exit code 0."""
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(yaml.safe_dump(MANIFEST), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", "--manifest", str(manifest), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    environment = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
    assert (await client.auth_test())["user_id"] == "U0BOT"
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 0
