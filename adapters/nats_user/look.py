"""What the servers say of one account: the JWT that each keeps and the one that it enforces, and who is connected."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.base import Mode
from adapters.errors import AdapterError, Refused
from adapters.nats_user.line import KICK, Line, Request
from adapters.nats_user.nkeys import claims
from adapters.nats_user.scope import Claims, facts, judged, mark, scope_of

UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
LOOKUP = "$SYS.REQ.ACCOUNT.{}.CLAIMS.LOOKUP"
ACCOUNTZ = "$SYS.REQ.SERVER.PING.ACCOUNTZ"
CONNZ = "$SYS.REQ.SERVER.PING.CONNZ"
VARZ = "$SYS.REQ.SERVER.PING.VARZ"
PAGE = 4096  # connections of the account that one server lists
Session = tuple[str, int]  # the server's id, and the connection's there


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of all servers.

    Attributes:
        stored: what each server keeps for its next start; empty where the account is not known.
        enforced: what each server goes by now; a server that nobody of the account uses has not loaded it.
        sessions: the open connections of the role; None where a server has more than it lists.
        missing: how many servers did not answer.
        crowded: whether more servers answered than are configured, so that some are not looked at.
    """

    role: str
    stored: tuple[Claims, ...]
    enforced: tuple[Claims, ...]
    sessions: frozenset[Session] | None
    missing: int
    crowded: bool

    @property
    def partial(self) -> bool:
        """Whether there are servers whose word is not known."""
        return self.missing > 0 or self.crowded

    @property
    def every(self) -> tuple[Claims, ...]:
        """All readings of the account."""
        return (*self.stored, *self.enforced)

    @property
    def newest(self) -> Claims | None:
        """What counts, where servers differ; None where no server knows the account."""
        return max(self.every, key=lambda one: int(one.get("iat", 0)), default=None)

    @property
    def scope(self) -> Claims | None:
        """The role, as in the newest."""
        return scope_of(self.newest, self.role) if self.newest is not None else None

    @property
    def mark(self) -> str | None:
        """The mark that all servers agree on."""
        found = {mark(one, self.role) for one in self.every}
        return found.pop() if len(found) == 1 else None

    @property
    def mode(self) -> Mode:
        """The loosest that any server would enforce, now or after its restart."""
        return min(self._modes(), default=Mode.NORMAL)

    def amounts_to(self, target: Mapping[str, str | None], token: str | None) -> bool:
        """Whether every server that answered keeps and enforces exactly this."""
        scopes = [scope_of(one, self.role) for one in self.every]
        same = all(scope is not None and facts(scope) == target for scope in scopes)
        return bool(self.stored) and same and self.mark == token

    def _modes(self) -> Iterator[Mode]:
        for one in self.every:
            scope = scope_of(one, self.role)
            yield Mode.FULL_STOP if scope is None else judged(facts(scope))


async def read(line: Line, *, account: str, role: str, servers: int, grace: float) -> Look:
    """Asks every server, once. Raises `Refused` where the bot may not ask, `AdapterError` where none keeps accounts."""
    kept = Request(LOOKUP.format(account), b"", servers, all_of_them=True)
    used = Request(ACCOUNTZ, json.dumps({"account": account}).encode(), servers, all_of_them=True)
    open_ = Request(
        CONNZ, json.dumps({"acc": account, "auth": True, "limit": PAGE}).encode(), servers, all_of_them=True
    )
    await line.ask(kept, used, open_, grace=grace)
    raised(kept, used, open_, place=line.place)
    if kept.unheard:
        raise AdapterError(
            f"{line.place} keeps no accounts that can be changed: the servers need a resolver of type full"
        )
    return Look(
        role=role,
        stored=tuple(_claims(answer.decode(errors="replace")) for answer in kept.answers if answer),
        enforced=tuple(_claims(text) for text in map(_enforced, used.replies()) if text),
        sessions=_sessions(open_.replies(), role),
        missing=max(servers - min(len(kept.answers), len(used.replies()), len(open_.replies())), 0),
        crowded=line.crowded,
    )


async def push(line: Line, token: str, *, servers: int) -> None:
    """Hands a new account JWT to every server; each keeps it, then enforces it, then answers.

    Raises:
        AdapterError: a server did not take it.
    """
    request = Request(UPDATE, token.encode(), servers)
    await line.ask(request)
    raised(request, place=line.place)
    for reply in request.replies():
        if "error" in reply:
            said = str(_part(reply, "error").get("description", reply["error"]))
            raise AdapterError(f"{line.place} did not take the account's new JWT: {said}; check settings.operator_seed")


async def kick(line: Line, sessions: frozenset[Session]) -> None:
    """Ends connections. One that is gone already is none of our business."""
    kicks = [Request(KICK.format(server), json.dumps({"cid": cid}).encode()) for server, cid in sorted(sessions)]
    await line.ask(*kicks)
    raised(*kicks, place=line.place)


def raised(*requests: Request, place: str) -> None:
    """Raises `Refused` for what the bot may not ask."""
    denied = tuple(sorted({permission(it.subject) for it in requests if it.denied}))
    if denied:
        raise Refused(
            f"{place} does not let the bot publish to {', '.join(denied)}; allow it, see docs/adapters/nats_user.md",
            missing=denied,
        )


def permission(subject: str) -> str:
    """The permission that a subject needs, as `NatsUser.permissions` names it."""
    words = subject.split(".")
    if words[2] in ("ACCOUNT", "SERVER") and words[3] != "PING":
        words[3] = "*"
    return f"publish {'.'.join(words)}"


def _enforced(reply: Claims) -> str:
    detail = _part(_part(reply, "data"), "account_detail")
    return str(detail.get("jwt") or "")


def _sessions(replies: list[dict[str, Any]], role: str) -> frozenset[Session] | None:
    found: set[Session] = set()
    for reply in replies:
        data = _part(reply, "data")
        listed = data.get("connections") or []
        if "connections" not in data or int(data.get("total", 0)) > len(listed):
            return None
        server = str(data.get("server_id"))
        found.update((server, int(one["cid"])) for one in listed if one.get("issuer_key") == role)
    return frozenset(found)


def _claims(token: str) -> Claims:
    try:
        return claims(token)
    except ValueError as error:
        raise AdapterError("a server answered with an account that is no JWT") from error


def _part(reply: dict[str, Any], name: str) -> dict[str, Any]:
    found = reply.get(name)
    return found if isinstance(found, dict) else {}
