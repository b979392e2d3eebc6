"""Are the environment variables read as they are documented, and told when they cannot be used?"""

from pathlib import Path

import pytest

from bot.settings import Environment, SettingsError

HOME = {"HOME": "/home/bot"}

# the variables, the one that is named, words of the reason
FAULTS = {
    "port as word": ({"AGENT_KILL_PORT": "http"}, "AGENT_KILL_PORT", "'http', which is not a port"),
    "port too high": ({"AGENT_KILL_PORT": "65536"}, "AGENT_KILL_PORT", "not a port"),
    "port below zero": ({"AGENT_KILL_ADMIN_PORT": "-1"}, "AGENT_KILL_ADMIN_PORT", "not a port"),
    "port of other digits": ({"AGENT_KILL_PORT": "\u0663"}, "AGENT_KILL_PORT", "not a port"),
    "one port for both": ({"AGENT_KILL_ADMIN_PORT": "3000"}, "AGENT_KILL_ADMIN_PORT", "the public listener's port"),
    "writer": ({"AGENT_KILL_WRITER": "The Bot"}, "AGENT_KILL_WRITER", "not a name"),
    "empty key": ({"AGENT_KILL_STATE_KEY": ""}, "AGENT_KILL_STATE_KEY", "is empty"),
    "empty signing key": ({"AGENT_KILL_SIGNING_KEY": " "}, "AGENT_KILL_SIGNING_KEY", "is empty"),
    "empty token": ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN", "is empty"),
    "swapped bot token": ({"SLACK_BOT_TOKEN": "xapp-s3cr3t"}, "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN takes"),
    "swapped app token": ({"SLACK_APP_TOKEN": "xoxb-s3cr3t"}, "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN takes"),
    "no callers": ({"AGENT_KILL_STOP_SECRETS": ""}, "AGENT_KILL_STOP_SECRETS", "not name:secret (the 1. one)"),
    "no secret": ({"AGENT_KILL_STOP_SECRETS": "a:s3cr3t,b:"}, "AGENT_KILL_STOP_SECRETS", "(the 2. one)"),
    "no name": ({"AGENT_KILL_STOP_SECRETS": "s3cr3t"}, "AGENT_KILL_STOP_SECRETS", "(the 1. one)"),
    "caller twice": ({"AGENT_KILL_STOP_SECRETS": "a:s3cr3t,a:y"}, "AGENT_KILL_STOP_SECRETS", "the caller a twice"),
    "database": ({"AGENT_KILL_DATABASE_URL": "mysql://u:s3cr3t@h/d"}, "AGENT_KILL_DATABASE_URL", "known database"),
    "API of no host": ({"SLACK_API_URL": "slack.com/api"}, "SLACK_API_URL", "base of an HTTP API"),
    "API of a file": ({"SLACK_API_URL": "file:///api/"}, "SLACK_API_URL", "base of an HTTP API"),
    "API of a bad port": ({"SLACK_API_URL": "http://h:99999/"}, "SLACK_API_URL", "base of an HTTP API"),
    "no home": ({"HOME": ""}, "AGENT_KILL_STATE_DIR", "there is no HOME"),
}


def test_the_defaults_are_those_of_the_contract() -> None:
    """With nothing set there is no Slack, a state folder of the user's, and loopback."""
    environment = Environment.read(HOME)
    assert environment == Environment(state_dir=Path("/home/bot/.local/state/agent-kill"))
    assert (environment.config, environment.host, environment.port) == (Path("agent-kill.yaml"), "127.0.0.1", 3000)
    assert (environment.admin_port, environment.writer, environment.slack) == (3001, "bot", False)


def test_every_variable_arrives() -> None:
    """Each variable is read; secrets are there and are not shown."""
    environment = Environment.read(
        {
            "AGENT_KILL_CONFIG": "/etc/ak.yaml",
            "AGENT_KILL_STATE_DIR": "/srv/ak",
            "AGENT_KILL_DATABASE_URL": "postgresql://ak:s3cr3t@db/ak",
            "AGENT_KILL_HOST": "0.0.0.0",  # noqa: S104  # only read here
            "AGENT_KILL_PORT": "0",
            "AGENT_KILL_ADMIN_PORT": "0",
            "AGENT_KILL_WRITER": "bastion",
            "AGENT_KILL_STATE_KEY": "s3cr3t-state",
            "AGENT_KILL_SIGNING_KEY": "s3cr3t-signing",
            "AGENT_KILL_STOP_SECRETS": "monitor:s3cr3t:1, pager:s3cr3t2",
            "SLACK_BOT_TOKEN": "xoxb-s3cr3t",
            "SLACK_APP_TOKEN": "xapp-s3cr3t",
            "SLACK_SIGNING_SECRET": "s3cr3t",
            "SLACK_API_URL": "http://127.0.0.1:9/api",
        }
    )
    assert (environment.config, environment.state_dir) == (Path("/etc/ak.yaml"), Path("/srv/ak"))
    assert environment.slack_api_url == "http://127.0.0.1:9/api/"
    assert environment.stop_secrets["monitor"].get_secret_value() == "s3cr3t:1"
    assert environment.slack_bot_token is not None
    assert environment.slack_bot_token.get_secret_value() == "xoxb-s3cr3t"
    assert environment.slack
    assert "s3cr3t" not in repr(environment)


def test_a_plain_variable_that_is_empty_counts_as_unset() -> None:
    """An empty port or path, as compose files pass it on, means the default."""
    assert Environment.read({**HOME, "AGENT_KILL_PORT": "", "AGENT_KILL_CONFIG": " "}).port == 3000


def test_the_state_folder_follows_the_desktop_specification() -> None:
    """XDG_STATE_HOME is used where it is absolute."""
    assert Environment.read({**HOME, "XDG_STATE_HOME": "/var/x"}).state_dir == Path("/var/x/agent-kill")
    assert Environment.read({**HOME, "XDG_STATE_HOME": "x"}).state_dir == Path("/home/bot/.local/state/agent-kill")


@pytest.mark.parametrize("case", FAULTS)
def test_an_unusable_value_is_told(case: str) -> None:
    """The error names the variable, the reason and the next step, and no secret."""
    variables, name, reason = FAULTS[case]
    with pytest.raises(SettingsError) as caught:
        Environment.read({**HOME, **variables})
    error = caught.value
    assert error.variable == name
    assert reason in error.reason
    assert error.next_step
    assert "s3cr3t" not in str(error)
    assert error.finding().to_json()["where"] == name


@pytest.mark.parametrize("case", FAULTS)
def test_a_stop_goes_on_without_an_unusable_value(case: str) -> None:
    """For a stop, a value that cannot be used is told and disarms nothing."""
    variables, name, _ = FAULTS[case]
    environment, findings = Environment.salvage({**HOME, **variables})
    assert [finding.where for finding in findings] == [name]
    assert environment.state_dir.is_absolute()
