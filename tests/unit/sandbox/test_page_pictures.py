"""Does the page show an uploaded picture as one, and everything else as text?"""

import pytest

from bot.sandbox.files import UploadedFile
from bot.sandbox.manifest import Manifest, shipped
from bot.sandbox.page.slack_part import picture
from bot.sandbox.simulator import Simulator

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


@pytest.mark.parametrize(("content", "shown"), [(PNG, PNG), (b"a list", b""), (b"", b""), (None, b"")])
def test_a_picture_is_what_begins_as_one(content: bytes | None, shown: bytes) -> None:
    """By its bytes and not by its name; a file that is not there is none."""
    simulator = Simulator(Manifest.load(shipped()))
    simulator.workspace.files["F1"] = UploadedFile("F1", "drill.png", 28, "ticket", content=content)
    assert picture(simulator, "F1") == shown
    assert picture(simulator, "F2") == b""
