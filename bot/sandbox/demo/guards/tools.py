"""A tool server: JSON-RPC calls by name, some of which only look."""

from collections.abc import Iterator

from aiohttp import web

from bot.sandbox.demo.guards.guard import Guard, Handler
from bot.sandbox.demo.guards.office_line import TOKEN

TOOLS = {"search_customers": False, "send_mail": True}
"""By name: whether the tool changes something."""


class ToolServer(Guard):
    """`POST /NAME/rpc` with `{"jsonrpc": "2.0", "id": …, "method": "tools/call", "params": {"name": …}}`."""

    modes = ("read_only", "full_stop")

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "rpc", self.call

    async def call(self, request: web.Request) -> web.Response:
        """Runs a tool."""
        asked = await request.json()
        name = asked.get("params", {}).get("name", "")
        if asked.get("method") != "tools/call" or name not in TOOLS:
            return self._answer(asked, error={"code": -32601, "message": f"there are {', '.join(TOOLS)}"})
        self.admit(request, writes=TOOLS[name])
        if TOOLS[name]:
            await self.carry_out(token=request.headers.get(TOKEN, ""))
        return self._answer(asked, result={"content": [{"type": "text", "text": "done"}]})

    @staticmethod
    def _answer(asked: dict[str, object], **what: object) -> web.Response:
        return web.json_response({"jsonrpc": "2.0", "id": asked.get("id"), **what})
