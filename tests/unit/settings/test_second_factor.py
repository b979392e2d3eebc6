"""What does `check` say of a second factor, and what does a wrong one cost?"""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.domain.electorate import what_a_restore_needs
from bot.domain.model import Configuration
from bot.domain.policy import Group, Kind, Roster, group_problems
from bot.settings import Environment
from bot.settings.check import check
from bot.settings.loaded import Loaded
from tests.unit.settings.fakes import ENVIRON, good_but, loaded

ENVIRONMENT = Environment(state_dir=Path("/srv/ak"), state_key=SecretStr("x"), signing_key=SecretStr("y"))
SEED = base64.b32encode(b"a seed of 160 bits..").decode()
SEEDS = ENVIRON | {
    "ONE": SEED,
    "TWO": " ".join(
        base64.b32encode(b"a seed of 128 bi").decode().rstrip("=").lower()[at : at + 4] for at in range(26)
    ),
    "ODD": "not-a-seed-at-all-0189",
    "SHORT": base64.b32encode(b"ten bytes.").decode(),
}
RESTORE = "restore: {groups: [S0RESTORE], users: [], quorum: 2,"


def read(factor: str, who: str = "groups: [S0RESTORE], users: []") -> Loaded:
    """The good file with this second factor."""
    return loaded(good_but(RESTORE, f"restore: {{{who}, second_factor: {factor}, quorum: 2,"), SEEDS)


def policy(found: Loaded) -> Configuration:
    """What is served."""
    assert found.configuration is not None
    return found.configuration


def said(factor: str, who: str = "groups: [S0RESTORE], users: []") -> list[str]:
    """What `check` says of it, with the level."""
    found = check(read(factor, who), ENVIRONMENT)
    return [f"{it.level} {it}" for it in found if "second_factor" in it.message]


def test_it_is_off_unless_it_is_configured() -> None:
    """And the status says what that means."""
    found = policy(loaded(good_but(RESTORE, RESTORE), SEEDS))
    assert found.policy.restore.second_factor is None
    assert "no second factor: whoever holds the Slack sessions" in what_a_restore_needs(found.policy.restore)


def test_seeds_are_read_as_apps_show_them() -> None:
    """Spaces, small letters and padding are nothing; no repr shows one."""
    found = policy(read('{seeds: {U0A: "${ONE}", U0B: "${TWO}"}}')).policy.restore
    assert found.second_factor is not None
    assert found.second_factor.seeds["U0A"].get_secret_value() == SEED
    assert " " not in found.second_factor.seeds["U0B"].get_secret_value()
    assert SEED not in repr(found)
    assert "1 of them confirmed with a code, for which 2 voters are enrolled" in what_a_restore_needs(found)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        ('{seeds: {alice: "${ONE}"}}', "seeds.alice: 'alice' is not a user id"),
        ('{seeds: {U0A: "${ODD}"}}', "seeds.U0A: '${ODD}' is not a seed in base32"),
        ('{seeds: {U0A: "${SHORT}"}}', "is a seed of 80 bits"),
        ('{seeds: {U0A: "${NOT_THERE}"}}', "the environment variable NOT_THERE is not set"),
        ('{seeds: {U0A: "file:/does/not/exist"}}', "cannot be read"),
        (f"{{seeds: {{U0A: {SEED}}}}}", "a secret is written out in the file"),
        ('{seeds: {U0A: "${ONE}", U0B: "${ONE}"}}', "share one seed"),
        ('{quorum: 2, seeds: {U0A: "${ONE}"}}', "quorum is 2 and 1 are enrolled"),
        ('{quorum: 0, seeds: {U0A: "${ONE}"}}', "second_factor.quorum"),
        ("{seeds: {}}", "seeds names nobody"),
        ("{}", "seeds names nobody"),
        ("", "is empty"),
        ('{seed: {U0A: "${ONE}"}}', "did you mean seeds?"),
        ("5", "second_factor must be `key: value` lines"),
    ],
)
def test_a_wrong_one_freezes_restores_and_no_stop(factor: str, words: str) -> None:
    """Named with its line, never with its value; what may stop is as it was."""
    found = read(factor)
    assert any(words in text for text in said(factor)), said(factor)
    assert all(text.startswith("error agent-kill.yaml:7: ") for text in said(factor))
    assert policy(found).policy.restore.frozen
    assert policy(found).policy.restore.groups == ()
    assert policy(found).policy.stop.groups == ("S0ONCALL",)
    assert policy(found).agents
    secrets = (SEEDS["ODD"], SEEDS["SHORT"], SEED)
    assert not [it for it in check(found, ENVIRONMENT) if any(secret in str(it) for secret in secrets)]


def test_more_confirmations_than_votes_cannot_be_asked() -> None:
    """It would ask for more votes than the quorum says."""
    factor = '{quorum: 3, seeds: {U0A: "${ONE}", U0B: "${TWO}", U0C: "${THREE}"}}'
    text = good_but(RESTORE, f"restore: {{groups: [S0RESTORE], second_factor: {factor}, quorum: 2,")
    found = loaded(text, SEEDS | {"THREE": base64.b32encode(b"another of 160 bits.").decode()})
    assert any("second_factor.quorum (3) is above quorum (2)" in error.message for error in found.errors)


@pytest.mark.parametrize(
    ("who", "factor", "words"),
    [
        ("users: [U0A, U0B, U0C]", '{seeds: {U0AGENT: "${ONE}"}}', "an agent never confirms"),
        ("users: [U0A, U0B, U0C]", '{seeds: {U0AGENT: "${ONE}"}}', "it can never be reached"),
        ("users: [U0A, U0B, U0C]", '{seeds: {U0D: "${ONE}", U0A: "${TWO}"}}', "U0D, who does not vote"),
        ("users: [U0A, U0B, U0C]", '{seeds: {U0D: "${ONE}"}}', "quorum is 1 and 0 of those enrolled can vote"),
    ],
)
def test_codes_that_can_never_count_are_errors(who: str, factor: str, words: str) -> None:
    """Whose they are is said."""
    assert any(words in text and text.startswith("error") for text in said(factor, who)), said(factor, who)


def test_enrolling_no_more_than_must_confirm_is_noted() -> None:
    """What that one asks for, or owns, could not be restored."""
    (text,) = said('{seeds: {U0A: "${ONE}"}}')
    assert text.startswith("note")
    assert "what one of them asks or owns cannot be restored" in text
    assert said('{seeds: {U0A: "${ONE}", U0B: "${TWO}"}}') == []


def test_enrolled_people_outside_of_the_group_are_told_by_the_roster() -> None:
    """Only Slack knows who is in it."""
    found = policy(read('{seeds: {U0A: "${ONE}"}}'))
    for members, told in ((("U0B", "U0C", "U0D"), 1), (("U0A", "U0C", "U0D"), 0)):
        groups = tuple(Group(id=name, members=frozenset(members)) for name in ("S0RESTORE", "S0ONCALL"))
        roster = Roster(groups=groups, people=dict.fromkeys(members, Kind.MEMBER), read_at=1.0)
        problems = [text for text in group_problems(roster, found) if "but only 0 eligible people are enrolled" in text]
        assert len(problems) == told
