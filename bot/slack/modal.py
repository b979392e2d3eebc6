"""The modals: picking a stop instead of typing it, and giving a reason afterwards. Pure: values in, views out.

What is chosen becomes the words that would have been typed, so that one parser decides for every door.
"""

import json
from collections.abc import Mapping, Sequence

from bot.domain.commands import MODES, Here
from bot.domain.names import ALL
from bot.slack.blocks.message import Message, quoted, section
from bot.slack.limits import shorten

STOP = "agent_kill:stop"
REASON = "agent_kill:reason"
RESTORE = "agent_restore:reason"
CODE = "agent_restore:code"
_OPTIONS = 100  # per group, and groups per menu
_OPTION_VALUE = 150  # characters
_OPTION_TEXT = 75
_MAX_REASON = 1000
_MAX_LINE = 2000
_MAX_CODE = 12  # six digits, with the spaces that apps show

View = dict[str, object]
_MEANING = {
    "full_stop": "nothing works any more",
    "read_only": "it may read, and write nothing",
    "draft_only": "it may prepare, and send nothing",
    "approval_gated": "each action waits for a person",
}


def stop_view(here: Here) -> View:
    """The modal for a stop in this channel."""
    scope = "every agent" if here.incident else ", ".join(here.bound()) or "none is bound to this channel: choose"
    return {
        "type": "modal",
        "callback_id": STOP,
        "private_metadata": json.dumps({"channel": here.channel}),
        "title": _plain("Stop agents"),
        "submit": _plain("Stop now"),
        "close": _plain("Cancel"),
        "blocks": [
            _input("mode", "Mode", {"type": "radio_buttons", "options": _modes(), "initial_option": _modes()[0]}),
            *_targets(here),
            _typed("typed", "Or type targets", f"AGENT, agent/surface, class:queue; nothing chosen: {scope}", 500),
            _typed("reason", "Reason", "Why? May be given later.", _MAX_REASON),
        ],
    }


def reason_view(hold: str, channel: str | None) -> View:
    """The modal for the reason of a stop that was made without one."""
    return {
        "type": "modal",
        "callback_id": REASON,
        "private_metadata": json.dumps({"hold": hold, "channel": channel}),
        "title": _plain("Reason of the stop"),
        "submit": _plain("Record it"),
        "close": _plain("Cancel"),
        "blocks": [
            _typed("reason", "Why were these agents stopped?", "It is recorded as it is.", _MAX_REASON, must=True)
        ],
    }


def restore_view(line: str, channel: str | None) -> View:
    """The form for the reason of a restore; `line` is the rest of the command."""
    return {
        "type": "modal",
        "callback_id": RESTORE,
        "private_metadata": json.dumps({"line": shorten(line, _MAX_LINE), "channel": channel}),
        "title": _plain("Ask for a restore"),
        "submit": _plain("Open the ballot"),
        "close": _plain("Cancel"),
        "blocks": [
            quoted(f"/agent-restore {line}"),
            _typed("reason", "Why may it come back?", "Everybody who votes reads it.", _MAX_REASON, must=True),
        ],
    }


def submitted_restore(view: Mapping[str, object]) -> str:
    """The whole line that a submitted form stands for, escaped as Slack escapes what is typed."""
    return _escape(f"{metadata(view).get('line') or ''} -- {submitted_reason(view)}")


def code_view(ballot: str, digest: str, channel: str | None) -> View:
    """The form for a code of the second factor; it is bound to the ballot that the person sees."""
    return {
        "type": "modal",
        "callback_id": CODE,
        "private_metadata": json.dumps({"ballot": ballot, "digest": digest, "channel": channel}),
        "title": _plain("Confirm your vote"),
        "submit": _plain("Confirm"),
        "close": _plain("Cancel"),
        "blocks": [
            section(f"It confirms your vote on ballot `{ballot}`, digest `{digest}`, and no other."),
            _typed("code", "Code", "The six digits that your authenticator app shows now.", _MAX_CODE, must=True),
        ],
    }


