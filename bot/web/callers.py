"""The callers of signed calls: who they are, and that each signature is used once."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from aiohttp import web
from pydantic import SecretStr

from bot.service.ports import Clock
from bot.web.signed import CALLER, PAST, SIGNATURE, UsedSignatureError, verify
from bot.web.used import Used

_MARGIN = 60.0  # seconds that a used signature is remembered beyond its life


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call whose signature is right and new. `kept` says when the disk has it as used."""

    caller: str
    digest: str
    kept: "Future[bool]"


class Callers:
    """Verifies calls.

    Args:
        secrets: of each caller, by name.
        used: the signatures that were used.
        clock: judges their age.

    Raises:
        ValueError: a secret is empty.
    """

    def __init__(self, secrets: Mapping[str, SecretStr], used: Used, clock: Clock) -> None:
        for name, secret in secrets.items():
            if not secret.get_secret_value():
                raise ValueError(
                    f"the secret of the caller {name} in AGENT_KILL_STOP_SECRETS is empty: set it or remove it"
                )
        self._secrets, self._used, self._clock = dict(secrets), used, clock

    def verified(self, request: web.Request, body: bytes) -> Call:
        """Who called. Raises `BadSignatureError`, of which `UsedSignatureError` is one."""
        caller = request.headers.get(CALLER, "")
        secret = self._secrets.get(caller)
        signature = verify(
            secret.get_secret_value() if secret else None, request.headers.get(SIGNATURE), body, self._clock.now()
        )
        kept = self._used.take(signature.digest, signature.at + PAST + _MARGIN)
        if kept is None:
            raise UsedSignatureError(signature.digest)
        return Call(caller=caller, digest=signature.digest, kept=kept)

    def forget(self, call: Call) -> None:
        """Makes a signature good again: its call failed before anything was done."""
        self._used.forget(call.digest)
