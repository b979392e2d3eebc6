"""The bot's configuration file for the demo: an ordinary one, with every secret taken from the environment."""

from collections.abc import Iterable
from typing import Any

import yaml

from bot.sandbox.demo.cast import ALL, Agent, Place
from bot.sandbox.demo.estate import BOT, Estate

_ADAPTERS = {"sql": "postgres_role", "queue": "redis_acl", "api": "http_control"}
_CLASSES = {"sql": "database", "queue": "queue", "api": "api"}


def text(agents: Iterable[Agent], estate: Estate) -> str:
    """The YAML for these agents."""
    whole = {
        "workspace": {"incident_channel": "C0INCIDENT"},
        "writers": ["bot"],
        "policy": {"stop": {"groups": ["S0ONCALL"]}, "restore": {"groups": ["S0RESTORE"], "quorum": 2}},
        "agents": {agent.id: _agent(agent, estate) for agent in agents},
    }
    return yaml.safe_dump(whole, sort_keys=False, default_flow_style=None, width=120)


def secrets(estate: Estate) -> dict[str, str]:
    """The environment variables that the file refers to, for every agent of the company."""
    found: dict[str, str] = {}
    for agent in ALL:
        for place in agent.places:
            found |= _secrets(agent, place, estate)
    return found


def _secrets(agent: Agent, place: Place, estate: Estate) -> dict[str, str]:
    if place.kind == "api":
        key = estate.password(f"{agent.id} key")
        return {f"{place.variable}_SECRET": estate.control_secret(agent), f"{place.variable}_AGENT": f"Bearer {key}"}
    admin = estate.sql(BOT) if place.kind == "sql" else estate.queue(BOT)
    return {f"{place.variable}_ADMIN": admin, f"{place.variable}_AGENT": estate.own_url(place)}


def _agent(agent: Agent, estate: Estate) -> dict[str, Any]:
    return {
        "name": agent.title,
        "owner": "U0OWNER",
        "channel": agent.channel,
        "slack_identities": ["U0AGENT"] if agent.id == "billing" else [],
        "pact": {"purpose": agent.purpose},
        "surfaces": {place.id: _surface(agent, place, estate) for place in agent.places},
    }


def _surface(agent: Agent, place: Place, estate: Estate) -> dict[str, Any]:
    admin, own = f"${{{place.variable}_ADMIN}}", f"${{{place.variable}_AGENT}}"
    settings: dict[str, dict[str, Any]]
    match place.kind:
        case "sql":
            settings = {"settings": {"dsn": admin, "role": agent.login}, "canary": {"dsn": own}}
        case "queue":
            settings = {"settings": {"url": admin, "user": agent.login}, "canary": {"url": own}}
        case "api":
            base = estate.api(agent)
            settings = {
                "settings": {"url": f"{base}/control", "secret": f"${{{place.variable}_SECRET}}"},
                "canary": {"url": f"{base}/canary", "method": "POST", "headers": {"Authorization": own}},
            }
    return {
        "adapter": _ADAPTERS[place.kind],
        "class": _CLASSES[place.kind],
        "risk": "high" if place.kind == "sql" else "medium",
        "deadline": agent.deadline,
        **settings,
    }
