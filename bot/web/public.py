"""The public listener: what Slack and monitors may call."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web
from pydantic import SecretStr

from adapters.base.gated import MODES
from bot.domain import events
from bot.domain.report import Known
from bot.service.gates import Gates
from bot.service.ports import Clock, Receipt, StopOrder, Stops
from bot.service.pushes import Pushes
from bot.service.stop import EmptyScope
from bot.web.answers import Handler, problem, speak_json
from bot.web.callers import Call, Callers
from bot.web.gates_call import GatesDoor
from bot.web.journal_call import JOURNAL, JournalDoor
from bot.web.signed import BadSignatureError, UsedSignatureError
from bot.web.stop_call import MalformedCallError, StopCall, UnknownNameError
from bot.web.used import Used

SLACK = "/slack/events"
STOP_BYTES = 64 * 1024
SLACK_BYTES = 256 * 1024  # a message shortcut carries the whole message that it was used on
_NEVER_WHOLE = (400, 408, 413)
CameOf = Callable[[str], events.HoldAdded | None]
_KEPT_WITHIN = 0.050  # seconds that the answer waits for the used signature to be on disk; the stop itself does not


def build_public(
    *,
    slack_events: Handler | None,
    stops: Stops,
    known: Callable[[], Mapping[str, Known]],
    callers: Mapping[str, SecretStr],
    clock: Clock,
    state_dir: Path,
    channel: Callable[[], str | None],
    pushes: Pushes | None = None,
    came_of: CameOf = lambda _delivery: None,
    gates: Gates | None = None,
) -> web.Application:
    """Builds the application; `Listener` serves it.

    Args:
        slack_events: answers `POST /slack/events`; None where Slack does not call this bot.
        stops: the stop path.
        known: every configured surface by name.
        callers: the secret of each caller of `/v1/stop`; without any, every call is answered 401.
        clock: judges the age of signatures.
        state_dir: keeps the used signatures.
        channel: the incident channel that a stop from here opens or joins.
        pushes: takes the journals of other hosts; None where none are taken.
        came_of: the hold that came of a call, by its signature's digest, for whoever repeats a call.
        gates: answers what gates ask; None where there are none.

    Raises:
        ValueError: a caller's secret is empty.
    """
    app = web.Application(middlewares=[_bare_to_slack, speak_json], client_max_size=SLACK_BYTES)
    used = Used(state_dir / "http-used", clock.now)
    known_callers = Callers(callers, used, clock)
    door = _StopDoor(stops=stops, known=known, callers=known_callers, used=used, channel=channel, came_of=came_of)
    app.router.add_get("/healthz", _healthz)
    app.router.add_post("/v1/stop", door.answer)
    if slack_events is not None:
        app.router.add_post(SLACK, slack_events)
    if pushes is not None:
        journals = JournalDoor(known_callers, pushes)
        app.middlewares.append(journals.make_room)
        app.router.add_post(JOURNAL, journals.answer)
    if gates is not None:
        app.router.add_post(MODES, GatesDoor(gates, clock).answer)
    app.on_cleanup.append(door.close)
    return app


@web.middleware
async def _bare_to_slack(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever never came whole is 401 where Slack calls: a stranger learns no more, and Slack sends nothing such."""
    answer = await handler(request)
    if request.path != SLACK or answer.status not in _NEVER_WHOLE:
        return answer
    bare = web.Response(status=401, text="unauthorized")
    bare.force_close()
    return bare


async def _healthz(_request: web.Request) -> web.Response:
    """The event loop turns; nothing else is promised here (that is `/readyz`)."""
    return web.json_response({"ok": True}, headers={"Cache-Control": "no-store"})


class _StopDoor:
    """`POST /v1/stop`: verified, single use, read, stopped, in this order."""

    def __init__(
        self,
        *,
        stops: Stops,
        known: Callable[[], Mapping[str, Known]],
        callers: Callers,
        used: Used,
        channel: Callable[[], str | None],
        came_of: CameOf,
    ) -> None:
        self._stops, self._known, self._callers = stops, known, callers
        self._used, self._channel, self._came_of = used, channel, came_of

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """202 `{incident, hold, recorded}`, or 400, 401, 413, 422 with the reason."""
        body = await request.read()
        if len(body) > STOP_BYTES:
            return problem(413, f"the body has {len(body)} bytes; {STOP_BYTES} are taken")
        try:
            call = self._callers.verified(request, body)
            order = self._order(call, StopCall.read(body))
            receipt = await self._stop(order, call)
        except UsedSignatureError as error:
            return problem(401, _what_came_of(self._came_of(error.digest)))
        except BadSignatureError as error:
            return problem(401, str(error))
        except MalformedCallError as error:
            return problem(400, str(error))
        except (UnknownNameError, EmptyScope) as error:
            return problem(422, str(error))
        await asyncio.wait({asyncio.wrap_future(call.kept)}, timeout=_KEPT_WITHIN)
        return web.json_response(_receipt(receipt), status=202, headers={"Cache-Control": "no-store"})

    async def close(self, _app: web.Application) -> None:
        """Writes what is still to be written."""
        await asyncio.get_running_loop().run_in_executor(None, self._used.close)

    def _order(self, call: Call, asked: StopCall) -> StopOrder:
        return StopOrder(
            mode=asked.mode,
            scope=asked.scope(self._known()),
            by=events.Person(kind="http", id=call.caller),
            reason=asked.reason,
            channel=self._channel(),
            origin="http",
            delivery=call.digest,
        )

    async def _stop(self, order: StopOrder, call: Call) -> Receipt:
        """A stop that failed inside the bot may be tried again with the same call."""
        try:
            return await self._stops.stop(order)
        except Exception:
            self._callers.forget(call)
            raise


def _what_came_of(hold: events.HoldAdded | None) -> str:
    """A repeated call: whoever sent it has had no answer, and must know whether anything was stopped."""
    used = "the signature was used already, and is good for one call"
    if hold is None:
        return (
            f"{used}; no hold came of it: its call was refused, or the bot ended before it was recorded. NOTHING is "
            "held by it: sign the stop anew and send it"
        )
    return (
        f"{used}; that call is {hold.hold} of {hold.incident}, which is carried out: nothing needs to be sent again. "
        "Another stop is signed anew"
    )


def _receipt(receipt: Receipt) -> dict[str, str]:
    return {
        "incident": receipt.incident,
        "hold": receipt.hold,
        "recorded": "journal" if receipt.recorded else "none",
    }
