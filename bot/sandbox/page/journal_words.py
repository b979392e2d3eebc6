"""Entries of the bot's journal as short sentences for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.messages import Json


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one line.

    Args:
        aside: the texts that stand beside it, by their commitment.
        surfaces: the surfaces that point at a target, by its key.
        called: how people call somebody, by id.
        plain: Slack's markup as people read it.
    """

    aside: Mapping[str, str]
    surfaces: Mapping[str, tuple[str, ...]]
    called: Callable[[str], str]
    plain: Callable[[str], str] = str

    def in_words(self, body: Json) -> str:
        """One entry in a short sentence."""
        kind = str(body["type"])
        tell = _WORDS.get(kind)
        return tell(self, body) if tell else kind.replace("_", " ")

    def text(self, value: Any) -> str:
        """A text that may be erased."""
        return self.aside.get(str(value), str(value))

    def who(self, body: Json) -> str:
        """Who did it."""
        return self.called(self.text(body["by"]["id"]))

    def where(self, target: str) -> str:
        """The surfaces of a target, or the end of its key, which names the thing."""
        return ", ".join(self.surfaces.get(target, ())) or target.rpartition("/")[2]


def _held(read: Reader, body: Json) -> str:
    reason = f": {read.text(body['reason'])}" if body.get("reason") else ""
    return f"{body['mode']} on {body['scope']}, asked by {read.who(body)}{reason}"


def _outcomes(read: Reader, body: Json) -> str:
    return ", ".join(f"{read.where(one['target'])} {one['outcome']}" for one in body["proofs"])


def _reason(read: Reader, body: Json) -> str:
    return read.text(body["reason"]) if body.get("reason") else "no reason given"


def _votes(read: Reader, body: Json) -> str:
    approved = [read.called(read.text(one["id"])) for one in body["approvals"]]
    vetoed = [read.called(read.text(one["id"])) for one in body["vetoes"]]
    return f"for: {', '.join(approved) or 'nobody'}" + (f"; veto: {', '.join(vetoed)}" if vetoed else "")


def _undos(_: Reader, body: Json) -> str:
    number = len(body["records"])
    return f"{_counted(number, 'undo record')}, encrypted"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _parked(body: Json) -> str:
    return ", ".join(dict.fromkeys(name for one in body["drafts"] for name in one["surfaces"]))


_POSTS = {
    "parent": "the incident's first message and its totals",
    "surface": "a surface's confirmation",
    "batch": "the confirmations",
    "file": "the confirmations, as a file",
    "closing": "the report",
    "late": "what changed since the report",
    "reason": "the question for the reason",
    "ballot": "the ballot",
    "ballot-link": "where the vote is",
    "ballot-file": "all that the ballot was opened on",
    "ballot-end": "how the vote ended",
    "draft": "what the agent asked for and did not get",
    "drafts": "how much more is parked",
}
"""What stands in a slot of the incident's thread, by the first word of its name."""
_WORDS: dict[str, Callable[[Reader, Json], str]] = {
    "hold_added": _held,
    "outcomes": _outcomes,
    "refusal": lambda read, body: f"refused {read.who(body)}: {read.plain(read.text(body['why']))}",
    "reason_given": lambda read, body: f"reason given by {read.who(body)}: {read.text(body['reason'])}",
    "undo_recorded": lambda read, body: f"undo record of {read.where(body['target'])}, encrypted",
    "undos_recorded": _undos,
    "posted": lambda _, body: f"in Slack: {_POSTS.get(str(body['slot']).partition(':')[0], 'a message of the thread')}",
    "incident_closed": lambda read, body: f"{body['incident']} closed by {read.who(body)}",
    "pairs_lifted": lambda read, body: f"lifted on {', '.join(read.where(target) for _, target in body['pairs'])}",
    "ballot_opened": lambda read, body: (
        f"{body['scope']} to {body['mode']}? asked by {read.who(body)}: {_reason(read, body)}"
    ),
    "votes_counted": _votes,
    "code_entered": lambda read, body: (
        f"{read.who(body)} entered a code: {'taken' if body['step'] is not None else read.plain(body['why'])}"
    ),
    "step_done": lambda _, body: f"step {body['step']} is done on {_counted(len(body['targets']), 'target')}",
    "ballot_ended": lambda read, body: (
        f"the ballot is {body['how']}{': ' * bool(body['why'])}{read.plain(body['why'])}"
    ),
    "acknowledged": lambda read, body: f"{read.who(body)} goes without {body['subject']}: {_reason(read, body)}",
    "episode_ended": lambda read, body: f"nothing of ours is left to undo on {read.where(body['target'])}",
    "drafts_seen": lambda _, body: f"{_counted(len(body['drafts']), 'write')} parked on {_parked(body)}",
    "drafts_gone": lambda _, body: f"{_counted(len(body['drafts']), 'write')} not parked any more, by another's hand",
    "draft_shown": lambda read, body: f"card of {body['draft']}: {read.text(body['what'])}",
    "draft_asked": lambda read, body: f"{read.who(body)} asks for the release of {body['draft']}",
    "draft_decided": lambda read, body: (
        f"{body['draft']} expired"
        if body["verdict"] == "expire"
        else f"{read.who(body)} decided to {body['verdict']} {body['draft']}"
    ),
    "draft_settled": lambda read, body: (
        f"{body['draft']} is {body['how']}{': ' * bool(body['why'])}{read.plain(body['why'])}"
    ),
    "note": lambda _, body: str(body["text"]),
}
