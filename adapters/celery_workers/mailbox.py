"""Celery's remote control over Redis: a broadcast, and the answers of the nodes (kombu/pidbox, kombu/transport/redis).

A node answers to any list that is named to it. How many nodes heard a broadcast is told by Redis: who heard and does
not answer is frozen, or at something else.
"""

import base64
import binascii
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from adapters.celery_workers.line import Command, Line
from adapters.errors import AdapterError

ANSWERS = 1.5  # seconds that nodes have to answer
_KEPT = 200  # orders whose late answers are still taken
_EXPIRES = "60"


@dataclass(frozen=True, slots=True)
class Order:
    """One command, to all nodes or to those of `to`."""

    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What came of some orders: per order, what each node answered; and how many heard and did not answer.

    What is answered late, while later orders are asked, is added to the answers.
    """

    answers: tuple[Mapping[str, Any], ...]
    mute: int


class Mailbox:
    """The nodes of one broker database.

    Args:
        database: its number, which is part of the channel's name.
        name: what the nodes' mailbox is called (`control_exchange`).
    """

    def __init__(self, database: int, name: str) -> None:
        self._exchange = f"{name}.pidbox"
        self._channel = f"/{database}.{self._exchange}"
        self._replies = f"agent-kill:celery:reply:{uuid4().hex}"
        self._open: dict[str, dict[str, Any]] = {}  # by ticket, what was answered

    async def ask(self, line: Line, *orders: Order, ahead: Sequence[Command] = ()) -> Told | None:
        """Sends orders in one transaction, behind the commands `ahead`, and gathers what is answered in `ANSWERS`.

        None where the transaction was void, because a key that the line watches had changed. Raises as `Line.ask`.
        """
        tickets = [uuid4().hex for _ in orders]
        sent = [("PUBLISH", self._channel, self._letter(order, t)) for order, t in zip(orders, tickets, strict=True)]
        heard = (await line.ask(("MULTI",), *ahead, *sent, ("EXEC",)))[-1]
        if heard is None:
            return None
        nodes = heard[len(ahead) :]
        wanted = sum(min(got, len(order.to) or got) for got, order in zip(nodes, orders, strict=True))
        found: tuple[dict[str, Any], ...] = tuple({} for _ in orders)
        self._open = dict([*self._open.items(), *zip(tickets, found, strict=True)][-_KEPT:])
        until = time.monotonic() + ANSWERS
        while sum(map(len, found)) < wanted and (left := until - time.monotonic()) > 0:
            answer = (await line.ask(("BRPOP", self._replies, f"{max(left, 0.01):.3f}")))[0]
            if answer is not None:
                ticket, said = _read(answer[1])
                self._open.get(ticket, {}).update(said)
        await line.ask(("EXPIRE", self._replies, _EXPIRES))
        return Told(found, max(nodes, default=0) - min(map(len, found), default=0))

    def _letter(self, order: Order, ticket: str) -> str:
        body = {
            "method": order.method,
            "arguments": dict(order.arguments),
            "destination": list(order.to) or None,
            "pattern": None,
            "matcher": None,
            "ticket": ticket,
            "reply_to": {"exchange": "", "routing_key": self._replies},
        }
        info = {"exchange": self._exchange, "routing_key": ""}
        return json.dumps(
            {
                "body": base64.b64encode(json.dumps(body).encode()).decode(),
                "content-encoding": "utf-8",
                "content-type": "application/json",
                "headers": {"clock": 0, "expires": 0},
                "properties": {
                    "delivery_mode": 1,
                    "delivery_info": info,
                    "priority": 0,
                    "body_encoding": "base64",
                    "delivery_tag": uuid4().hex,
                },
            }
        )


def _read(text: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        letter = json.loads(text)
        said = json.loads(base64.b64decode(letter["body"]))
        return str(letter["headers"]["ticket"]), {str(node): answer for node, answer in said.items()}
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise AdapterError(f"a Celery node answered something that is not read: {error}") from error
