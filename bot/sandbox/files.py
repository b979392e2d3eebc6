"""Uploaded files."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class UploadedFile:
    """A file on its way or arrived.

    Attributes:
        ticket: the secret part of the upload address.
        content: the bytes, once they were posted; None before.
        shared_in: (channel, ts) of the messages that show it.
    """

    id: str
    name: str
    length: int
    ticket: str
    title: str = ""
    content: bytes | None = None
    completed: bool = False
    shared_in: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self, domain: str) -> dict[str, Any]:
        """The part of the file object that messages carry."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": self.length,
            "mode": "hosted",
            "is_external": False,
            "url_private": f"https://files.slack.com/files-pri/T0SANDBOX-{self.id}/{self.name}",
            "permalink": f"https://{domain}.slack.com/files/U0BOT/{self.id}/{self.name}",
        }
