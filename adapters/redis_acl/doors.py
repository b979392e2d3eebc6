"""Other users of a server that the agent can come back as: without a password, or with its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from adapters.base import Mode
from adapters.redis_acl.commands import Catalogue
from adapters.redis_acl.hand import Hand
from adapters.redis_acl.rules import User, parse


@dataclass(frozen=True, slots=True)
class Door:
    """One of them.

    Attributes:
        mode: the loosest that its rules amount to.
        why: what that means, in a sentence.
        lacks: what closes it, as `preflight` names it.
    """

    mode: Mode
    why: str
    lacks: str

    @classmethod
    def of(cls, name: str, user: User, place: str, known: Catalogue) -> Self:
        """For a user of `place` that needs no password, or takes the agent's."""
        whom = "The default user" if name == "default" else f"User {name}"
        if not user.nopass:
            why = f"{whom} of {place} has the agent's password, so the agent can come back as it: change that."
            return cls(user.judged(known), why, f"a password of its own for user {name} of {place}")
        way = "set requirepass, or ACL SETUSER default off" if name == "default" else f"ACL SETUSER {name} off"
        why = f"{whom} of {place} needs no password, so the agent can come back as it: {way}."
        return cls(user.judged(known), why, f"a password for the {name} user of {place}")


def wider(doors: Iterable[Door], held: Mode) -> bool:
    """Whether the agent could do more than `held` through one; then its work cannot be told from others'."""
    return any(door.mode < held for door in doors)


async def doors(hand: Hand, user: User | None, default: User | None) -> tuple[Door, ...]:
    """Those of this server, as far as the bot may see: the default user always, the others where it has `+acl|list`."""
    around = await hand.endpoint.lookout.look(hand.line.ask, hand.line.peer())
    doubles = () if user is None else around.doubles(hand.user, user.hashes)
    names = [one.name for one in doubles if one.name != "default" or not one.nopass]
    answers = await hand.ask(*(("ACL", "GETUSER", name) for name in names)) if names else []
    found = [(name, parse(answer)) for name, answer in zip(names, answers, strict=True)]
    if default is not None and default.enabled and default.nopass and hand.user != "default":
        found.insert(0, ("default", default))
    known = hand.endpoint.known
    return tuple(
        Door.of(name, one, hand.endpoint.address.name, known)
        for name, one in found
        if one is not None and not one.idle(known)
    )
