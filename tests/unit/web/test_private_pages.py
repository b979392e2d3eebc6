"""Does the private listener tell people and machines the truth, and nothing to strangers?"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from adapters.base import Mode, SurfaceClass
from bot.domain import events
from bot.domain.armed import Armed, State
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.status import StatusRow, StatusView
from bot.web.drill_metrics import DrillMetrics
from bot.web.listener import Listener
from bot.web.metrics import SOURCES, Metrics, TimedJournal
from bot.web.private import build_private
from bot.web.words import WORDS
from tests.unit.web.conftest import Watch

HOSTILE = "<script>alert(1)</script>"
ROWS = (
    StatusRow(
        surface="billing/ledger",
        adapter="postgres_role",
        surface_class=SurfaceClass.DATABASE,
        effective=Mode.FULL_STOP,
        asked=Mode.FULL_STOP,
        outcome=Outcome.FAILED,
        detail=f"refused: {HOSTILE}",
        next="grant pg_signal_backend",
        proof_age=75.0,
        holds=("h1",),
    ),
    StatusRow(
        surface="billing/queue",
        effective=Mode.READ_ONLY,
        asked=Mode.READ_ONLY,
        outcome=Outcome.VERIFIED,
        proof_age=5.0,
        holds=("h1",),
    ),
    StatusRow(surface="support/mail"),
)
HOLD = events.HoldAdded(
    at=940.0,
    hold="h1",
    incident="i1",
    mode=Mode.FULL_STOP,
    by=events.Person(kind="slack", id="U0ONCALL"),
    reason=HOSTILE,
    scope="billing",
)


class Private:
    """A private listener whose view, checks and metrics a test sets."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self.watch = Watch()
        self.view = StatusView(at=1_000.0, rows=ROWS, holds=(HOLD,), incidents=("i1",), problems=("no disk",))
        self.checks: dict[str, str | None] = {"journal": None, "slack": None}
        self.sources: dict[str, float | Exception | None] = {}
        drilled = DrillMetrics(Board(), lambda: ["billing/ledger"], lambda: frozenset({"U0ALICE"}), self.watch)
        self.metrics = Metrics(
            {name: lambda name=name: self._source(name) for name in SOURCES},  # type: ignore[misc]
            drilled,
        )
        self.url = ""

    def _source(self, name: str) -> float | None:
        value = self.sources.get(name)
        if isinstance(value, Exception):
            raise value
        return value

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text."""
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def samples(self) -> dict[str, float]:
        """Every sample of /metrics, by its name with its labels."""
        _, text = await self.get("/metrics")
        families = list(text_string_to_metric_families(text))
        return {
            sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture
async def private() -> AsyncIterator[Private]:
    """A running private listener."""
    async with ClientSession() as session:
        made = Private(session)
        app = build_private(view=lambda: made.view, checks=lambda: made.checks, metrics=made.metrics, clock=made.watch)
        listener = Listener(app, "127.0.0.1", 0)
        made.url = f"http://127.0.0.1:{await listener.start()}"
        yield made
        await listener.stop()


async def test_readyz_lists_every_check_and_fails_with_any(private: Private) -> None:
    """200 or 503, with the names."""
    status, text = await private.get("/readyz")
    assert (status, text) == (200, '{"ready": true, "checks": {"journal": "ok", "slack": "ok"}}')
    private.checks["slack"] = "no answer for 40 s"
    status, text = await private.get("/readyz")
    assert (status, text) == (503, '{"ready": false, "checks": {"journal": "ok", "slack": "no answer for 40 s"}}')


async def test_the_page_shows_not_cut_first_and_what_to_do_next(private: Private) -> None:
    """Words, not colours alone; problems, holds, ages."""
    status, text = await private.get("/")
    assert status == 200
    assert text.index("billing/ledger") < text.index("billing/queue") < text.index("support/mail")
    for words in (
        "1 NOT CUT",
        "NOT CUT: failed",
        "Next: grant pg_signal_backend",
        "cut and proven",
        "1 min",
        "no disk",
    ):
        assert words in text
    assert "<title>1 NOT CUT" in text


async def test_text_of_people_and_surfaces_stays_text(private: Private) -> None:
    """Reasons and details are escaped, and the policy would not run them anyway."""
    async with private.session.get(private.url + "/") as answer:
        text, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    assert HOSTILE not in text
    assert text.count("&lt;script&gt;") == 2
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


async def test_the_page_takes_nothing_from_outside(private: Private) -> None:
    """Every link and asset is this listener's own, and answers."""
    found: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if name in {"href", "src", "action"})
            assert tag not in {"script", "form", "img", "iframe"}

    Links().feed((await private.get("/"))[1])
    assert found
    for path in found:
        assert re.fullmatch(r"/[\w.]+", path)
        assert (await private.get(path))[0] == 200


