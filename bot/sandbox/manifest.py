"""What the app asked Slack for: scopes, events, commands and shortcuts."""

import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.sandbox.scopes import EVENT_SCOPES, missing_for_event

_ROOT = Path(__file__).resolve().parents[2]


def shipped() -> Path:
    """The product's own manifest.yml: beside the package in a checkout, else where the installation put it."""
    beside = _ROOT / "manifest.yml"
    return beside if beside.exists() else Path(sysconfig.get_path("data"), "share", "agent-kill", "manifest.yml")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The part of an app manifest that decides what Slack lets the app do.

    Attributes:
        commands: declared slash commands with their slash; the value says whether Slack escapes users and channels.
        shortcuts: callback ids with `message` or `global`.
    """

    name: str
    bot_scopes: frozenset[str]
    events: frozenset[str]
    commands: Mapping[str, bool]
    shortcuts: Mapping[str, str]
    home_tab: bool
    interactivity: bool

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Manifest":
        """Reads the dictionary form of a manifest (the YAML or JSON of Slack's manifest schema)."""
        features, settings = raw.get("features") or {}, raw.get("settings") or {}
        events = settings.get("event_subscriptions") or {}
        scopes = (raw.get("oauth_config") or {}).get("scopes") or {}
        return cls(
            name=(raw.get("display_information") or {}).get("name", "app"),
            bot_scopes=frozenset(scopes.get("bot") or ()),
            events=frozenset(events.get("bot_events") or ()),
            commands={c["command"]: bool(c.get("should_escape")) for c in features.get("slash_commands") or ()},
            shortcuts={s["callback_id"]: s["type"] for s in features.get("shortcuts") or ()},
            home_tab=bool((features.get("app_home") or {}).get("home_tab_enabled")),
            interactivity=bool((settings.get("interactivity") or {}).get("is_enabled")),
        )

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Reads a manifest.yml."""
        return cls.parse(yaml.safe_load(path.read_text(encoding="utf-8")))

    def complaints(self) -> list[str]:
        """What Slack would not accept when this manifest is saved."""
        found = [f"manifest: the event {event} is not known" for event in self.events - EVENT_SCOPES.keys()]
        found += [
            f"manifest: the event {event} needs the scope {' or '.join(missing)}"
            for event in sorted(self.events & EVENT_SCOPES.keys())
            if (missing := missing_for_event(event, self.bot_scopes))
        ]
        if self.commands and "commands" not in self.bot_scopes:
            found.append("manifest: slash commands need the scope commands")
        return found
