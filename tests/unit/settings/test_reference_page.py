"""Does docs/configuration.md name every key, and do its examples load?"""

from pathlib import Path

import pytest

from bot.settings.environment import _Reader
from bot.settings.schema import json_schema
from tests.unit.settings.fakes import ENVIRON, FAKES, loaded

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
EXAMPLES = [part.partition("```")[0] for part in PAGE.split("```yaml\n")[1:]]


def test_every_key_of_the_file_is_on_the_page() -> None:
    """A key that the reader takes and the page does not name is found here."""
    definitions = json_schema(FAKES)["$defs"]
    parts = {name: part for name, part in definitions.items() if "." not in name}
    keys = {key for part in parts.values() for key in part.get("properties", {})}
    assert [key for key in sorted(keys) if f"{key}:" not in PAGE and f"`{key}`" not in PAGE] == []


def test_every_accepted_word_is_on_the_page() -> None:
    """Each word of a fixed choice is named."""
    words = {word for part in json_schema(FAKES)["$defs"].values() for word in part.get("enum", ())}
    assert [word for word in sorted(words) if word not in PAGE] == []


def test_every_variable_is_on_the_page() -> None:
    """Each environment variable that is read is named."""

    class Asked(dict[str, str]):
        """Remembers what was asked for."""

        def get(self, key: str, default: object = None) -> None:  # type: ignore[override]  # answers nothing
            """Answers that nothing is set."""
            self[key] = str(default)

    asked = Asked()
    _Reader(asked).environment()
    ours = [name for name in asked if name.startswith(("AGENT_KILL", "SLACK"))]
    assert len(ours) >= 13
    assert [name for name in ours if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_load(example: str, tmp_path: Path) -> None:
    """Each example on the page is a file without errors, once its secrets are there."""
    secret = tmp_path / "dsn"
    secret.write_text("db://x")
    text = example.replace("/run/secrets/ledger_agent_dsn", str(secret))
    text = text.replace("adapter: redis_acl", "adapter: memory").replace(
        '{url: "${SESSIONS_ADMIN_URL}", user: billing_agent}', "{}"
    )
    assert loaded(text, ENVIRON).errors == ()
