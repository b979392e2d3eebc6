"""Does the receiver that parks do what it keeps exactly once, whatever happens in the middle?"""

import json
import os
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from adapters.http_control import receiver
from adapters.http_control.receiver.parking import MOST, Kept, Parking
from adapters.http_control.receiver.work import Stopped
from adapters.http_control.request import Request

SECRET = "shared"
SOURCE = (Path(receiver.__file__).parent / "parking.py").read_text(encoding="utf-8")


class Crashed(BaseException):
    """The process ended here."""


@dataclass
class Service:
    """A service that pays back; `breaks` is what happens in the middle of it."""

    kind: type[Parking]
    folder: Path
    paid: list[int] = field(default_factory=list)
    settled: dict[str, object] = field(default_factory=dict)
    breaks: BaseException | None = None
    meanwhile: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        (self.folder / "mode.json").write_text('["draft_only", 1]')
        self.parking = self._started()

    def _started(self) -> Parking:
        return self.kind(SECRET, self.folder, {"refund": self.refund, "settle": self.settle})

    def refund(self, amount: int) -> None:
        """Pays back."""
        self.paid.append(amount)
        self.meanwhile()
        if self.breaks:
            raise self.breaks

    def settle(self, **given: object) -> None:
        """Another, with arguments of any kind."""
        self.settled.update(given)

    def again(self) -> None:
        """After a restart."""
        os.close(self.parking.disk)
        self.parking = self._started()

    def proposed(self) -> str:
        """One draft."""
        with pytest.raises(Kept) as kept:
            self.parking.ask("refund", amount=7)
        return str(kept.value.args[1])

    def say(self, generation: int | None = None, **asked: object) -> tuple[int, dict[str, Any]]:
        """A signed call, by default with the generation of now."""
        body = json.dumps(asked).encode()
        at = self.parking.generation if generation is None else generation
        headers = Request(SECRET.encode(), "POST", body, generation=str(at)).headers()
        answer, status, _ = self.parking("POST", headers, body)
        told: dict[str, Any] = json.loads(answer)
        return status, told

    def release(self, draft: str, by: str = "U0A", generation: int | None = None) -> tuple[int, dict[str, Any]]:
        """Asks for a release."""
        return self.say(generation, drafts="release", id=draft, by=by)


def it_is_done_once(there: Service) -> None:
    """However often it is asked for, over a restart too; another is told that it was not theirs."""
    draft = there.proposed()
    for _ in range(2):
        assert there.release(draft) == (200, {"done": True, "why": ""})
        there.again()
    assert there.release(draft, "U0B")[1] == {"done": False, "why": "another released it"}
    assert there.say(drafts="drop", id=draft, by="U0A")[1] == {"done": False}
    assert there.paid == [7]


def a_crash_in_the_middle_is_told(there: Service) -> None:
    """Whether it had its effect is not known then: it is never done again by itself."""
    draft, there.breaks = there.proposed(), Crashed()
    with pytest.raises(Crashed):
        there.release(draft)
    there.breaks = None
    there.again()
    status, told = there.release(draft)
    assert (status, told["done"]) == (200, False)
    assert "look whether it had its effect" in told["why"]
    assert there.paid == [7]


def a_failure_is_told_and_not_repeated(there: Service) -> None:
    """The error of the action is the reason."""
    draft, there.breaks = there.proposed(), RuntimeError("no such order")
    assert there.release(draft)[1] == {"done": False, "why": "RuntimeError: no such order"}
    there.breaks = None
    assert not there.release(draft)[1]["done"]
    assert there.paid == [7]


def a_stop_voids_an_approval(there: Service) -> None:
    """An equal one too, which leaves the mode; and nothing is released under a stricter one."""
    draft, approved = there.proposed(), there.parking.generation
    assert there.say(mode="draft_only")[0] == 200
    assert there.release(draft, generation=approved)[0] == 412
    assert there.say(mode="read_only")[0] == 200
    assert there.release(draft)[0] == 412
    with pytest.raises(Stopped, match="read_only"):
        there.parking.ask("refund", amount=8)
    assert there.paid == []
    assert there.say(mode="normal")[0] == 200
    assert there.release(draft)[1]["done"]


def it_is_done_as_it_was_asked(there: Service) -> None:
    """What the caller changes afterwards is not released, and a restart makes no difference."""
    orders = [1]
    with pytest.raises(Kept) as kept:
        there.parking.ask("settle", orders=orders, names={1: ("x",)})
    orders.append(666)
    shown = there.say(drafts="list", skip=0, limit=1)[1]["drafts"][0]["arguments"]
    assert json.loads(shown) == {"orders": [1], "names": {"1": ["x"]}}
    assert there.release(kept.value.args[1])[1]["done"]
    assert there.settled == json.loads(shown)


