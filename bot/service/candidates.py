"""What could be given back: the targets of a scope that are held stricter than asked, and what stands in the way."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from adapters.base import Mode
from bot.domain import electorate, events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.service.backlog import policy_of
from bot.service.inventory import Inventory, Target
from bot.service.ports import Clock, RestoreOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is in scope. `reasons` says why some of it cannot be given back; `incident` is the one to tell."""

    returns: tuple[events.Return, ...] = ()
    reasons: tuple[str, ...] = ()
    incident: str = ""


class Candidates:
    """Reads board and inventory; changes nothing."""

    def __init__(self, *, inventory: Callable[[], Inventory], board: Board, clock: Clock) -> None:
        self._inventory = inventory
        self._board = board
        self._clock = clock

    def find(self, order: RestoreOrder) -> Found:
        """The targets of the order's scope that are held stricter than its mode."""
        if order.kind == "undo":
            return self._of_hold(order)
        inventory = self._inventory()
        keys = dict.fromkeys(item.target for item in inventory.near(order.scope) if order.scope.covers(item.surface))
        targets = [inventory.targets[key] for key in keys]
        returns = tuple(item for target in targets if (item := self._return(target, order.mode)) is not None)
        gone = self._gone(order)
        if not returns and not gone:
            return Found(
                reasons=(f"nothing of `{order.scope}` is held stricter than {order.mode}: see `/agent-status`",)
            )
        return Found(returns=returns, reasons=gone, incident=self._incident(returns))

    def pairs(self, returns: Iterable[events.Return], mode: Mode) -> tuple[tuple[str, str], ...]:
        """Every live hold on these targets that is stricter than `mode`: what a ballot would lift."""
        live = ((hold, item.key, held) for item in returns for hold, held in self._board.holds.live(item.key).items())
        return tuple(sorted((hold, key) for hold, key, held in live if held > mode))

    def unproven(self, returns: Iterable[events.Return], without: Collection[str]) -> tuple[str, ...]:
        """The targets that are not proven cut and that nobody goes without."""
        found = []
        for item in returns:
            state = "" if self._is_orphan(item) else self._state(item.key)
            if not state or set(item.surfaces) <= set(without):
                continue
            named = ", ".join(item.surfaces)
            found.append(
                f"{named} is not proven cut ({state}): mend that first, or two people say"
                f" `/agent-restore acknowledge {item.surfaces[0]} REASON`"
            )
        return tuple(found)

    def _state(self, key: str) -> str:
        """How it is not proven; empty where it is, and was read within the last looks."""
        proof, board = self._board.proofs.get(key), self._board
        if proof is None or not board.is_proven(key):
            return "not proven yet"
        if proof.outcome is not Outcome.VERIFIED:
            return str(proof.outcome)
        age = self._clock.now() - board.proof_at[key]
        return f"last read {age:.0f} s ago" if age > 3 * self._inventory().configuration.watch.slow else ""

    def knows(self, subject: str) -> bool:
        """Whether it is a surface or an enrolled writer."""
        writer = subject.removeprefix("writer:")
        if writer != subject:
            return writer in self._inventory().configuration.writers
        return self._inventory().surface(subject) is not None

    def quorum(self, order: RestoreOrder, returns: Sequence[events.Return]) -> int:
        """How many votes the order needs."""
        policy = self._inventory().configuration.policy.restore
        return electorate.quorum(policy, [str(item.now) for item in returns], kind=order.kind)

    def _return(self, target: Target, mode: Mode) -> events.Return | None:
        now = self._board.effective(target.key)
        seen = target.seen
        if now is Mode.NORMAL and seen is not None and seen.exists:
            now = seen.mode  # an orphan: restricted, and no live hold explains it
        if now <= mode:
            return None
        return events.Return(
            key=target.key,
            surfaces=tuple(sorted(self._board.surfaces_of(target.key) | {item.name for item in target.surfaces})),
            now=now,
            to=mode,
            modes=tuple(sorted(target.enforceable())),
            risk=target.risk.value,
            backlog=policy_of(target),
        )

    def _is_orphan(self, item: events.Return) -> bool:
        return not self._board.holds.live(item.key)

    def _of_hold(self, order: RestoreOrder) -> Found:
        """The targets of one stop that was a mistake: never where another hold is on any of them."""
        hold = self._board.hold_events.get(order.hold or "")
        if hold is None:
            return Found(reasons=(f"`{order.hold}` is not a stop that is known here: see the incident's thread",))
        policy = self._inventory().configuration.policy.restore.mistake
        reasons = []
        if hold.by.id != order.by.id:
            reasons.append("only who made the stop may call it a mistake: open a ballot with `/agent-restore`")
        if self._clock.now() - hold.at > policy.within:
            reasons.append(f"it was made more than {policy.within / 60:g} min ago: open a ballot with `/agent-restore`")
        keys = [target.key for target in hold.targets if hold.hold in self._board.holds.live(target.key)]
        others = sorted({name for key in keys for name in self._board.holds.live(key) if name != hold.hold})
        if others:
            reasons.append(f"another hold is on its targets ({', '.join(others)}): open a ballot with `/agent-restore`")
        targets = self._inventory().targets
        found = [self._return(targets[key], Mode.NORMAL) for key in keys if key in targets]
        returns = tuple(item for item in found if item is not None)
        if not returns:
            reasons.append("nothing is held by it any more")
        return Found(returns=() if reasons else returns, reasons=tuple(reasons), incident=hold.incident)

    def _gone(self, order: RestoreOrder) -> tuple[str, ...]:
        """Held targets of the scope that no surface of the configuration points at any more."""
        served, found = self._inventory().targets, []
        for key in self._board.holds.targets():
            if key in served:
                continue
            names = sorted(self._board.surfaces_of(key))
            scope = order.scope
            if scope.everything or scope.surfaces & set(names) or scope.agents & {n.partition("/")[0] for n in names}:
                found.append(
                    f"{', '.join(names)} is held and not in the configuration any more: put it back there first"
                )
        return tuple(found)

    def _incident(self, returns: Sequence[events.Return]) -> str:
        """The youngest incident that binds any of them."""
        names = {name for item in returns for name in self._board.incidents_of(item.key)}
        known = [self._board.incidents[name] for name in names if name in self._board.incidents]
        newest = max(known, key=lambda incident: incident.opened_at, default=None)
        return newest.id if newest else ""