def submitted_code(view: Mapping[str, object]) -> tuple[str, str, str]:
    """The ballot, its digest and the code of a submitted form."""
    known = metadata(view)
    code = str(_value(view, "code").get("value") or "")
    return known.get("ballot") or "", known.get("digest") or "", code


def done_view(said: Message, title: str) -> View:
    """What the modal shows once it was submitted."""
    return {"type": "modal", "title": _plain(title), "close": _plain("Close"), "blocks": list(said.blocks)}


def told_view(sentence: str, title: str) -> View:
    """A modal that only says something."""
    return {"type": "modal", "title": _plain(title), "close": _plain("Close"), "blocks": [section(sentence)]}


def metadata(view: Mapping[str, object]) -> dict[str, str | None]:
    """What the modal was opened with; empty where it cannot be read."""
    try:
        found = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        return {}
    return {str(k): v for k, v in found.items() if v is None or isinstance(v, str)} if isinstance(found, dict) else {}


def submitted_stop(view: Mapping[str, object]) -> tuple[str, str, str]:
    """The mode, the target words and the reason of a submitted stop, escaped as Slack escapes what is typed."""
    mode = " ".join(_selected(_value(view, "mode")))
    chosen = [name for block in ("agents", "classes") for name in _selected(_value(view, block))]
    typed = str(_value(view, "typed").get("value") or "")
    return mode, _escape(" ".join([*chosen, typed])), _escape(submitted_reason(view))


def submitted_reason(view: Mapping[str, object]) -> str:
    """The reason that was typed into either modal."""
    return str(_value(view, "reason").get("value") or "").strip()


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _value(view: Mapping[str, object], block: str) -> Mapping[str, object]:
    found: object = view
    for key in ("state", "values", block, block):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _selected(element: Mapping[str, object]) -> list[str]:
    one, many = element.get("selected_option"), element.get("selected_options")
    options = [one] if isinstance(one, dict) else many if isinstance(many, list) else []
    return [str(option.get("value")) for option in options if isinstance(option, dict)]


def _modes() -> list[dict[str, object]]:
    return [{"text": _plain(f"{mode}: {_MEANING[str(mode)]}"), "value": str(mode)} for mode in reversed(MODES)]


def _targets(here: Here) -> list[View]:
    """Menus of what can be stopped here; an agent whose id does not fit an option has to be typed."""
    ids = [agent.id for agent in here.configuration.agents if len(agent.id) <= _OPTION_TEXT]
    agents = [*([ALL] if here.incident else []), *ids][: _OPTIONS * _OPTIONS]
    classes = sorted({f"class:{item.surface_class}" for item in here.configuration.surfaces()})
    return [
        _input(block, label, _menu(names), optional=True)
        for block, label, names in (("agents", "Agents", agents), ("classes", "Or every surface of a class", classes))
        if names
    ]


def _menu(names: Sequence[str]) -> View:
    options = [{"text": _plain(name), "value": shorten(name, _OPTION_VALUE)} for name in names]
    if len(options) <= _OPTIONS:
        return {"type": "multi_static_select", "options": options}
    parts = [options[start : start + _OPTIONS] for start in range(0, len(options), _OPTIONS)]
    groups = [{"label": _plain(_span(names, i * _OPTIONS)), "options": part} for i, part in enumerate(parts)]
    return {"type": "multi_static_select", "option_groups": groups}


def _span(names: Sequence[str], start: int) -> str:
    """The label of a group of options: from its first name on."""
    return shorten(f"from {names[start]}", _OPTION_TEXT)


def _typed(block: str, label: str, hint: str, limit: int, *, must: bool = False) -> View:
    element: View = {"type": "plain_text_input", "multiline": block == "reason", "max_length": limit}
    made = _input(block, label, element, optional=not must)
    return {**made, "hint": _plain(shorten(hint, 1900))}


def _input(block: str, label: str, element: View, *, optional: bool = False) -> View:
    return {
        "type": "input",
        "block_id": block,
        "label": _plain(label),
        "element": {**element, "action_id": block},
        "optional": optional,
    }


def _plain(text: str) -> View:
    return {"type": "plain_text", "text": text, "emoji": False}
