"""The agents of the demo company, as plain data: who they are, and where they hold authority."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sql", "queue", "api"]


@dataclass(frozen=True, slots=True)
class Place:
    """One surface of one agent. `kind` says what it works on."""

    agent: str
    id: str
    kind: Kind

    @property
    def name(self) -> str:
        """`agent/surface`, as the bot and people call it."""
        return f"{self.agent}/{self.id}"

    @property
    def variable(self) -> str:
        """The stem of the environment variables that hold its secrets."""
        return f"{self.agent}_{self.id}".upper()


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent.

    Attributes:
        title: as people call it.
        channel: the Slack channel that it is bound to.
        receiver: the process that guards its API.
    """

    id: str
    title: str
    purpose: str
    places: tuple[Place, ...]
    channel: str = "C0INCIDENT"
    receiver: str = "receiver"
    deadline: str = "5s"

    @property
    def login(self) -> str:
        """Its login at every server."""
        return f"{self.id}_agent"


def _agent(name: str, title: str, purpose: str, places: dict[str, Kind], **more: str) -> Agent:
    return Agent(name, title, purpose, tuple(Place(name, key, kind) for key, kind in places.items()), **more)


BILLING = _agent(
    "billing", "Billing agent", "Reconciles invoices", {"ledger": "sql", "jobs": "queue", "refunds": "api"}
)
SUPPORT = _agent(
    "support",
    "Support agent",
    "Answers customers",
    {"tickets": "sql", "outbox": "queue", "replies": "api"},
    channel="C0SUPPORT",
    receiver="receiver-support",
    deadline="3s",
)
RESEARCH = _agent("research", "Research agent", "Reads the web", {"archive": "sql", "tasks": "queue"})
MAILER = _agent("mailer", "Mailing agent", "Sends newsletters", {"lists": "sql", "sending": "api"})

FIRST = (BILLING,)
LATER = (SUPPORT, RESEARCH, MAILER)
ALL = (*FIRST, *LATER)
