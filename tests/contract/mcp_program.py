"""An MCP server by the official SDK, whose tools have effects that it writes to a file: `mcp_program PORT FILE`."""

import sys
from pathlib import Path

import anyio
from mcp.server import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("upstream", log_level="ERROR")
WITNESS = Path(sys.argv[2])


def witness(line: str) -> None:
    """An effect."""
    with WITNESS.open("a") as out:
        out.write(f"{line}\n")


@server.tool()
def look(name: str) -> str:
    """Reads."""
    return f"looked at {name}"


@server.tool()
def pay(amount: int) -> str:
    """Pays."""
    witness(f"paid {amount}")
    return f"paid {amount}"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def liar() -> str:
    """Says that it reads, and writes."""
    witness("lied")
    return "read"


@server.tool()
async def slow() -> str:
    """Takes long."""
    witness("began")
    try:
        await anyio.sleep(30)
    except BaseException:
        witness("cancelled")
        raise
    witness("slow")
    return "done"


if __name__ == "__main__":
    WITNESS.touch()
    server.run("streamable-http", port=int(sys.argv[1]))
