"""Modals before one person: submitting, closing, and what the app answers."""

from typing import Any

from bot.sandbox import api_views, payloads
from bot.sandbox.delivery import Reply
from bot.sandbox.elements import elements, find_element
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Json
from bot.sandbox.people import User
from bot.sandbox.results import InteractionResult
from bot.sandbox.stage import Stage
from bot.sandbox.views import View


class Modals:
    """The stack of modals on one person's screen."""

    def __init__(self, user: User, stage: Stage) -> None:
        self._user, self._stage = user, stage

    def top(self) -> View | None:
        """The modal on top, if any."""
        return next(reversed([v for v in self._mine() if v.body["type"] == "modal"]), None)

    def _mine(self) -> list[View]:
        return [v for v in self._stage.desk.workspace.views.values() if v.user == self._user.id and v.open]

    async def interact(self, name: str, payload: Json) -> InteractionResult:
        """Delivers an interaction and says what the person sees of it."""
        if not self._stage.desk.manifest.interactivity:
            self._stage.desk.workspace.violate(f"manifest: {name} needs settings.interactivity.is_enabled")
            return InteractionResult("not_acknowledged", payload=payload)
        delivery = await self._stage.courier.deliver("interactive", name, payload)
        reply = delivery.replies[0] if delivery.replies else Reply("timeout")
        result = InteractionResult(response=reply.body, delivery=delivery, payload=payload)
        if reply.trouble:
            result.error = "not_acknowledged"
        else:
            result.ack_ms = reply.elapsed_ms
        return result

    async def click(self, view: View, action_id: str, value: Any) -> InteractionResult:
        """Presses a button or chooses something in a view."""
        block, element = find_element(view.body["blocks"], action_id)
        payload = payloads.view_actions(
            self._stage.desk.workspace,
            self._user,
            view.as_json(self._stage.desk.workspace.app),
            payloads.action_of(element, block, value),
            trigger_id=self._stage.desk.triggers.issue(self._user.id),
        )
        return await self.interact("block_actions", payload)

    async def submit(self, values: dict[str, Any], view: View | None) -> InteractionResult:
        """Submits a modal; the app's `response_action` is carried out."""
        target = view or self.top()
        if target is None:
            raise LookupError(f"{self._user.name} has no modal open")
        state = _state(target, values)
        payload = payloads.view_submission(
            self._stage.desk.workspace,
            self._user,
            target.as_json(self._stage.desk.workspace.app, state),
            trigger_id=self._stage.desk.triggers.issue(self._user.id),
        )
        result = await self.interact("view_submission", payload)
        if result.ok:
            self._answer(target, result)
        return result

    def _answer(self, view: View, result: InteractionResult) -> None:
        answer = result.response if isinstance(result.response, dict) else {}
        action = answer.get("response_action")
        if action == "errors":
            result.errors = view.errors = answer.get("errors") or {}
        elif action in {"update", "push"}:
            self._change(view, action, answer.get("view"))
        elif action == "clear":
            self._close(self._mine())
        elif action is None:
            self._close([view])
        else:
            self._stage.desk.workspace.violate(f"view_submission was answered with response_action {action}")

    def _change(self, view: View, action: str, body: Any) -> None:
        desk = self._stage.desk
        try:
            fresh = api_views.checked(desk, body, "modal")
        except SlackError as error:
            desk.workspace.violate(f"the view of response_action {action} is not valid: {error.extra}")
            return
        if action == "update":
            api_views.replace(desk, view, fresh)
        else:
            api_views.show(desk, self._user.id, fresh, over=view)

    def _close(self, views: list[View]) -> None:
        for view in views:
            if view.body["type"] == "modal":
                view.open = False
                self._stage.desk.workspace.changed("view", view)

    async def close(self, *, clear: bool) -> InteractionResult:
        """Closes the modal on top; the app hears of it where the view asked for that."""
        view = self.top()
        if view is None:
            raise LookupError(f"{self._user.name} has no modal open")
        self._close(self._mine() if clear else [view])
        if not view.body.get("notify_on_close"):
            return InteractionResult()
        shown = view.as_json(self._stage.desk.workspace.app)
        payload = payloads.view_closed(self._stage.desk.workspace, self._user, shown, cleared=clear)
        return await self.interact("view_closed", payload)


def _state(view: View, values: dict[str, Any]) -> dict[str, Any]:
    known = {element["action_id"] for _, element in elements(view.body["blocks"])}
    if unknown := sorted(values.keys() - known):
        raise LookupError(f"the modal has no input {unknown}; there are {sorted(known)}")
    state: dict[str, Any] = {}
    for block, element in elements(view.body["blocks"]):
        if block["type"] != "input" and element["type"] == "button":
            continue
        value = values.get(element["action_id"], _initial(element))
        entry = {"type": element["type"]} | (payloads.state_of(element["type"], element, value) or _nothing(element))
        state.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return state


def _initial(element: Json) -> Any:
    if option := element.get("initial_option"):
        return option["value"]
    if options := element.get("initial_options"):
        return [option["value"] for option in options]
    return element.get("initial_value")


def _nothing(element: Json) -> Json:
    kind = element["type"]
    if kind in {"checkboxes", "multi_static_select"}:
        return {"selected_options": []}
    if kind in {"static_select", "radio_buttons", "external_select"}:
        return {"selected_option": None}
    return {"value": None} if kind.endswith("_input") else {}
