"""The arguments of one Web API call, however they were sent."""

import json
from typing import Any

from bot.sandbox.errors import SlackError, bad_arguments

_TRUE = frozenset({"true", "1", "True"})


class Arguments(dict[str, Any]):
    """Arguments by name: strings from a form or a query, any JSON value from a JSON body."""

    def text(self, name: str) -> str:
        """A string; empty when missing."""
        value = self.get(name)
        if value is None:
            return ""
        if isinstance(value, (dict, list)):
            raise bad_arguments(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def flag(self, name: str) -> bool:
        """A boolean, in any of the spellings that Slack takes."""
        value = self.get(name)
        return value if isinstance(value, bool) else str(value) in _TRUE

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        try:
            return int(self.get(name) or default)
        except (TypeError, ValueError):
            raise bad_arguments(f"must be an integer [json-pointer:/{name}]") from None

    def decoded(self, name: str, code: str) -> Any:
        """A structure: a JSON value in a JSON body, a JSON-encoded string elsewhere.

        Raises:
            SlackError: with `code`, when it is not JSON.
        """
        value = self.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(code) from None

    def objects(self, name: str, code: str) -> list[dict[str, Any]] | None:
        """A list of objects, or None when it was not given.

        Raises:
            SlackError: with `code`, when it is something else.
        """
        value = self.decoded(name, code)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise SlackError(code)
        return value
