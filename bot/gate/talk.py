"""One MCP message at a door: how it is judged, and how the gate's own words reach the one who called the tool."""

import json
from dataclasses import dataclass

from aiohttp import ClientResponse

from bot.gate import mcp
from bot.gate.answer import JSON, Answer
from bot.gate.judge import Call
from bot.gate.mcp import Message

_LARGEST = 8_000_000  # bytes of a list of tools
_OK, _ACCEPTED = 200, 202


@dataclass(frozen=True, slots=True)
class Talk:
    """A message, with the tools that the configuration says change nothing."""

    message: Message
    tools: tuple[str, ...]

    @property
    def safe(self) -> bool:
        """Whether it changes nothing."""
        return self.message.is_safe(self.tools)

    @property
    def body(self) -> bytes:
        """What goes to the upstream."""
        return self.message.body

    @property
    def what(self) -> str:
        """For people."""
        return f"{self.message.method} {self.message.tool}".strip()

    @property
    def arguments(self) -> str:
        """For people."""
        return self.message.arguments

    @property
    def parks(self) -> bool:
        """Whether it can be done later: the call of a tool, and not an answer to the server or a notification."""
        return bool(self.message.tool) and self.message.id is not None

    @property
    def lists(self) -> bool:
        """Whether it asks for the list of tools."""
        return self.message.method == "tools/list"

    def told(self, answer: Answer) -> Answer:
        """The gate's own words as an error of the message, which an SDK raises at its caller."""
        facts = json.loads(answer.body)
        parked = answer.status == _ACCEPTED
        if self.message.id is None:
            return answer
        code = mcp.PARKED if parked else mcp.STOPPED
        text = str(facts.get("why") or facts.get("error"))
        return Answer(_OK, mcp.error(self.message, code, text, facts), {**answer.headers, "Content-Type": JSON})

    async def shortened(self, response: ClientResponse) -> Answer:
        """The upstream's list with the safe tools alone. Raises ValueError, OSError, `ClientError`."""
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > _LARGEST:
                raise ValueError("a list of tools without end")
        if response.headers.get("Content-Encoding"):
            raise ValueError("a list of tools that is packed")
        kind = response.headers.get("Content-Type", "")
        headers = {"Content-Type": kind}
        if session := response.headers.get("Mcp-Session-Id"):
            headers["Mcp-Session-Id"] = session
        content = mcp.filtered(bytes(body), kind, self.tools) if response.status == _OK else bytes(body)
        return Answer(response.status, content, headers)


def plainly(call: Call) -> Call:
    """The same call, that asks for an answer which is not packed."""
    headers = [pair for pair in call.headers if pair[0].lower() != "accept-encoding"]
    return Call(call.method, call.path, call.query, [*headers, ("Accept-Encoding", "identity")])
