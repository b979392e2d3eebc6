"""Can somebody who types a reason, or names a surface, put anything into a report but words?"""

import re
from pathlib import Path

import pytest

from bot.domain import events
from bot.domain.outcome import Outcome
from tests.unit.report.incidents import found, page, person, report, stop, write

EVIL = '"><script>alert(1)</script><img src=//x onerror=alert(2)>{{ 7*7 }}\x1b[2J\u202etxet'
SURFACE = "a/<b>&\"'"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An incident of nothing but hostile words."""
    left = (events.LeftAlone(surface="a/left", why=EVIL),)
    story: list[events.Event] = [
        stop(0, SURFACE, by=person(EVIL, "http"), reason=EVIL, scope=EVIL, left=left),
        found(1, SURFACE, outcome=Outcome.FAILED, detail=EVIL, next=EVIL),
        events.Refusal(at=stop(2, "a/1").at, by=person(EVIL), asked=EVIL, why=EVIL),
    ]
    write(tmp_path / "state", story)
    return tmp_path / "state"


def test_the_page_has_no_element_of_theirs(state: Path) -> None:
    """Everything is escaped, in the picture too, and nothing is fetched or run."""
    html = page(state)
    assert "&lt;script&gt;" in html
    assert not re.search(r"<(?:script|img|iframe|link|object)\b", html)
    assert "<b>" not in html
    assert "{{ 7*7 }}" in html
    assert "a/&lt;b&gt;&amp;" in html.partition("<svg class")[2].partition("</svg>")[0]


def test_nothing_unseen_reaches_page_or_terminal(state: Path) -> None:
    """No escape sequence and no mark that turns the direction of what follows."""
    for text in (page(state), report(state, "inc-1").stdout, report(state).stdout):
        assert "\x1b" not in text
        assert "\u202e" not in text
