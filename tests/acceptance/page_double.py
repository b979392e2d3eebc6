"""A page server with a made-up world, to judge the page alone: its state is whatever a test puts into it.

`python -m tests.acceptance.page_double PORT` serves it for people who work on the page.
"""

import asyncio
import json
import math
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

import bot.sandbox.page as package

Json = dict[str, Any]
STATIC = Path(package.__file__).parent / "static"
CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
NAMES = (
    ("orders_api", "api", "Orders API", "places and cancels orders", 18),
    ("tools", "tool", "Tool server", "calls 14 tools over MCP", 7),
    ("jobs", "queue", "Job queue", "takes jobs from Valkey", 42),
    ("nightly", "scheduler", "Scheduler", "starts timed runs", 4),
    ("notify", "webhook", "Webhook sender", "calls partners back", 11),
    ("worker", "worker", "Worker process", "runs on its own host", 26),
    ("ledger", "database", "Ledger database", "writes to PostgreSQL", 33),
    ("tokens", "identity", "Identity issuer", "gets fresh tokens", 2),
)
PEOPLE = (
    ("oncall", "U0ONCALL", "Olivia On-Call", "on call", "may stop"),
    ("approver1", "U0APPROVER1", "Amir Approver", "approver", "may vote"),
    ("owner", "U0OWNER", "Oscar Owner", "owner", "is asked"),
    ("intruder", "U0INTRUDER", "Ivan Intruder", "member", "may not stop"),
    ("guest", "U0GUEST", "Greta Guest", "guest", "may not stop"),
    ("agent", "U0AGENT", "Billing agent", "the agent itself", "never"),
)
COMMANDS = (
    ("/agent-kill", "full_stop [agent | agent/surface | class:queue | all] [reason]", "Stop agents now"),
    ("/agent-status", "[agent]", "What is held, and how well it is proven"),
)


def mark(kind: str, text: str) -> Json:
    """A section of mrkdwn, or a context where `kind` says so."""
    part = {"type": "mrkdwn", "text": text, "verbatim": True}
    return {"type": "context", "elements": [part]} if kind == "context" else {"type": "section", "text": part}


