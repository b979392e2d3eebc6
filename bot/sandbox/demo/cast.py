"""The agents of the demo company, as plain data: who they are, and where they hold authority."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sql", "queue", "api", "tool", "scheduler", "webhook", "worker", "identity"]
SOON = "5s"  # where the fault bar breaks something: whoever watches should not wait long for the verdict
CLASSES: dict[Kind, str] = {"sql": "database"}
"""The class of a kind, where it has another name."""


@dataclass(frozen=True, slots=True)
class Place:
    """One surface of one agent.

    Attributes:
        kind: what it works on.
        title: as people call it.
        what: what the agent does there, after its name.
        guard: the process that guards it; empty where the system itself does (database, queue).
        deadline: until its cut must be verified.
    """

    agent: str
    id: str
    kind: Kind
    title: str
    what: str = ""
    guard: str = ""
    deadline: str = "20s"  # what works is proven at once, and on a slow machine too

    @property
    def name(self) -> str:
        """`agent/surface`, as the bot and people call it."""
        return f"{self.agent}/{self.id}"

    @property
    def surface_class(self) -> str:
        """One of the product's eight classes."""
        return CLASSES.get(self.kind, self.kind)

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
    """

    id: str
    title: str
    purpose: str
    places: tuple[Place, ...]
    channel: str = "C0INCIDENT"

    @property
    def login(self) -> str:
        """Its login at every server."""
        return f"{self.id}_agent"

    def place(self, kind: Kind) -> Place:
        """Its surface of this kind. Raises `StopIteration` where it has none."""
        return next(place for place in self.places if place.kind == kind)


BILLING = Agent(
    "billing",
    "Billing agent",
    "Reconciles invoices",
    (
        Place("billing", "ledger", "sql", "Ledger", "writes payments into PostgreSQL", deadline=SOON),
        Place("billing", "jobs", "queue", "Job queue", "pushes jobs into Valkey"),
        Place("billing", "refunds", "api", "Refund API", "calls an API through its gateway", "gateway"),
        Place("billing", "mail", "tool", "Mail tool", "sends mail through a tool server", "tools", SOON),
        Place("billing", "reminders", "scheduler", "Reminders", "has a scheduler fire its jobs", "scheduler"),
        Place("billing", "hooks", "webhook", "Partner hooks", "sends webhooks through a relay", "relay", SOON),
        Place("billing", "exporter", "worker", "Exporter", "runs a worker with a helper process", "supervisor"),
        Place("billing", "tokens", "identity", "Access tokens", "signs in with short-lived tokens", "issuer"),
    ),
)
SUPPORT = Agent(
    "support",
    "Support agent",
    "Answers customers",
    (
        Place("support", "tickets", "sql", "Tickets"),
        Place("support", "outbox", "queue", "Outbox"),
        Place("support", "replies", "api", "Replies", guard="gateway-support", deadline="3s"),
    ),
    channel="C0SUPPORT",
)
RESEARCH = Agent(
    "research",
    "Research agent",
    "Reads the web",
    (Place("research", "archive", "sql", "Archive"), Place("research", "tasks", "queue", "Tasks")),
)
MAILER = Agent(
    "mailer",
    "Mailing agent",
    "Sends newsletters",
    (Place("mailer", "lists", "sql", "Lists"), Place("mailer", "sending", "api", "Sending", guard="gateway")),
)

FIRST = (BILLING,)
LATER = (SUPPORT, RESEARCH, MAILER)
ALL = (*FIRST, *LATER)
PLACES = tuple(place for agent in ALL for place in agent.places)


def agent_of(place: Place) -> Agent:
    """Whose surface it is."""
    return next(agent for agent in ALL if agent.id == place.agent)
