"""Does a ballot know what of the configuration changed since the stop, by names that people use?"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from adapters.base import Config, SurfaceClass
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Agent, Configuration, Pact, Place, Policy, RestorePolicy, Surface
from bot.service.configured import Configured, changed, digests, parts
from tests.unit.evidence.rig import MachineClock

STOP = 100.0


class Login(Config):
    """Settings with a secret."""

    url: str = "one"
    password: SecretStr = SecretStr("first")


class Time(MachineClock):
    """As a test says."""

    seconds = 1.0

    def now(self) -> float:
        """The test's."""
        return self.seconds


def _surface(agent: str, name: str, settings: Config) -> Surface:
    return Surface(agent=agent, id=name, adapter="x", surface_class=SurfaceClass.API, settings=settings)


def _agent(name: str, **more: object) -> Agent:
    return Agent(id=name, name=name, surfaces=(_surface(name, "ledger", Login()),), **more)  # type: ignore[arg-type]  # facts


BILLING, MAILER = _agent("billing"), _agent("mailer")
FIRST = Configuration(agents=(BILLING, MAILER))


class Scene:
    """One bot, whose configuration a test changes."""

    def __init__(self) -> None:
        self.board, self.clock, self.now = Board(), Time(), FIRST
        self.written: list[events.AnyEvent] = []
        self.configured = Configured(
            configuration=lambda: self.now, board=self.board, record=self._record, clock=self.clock
        )

    def _record(self, event: events.AnyEvent) -> Awaitable[bool]:
        """As the recorder, on a disk that takes everything at once."""
        self.written.append(event)
        self.board.apply(event)
        taken = asyncio.get_running_loop().create_future()
        taken.set_result(True)
        return taken

    async def becomes(self, configuration: Configuration, at: float) -> None:
        """A reload, that the next tick notices."""
        self.now, self.clock.seconds = configuration, at
        await self.configured.note()


@pytest.fixture
def scene() -> Scene:
    """A bot that has noted nothing."""
    return Scene()


CHANGES = [
    (replace(FIRST, agents=(replace(BILLING, pact=Pact(purpose="more")), MAILER)), ("pact of billing",)),
    (
        replace(FIRST, agents=(replace(BILLING, surfaces=(_surface("billing", "ledger", Login(url="two")),)), MAILER)),
        ("surface billing/ledger",),
    ),
    (replace(FIRST, agents=(replace(BILLING, surfaces=()), MAILER)), ("surface billing/ledger",)),
    (replace(FIRST, agents=(replace(BILLING, owner="U2"), MAILER)), ("who of billing",)),
    (replace(FIRST, agents=(BILLING, replace(MAILER, pact=Pact(purpose="more")))), ()),
    (replace(FIRST, policy=Policy(restore=RestorePolicy(quorum=3))), ("policy.restore.quorum",)),
    (replace(FIRST, writers=("bot", "bastion")), ("writers",)),
]


@pytest.mark.parametrize(("after", "named"), CHANGES)
async def test_what_changed_after_the_stop_is_named(scene: Scene, after: Configuration, named: tuple[str, ...]) -> None:
    """By agent, surface and key of the policy; what concerns other agents alone is no news here."""
    await scene.becomes(FIRST, STOP - 50)
    await scene.becomes(after, STOP + 50)

    assert await changed(scene.board, after, ["billing"], STOP) == named


async def test_what_changed_before_the_stop_is_no_news(scene: Scene) -> None:
    """The stop met it as it is."""
    after = replace(FIRST, writers=("bot", "bastion"))
    await scene.becomes(FIRST, STOP - 50)
    await scene.becomes(after, STOP - 40)

    assert await changed(scene.board, after, ["billing"], STOP) == ()


async def test_without_a_record_from_before_the_stop_nothing_is_claimed(scene: Scene) -> None:
    """A stop of the command line on a fresh host, for one."""
    await scene.becomes(FIRST, STOP + 1)

    assert await changed(scene.board, FIRST, ["billing"], STOP) is None


async def test_only_what_changed_is_journaled(scene: Scene) -> None:
    """Ten thousand surfaces are one long line at the first start, and a short one after each change."""
    await scene.becomes(FIRST, 1.0)
    await scene.becomes(replace(FIRST, digest="touched"), 2.0)
    await scene.becomes(replace(FIRST, agents=(MAILER,)), 3.0)

    first, second = (event for event in scene.written if isinstance(event, events.ConfigurationSeen))
    assert len(first.parts) > len(second.parts)
    assert dict(second.parts) == dict.fromkeys(
        ["surface billing/ledger", "who of billing", "pact of billing", "evaluations of billing"], ""
    )


async def test_neither_a_secret_nor_a_line_of_the_file_is_a_part_of_it() -> None:
    """A digest in a journal must not let anybody try passwords, and a comment that moves a line is no change."""
    found = []
    for line, secret in enumerate(("first", "second")):
        ledger = _surface("billing", "ledger", Login(password=SecretStr(secret)))
        placed = replace(ledger, place=Place(file="f", line=line))
        made = replace(FIRST, agents=(replace(BILLING, surfaces=(placed,)), MAILER))
        found.append(await digests(parts(made), pause=0.0))

    assert found[0] == found[1]
