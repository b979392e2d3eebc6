"""What stands around the stop path while `serve` runs: a metric, and the drills' ear."""

from adapters.base import Mode
from bot.domain.plan import Plan, Scope
from bot.service.drill import Drills
from bot.service.ports import Receipt, Reporter, StopOrder, Stops
from bot.web.metrics import Metrics


class Counted:
    """The stop path with its metric."""

    def __init__(self, inner: Stops, metrics: Metrics) -> None:
        self._inner, self._metrics = inner, metrics

    def plan(self, mode: Mode, scope: Scope) -> Plan:
        """As the inner one."""
        return self._inner.plan(mode, scope)

    async def stop(self, order: StopOrder) -> Receipt:
        """As the inner one."""
        receipt = await self._inner.stop(order)
        if not receipt.repeated:
            self._metrics.stopped(order.origin)
        return receipt


class Heard:
    """Lets drills hear of a stop before the thread does: a real one ends every fault that a drill injects."""

    def __init__(self, drills: Drills, inner: Reporter) -> None:
        self._drills, self._inner = drills, inner

    def wake(self, incident: str) -> None:
        """Passes on."""
        self._drills.wake(incident)
        self._inner.wake(incident)
