"""`${NAME}` and `file:/path`: where secrets come from. Their values never stand in a message."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from bot.settings.regular import NotRegularError, open_regular

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PASSWORD = re.compile(r"://[^/\s@:]*:(?P<password>[^/\s@]+)@")
_MAX_SECRET = 64 * 1024
_SHORTEST = 4  # shorter values are not searched for in messages: they would hit words

FORMS = 'write "${NAME}" for an environment variable or file:/absolute/path for a file'


class ReferenceUnresolved(Exception):
    """A reference leads nowhere; the text says which and why, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class References:
    """Resolves the references of one file.

    Args:
        environ: the environment variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: dict[str, str] = {}  # resolved value -> how the file writes it
        self.exposed: list[str] = []  # secret files that every user of the host can read

    def resolve(self, text: str) -> str:
        """Puts the values of `${NAME}` into `text`; `$${` stands for a literal `${`.

        Raises:
            ReferenceUnresolved: a variable is unset or empty, or the reference is malformed.
        """
        return _REFERENCE.sub(self._value, text) if "${" in text else text

    def resolve_secret(self, text: str) -> str:
        """As `resolve`, and reads `file:/path`. Raises `ReferenceUnresolved`."""
        if not text.startswith("file:"):
            return self.resolve(text)
        return self._file(text)

    def redact(self, message: str) -> str:
        """`message` with every value that was resolved replaced by its reference."""
        for value, reference in self._known.items():
            message = message.replace(value, reference)
        return message

    def _value(self, match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if escaped:
            return str(escaped)
        if not _NAME.fullmatch(name):
            raise ReferenceUnresolved(
                "a reference is malformed", "write ${NAME}; defaults and nesting are not supported"
            )
        value = self._environ.get(name, "")
        if not value:
            state = "empty" if name in self._environ else "not set"
            raise ReferenceUnresolved(f"the environment variable {name} is {state}", f"set {name} before the start")
        self._remember(value, f"${{{name}}}")
        return value

    def _remember(self, value: str, reference: str) -> None:
        parts = [value]
        if match := _PASSWORD.search(value):
            parts += [match["password"], unquote(match["password"])]
        self._known |= {part: reference for part in parts if len(part) >= _SHORTEST}

    def _file(self, text: str) -> str:
        path = Path("/" + text.removeprefix("file:").lstrip("/"))
        if not text.startswith("file:/"):
            raise ReferenceUnresolved("a secret file must be given by its absolute path", "write file:/absolute/path")
        try:
            value, mode = _read(path)
        except NotRegularError:
            raise ReferenceUnresolved(f"the secret file {path} is not a regular file", "point at a file") from None
        except OSError as error:
            raise ReferenceUnresolved(
                f"the secret file {path} cannot be read: {error.strerror}", "create it, readable by the bot's user"
            ) from None
        except UnicodeDecodeError:
            raise ReferenceUnresolved(f"the secret file {path} is not UTF-8 text", "write the secret as text") from None
        self._remember(value, text)
        if mode & stat.S_IROTH:
            self.exposed.append(str(path))
        return value


def _read(path: Path) -> tuple[str, int]:
    """The secret and the mode of the file that it came from."""
    with open_regular(path) as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & stat.S_IWOTH:
            raise ReferenceUnresolved(f"every user can write the secret file {path}", f"chmod o-w {path}")
        raw = file.read(_MAX_SECRET + 1)
    if len(raw) > _MAX_SECRET:
        raise ReferenceUnresolved(f"the secret file {path} is larger than 64 KiB", "is this the right file?")
    value = raw.decode().removesuffix("\n").removesuffix("\r")
    if not value:
        raise ReferenceUnresolved(f"the secret file {path} is empty", "write the secret into it")
    return value, mode


def refers(text: str) -> bool:
    """Whether `text` takes its secret from elsewhere: a file, or a variable that the password is part of."""
    if text.startswith("file:"):
        return True
    if not any(name for escaped, name in _REFERENCE.findall(text) if not escaped):
        return False
    return not holds_password(text)


def holds_password(text: str) -> bool:
    """Whether `text` is a URL with a password written out."""
    match = _PASSWORD.search(text)
    return match is not None and "${" not in match["password"]
