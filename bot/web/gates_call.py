"""`POST /v1/gates`: a gate asks what is held. Signed with the secret of its surfaces, and so is the answer."""

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from adapters.base.gated import MODES
from adapters.base.signed import ANSWER, REQUEST, Once, Unsigned, answered, read, verify
from bot.service.gates import Gates, Held
from bot.service.ports import Clock
from bot.web.answers import problem


class _Question(BaseModel):
    """The body: the gate's own name, and the surfaces that it serves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate: Annotated[StrictStr, Field(pattern="^[A-Za-z0-9._-]{1,64}$")]
    surfaces: tuple[StrictStr, ...]


class _Answer(BaseModel):
    surfaces: dict[str, Held]


class GatesDoor:
    """Verified, used once, answered from memory.

    Args:
        gates: knows what is held.
        clock: judges the age of signatures.
    """

    def __init__(self, gates: Gates, clock: Clock) -> None:
        self._gates, self._clock, self._once = gates, clock, Once()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """200 `{surfaces: {name: {mode, by, reason, incident, link, since}}}`, or 400, 401."""
        body = await request.read()
        try:
            signed = read(request.headers.get(REQUEST, ""))
            secret = self._signer(request, body)
            self._once.take(signed, self._clock.now())
        except Unsigned as error:
            return problem(401, str(error))
        try:
            asked = _Question.model_validate_json(body)
        except ValidationError as error:
            return problem(400, error.errors(include_url=False, include_input=False)[0]["msg"])
        held = self._gates.held(frozenset(asked.surfaces), secret=secret, gate=asked.gate)
        told = _Answer(surfaces=dict(held)).model_dump_json().encode()
        headers = {ANSWER: answered(secret, signed.nonce, 200, told), "Content-Type": "application/json"}
        return web.Response(body=told, headers=headers)

    def _signer(self, request: web.Request, body: bytes) -> str:
        """Whose secret signed it. Raises `Unsigned`."""
        signed = read(request.headers.get(REQUEST, ""))
        for secret in self._gates.secrets():
            try:
                verify(secret, MODES, body, signed, self._clock.now())
            except Unsigned:
                continue
            return secret
        raise Unsigned("no surface of kind gate has the secret that this is signed with, or its time is over")
