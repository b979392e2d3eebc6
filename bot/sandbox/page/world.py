"""Everything that the page shows, from sources that know nothing of each other."""

import json
import time
from collections import deque
from contextlib import AsyncExitStack
from typing import Any

import yaml

from bot.sandbox.demo import slack_text
from bot.sandbox.demo.background import background
from bot.sandbox.demo.cast import BILLING, Place
from bot.sandbox.demo.configuration import SHORTENED
from bot.sandbox.demo.scene import MANIFEST, Scene
from bot.sandbox.messages import Json
from bot.sandbox.page.bot_feed import BotFeed
from bot.sandbox.page.counting import PERIOD, Counting
from bot.sandbox.page.journal_tail import JournalTail
from bot.sandbox.page.slack_part import slack_state
from bot.sandbox.page.switches import SWITCHES, Switchboard

NOTES = (
    "Slack is simulated; the bot, the agent, PostgreSQL, Valkey and the guards are real, in processes of their own",
    "The lines are drawn by a witness that counts effects and knows nothing of the bot",
    *SHORTENED,
)
_STATUS = ("effective", "asked", "outcome", "held", "proof_age", "detail", "next", "attempt", "adapter")
_AGES = ("proof_age",)  # they change all the time, and tell the page nothing new
_SPAN = 4  # looks over which the agent's attempts are counted
_REMEMBERED = int(60 / PERIOD)  # looks of the last minute


class World:
    """The page's model. Use `start` and `stop`.

    Args:
        scene: up and running.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.switches = Switchboard(scene)
        self.places = BILLING.places
        self.journal = JournalTail(scene.product.state, self._called, self._plain)
        self.bot = BotFeed(f"http://127.0.0.1:{scene.product.admin_port}")
        self.counting = Counting(scene.witness, self.places, lambda: self.journal.proofs)
        self._manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
        self._tried: deque[tuple[float, dict[str, int]]] = deque(maxlen=_SPAN + 1)
        self._past: deque[Json] = deque(maxlen=_REMEMBERED)
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Begins to look."""
        await self._stack.enter_async_context(background(self.bot.run, "bot feed"))
        self._stack.push_async_callback(self.counting.stop)
        await self.counting.start()

    async def stop(self) -> None:
        """Looks no more."""
        await self._stack.aclose()

    # What the page gets ----------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """The whole state, as the page's API describes it."""
        self.journal.look()
        surfaces = [self._surface(place) for place in self.places]
        return {
            **slack_state(self.scene.simulator, self._manifest),
            "surfaces": surfaces,
            "marks": self.journal.shown_marks(),
            "incident": self._incident(),
            "faults": self.switches.state(),
            "switches": [_switch_words(one) for one in SWITCHES],
            "bot": self._bot(),
            "journal": list(self.journal.entries),
            "notes": list(NOTES),
            "tour": self._tour(surfaces),
        }

    def tick(self) -> Json:
        """The rates of this moment, remembered for pages that are opened later."""
        now = self.rates()
        self._past.append({"at": now["at"], "surfaces": now["surfaces"], "attempts": now["attempts"]})
        return now

    def past(self) -> list[Json]:
        """The rates of the last minute, oldest first."""
        return list(self._past)

    def rates(self) -> Json:
        """What moves all the time."""
        return {
            "at": time.time(),
            "surfaces": self.counting.rates(place.name for place in self.places),
            "attempts": self._attempts(),
            "after_verified": self.counting.after_verified(),
        }

    def _called(self, person: str) -> str:
        """Somebody's name, by id."""
        found = self.scene.simulator.workspace.user(person)
        return found.real_name if found else person

    def _plain(self, markup: str) -> str:
        """What somebody reads of a line of Slack's markup."""
        return slack_text.readable(markup, self.scene.simulator.workspace).replace("`", "")

    def _surface(self, place: Place) -> dict[str, Any]:
        row = self.bot.rows().get(place.name, {})
        status = self.bot.status
        proven = self.journal.proofs.get(place.name)
        return {
            "name": place.name,
            "class": place.surface_class,
            "title": place.title,
            "what": place.what[:1].upper() + place.what[1:],
            "target": self._target(place),
            **{key: row.get(key) for key in _STATUS},
            "proven_at": proven,
            "not_cut": place.name in status.get("not_cut", ()),
            "not_proven": place.name in status.get("not_proven", ()),
            "witness_total": self.counting.total(place.name),
        }

    def _target(self, place: Place) -> str:
        """The thing in the world, in words; no password and no whole address."""
        estate = self.scene.estate
        match place.kind:
            case "sql":
                return f"role {BILLING.login} in PostgreSQL on port {estate.postgres.port}"
            case "queue":
                return f"user {BILLING.login} in Valkey on port {estate.valkey.port}"
            case _:
                guard = estate.guards[place.guard]
                return f"{place.guard} (process {guard.pid}) on port {guard.heard['port']}"

    def _incident(self) -> dict[str, Any]:
        open_ones = self.bot.status.get("incidents", [])
        return {"id": open_ones[-1] if open_ones else None, "open": bool(open_ones)}

    def _bot(self) -> dict[str, Any]:
        product = self.scene.product
        return {
            "up": product.running,
            "answers": self.bot.answers,
            "connected": len(self.scene.simulator.socket.connections),
            "pid": product.pid if product.running else None,
            "restarts": self.switches.restarts,
            "problems": self.bot.status.get("problems", []) if product.running else [],
        }

    def _tour(self, surfaces: list[dict[str, Any]]) -> dict[str, Any]:
        """What the visitor has brought about so far."""
        kinds = {mark.kind for mark in self.journal.marks}
        return {
            "refused": sum(entry["type"] == "refusal" for entry in self.journal.entries),
            "stopped": "stop" in kinds,
            "proven": all(one["outcome"] == "verified" for one in surfaces),
            "drifted": "drift" in kinds,
            "cut_again": "recut" in kinds,
            "restored": "relax" in kinds and not any(one["asked"] not in {None, "normal"} for one in surfaces),
            "effects_after": sum(self.counting.after_verified().values()),
        }

    def _attempts(self) -> dict[str, float]:
        """How often the agent tries, per second, by its own word."""
        estate, now = self.scene.estate, time.monotonic()
        self._tried.append((now, {place.name: estate.tally(place).attempts for place in self.places}))
        start, first = self._tried[0]
        latest = self._tried[-1][1]
        return {name: round((count - first[name]) / max(now - start, 0.1), 1) for name, count in latest.items()}


def _switch_words(switch: Any) -> dict[str, Any]:
    return {
        "name": switch.name,
        "title": switch.title,
        "what": switch.what,
        "surface": switch.surface or None,
        "momentary": switch.momentary,
    }


def essence(state: dict[str, Any]) -> str:
    """The state without what ages by itself, to see whether anything changed."""
    surfaces = [{key: value for key, value in one.items() if key not in _AGES} for one in state["surfaces"]]
    still = [{key: value for key, value in one.items() if key != "witness_total"} for one in surfaces]
    return json.dumps({**state, "surfaces": still}, default=str)
