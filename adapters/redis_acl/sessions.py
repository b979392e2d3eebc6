"""The connections of one user, read from `CLIENT LIST`."""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.redis_acl.commands import HARMLESS

# What a release sends last before it asks the gate, and after it: nothing that a cut sends by itself.
_RELEASING = frozenset({"pttl", "multi", "rename", "pexpire", "hdel", "set"})


@dataclass(frozen=True, slots=True)
class Session:
    """One connection: its flags (`b` blocked, `x` in MULTI) and the last command that it sent."""

    flags: str
    command: str

    @property
    def blocked(self) -> bool:
        """Whether a blocking command (BLPOP, XREAD BLOCK) waits in the server."""
        return "b" in self.flags

    @property
    def writing(self) -> bool:
        """Whether it waits in a command that read_only forbids."""
        return self.blocked and self.command not in HARMLESS


def sessions(listing: object, *, user: str) -> list[Session] | None:
    """The connections of `user` in the answer of `CLIENT LIST`; None where the bot may not read it."""
    if not isinstance(listing, bytes):
        return None
    return [Session(line.get("flags", ""), line.get("cmd", "")) for line in _lines(listing) if line.get("user") == user]


def releasing(listing: object, *, bot: str) -> tuple[str, ...]:
    """The ids of the bot's connections over which drafts may be about to be released, in the same answer."""
    if not isinstance(listing, bytes):
        return ()
    lines = (line for line in _lines(listing) if line.get("user") == bot and line.get("cmd") in _RELEASING)
    return tuple(line.get("id", "") for line in lines)


def _lines(listing: bytes) -> Iterator[dict[str, str]]:
    for line in listing.decode(errors="replace").splitlines():
        yield dict(part.partition("=")[::2] for part in line.split(" "))
