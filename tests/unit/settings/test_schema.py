"""Does the JSON Schema agree with the reader: what loads is valid in an editor, what is wrong is marked?"""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.settings.schema import DRAFT, json_schema
from tests.unit.settings.fakes import FAKES, GOOD, good_but

SCHEMA = json_schema(FAKES)

WRONG = {
    "unknown section": ("drills:", "drill:"),
    "unknown key": ("drain: 0s", "drane: 0s"),
    "number as duration": ("deadline: 5s", "deadline: 5"),
    "literal secret": ('"${LEDGER_ADMIN_DSN}"', "db://x"),
    "unknown setting": ("role: billing_agent", "roel: x"),
    "missing setting": (", role: billing_agent", ""),
    "unserved class": ("class: database", "class: queue"),
    "no backstop name": ("backstop: billing/identity", "backstop: identity"),
    "quorum of one": ("quorum: 2,", "quorum: 1,"),
    "drill at normal": ("mode: read_only", "mode: normal"),
    "unknown mode": ("normal: allowed", "fullstop: allowed"),
    "bad id": ("      ledger:", "      Ledger!:"),
    "canary of none": ("        class: queue", "        class: queue\n        canary: {dsn: x}"),
}
RIGHT = {
    "reference as number": ("role: billing_agent", 'role: x, port: "${PORT}"'),
    "secret file": ('"${LEDGER_ADMIN_DSN}"', "file:/run/secrets/dsn"),
    "reference as id": ("owner: U0OWNER", 'owner: "${OWNER}"'),
    "anchors": ("workspace:", "x-shared: &s {any: thing}\nworkspace:"),
}


def faults(text: str) -> list[str]:
    """What an editor would mark."""
    document: Any = yaml.safe_load(text)
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def test_the_schema_is_a_schema() -> None:
    """It is valid draft 2020-12, says so, and is plain JSON."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DRAFT
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_a_good_file_is_valid() -> None:
    """Nothing is marked in the good file."""
    assert faults(GOOD) == []


@pytest.mark.parametrize("case", RIGHT)
def test_what_the_reader_takes_is_valid(case: str) -> None:
    """References stand wherever the reader resolves them."""
    assert faults(good_but(*RIGHT[case])) == []


@pytest.mark.parametrize("case", WRONG)
def test_what_the_reader_refuses_is_marked(case: str) -> None:
    """A fault that the reader tells is marked while the file is written."""
    assert faults(good_but(*WRONG[case]))


def test_every_key_is_described() -> None:
    """Editors show a description for every key of the file."""
    bare = [
        f"{name}.{key}"
        for name, part in {"": SCHEMA, **SCHEMA["$defs"]}.items()
        for key, value in part.get("properties", {}).items()
        if not _described(value)
    ]
    assert bare == []


def _described(value: Any) -> bool:
    target = SCHEMA["$defs"].get(str(value.get("$ref", "")).removeprefix("#/$defs/"), {})
    return bool(value.get("description") or target.get("description"))
