"""The bot's configuration file for the demo: an ordinary one, with every secret taken from the environment."""

from collections.abc import Sequence
from typing import Any

import yaml

from bot.sandbox.demo.cast import PLACES, Agent, Place
from bot.sandbox.demo.estate import BOT, Estate

_ADAPTERS = {"sql": "postgres_role", "queue": "redis_acl"}
REHEARSAL = "rehearsal"
"""The drill that `/agent-drill run` names in a demo."""
_WATCH = {"fast": "2s", "fast_for": "10m", "slow": "2s"}
_RESTORE = {"groups": ["S0RESTORE"], "quorum": 2, "full_stop_quorum": 2, "dwell": "2s", "step": "2s"}
SHORTENED = (
    "Waiting times are shortened: the drift watch looks every 2 s (else every 5 s, after ten minutes every 30 s)",
    "a restore needs 2 votes that stand for 2 s and watches each step for 2 s (else 2 or 3 votes, 60 s and 5 min)",
)
"""What policy makes longer than a demo lasts, in words."""


def text(agents: Sequence[Agent], estate: Estate) -> str:
    """The YAML for these agents."""
    whole = {
        "workspace": {"incident_channel": "C0INCIDENT", "audit_channel": "C0AUDIT"},
        "writers": ["bot"],
        "watch": _WATCH,
        "policy": {"stop": {"groups": ["S0ONCALL"]}, "restore": _RESTORE},
        "agents": {agent.id: _agent(agent, estate) for agent in agents},
        "drills": {REHEARSAL: _rehearsal(agents)},
    }
    return yaml.safe_dump(whole, sort_keys=False, default_flow_style=None, width=120)


def _rehearsal(agents: Sequence[Agent]) -> dict[str, Any]:
    """A drill of all that the first agent has; its time is far away, so that none begins in the middle of a demo."""
    first = agents[0]
    return {
        "schedule": "0 10 1 JAN *",
        "surfaces": [place.name for place in first.places],
        "mode": "full_stop",
        "kind": "live",
        "accept_loss": True,
        "hold": "3s",
    }


def secrets(estate: Estate) -> dict[str, str]:
    """The environment variables that the file refers to, for every agent of the company."""
    return {name: value for place in PLACES for name, value in _secrets(place, estate).items()}


def _secrets(place: Place, estate: Estate) -> dict[str, str]:
    stem = place.variable
    match place.kind:
        case "sql":
            return {f"{stem}_ADMIN": estate.sql(BOT), f"{stem}_AGENT": estate.own_url(place)}
        case "queue":
            return {f"{stem}_ADMIN": estate.queue(BOT), f"{stem}_AGENT": estate.own_url(place)}
        case _:
            return {f"{stem}_SECRET": estate.control_secret(place), f"{stem}_AGENT": f"Bearer {estate.key(place)}"}


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
    return {
        "adapter": _ADAPTERS.get(place.kind, "http_control"),
        "class": place.surface_class,
        "risk": "high" if place.kind == "sql" else "medium",
        "deadline": place.deadline,
        **_settings(agent, place, estate),
    }


def _settings(agent: Agent, place: Place, estate: Estate) -> dict[str, dict[str, Any]]:
    admin, own = f"${{{place.variable}_ADMIN}}", f"${{{place.variable}_AGENT}}"
    match place.kind:
        case "sql":
            return {"settings": {"dsn": admin, "role": agent.login}, "canary": {"dsn": own}}
        case "queue":
            return {"settings": {"url": admin, "user": agent.login}, "canary": {"url": own}}
        case _:
            base = estate.url(place)
            parks = {"parks": True} if place.kind == "webhook" else {}
            return {
                "settings": {"url": f"{base}/control", "secret": f"${{{place.variable}_SECRET}}", **parks},
                "canary": {"url": f"{base}/canary", "method": "POST", "headers": {"Authorization": own}},
            }
