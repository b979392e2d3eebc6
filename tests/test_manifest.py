"""The manifest is valid and asks for exactly what the code uses: no scope, event or command more or less."""

import ast
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import drill_listeners, listeners, restore_listeners
from bot.slack.scopes import SCOPES

ROOT = Path(__file__).parent.parent
HEARD = {*listeners.EVENTS, *restore_listeners.VOTES}
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
SCHEMA: dict[str, Any] = json.loads((ROOT / "tests/data/slack_manifest.schema.json").read_text(encoding="utf-8"))
CODE = sorted((ROOT / "bot/slack").rglob("*.py"))

# Bot scopes by method, from the methods' pages (docs.slack.dev/reference/methods), with a space between; "" is none.
METHODS: dict[str, str] = {
    "apps.connections.open": "",  # the app-level token's connections:write, which no manifest lists
    "auth.test": "",
    "chat.getPermalink": "",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.info": "channels:read groups:read",
    "conversations.open": "im:write",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "reactions.add": "reactions:write",
    "reactions.get": "reactions:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "views.open": "",
    "views.publish": "",
}
# Bot scopes by event (docs.slack.dev/reference/events).
EVENTS: dict[str, str] = {
    "app_home_opened": "",
    "app_uninstalled": "",
    "member_left_channel": "channels:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "subteam_members_changed": "usergroups:read",
    "subteam_updated": "usergroups:read",
    "tokens_revoked": "",
    "user_change": "users:read",
}


def nodes() -> Iterable[ast.AST]:
    """Every node of the code of the Slack room."""
    for path in CODE:
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def client_methods() -> dict[str, str]:
    """Methods of the client library that are calls of the Web API, by their Python name."""
    known = {method.replace(".", "_"): method for method in METHODS}
    plain = {name for name in vars(AsyncWebClient) if not name.startswith("_")}
    return {name: known.get(name, name) for name in plain if name in known or "_" in name}


def used_methods() -> set[str]:
    """Every method of the Web API that the code calls, by name or through `api_call`."""
    by_name = client_methods()
    found: set[str] = set()
    for node in nodes():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        called = node.func.attr
        first = node.args[0] if node.args else None
        if called == "api_call":
            assert isinstance(first, ast.Constant), "api_call needs a literal method, so that this test can see it"
            found.add(str(first.value))
        elif called in by_name and "client" in ast.unparse(node.func.value):
            found.add(by_name[called])
    return found


def declared(kind: str, key: str) -> set[str]:
    """Names of a list of features."""
    return {item[key] for item in MANIFEST["features"][kind]}


def test_the_manifest_is_valid() -> None:
    """By the limits of Slack's reference; an unknown key is an error."""
    jsonschema.validate(MANIFEST, SCHEMA, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("display_information", "name"), "x" * 36),
        (("features", "shortcuts", 0, "name"), "x" * 25),
        (("features", "slash_commands", 0, "command"), "agent-kill"),
        (("settings", "unknown"), True),
    ],
)
def test_the_schema_catches_what_slack_would_refuse(path: tuple[Any, ...], wrong: object) -> None:
    """A check that accepts everything is none."""
    broken = json.loads(json.dumps(MANIFEST))
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_every_method_that_the_code_calls_is_known_here() -> None:
    """A new method needs a line in the table, from Slack's own page."""
    assert used_methods() <= METHODS.keys()
    assert {"chat.postMessage", "usergroups.list", "views.open", "auth.test"} <= used_methods()


def test_scopes_are_exactly_those_that_methods_events_and_commands_need() -> None:
    """No scope is asked for in advance, none is missing."""
    needed = [*(METHODS[method] for method in used_methods()), *(EVENTS[event] for event in HEARD)]
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == {"commands", *" ".join(needed).split()}


def test_events_are_exactly_those_that_are_listened_to() -> None:
    """Each delivery costs; each missing one is a blind spot."""
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == HEARD


def test_commands_and_shortcuts_are_exactly_those_that_are_registered() -> None:
    """The manifest promises nothing that this version does not have."""
    commands = {listeners.KILL, listeners.STATUS, restore_listeners.RESTORE, drill_listeners.DRILL}
    assert declared("slash_commands", "command") == commands
    assert declared("shortcuts", "callback_id") == {listeners.SHORTCUT}
    assert all(item["should_escape"] for item in MANIFEST["features"]["slash_commands"])


def test_registrations_name_only_what_the_constants_say() -> None:
    """No listener is registered beside the lists that this test reads."""
    registered = [
        ast.unparse(node.args[0])
        for node in nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"command", "event", "message_shortcut", "global_shortcut", "shortcut", "message"}
        and ast.unparse(node.func.value) == "app"
    ]
    assert sorted(registered) == sorted(["KILL", "STATUS", "_EVERY", "SHORTCUT", "event", "RESTORE", "event", "DRILL"])


def test_the_armed_check_asks_for_the_scopes_of_the_manifest() -> None:
    """It says what each is for; one that the manifest lacks would be NOT ARMED for ever."""
    assert set(SCOPES) == set(MANIFEST["oauth_config"]["scopes"]["bot"])