class World:
    """What the page shows. Tests change `state` and `rates` as they like."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, Json]] = []
        self.answer: Json = {"ok": True, "error": "", "ephemeral": None}
        self.began = time.time()
        self.stopped: float | None = None
        self.leaks: dict[str, int] = {}  # effects after the proof
        self.state: Json = {
            "people": [dict(zip(("key", "id", "name", "role", "allowed"), one, strict=True)) for one in PEOPLE],
            "channels": [
                {"id": "C0INCIDENT", "name": "incident", "topic": "Agents are stopped here"},
                {"id": "C0AUDIT", "name": "audit", "topic": ""},
                {"id": "C0GENERAL", "name": "general", "topic": ""},
            ],
            "commands": [dict(zip(("command", "hint", "description"), one, strict=True)) for one in COMMANDS],
            "messages": [],
            "ephemerals": [],
            "views": [],
            "marks": [],
            "incident": None,
            "surfaces": [self._surface(*one[:4]) for one in NAMES],
            "switches": [],
            "faults": dict.fromkeys(
                (
                    "slack_slow",
                    "slack_429",
                    "slack_dropped",
                    "slack_down",
                    "database_frozen",
                    "surface_hung",
                    "surface_lying",
                    "surface_comes_back",
                    "agent_ignores",
                ),
                False,
            ),
            "bot": {"up": True, "pid": 4711, "restarts": 0, "problems": []},
            "tour": {"refused": 0, "stopped": False, "proven": False, "drifted": False, "cut_again": False},
            "journal": [{"chain": "main", "seq": 1, "type": "Started", "at": self.began, "text": "agent-kill is up"}],
            "notes": [
                "Simulated Slack on this machine",
                "Waiting times that policy makes long are shortened here: a watch of 5 s takes 2 s",
            ],
        }

    def _surface(self, name: str, kind: str, title: str, what: str) -> Json:
        return {
            "name": name,
            "class": kind,
            "title": title,
            "what": what,
            "target": f"billing/{name}",
            "effective": "open",
            "asked": None,
            "outcome": None,
            "held": None,
            "proof_age": None,
            "detail": "",
            "not_cut": False,
            "not_proven": False,
            "witness_total": 1200,
        }

    def say(self, body: Json) -> Json:
        """What a workspace would do, roughly."""
        if body["text"].startswith("/") and body["thread"]:
            return {
                "ok": False,
                "error": f"{body['text'].split()[0]} is not supported in threads. Sorry!",
                "ephemeral": None,
            }
        if body["text"].startswith("/agent-kill") and body["as"] != "oncall":
            self.state["tour"]["refused"] += 1
            self.whisper(
                body["as"],
                "You may not stop agents: you are not in *@oncall*. Ask somebody who is. Your attempt was recorded.",
            )
        elif body["text"].startswith("/agent-kill"):
            self.stop(body["text"])
        elif body["text"].startswith("/agent-restore"):
            self.state["tour"]["restored"] = True
        elif not body["text"].startswith("/"):
            self.message(body["as"], body["text"], thread=body["thread"])
        return self.answer

    def whisper(self, who: str, text: str, thread: str | None = None) -> None:
        """An ephemeral message."""
        number = len(self.state["ephemerals"])
        user = next(one["id"] for one in self.state["people"] if one["key"] == who)
        self.state["ephemerals"].append(
            {
                "id": f"e{number}",
                "user": user,
                "channel": "C0INCIDENT",
                "thread_ts": thread,
                "text": text,
                "blocks": [],
                "at": time.time(),
            }
        )

    def message(
        self, who: str, text: str, *, thread: str | None = None, blocks: list[Json] | None = None, **more: Any
    ) -> str:
        """A message of a person, or of the bot."""
        at = time.time()
        ts = f"{at:.6f}"
        name = "Agent Kill" if who == "bot" else next(one["name"] for one in self.state["people"] if one["key"] == who)
        self.state["messages"].append(
            {
                "channel": "C0INCIDENT",
                "ts": ts,
                "thread_ts": thread,
                "user": who,
                "name": name,
                "bot": who == "bot",
                "text": text,
                "blocks": blocks or [],
                "reactions": [],
                "files": [],
                "edited": False,
                "at": at,
                **more,
            }
        )
        return ts

    def stop(self, text: str, bad: tuple[str, ...] = ()) -> None:
        """Everything is cut and proven but what is named."""
        self.stopped = time.time()
        self.state["tour"] |= {"stopped": True, "proven": not bad}
        now = int(self.stopped)
        self.whisper(
            "oncall", "RECORDED: full_stop on all: 8 surfaces being cut now. Confirmations follow in the thread."
        )
        good = len(self.state["surfaces"]) - len(bad)
        headline = ":rotating_light: NOT FULLY CUT" if bad else ":octagonal_sign: CUT AND PROVEN"
        parent = self.message(
            "bot",
            "Agent stop full_stop on all",
            blocks=[
                {
                    "type": "header",
                    "text": {
                        "type": "plain_text",
                        "emoji": True,
                        "text": f"{headline}: full_stop on all",
                    },
                },
                mark(
                    "section",
                    f":white_check_mark: *{good}* cut and proven   "
                    + (f":x: *{len(bad)}* NOT CUT   " if bad else "")
                    + "of 8 surfaces",
                ),
                mark(
                    "section",
                    "*full_stop* on *all* (Billing agent; 8 surfaces)\n"
                    f"*By* <@U0ONCALL>, <!date^{now}^{{date_short_pretty}} {{time_secs}}|now>\n"
                    "*Hold* `hold_01k9x2`\n*Why:*",
                ),
                {
                    "type": "section",
                    "text": {
                        "type": "plain_text",
                        "text": text.partition("full_stop ")[2] or "it leaks",
                        "emoji": False,
                    },
                },
                mark("context", "Owners of the stopped agents: <@U0OWNER>"),
                mark("context", "Incident `inc_01k9x2`. Every surface is confirmed in this thread."),
            ],
            edited=True,
        )
        for one in self.state["surfaces"]:
            wrong = one["name"] in bad
            one |= {
                "effective": "open" if wrong else "full_stop",
                "asked": "full_stop",
                "held": "full_stop",
                "proof_age": None if wrong else 0.4,
                "outcome": "failed" if wrong else "verified",
                "not_cut": wrong,
                "detail": "no answer within 2 s; the bot goes on trying" if wrong else "",
            }
            self.state["marks"] += [
                {"surface": one["name"], "at": self.stopped, "kind": "stop"},
                {"surface": one["name"], "at": self.stopped + 0.6, "kind": "not_cut" if wrong else "proof"},
            ]
            state = ":x: *FAILED*" if wrong else ":white_check_mark: *VERIFIED*"
            self.message(
                "bot",
                f"billing/{one['name']} is {'FAILED' if wrong else 'VERIFIED'}",
                thread=parent,
                blocks=[
                    mark(
                        "section",
                        f"{state} `billing/{one['name']}` (http_control, {one['class']})\n"
                        f"asked full_stop, holds {'nothing' if wrong else 'full_stop'}",
                    ),
                    mark("context", "nothing was in flight · refused as the agent itself (403) · took 41 ms"),
                ],
            )
        rows = "\n".join(
            f"• :x: FAILED `billing/{name}`: asked full_stop, holds nothing. *Next:* cut it by hand" for name in bad
        )
        self.message(
            "bot",
            "Report",
            thread=parent,
            blocks=[
                mark("section", f"*Report of full_stop on all*: {good} of 8 surfaces cut and proven."),
                mark(
                    "section",
                    f"*NOT CUT* ({len(bad)})\n{rows}\n*NOT PROVEN*: nothing"
                    if bad
                    else ":white_check_mark: *Everything in scope is cut and proven*",
                ),
            ],
        )
        self.state["incident"] = {"id": "inc_01k9x2", "open": True}
        self.state["journal"] += [
            {
                "chain": "main",
                "seq": 2,
                "type": "StopAsked",
                "at": self.stopped,
                "text": "full_stop on all by slack:U0ONCALL",
            },
            *(
                {
                    "chain": "main",
                    "seq": 3 + i,
                    "type": "Observed",
                    "at": self.stopped + 0.4,
                    "text": f"billing/{one['name']}: {one['outcome']}",
                }
                for i, one in enumerate(self.state["surfaces"])
            ),
        ]

    def rates(self) -> Json:
        """Working surfaces wave, cut ones are still."""
        now = time.time()
        held = {one["name"] for one in self.state["surfaces"] if one["outcome"] == "verified"}
        base = {name: usual for name, _, _, _, usual in NAMES}
        shown = {
            name: 0.0
            if name in held
            else usual * (1 + 0.25 * math.sin(now * (0.4 + usual / 40)) + 0.1 * math.sin(now * 3.1))
            for name, usual in base.items()
        }
        return {"at": now, "surfaces": shown, "after_verified": dict.fromkeys(held, 0) | self.leaks}


@asynccontextmanager
async def served(world: World, port: int = 0) -> AsyncIterator[str]:
    """Serves the page over this world; yields its address."""
    app = web.Application()
    app.router.add_get("/", _page)
    app.router.add_static("/assets", STATIC)
    app.router.add_get("/api/stream", _stream(world))
    app.router.add_post("/api/{what}", _post(world))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _page(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": CSP})


def _stream(world: World) -> Any:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        before = ""
        while True:
            if (now := json.dumps(world.state)) != before:
                await response.write(f"event: state\ndata: {now}\n\n".encode())
                before = now
            await response.write(f"event: rates\ndata: {json.dumps(world.rates())}\n\n".encode())
            await asyncio.sleep(0.25)

    return answer


def _post(world: World) -> Any:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        world.posts.append((request.match_info["what"], body))
        match request.match_info["what"]:
            case "say":
                return web.json_response(world.say(body))
            case "fault" if body["name"] in {"bot_killed", "bot_started"}:
                world.state["bot"]["up"] = body["name"] == "bot_started"
            case "fault":
                world.state["faults"][body["name"]] = body["on"]
            case "close_view":
                world.state["views"] = []
            case "react":
                found = next(one for one in world.state["messages"] if one["ts"] == body["ts"])
                found["reactions"] = [{"name": body["emoji"], "users": ["U0ONCALL"]}] if body["add"] else []
        return web.json_response(world.answer)

    return answer


async def main(port: int) -> None:
    """Serves until it is interrupted."""
    async with served(World(), port) as url:
        print(url)  # noqa: T201  # a command for people
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8799))