async def test_a_page_of_ten_thousand_surfaces_stays_readable(private: Private) -> None:
    """The worst 500, and where the rest is."""
    rows = tuple(StatusRow(surface=f"a/s{index}") for index in range(10_000))
    private.view = StatusView(at=0.0, rows=rows)
    _, text = await private.get("/")
    assert text.count("<tr ") == 500
    assert "9500 more" in text


async def test_status_json_is_the_document_of_the_command_line(private: Private) -> None:
    """The same keys and values."""
    async with private.session.get(private.url + "/status.json") as answer:
        assert await answer.json() == private.view.json()


async def test_every_number_of_the_view_is_a_metric(private: Private) -> None:
    """Outcomes with their zeros, modes by rank, ages."""
    found = await private.samples()
    expected = {
        "agent_kill_holds": 1,
        "agent_kill_incidents_open": 1,
        "agent_kill_not_cut": 1,
        "agent_kill_not_proven": 0,
        "agent_kill_problems": 1,
        "agent_kill_surfaces{failed}": 1,
        "agent_kill_surfaces{verified}": 1,
        "agent_kill_surfaces{normal}": 1,
        "agent_kill_surfaces{drifted}": 0,
        "agent_kill_effective_mode{billing/ledger}": 4,
        "agent_kill_effective_mode{billing/queue}": 3,
        "agent_kill_effective_mode{support/mail}": 0,
        "agent_kill_proof_age_seconds{billing/ledger}": 75,
        "agent_kill_proof_age_max_seconds": 75,
    }
    assert {name: found.get(name) for name in expected} == expected


async def test_sources_are_read_at_every_scrape_and_one_that_fails_hides_itself_only(private: Private) -> None:
    """A scrape is always answered."""
    private.sources.update(ledger_lag_entries=7, slack_posts_pending=ValueError("no"), ledger_failures=2)
    found = await private.samples()
    assert (found["agent_kill_ledger_lag_entries"], found["agent_kill_ledger_failures_total"]) == (7, 2)
    assert "agent_kill_slack_posts_pending" not in found
    private.sources["ledger_lag_entries"] = 0
    assert (await private.samples())["agent_kill_ledger_lag_entries"] == 0


async def test_journal_and_stops_are_counted(private: Private) -> None:
    """A measured journal answers what the journal answers."""

    class Disk:
        durable = True

        async def append(self, event: events.AnyEvent) -> bool:
            return bool(event) and self.durable

    disk = Disk()
    journal = TimedJournal(disk, private.metrics, private.watch)
    assert await journal.append(HOLD)
    disk.durable = False
    assert not await journal.append(HOLD)
    private.metrics.stopped("http")
    found = await private.samples()
    assert found["agent_kill_journal_append_seconds_count"] == 2
    assert found["agent_kill_journal_failures_total"] == 1
    assert found["agent_kill_stops_total{http}"] == 1


