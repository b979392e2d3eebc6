"""Does an undo record open with its own key alone, and does an older record still open?"""

import base64
import hashlib

import pytest
from cryptography.fernet import Fernet
from pydantic import TypeAdapter

from adapters.base import Change
from bot.service.seal import Seal

CHANGES = (Change(key="login", was="on", now="off"), Change(key="rights/\u00e9", was=None, now="x"))


def test_a_record_opens_with_its_key_alone() -> None:
    """Another key, another text or a changed byte gives nothing, and no error."""
    seal = Seal("key")
    record = seal.close(CHANGES)
    assert seal.open([record]) == CHANGES
    assert Seal("other").open([record]) == ()
    raw = bytearray(base64.b64decode(record.removeprefix("gcm:")))
    raw[-1] ^= 1
    damaged = "gcm:" + base64.b64encode(raw).decode()
    assert seal.open([damaged, "gcm:", "gcm:\u00e9", "nothing", record]) == CHANGES


def test_no_two_records_are_alike() -> None:
    """The same changes sealed twice tell nobody that they are the same."""
    seal = Seal("key")
    assert seal.close(CHANGES) != seal.close(CHANGES)
    assert "login" not in seal.close(CHANGES)


@pytest.mark.parametrize("key", ["key", "a longer key, \u00e9"])
def test_a_record_of_an_earlier_version_opens(key: str) -> None:
    """They lie in journals that a restore reads."""
    fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
    record = fernet.encrypt(TypeAdapter(tuple[Change, ...]).dump_json(CHANGES)).decode()
    assert Seal(key).open([record]) == CHANGES
