"""The connections of one user, read from `CLIENT LIST`."""

from dataclasses import dataclass

from adapters.redis_acl.commands import HARMLESS


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
    lines = (
        dict(part.partition("=")[::2] for part in line.split(" "))
        for line in listing.decode(errors="replace").splitlines()
    )
    return [Session(line.get("flags", ""), line.get("cmd", "")) for line in lines if line.get("user") == user]