def a_broken_draft_is_listed_and_dropped(there: Service) -> None:
    """It keeps neither the service from starting nor the others from a decision; it is released by nobody."""
    whole = there.proposed()
    broken = [("a", '{"wha'), ("b", "null"), ("c", "[" * 100_000)]
    for name, text in broken:
        (there.folder / f"{name}.draft").write_text(text)
    (there.folder / "mode.1-2").write_text('{"wha')
    there.again()
    assert not (there.folder / "mode.1-2").exists(), "what a crash left half written stays for ever"
    listed = there.say(drafts="list", skip=0, limit=5)[1]
    assert (len(listed["drafts"]), listed["parked"]) == (4, 4)
    for name, _ in broken:
        assert "drop it" in there.release(name)[1]["why"]
        assert there.say(drafts="drop", id=name, by="U0A")[1] == {"done": True}
    there.again()
    assert there.parking.waiting() == [whole]
    assert there.release(whole)[1]["done"]


def a_slow_action_holds_up_nobody(there: Service) -> None:
    """While it is carried out the agent's next is parked, another decision is put off, and a stop is taken."""
    draft, other = there.proposed(), there.proposed()
    there.parking.work.patience = 0.05
    told: list[object] = []

    def meanwhile() -> None:
        for call in (there.proposed, lambda: there.release(other), lambda: there.say(mode="full_stop")):
            aside = Thread(target=lambda call=call: told.append(call()), daemon=True)
            aside.start()
            aside.join(3)

    there.meanwhile = meanwhile
    assert there.release(draft)[1]["done"]
    assert len(told) == 3, "something waited for the action that was released"
    parked, put_off, stopped = told
    assert parked in there.parking.waiting()
    assert isinstance(put_off, tuple)
    assert "try again" in put_off[1].get("why", "")
    assert isinstance(stopped, tuple)
    assert (stopped[0], stopped[1]["in_flight"], there.parking.mode) == (200, 1, "full_stop")
    assert there.release(other)[0] == 412
    assert there.paid == [7]


def what_waits_is_bounded(there: Service) -> None:
    """An agent that asks without end fills no disk."""
    there.parking.drafts = {str(number): {"by": ""} for number in range(MOST)}
    with pytest.raises(Stopped, match="draft_only"):
        there.parking.ask("refund", amount=7)


CHECKS = (
    it_is_done_once,
    a_crash_in_the_middle_is_told,
    a_failure_is_told_and_not_repeated,
    a_stop_voids_an_approval,
    it_is_done_as_it_was_asked,
    a_broken_draft_is_listed_and_dropped,
    a_slow_action_holds_up_nobody,
    what_waits_is_bounded,
)
DEFECTS = {
    "a release is done twice": ('if told["by"]:', 'if told["by"] == "-":', it_is_done_once),
    "another's release is claimed": ('not in {"", by}', 'in {"-"}', it_is_done_once),
    "who released it is not on the disk first": (
        'self._keep(draft, {**told, "by": by, "done": False})',
        "pass",
        a_crash_in_the_middle_is_told,
    ),
    "an approval outlives a stop": ("or generation != str(self.generation)", "", a_stop_voids_an_approval),
    "a release minds no mode": ("not in MODES[:3] or", "is None or", a_stop_voids_an_approval),
    "what is parked can still change": ("json.loads(json.dumps(arguments))", "arguments", it_is_done_as_it_was_asked),
    "a broken draft keeps it from starting": (
        "except (OSError, ValueError, TypeError, RuntimeError)",
        "except OSError",
        a_broken_draft_is_listed_and_dropped,
    ),
    "the agent waits for a release": ("with self.shelf:", "with self.deciding:", a_slow_action_holds_up_nobody),
    "a decision waits for another": ("timeout=self.work.patience", "", a_slow_action_holds_up_nobody),
    "what waits is not bounded": (">= MOST", "< 0", what_waits_is_bounded),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_promise_is_kept(check: Callable[[Service], None], tmp_path: Path) -> None:
    """As the check says."""
    check(Service(Parking, tmp_path))


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_one_is_seen(defect: str, tmp_path: Path) -> None:
    """The check that is for it fails on it."""
    right, wrong, check = DEFECTS[defect]
    assert SOURCE.count(right) == 1
    module = types.ModuleType("broken")
    module.__package__ = receiver.__name__
    exec(SOURCE.replace(right, wrong), module.__dict__)  # noqa: S102  # our own text, broken on purpose
    with pytest.raises((AssertionError, pytest.fail.Exception, Kept, ValueError)):
        check(Service(_as_known(module.Parking, module.Kept), tmp_path))


def _as_known(broken: type[Parking], kept: type[Exception]) -> type[Parking]:
    """Raises this test's own `Kept`."""

    class Known(broken):  # type: ignore[misc,valid-type]  # a class of a text
        def ask(self, action: str, **arguments: object) -> object:
            try:
                return super().ask(action, **arguments)
            except kept as error:
                raise Kept(*error.args) from error

    return Known
