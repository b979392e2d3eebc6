"""Defects that any adapter could have: each wraps the verbs of a class."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.base import Attempt, Change, Cut, Gate, Mode, Observation, Relaxed
from adapters.base.parked import Drafts, Released
from adapters.conformance import Rig
from adapters.errors import AdapterError, Refused, Unreachable
from tests.contract.defects.defect import Defect, Seed

Verb = Callable[..., Any]


def wrapping(cls: type[Any], verb: str, wrap: Callable[[Verb, Rig], Verb]) -> Seed:
    """Replaces a verb of a class by what `wrap` makes of it."""

    def seed(patch: pytest.MonkeyPatch, rig: Rig) -> None:
        patch.setattr(cls, verb, wrap(getattr(cls, verb), rig))

    return seed


def every(*seeds: Seed) -> Seed:
    """Several at once."""

    def seed(patch: pytest.MonkeyPatch, rig: Rig) -> None:
        for one in seeds:
            one(patch, rig)

    return seed


def lying(cls: type[Any]) -> Seed:
    """The surface confirms a cut, reads it back and refuses the canary, and nothing was cut."""

    def restrict(_verb: Verb, _rig: Rig) -> Verb:
        async def lie(self: Any, *, mode: Mode, token: str, **_rest: object) -> Cut:
            self.lie = (mode, token)
            return Cut(held=mode)

        return lie

    def observe(verb: Verb, _rig: Rig) -> Verb:
        async def lie(self: Any) -> Observation:
            seen: Observation = await verb(self)
            mode, token = getattr(self, "lie", (seen.mode, seen.token))
            return replace(seen, mode=mode, token=token, in_flight=0)

        return lie

    def attempt(_verb: Verb, _rig: Rig) -> Verb:
        async def lie(_self: Any, *, mode: Mode) -> Attempt:  # noqa: ARG001
            return Attempt.REFUSED

        return lie

    return every(
        wrapping(cls, "restrict", restrict), wrapping(cls, "observe", observe), wrapping(cls, "attempt", attempt)
    )


def _deaf(verb: Verb, _rig: Rig) -> Verb:
    async def call(self: Any, **given: Any) -> Any:
        gate = given["gate"]

        async def yes(changes: tuple[Change, ...]) -> bool:
            await gate(changes)
            return True

        return await verb(self, **{**given, "gate": yes})

    return call


def _any_mark(verb: Verb, _rig: Rig) -> Verb:
    async def relax(self: Any, **given: Any) -> Any:
        return await verb(self, **{**given, "expect": (await self.observe()).token})

    return relax


def _translated(known: type[Exception], wrong: type[Exception]) -> Callable[[Verb, Rig], Verb]:
    def wrap(verb: Verb, _rig: Rig) -> Verb:
        async def call(self: Any, **given: Any) -> Any:
            try:
                return await verb(self, **given)
            except known as error:
                raise wrong(str(error)) from error

        return call

    return wrap


def _observed(**facts: Any) -> Callable[[Verb, Rig], Verb]:
    def wrap(verb: Verb, _rig: Rig) -> Verb:
        async def observe(self: Any) -> Observation:
            seen: Observation = await verb(self)
            return replace(seen, **facts)

        return observe

    return wrap


def _uncounted(verb: Verb, _rig: Rig) -> Verb:
    async def restrict(self: Any, **given: Any) -> Cut:
        cut: Cut = await verb(self, **given)
        return replace(cut, ended=0)

    return restrict


def _remembered(verb: Verb, _rig: Rig) -> Verb:
    """The first reading after each cut is what is told until the next."""

    async def observe(self: Any) -> Observation:
        seen: Observation = await verb(self)
        last: Observation | None = getattr(self, "last", None)
        if last is None or last.mode is Mode.NORMAL or last.token != seen.token:
            self.last = last = seen
        return last

    return observe


def believing(verb: Verb, _rig: Rig) -> Verb:
    """Once restricted, always restricted."""

    async def observe(self: Any) -> Observation:
        seen: Observation = await verb(self)
        last: Observation = getattr(self, "last", seen)
        self.last = max(seen, last, key=lambda one: one.mode)
        held: Observation = self.last
        return held

    return observe


def _idle_relax(_verb: Verb, _rig: Rig) -> Verb:
    async def relax(_self: Any, **_given: Any) -> Relaxed:
        return Relaxed()

    return relax


def _generous(verb: Verb, rig: Rig) -> Verb:
    """Gives everything, whatever the agent had."""

    async def relax(self: Any, **given: Any) -> Relaxed:
        relaxed: Relaxed = await verb(self, **given)
        if given["to"] is Mode.NORMAL:
            await rig.loosen()
        return relaxed

    return relax


def _blocking(verb: Verb, _rig: Rig) -> Verb:
    async def observe(self: Any) -> Observation:
        time.sleep(3)  # noqa: ASYNC251  # the defect
        seen: Observation = await verb(self)
        return seen

    return observe


def _deaf_to_cancel(verb: Verb, _rig: Rig) -> Verb:
    """Waits on, whoever gave up."""

    async def observe(self: Any) -> Observation:
        task = asyncio.ensure_future(verb(self))
        until = time.monotonic() + 5
        while not task.done() and time.monotonic() < until:
            try:
                await asyncio.wait({task}, timeout=0.1)
            except asyncio.CancelledError:
                continue
        task.cancel()
        seen: Observation = await task
        return seen

    return observe


def _found_nothing(_verb: Verb, _rig: Rig) -> Verb:
    async def preflight(_self: Any) -> tuple[str, ...]:
        return ()

    return preflight


def _one_name(_verb: Verb, _rig: Rig) -> Verb:
    return lambda self: f"{self.kind}:somewhere"


def _again(verb: Verb, _rig: Rig) -> Verb:
    """Records at every cut what it finds, be it its own work."""

    async def restrict(self: Any, **given: Any) -> Cut:
        before: Observation = await self.observe()
        cut: Cut = await verb(self, **given)
        now: Observation = await self.observe()
        found = (
            Change(key=key, was=was, now=f"{now.state.get(key)} {given['token']}") for key, was in before.state.items()
        )
        return replace(cut, changed=(*cut.changed, *found))

    return restrict


def _forgetful(verb: Verb, _rig: Rig) -> Verb:
    """A repetition under the same label is taken for another call."""
    numbers = itertools.count()

    async def move(self: Any, *, label: str) -> Any:
        return await verb(self, label=f"{label}-{next(numbers)}")

    return move


def backlog(cls: type[Any]) -> tuple[Defect, ...]:
    """Those of a class that keeps `Backlog`."""
    held, dropped = "waiting_work_is_held_once_and_given_back", "waiting_work_is_dropped_once"
    return (
        Defect("a repeated hold takes more", held, "repetition", wrapping(cls, "hold", _forgetful)),
        Defect("a repeated drop takes more", dropped, "repetition", wrapping(cls, "drop", _forgetful)),
        Defect("nothing is given back of what was held", held, "came back", wrapping(cls, "replay", _forgetful)),
    )


def _unseen(verb: Verb, _rig: Rig) -> Verb:
    async def listed(self: Any, **given: Any) -> Drafts:
        drafts: Drafts = await verb(self, **given)
        return replace(drafts, items=(), number=0)

    return listed


def _lost(_verb: Verb, _rig: Rig) -> Verb:
    """Removed, and said to be done."""

    async def release(self: Any, *, draft: str, by: str, gate: Gate) -> Released:
        return Released(done=await gate(()) and await self.drop(draft=draft, by=by), why="it is not parked any more")

    return release


def _claimed(verb: Verb, _rig: Rig) -> Verb:
    """Whoever asks did it."""

    async def release(self: Any, **given: Any) -> Released:
        said: Released = await verb(self, **given)
        return replace(said, done=True)

    return release


def _dropped(verb: Verb, _rig: Rig) -> Verb:
    async def drop(self: Any, **given: Any) -> Any:
        await verb(self, **given)
        return True

    return drop


def _undecided(verb: Verb, _rig: Rig) -> Verb:
    """What waits for a decision is told as a draft."""

    async def listed(self: Any, **given: Any) -> Drafts:
        drafts: Drafts = await verb(self, **given)
        return replace(drafts, items=tuple(replace(item, waits=False) for item in drafts.items))

    return listed


def parked(cls: type[Any]) -> tuple[Defect, ...]:
    """Those of a class that keeps `Parked`."""
    once, dropped = "a_release_does_it_once", "a_dropped_one_never_happens"
    gate, listed = "a_gate_that_says_no_leaves_it_parked", "what_is_proposed_is_parked_once"
    return (
        Defect("a release minds no stop", gate, "though the gate said no", wrapping(cls, "release", _deaf)),
        Defect("a release loses what was parked", once, "had its effect 0 times", wrapping(cls, "release", _lost)),
        Defect("a release claims another's effect", once, "another's release", wrapping(cls, "release", _claimed)),
        Defect("what was dropped is dropped again", dropped, "dropped twice", wrapping(cls, "drop", _dropped)),
        Defect("what is parked is not listed", listed, "left 0 items", wrapping(cls, "list", _unseen)),
        Defect("a decision is not asked for", listed, "waits is False", wrapping(cls, "list", _undecided)),
    )


def of(cls: type[Any], *, marks: bool = True) -> tuple[Defect, ...]:
    """Those that an adapter class can have; the lying surface first."""
    found = (
        Defect("the surface lies", "a_session_opened_before_the_stop_is_ended", "DID NOT RAISE", lying(cls)),
        Defect(
            "a reopening and a relaxation go on whatever the gate says",
            "a_gate_that_says_no_holds",
            "<Mode.",
            every(wrapping(cls, "restrict", _deaf), wrapping(cls, "relax", _deaf)),
        ),
        Defect(
            "a strange mark is not minded",
            "relax_wants_its_own_mark",
            "DID NOT RAISE",
            wrapping(cls, "relax", _any_mark),
        ),
        Defect(
            "a refusal is taken for an outage",
            "a_wrong_credential_is_refused",
            "Unreachable",
            wrapping(cls, "observe", _translated(Refused, Unreachable)),
        ),
        Defect(
            "an outage is not told as one",
            "nobody_there_is_unreachable",
            "AdapterError",
            wrapping(cls, "restrict", _translated(Unreachable, AdapterError)),
        ),
        Defect(
            "a target that is not there is seen",
            "a_mistyped_target_is_absent",
            "was seen",
            wrapping(cls, "observe", _observed(exists=True)),
        ),
        Defect(
            "what was ended is not counted",
            "work_in_flight_is_ended_or_counted",
            "not counted",
            wrapping(cls, "restrict", _uncounted),
        ),
        Defect(
            "an old reading is told again",
            "undo_is_never_taken_from_a_restricted_state",
            "was not seen",
            wrapping(cls, "observe", _remembered),
        ),
        Defect(
            "nothing is given back",
            "relax_gives_back_exactly_what_was_taken",
            "and back",
            wrapping(cls, "relax", _idle_relax),
        ),
        Defect("everything is given", "relax_gives_back_nothing_more", "and back", wrapping(cls, "relax", _generous)),
        Defect("the loop is blocked", "each_mode_is_enforced", "blocked", wrapping(cls, "observe", _blocking)),
        Defect(
            "a cancelled call goes on",
            "a_frozen_server_is_left_in_time",
            "still running",
            wrapping(cls, "observe", _deaf_to_cancel),
        ),
        Defect(
            "preflight misses what is missing",
            "a_mistyped_target_is_absent",
            "preflight",
            wrapping(cls, "preflight", _found_nothing),
        ),
        Defect("all targets have one name", "two_targets_have_two_names", "!=", wrapping(cls, "target_key", _one_name)),
        Defect(
            "its own cut is recorded as the state before",
            "a_cut_may_be_repeated",
            "restricted state",
            wrapping(cls, "restrict", _again),
        ),
    )
    return tuple(defect for defect in found if marks or "mark" not in defect.check)
