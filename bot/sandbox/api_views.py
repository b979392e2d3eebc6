"""views.open, views.update, views.publish."""

import json
from typing import Any

from bot.sandbox.api_chat import named
from bot.sandbox.arguments import Arguments
from bot.sandbox.desk import Desk
from bot.sandbox.errors import SlackError, bad_arguments
from bot.sandbox.limits import VIEW_BYTES, view_complaints
from bot.sandbox.messages import Json
from bot.sandbox.views import View


def checked(desk: Desk, body: Any, kind: str) -> Json:
    """A view that Slack would take, with every block named.

    Raises:
        SlackError: `view_too_large`, `invalid_arguments` with the complaints.
    """
    if len(json.dumps(body)) > VIEW_BYTES:
        raise SlackError("view_too_large")
    if found := view_complaints(body, kind):
        raise bad_arguments(*found)
    return {**body, "blocks": named(desk, body["blocks"])}


def show(desk: Desk, user: str, body: Json, *, over: View | None = None) -> View:
    """Puts a view before a person, on top of another one if given."""
    view_id = desk.workspace.ids.next("V")
    root = over.root_id if over else view_id
    view = View(view_id, user, body, _hash(desk), root, previous_id=over.id if over else None)
    desk.workspace.views[view_id] = view
    desk.workspace.changed("view", view)
    return view


def replace(desk: Desk, view: View, body: Json) -> View:
    """Puts other content into a view that is already there."""
    view.body, view.hash, view.errors = body, _hash(desk), None
    desk.workspace.changed("view", view)
    return view


def _hash(desk: Desk) -> str:
    return f"{int(desk.workspace.clock.now())}.{desk.workspace.ids.secret()[:8]}"


def open_view(desk: Desk, args: Arguments) -> Json:
    """views.open."""
    body = checked(desk, args.decoded("view", "invalid_arguments"), "modal")
    user = desk.triggers.exchange(args.get("trigger_id") or args.get("interactivity_pointer"))
    return {"ok": True, "view": show(desk, user, body).as_json(desk.workspace.app)}


def update(desk: Desk, args: Arguments) -> Json:
    """views.update, by `view_id` or `external_id`."""
    external = args.text("external_id")
    found = desk.workspace.views.get(args.text("view_id")) or next(
        (v for v in desk.workspace.views.values() if external and v.body.get("external_id") == external), None
    )
    if found is None or not found.open:
        raise SlackError("not_found")
    _same(found, args)
    body = checked(desk, args.decoded("view", "invalid_arguments"), found.body["type"])
    return {"ok": True, "view": replace(desk, found, body).as_json(desk.workspace.app)}


def _same(view: View, args: Arguments) -> None:
    if args.text("hash") not in ("", view.hash):
        raise SlackError("hash_conflict")


def publish(desk: Desk, args: Arguments) -> Json:
    """views.publish."""
    if not desk.manifest.home_tab:
        raise SlackError("not_enabled")
    user = desk.workspace.user(args.text("user_id"))
    if user is None:
        raise bad_arguments("invalid `user_id`")
    body = checked(desk, args.decoded("view", "invalid_arguments"), "home")
    found = next((v for v in desk.workspace.views.values() if v.user == user.id and v.body["type"] == "home"), None)
    if found is None:
        return {"ok": True, "view": show(desk, user.id, body).as_json(desk.workspace.app)}
    _same(found, args)
    return {"ok": True, "view": replace(desk, found, body).as_json(desk.workspace.app)}


HANDLERS: dict[str, Any] = {"views.open": open_view, "views.update": update, "views.publish": publish}
