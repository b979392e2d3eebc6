"""The places and agents of the command tests."""

from adapters.base import Config, SurfaceClass
from bot.domain.commands import Here
from bot.domain.model import Agent, Configuration, Quarantined, Surface, Workspace
from bot.domain.names import Names

INCIDENT, BOUND, BARE = "C0INCIDENT", "C0BILLING", "C0BARE"


def agent(name: str, *surfaces: str, channel: str | None = None, people: frozenset[str] = frozenset()) -> Agent:
    """An agent with surfaces of class api, and `name/queue` of class queue."""
    made = tuple(
        Surface(
            agent=name,
            id=item,
            adapter="memory",
            surface_class=SurfaceClass.QUEUE if item == "queue" else SurfaceClass.API,
            settings=Config(),
        )
        for item in surfaces
    )
    broken = (Quarantined(agent=name, id="broken", why="unknown key"),)
    return Agent(
        id=name, name=f"{name} agent", channel=channel, surfaces=made, quarantined=broken, slack_identities=people
    )


CONFIGURATION = Configuration(
    workspace=Workspace(incident_channel=INCIDENT),
    agents=(
        agent("billing", "ledger", "queue", channel=BOUND, people=frozenset({"U0BILLBOT"})),
        agent("billing-eu", "ledger", channel=BOUND),
        agent("payroll", "jobs"),
        agent("ops", "shell"),
    ),
)
NAMES = Names(CONFIGURATION.agents)


def here(channel: str | None = INCIDENT) -> Here:
    """The place of a command."""
    return Here(channel=channel, configuration=CONFIGURATION, names=Names(CONFIGURATION.agents))
