"""What the bot itself relies on, by its environment: where it logs in, and which secrets are its own."""

from collections.abc import Iterator, Mapping

from bot.domain.fate import API, DATABASE, PROXIES, Login, logins
from bot.settings.environment import Environment


def own_logins(environment: Environment, environ: Mapping[str, str]) -> tuple[Login, ...]:
    """The ledger's database, the way to Slack, and every secret that opens a door of the bot's."""
    return tuple(_found(environment, environ))


def _found(environment: Environment, environ: Mapping[str, str]) -> Iterator[Login]:
    if environment.database_url and not environment.database_url.startswith("sqlite"):
        yield from logins(DATABASE, environment.database_url, secret=True)
    if environment.slack_bot_token:
        yield from logins(API, environment.slack_api_url, secret=False)
        for name in PROXIES:
            value = environ.get(name) or environ.get(name.lower()) or ""
            yield from logins(name, value, secret=False) if value else ()
    secrets = {
        "SLACK_BOT_TOKEN": environment.slack_bot_token,
        "SLACK_APP_TOKEN": environment.slack_app_token,
        "SLACK_SIGNING_SECRET": environment.slack_signing_secret,
        "AGENT_KILL_STATE_KEY": environment.state_key,
        "AGENT_KILL_SIGNING_KEY": environment.signing_key,
        **{f"AGENT_KILL_STOP_SECRETS ({name})": secret for name, secret in environment.stop_secrets.items()},
    }
    for name, secret in secrets.items():
        if secret is not None:
            yield from logins(name, secret.get_secret_value(), secret=True)
