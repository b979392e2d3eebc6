"""An agent whose database and cache park what it proposes, both real, and what a witness counts of it."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from adapters.redis_acl.drafts import RIGHTS
from bot.sandbox.messages import Message
from bot.sandbox.servers import ValkeyServer
from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, rendered, texts
from tests.contract import redis_rig
from tests.contract.rigs.postgres_role import set_up
from tests.contract.servers import Database

HEAD = """
workspace: {incident_channel: C0INCIDENT}
policy:
  stop: {groups: [S0ONCALL], users: [U0SECOND]}
  restore: {groups: [S0RESTORE], quorum: 2}
  approve: {groups: [S0RESTORE], users: [U0AGENT]}
"""
_RULES = ("~orders:*", "~draft:*", "&*", "+@all", "-@admin", "-@dangerous")


@dataclass
class Proposer:
    """Agent `billing` with the surfaces `ledger` and `cache`."""

    database: Database
    cache: redis_rig.Rig

    @classmethod
    async def made(cls, database: Database, server: ValkeyServer) -> "Proposer":
        """Both set up for parking; the cache is empty."""
        await set_up(database)
        cache = await redis_rig.rig(server, *_RULES)
        await cache.acl("SETUSER", cache.bot, "~agent-kill:*", "~draft:*", "~orders:*", *RIGHTS)
        await cache.witness.flushall()
        return cls(database, cache)

    def agents(self) -> dict[str, Any]:
        """The agents of the configuration file."""
        role = {"dsn": "${LEDGER_ADMIN_DSN}", "role": self.database.agent, "parking": True}
        user = {"url": "${CACHE_ADMIN_URL}", "user": self.cache.user, "draft_prefix": "draft:"}
        surfaces = {
            "ledger": {"adapter": "postgres_role", "class": "database", "risk": "high", "settings": role},
            "cache": {"adapter": "redis_acl", "class": "queue", "settings": user},
        }
        return {
            "billing": {
                "name": "Billing agent",
                "owner": "U0OWNER",
                "channel": "C0INCIDENT",
                "slack_identities": ["U0AGENT"],
                "surfaces": surfaces,
            }
        }

    async def served(self, bot: Bot, sandbox: Simulator, mode: str = "draft_only") -> None:
        """The bot at work, and both surfaces proven at a middle mode."""
        self.configure(bot)
        await bot.start()
        await sandbox.connected()
        assert (await sandbox.person("oncall").slash("/agent-kill", f"{mode} it overpays")).ok
        await sandbox.wait_for(
            lambda: any("Everything in scope is cut and proven" in text for text in texts(sandbox)),
            15,
            what="the report",
        )

    def configure(self, bot: Bot) -> None:
        """Writes its configuration and environment."""
        bot.environ |= {
            "LEDGER_ADMIN_DSN": self.database.dsn(self.database.bot),
            "CACHE_ADMIN_URL": self.cache.server.url(user=self.cache.bot, password=redis_rig.BOT),
        }
        bot.configure(self.agents(), head=HEAD)

    async def proposes(self, number: int, *, upto: int | None = None) -> None:
        """A row of the ledger, or many, which the middle modes park."""
        last = number if upto is None else upto
        await self.database.run(
            f"INSERT INTO effects SELECT * FROM generate_series({number}, {last})",  # noqa: S608  # numbers
            user=self.database.agent,
        )

    async def rows(self) -> int:
        """The rows that were really written."""
        return int(str(await self.database.value("SELECT count(*) FROM effects")))

    async def sets(self, key: str, value: str) -> None:
        """A draft of a key of the cache."""
        async with self.cache.agent() as session:
            await session.set(f"draft:{key}", value)

    async def until_rows(self, number: int) -> None:
        """Waits for the witness."""
        async with asyncio.timeout(10):
            while await self.rows() != number:  # noqa: ASYNC110  # a count elsewhere
                await asyncio.sleep(0.05)


def cards(sandbox: Simulator, words: str = "") -> list[Message]:
    """The cards in the incident's thread whose words these are."""
    messages = [it for it in sandbox.workspace.messages("incident") if it.thread_ts and it.bot_id]
    return [it for it in messages if "Billing agent: " in it.text and words in rendered(it)]


async def card(sandbox: Simulator, words: str) -> Message:
    """The card that says this, once it is there."""
    await sandbox.wait_for(lambda: cards(sandbox, words), 15, what=f"the card with {words!r}")
    return cards(sandbox, words)[0]


def button(verdict: str) -> str:
    """The action of a card's button."""
    return f"agent_kill:draft_{verdict}"


async def listed(bot: Bot) -> list[dict[str, Any]]:
    """What `agent-kill drafts --json` lists."""
    code, out, errors = await bot.command("drafts", "--json")
    assert code == 0, errors
    found: list[dict[str, Any]] = json.loads(out)["drafts"]
    return found
