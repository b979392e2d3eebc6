"""Does the bot speak TLS to a NATS server, and only to one whose certificate it trusts?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Shared
from adapters.errors import AdapterError, Refused
from adapters.nats_user import NatsUser, NatsUserConfig
from tests.contract.nats_rig import BOT
from tests.contract.nats_server import Key, NatsServer, certified


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """One that wants TLS."""
    with NatsServer(tls=certified(tmp_path)) as started:
        yield started


def _adapter(server: NatsServer, creds: str) -> NatsUser:
    given: dict[str, Any] = {
        "url": server.url, "creds": creds, "operator_seed": server.operator.bot.seed,
        "account": server.operator.system.public, "role": Key.new("A").public,
    }  # fmt: skip
    return NatsUser(config=NatsUserConfig.model_validate(given), canary=None, shared=Shared())


async def test_a_trusted_server_answers(server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the certificate among the trusted ones the server is asked, and its system account has no such role."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    adapter = _adapter(server, server.operator.user(BOT))
    assert not (await adapter.observe()).exists
    await adapter.aclose()


async def test_a_strange_certificate_is_refused(server: NatsServer) -> None:
    """Nothing is sent to a server whose certificate is not trusted, and the text says so."""
    adapter = _adapter(server, server.operator.user(BOT))
    with pytest.raises(AdapterError, match="certificate") as caught:
        await adapter.observe()
    assert not isinstance(caught.value, Refused)
    await adapter.aclose()
