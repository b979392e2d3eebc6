"""Are evaluations read as they are run?"""

import pytest

from bot.domain.model import Evaluation, Request
from tests.unit.settings.fakes import ENVIRON, good_but, loaded

_COMMAND = "command: [./eval/refund], "


def _evaluation(text: str) -> Evaluation:
    found = loaded(text, {**ENVIRON, "TOKEN": "hunter2"})
    assert found.errors == ()
    assert found.configuration is not None
    return found.configuration.agents[0].evaluations[0]


def test_a_request_has_url_method_and_headers() -> None:
    """A credential comes by reference; headers that are never secret may be written out."""
    headers = '{Authorization: "Bearer ${TOKEN}", Accept: text/plain}'
    one = _evaluation(good_but(_COMMAND, f'http: {{url: "https://x.example/p", method: POST, headers: {headers}}}, '))
    assert isinstance(one.http, Request)
    assert (one.command, one.http.url, one.http.method) == ((), "https://x.example/p", "POST")
    assert {name: value.get_secret_value() for name, value in one.http.headers.items()} == {
        "Authorization": "Bearer hunter2",
        "Accept": "text/plain",
    }
    assert "hunter2" not in repr(one)


def test_a_request_is_a_get_without_headers() -> None:
    """The defaults."""
    one = _evaluation(good_but(_COMMAND, 'http: {url: "https://x.example/p"}, '))
    assert one.http == Request(url="https://x.example/p")


@pytest.mark.parametrize(
    "wrong",
    [
        'http: {url: "https://x.example/p", headers: {Authorization: hunter2}}, ',
        'http: {url: "https://bot:hunter2@x.example/p"}, ',
        'command: [psql, "db://bot:hunter2@host"], ',
    ],
)
def test_a_credential_that_is_written_out_is_an_error(wrong: str) -> None:
    """As everywhere in the file, and it is not repeated."""
    found = loaded(good_but(_COMMAND, wrong))
    assert len(found.errors) == 1
    assert "hunter2" not in repr(found.findings)
    assert found.configuration is not None
    assert found.configuration.agents[0].evaluations == ()


def test_a_method_is_a_word_in_capitals() -> None:
    """`get` would be sent as it is written, and refused for it."""
    found = loaded(good_but(_COMMAND, 'http: {url: "https://x.example/p", method: "get /"}, '))
    assert len(found.errors) == 1