async def test_every_metric_is_documented(private: Private) -> None:
    """`docs/metrics.md` names exactly what is served, process metrics aside."""
    private.sources = dict.fromkeys(SOURCES, 1)
    _, text = await private.get("/metrics")
    served = set(re.findall(r"^# TYPE (agent_kill_\w+)", text, re.MULTILINE))
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(agent_kill_\w+)", page, re.MULTILINE)) == {
        name for name in served if not name.endswith("_created")
    }


def test_a_source_of_no_known_name_is_an_error() -> None:
    """The composition cannot misspell one."""
    with pytest.raises(ValueError, match="no metric is called ledger_lags; known are journal_"):
        Metrics({"ledger_lags": lambda: 1.0})


def test_every_outcome_has_words() -> None:
    """No outcome reaches a person as a code."""
    assert set(WORDS) == {str(outcome) for outcome in Outcome}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "[::2]:3001", "2130706433"]
)
async def test_a_foreign_name_that_points_here_is_refused(private: Private, host: str) -> None:
    """DNS rebinding: a page somewhere else cannot read the status through a browser."""
    status, text = await private.get("/status.json", Host=host)
    assert status == 403
    assert "billing" not in text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "[::1]:3001"])
async def test_the_names_of_this_machine_are_answered(private: Private, host: str) -> None:
    """Also through a tunnel with a port of its own."""
    assert (await private.get("/status.json", Host=host))[0] == 200


@pytest.mark.parametrize("path", ["/", "/readyz", "/metrics", "/status.json"])
async def test_nothing_can_be_changed_here(private: Private, path: str) -> None:
    """Read-only: 405 to everything else, with the same headers."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        async with private.session.request(method, private.url + path) as answer:
            assert answer.status == 405
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_board_is_read_once_a_second_at_most(private: Private) -> None:
    """However often it is asked, the loop that cuts is not held up."""
    await private.get("/status.json")
    private.view = StatusView(at=2_000.0, rows=())
    assert '"at": 1000.0' in (await private.get("/status.json"))[1]
    private.watch.at += 1
    assert '"at": 2000.0' in (await private.get("/status.json"))[1]


async def test_a_button_that_does_not_work_is_on_the_page_and_in_the_metrics(private: Private) -> None:
    """Not armed, too old and never checked are all no 1; the words of a server are no markup."""
    armed = {
        "billing/ledger": Armed(subject="billing/ledger", state=State.NOT_ARMED, why=HOSTILE, next="grant it", age=3.0),
        "billing/queue": Armed(subject="billing/queue", state=State.ARMED, age=3.0),
        "support/mail": Armed(subject="support/mail", state=State.STALE, why="it was last checked 1 h ago", age=3600.0),
        "slack scopes": Armed(subject="slack scopes", state=State.ARMED, age=1.0),
        "disk state": Armed(subject="disk state", state=State.UNCHECKED, why="it was not checked yet"),
    }
    private.view = replace(private.view, armed=armed)
    _, page = await private.get("/")
    assert "3 NOT ARMED" in page
    assert "Next: grant it" in page
    assert "armed, checked 3 s ago" in page
    assert HOSTILE not in page
    samples = await private.samples()
    assert samples["agent_kill_armed{billing}{billing/ledger}"] == 0
    assert samples["agent_kill_armed{billing}{billing/queue}"] == 1
    assert samples["agent_kill_armed{support}{support/mail}"] == 0
    assert samples["agent_kill_switch_armed{slack scopes}"] == 1
    assert samples["agent_kill_switch_armed{disk state}"] == 0
    assert (samples["agent_kill_not_armed"], samples["agent_kill_armed_check_age_max_seconds"]) == (3, 3600.0)
    _, text = await private.get("/status.json")
    told = json.loads(text)
    assert [item["subject"] for item in told["not_armed"]] == ["billing/ledger", "support/mail", "disk state"]
    assert [row["armed"] for row in told["surfaces"]] == ["not_armed", "armed", "stale"]
    assert [part["subject"] for part in told["switch"]] == ["slack scopes", "disk state"]
