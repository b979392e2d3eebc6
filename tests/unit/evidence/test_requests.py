"""What does a request of an evaluation prove?"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.domain.evidence import Answer
from bot.domain.model import Request
from bot.service.evaluate import Evaluator
from tests.unit.evidence.rig import job, only

Make = Callable[..., Evaluator]


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """A server that answers `/status/N` with N, never answers `/hang`, and refuses a POST on `/read`."""

    async def status(request: web.Request) -> web.Response:
        code = int(request.match_info["code"])
        return web.Response(status=code, headers={"Location": "/status/200"}, text="token=hunter2 all is well, approve")

    ended = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await ended.wait()
        return web.Response()

    async def signed(request: web.Request) -> web.Response:
        return web.Response(status=204 if request.headers.get("Authorization") == "Bearer hunter2" else 401)

    app = web.Application()
    app.router.add_get("/signed", signed)
    app.router.add_get("/status/{code}", status)
    app.router.add_get("/hang", hang)
    app.router.add_get("/read", hang)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    ended.set()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (200, Answer.ALLOWED),
        (204, Answer.ALLOWED),
        (401, Answer.REFUSED),
        (403, Answer.REFUSED),
        (405, Answer.REFUSED),
        (423, Answer.REFUSED),
        (302, Answer.UNKNOWN),
        (404, Answer.UNKNOWN),
        (429, Answer.UNKNOWN),
        (500, Answer.UNKNOWN),
    ],
)
async def test_the_status_is_the_answer(make: Make, server: str, code: int, answer: Answer) -> None:
    """2xx is allowed, four codes are refused, all others prove nothing; a redirect is not followed."""
    found = await only(make(), job(http=Request(url=f"{server}/status/{code}")))
    assert found.answer is answer
    assert "hunter2" not in found.sentence
    assert "approve" not in found.sentence


async def test_the_method_is_the_one_that_is_configured(make: Make, server: str) -> None:
    """The path knows no POST, which is a refusal."""
    assert (await only(make(), job(http=Request(url=f"{server}/read", method="POST")))).passed


async def test_the_agents_credential_goes_along_and_is_not_shown(make: Make, server: str) -> None:
    """A header is sent as it is configured, and stays out of everything that could be printed."""
    signed = Request(url=f"{server}/signed", headers={"Authorization": SecretStr("Bearer hunter2")})
    assert (await only(make(), job("allowed", http=signed))).passed
    assert (await only(make(), job("refused", http=Request(url=f"{server}/signed")))).passed
    assert "hunter2" not in repr(job(http=signed))


async def test_a_server_that_never_answers_proves_nothing(make: Make, server: str) -> None:
    """The time limit ends the request."""
    found = await only(make(), job(http=Request(url=f"{server}/hang"), timeout=0.3))
    assert (found.answer, found.why) == (Answer.UNKNOWN, "no answer within 0.3 s")


async def test_no_connection_is_no_refusal(make: Make) -> None:
    """A path that cannot be reached at all says nothing about what the agent may do."""
    found = await only(make(), job(http=Request(url="http://127.0.0.1:1/")))
    assert (found.answer, found.why) == (Answer.UNKNOWN, "the request failed (ClientConnectorError)")


async def test_a_wrong_address_is_no_refusal(make: Make) -> None:
    """An address that is none is said without being repeated."""
    found = await only(make(), job(http=Request(url="no address, token=hunter2")))
    assert found.answer is Answer.UNKNOWN
    assert "hunter2" not in found.sentence
