"""Calls of the Model Context Protocol over streamable HTTP: JSON-RPC messages, one to a POST.

What a tool may do is the configuration's word. A tool's own hints (`readOnlyHint`) are its author's claims and are not
looked at. What is forwarded is written anew from what was read, so that no upstream reads a message otherwise.
https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.gate.judge import Call, Refusal

STOPPED, PARKED = -32001, -32002  # JSON-RPC error codes of this gate (the range is left to implementations)
# What a client needs before it may call a tool, and what only reads by the protocol itself.
_PLAIN = frozenset({
    "initialize", "ping", "tools/list", "notifications/initialized", "notifications/cancelled",
    "notifications/progress", "notifications/roots/list_changed", "logging/setLevel", "completion/complete",
    "prompts/list", "prompts/get", "resources/list", "resources/templates/list", "resources/read",
    "server/discover", "subscriptions/listen", "tasks/get", "tasks/list", "tasks/result",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC message of the client."""

    fields: Mapping[str, Any]

    @property
    def method(self) -> str:
        """Empty for a response of the client."""
        return str(self.fields.get("method", ""))

    @property
    def id(self) -> object:
        """None for a notification."""
        return self.fields.get("id")

    @property
    def tool(self) -> str:
        """The tool that it calls; empty where it calls none."""
        params = self.fields.get("params")
        return str(params.get("name", "")) if self.method == "tools/call" and isinstance(params, dict) else ""

    @property
    def arguments(self) -> str:
        """As JSON, for people."""
        params = self.fields.get("params")
        return json.dumps(params.get("arguments", {}) if isinstance(params, dict) else {}, ensure_ascii=False)

    @property
    def body(self) -> bytes:
        """Written anew."""
        return json.dumps(self.fields).encode()

    def is_safe(self, tools: Sequence[str]) -> bool:
        """Whether it calls no tool but those."""
        if "method" not in self.fields:
            return False  # an answer to the server may let it go on with what it asked about
        return self.tool in tools if self.method == "tools/call" else self.method in _PLAIN


def read(call: Call, body: bytes) -> Message:
    """The message of a POST. Raises `Refusal`."""
    if call.values("content-encoding") or not "".join(call.values("content-type")).lower().startswith(
        "application/json"
    ):
        raise Refusal("an MCP message that is not plain application/json")
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_none)
    except (ValueError, RecursionError):
        raise Refusal("an MCP message that is no JSON, or has a key twice", 400) from None
    if not isinstance(found, dict):
        raise Refusal("a batch of MCP messages: send one at a time")
    for key in ("method", "params", "id"):
        if any(isinstance(name, str) and name != key and name.lower() == key for name in found):
            raise Refusal(f"an MCP message with {key} in other letters")
    if "method" in found and not isinstance(found["method"], str):
        raise Refusal("an MCP message whose method is no text")
    message = Message(found)
    _same(call, "mcp-method", message.method)
    if message.tool:
        _same(call, "mcp-name", message.tool)
    return message


def _same(call: Call, header: str, word: str) -> None:
    """Servers of the revision 2026-06 may go by these headers: they say what the message says. Raises `Refusal`."""
    if any(_plain(value) != word for value in call.values(header)):
        raise Refusal(f"an MCP message whose header {header} says something else")


def _plain(value: str) -> str:
    found = re.fullmatch(r"=\?base64\?([A-Za-z0-9+/=]*)\?=", value)
    try:
        return base64.b64decode(found[1], validate=True).decode() if found else value
    except ValueError:
        return ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _none(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def error(message: Message | None, code: int, text: str, data: Mapping[str, object]) -> bytes:
    """A JSON-RPC error, which an SDK raises where the tool was called."""
    facts = {"jsonrpc": "2.0", "id": message.id if message else None}
    return json.dumps({**facts, "error": {"code": code, "message": text, "data": dict(data)}}).encode()


def listed(fields: object, tools: Sequence[str]) -> bytes | None:
    """An answer to `tools/list` with those tools alone; None where it is no such answer."""
    if not isinstance(fields, dict) or not isinstance(fields.get("result"), dict):
        return None
    result = fields["result"]
    kept = [tool for tool in result.get("tools", []) if isinstance(tool, dict) and tool.get("name") in tools]
    return json.dumps({**fields, "result": {**result, "tools": kept}}).encode()


def filtered(body: bytes, kind: str, tools: Sequence[str]) -> bytes:
    """A whole answer to `tools/list`, as JSON or as server-sent events, with those tools alone.

    Raises:
        ValueError: it cannot be read, so that it must not be passed on.
    """
    if kind.lower().startswith("text/event-stream"):
        events = body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n\n")
        return "".join(_event(event, tools) for event in events if event.strip()).encode()
    found = json.loads(body)
    return listed(found, tools) or body


def _event(event: str, tools: Sequence[str]) -> str:
    lines = event.split("\n")
    data = "\n".join(line.partition(":")[2].removeprefix(" ") for line in lines if line.startswith("data:"))
    rest = [line for line in lines if not line.startswith("data:")]
    kept = (listed(json.loads(data), tools) or data.encode()).decode() if data.strip() else data
    told = [f"data: {line}" for line in kept.split("\n")] if data else []
    return "\n".join([*rest, *told]) + "\n\n"


def cancelled(message: Message) -> bytes:
    """What tells a server that nobody waits for a call any more."""
    params = {"requestId": message.id, "reason": "the agent was stopped"}
    return json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).encode()
