"""The environment variables -> `Environment`. Secrets are `SecretStr`, so that no repr or message holds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.settings.findings import Finding, SettingsError
from bot.settings.terms import NAME

SLACK_API_URL = "https://slack.com/api/"
_DATABASES = ("postgresql", "postgres", "sqlite")
_MAX_PORT = 65535
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the process is told by its environment.

    Args:
        config: the configuration file.
        state_dir: journal, SQLite file, caches; whoever opens it creates it with mode 0700.
        database_url: the ledger; None: SQLite in `state_dir`. May hold a password.
        host: where the public listener binds.
        port: of the public listener; 0 lets the system choose.
        admin_port: of the private listener, on loopback; 0 lets the system choose.
        writer: the enrolled name of this writer.
        state_key: encrypts undo records; None: made at the first start.
        signing_key: signs checkpoints; None: made at the first start.
        stop_secrets: one per caller of `POST /v1/stop`, by the caller's name.
        slack_bot_token: None: no Slack.
        slack_app_token: given: Socket Mode.
        slack_signing_secret: given: HTTP mode.
        slack_api_url: base of the Web API, ending in `/`.
    """

    config: Path = Path("agent-kill.yaml")
    state_dir: Path
    database_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 3000
    admin_port: int = 3001
    writer: str = "bot"
    state_key: SecretStr | None = None
    signing_key: SecretStr | None = None
    stop_secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: str = SLACK_API_URL

    @property
    def slack(self) -> bool:
        """Whether any door to Slack is configured."""
        return any((self.slack_bot_token, self.slack_app_token, self.slack_signing_secret))

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Environment":
        """Reads the variables. Raises `SettingsError` for the first that is unusable."""
        reader = _Reader(environ)
        environment = reader.environment()
        if reader.errors:
            raise reader.errors[0]
        return environment

    @classmethod
    def salvage(cls, environ: Mapping[str, str]) -> tuple["Environment", tuple[Finding, ...]]:
        """Reads the variables for a stop: an unusable one counts as unset and is told, for it must not disarm it."""
        reader = _Reader(environ)
        environment = reader.environment()
        return environment, tuple(error.finding() for error in reader.errors)


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.errors: list[SettingsError] = []

    def environment(self) -> Environment:
        port = self._get("AGENT_KILL_PORT", _port, 3000)
        return Environment(
            config=self._get("AGENT_KILL_CONFIG", _path, Path("agent-kill.yaml")),
            state_dir=self._get("AGENT_KILL_STATE_DIR", _path, self._state_dir()),
            database_url=self._get("AGENT_KILL_DATABASE_URL", _database_url, None),
            host=self._get("AGENT_KILL_HOST", _plain, "127.0.0.1"),
            port=port,
            admin_port=self._admin_port(port),
            writer=self._get("AGENT_KILL_WRITER", _writer, "bot"),
            state_key=self._secret("AGENT_KILL_STATE_KEY"),
            signing_key=self._secret("AGENT_KILL_SIGNING_KEY"),
            stop_secrets=self._get("AGENT_KILL_STOP_SECRETS", _stop_secrets, {}, secret=True),
            slack_bot_token=self._token("SLACK_BOT_TOKEN", "xapp-", "SLACK_APP_TOKEN"),
            slack_app_token=self._token("SLACK_APP_TOKEN", "xoxb-", "SLACK_BOT_TOKEN"),
            slack_signing_secret=self._secret("SLACK_SIGNING_SECRET"),
            slack_api_url=self._get("SLACK_API_URL", _api_url, SLACK_API_URL),
        )

    def _get(self, name: str, parse: Callable[[str, str], T], unset: T, *, secret: bool = False) -> T:
        text = self._environ.get(name)
        if text is None or (not text.strip() and not secret):
            return unset
        try:
            return parse(name, text.strip())
        except SettingsError as error:
            self.errors.append(error)
            return unset

    def _secret(self, name: str) -> SecretStr | None:
        return self._get(name, _secret, None, secret=True)

    def _token(self, name: str, foreign: str, other: str) -> SecretStr | None:
        token = self._secret(name)
        if token and token.get_secret_value().startswith(foreign):
            self.errors.append(SettingsError(name, f"holds a token of the kind that {other} takes", "swap the two"))
        return token

    def _admin_port(self, port: int) -> int:
        admin = self._get("AGENT_KILL_ADMIN_PORT", _port, 3001)
        if admin == port and port:
            reason = f"is {admin}, which is the public listener's port"
            self.errors.append(SettingsError("AGENT_KILL_ADMIN_PORT", reason, "choose another port"))
        return admin

    def _state_dir(self) -> Path:
        base = self._environ.get("XDG_STATE_HOME") or ""
        if base.startswith("/"):  # a relative one is to be ignored (XDG Base Directory Specification)
            return Path(base) / "agent-kill"
        home = self._environ.get("HOME") or ""
        if not home.startswith("/") and not (self._environ.get("AGENT_KILL_STATE_DIR") or "").strip():
            reason = "is not set, and there is no HOME to put the state in"
            self.errors.append(SettingsError("AGENT_KILL_STATE_DIR", reason, "set it to a folder of the bot's own"))
        return Path(home or "/var/lib") / (".local/state/agent-kill" if home else "agent-kill")


def _plain(_: str, text: str) -> str:
    return text


def _path(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SettingsError(name, "names a home folder that does not exist", "write the path out") from None


def _port(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MAX_PORT:
        raise SettingsError(name, f"is {text[:20]!r}, which is not a port", f"set it to a number from 0 to {_MAX_PORT}")
    return int(text)


def _writer(name: str, text: str) -> str:
    if not NAME.fullmatch(text):
        reason = f"is {text[:64]!r}, which is not a name"
        raise SettingsError(name, reason, "use 1 to 64 of a-z 0-9 _ -, beginning with a letter or a digit")
    return text


def _secret(name: str, text: str) -> SecretStr:
    if not text:
        raise SettingsError(name, "is empty", "set it to the secret, or unset it")
    return SecretStr(text)


def _stop_secrets(name: str, text: str) -> Mapping[str, SecretStr]:
    secrets: dict[str, SecretStr] = {}
    for number, part in enumerate(text.split(","), start=1):
        caller, colon, secret = part.strip().partition(":")
        if not colon or not secret.strip() or not NAME.fullmatch(caller):
            reason = f"has a part that is not name:secret (the {number}. one)"
            raise SettingsError(name, reason, "write name:secret,name:secret with names of a-z 0-9 _ -")
        if caller in secrets:
            raise SettingsError(name, f"names the caller {caller} twice", "give each caller one secret")
        secrets[caller] = SecretStr(secret.strip())
    return secrets


def _database_url(name: str, text: str) -> str:
    scheme = text.partition(":")[0].partition("+")[0]
    if scheme not in _DATABASES:
        raise SettingsError(name, "is not a URL of a known database", "write postgresql://user@host/name or unset it")
    return text


def _api_url(name: str, text: str) -> str:
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and not url.query and not url.fragment
        usable = usable and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(name, "is not the base of an HTTP API", f"write it as {SLACK_API_URL}, or unset it")
    return text.rstrip("/") + "/"
