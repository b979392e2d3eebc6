"""Can every emoji that the bot names be seen in the simulated Slack, on the page and in the terminal?"""

import re
from pathlib import Path

import pytest

import bot.sandbox.page
import bot.slack
from bot.sandbox.demo.slack_text import _EMOJI

_SAID = re.compile(r":([a-z_]{3,}):")
_SIGNS = (Path(bot.sandbox.page.__file__).parent / "static" / "emoji.js").read_text(encoding="utf-8")
_NAMES = sorted(
    {
        name
        for path in Path(bot.slack.__file__).parent.rglob("*.py")
        for name in _SAID.findall(path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("name", _NAMES)
def test_an_emoji_of_the_bot_has_a_sign(name: str) -> None:
    """Nobody reads `:arrow_up:` where Slack shows an arrow."""
    assert re.search(rf"\b{name}: \"", _SIGNS), "not on the page"
    assert f":{name}:" in _EMOJI, "not in the terminal"
