"""Everything that can be made to go wrong on purpose."""

from dataclasses import dataclass
from typing import Literal

ApiTrouble = Literal["delay", "ratelimit", "status", "drop", "hang", "error"]
WireTrouble = Literal["lose", "duplicate", "delay", "reorder", "bad_signature", "old_timestamp"]
ALL = "*"


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, `times` times (None: until it is cleared).

    Attributes:
        where: a Web API method, a kind of delivery (`slash_commands`, `interactive`, `events_api`) or the name of one
            (`reaction_added`, `/agent-kill`, `block_actions`), or `*`.
        amount: seconds, an HTTP status or a number of deliveries, as the trouble needs.
        code: the error code to answer with.
        after: the call is carried out first, then its answer is lost.
    """

    trouble: str
    where: str
    times: int | None = 1
    amount: float = 0.0
    code: str = ""
    after: bool = False

    def fits(self, *places: str) -> bool:
        """Whether it strikes here and now."""
        return self.where in (ALL, *places) and self.times != 0

    def spend(self) -> None:
        """Counts one strike."""
        if self.times is not None:
            self.times -= 1


class Faults:
    """The switchboard of faults. Each method adds one; `clear` removes them."""

    def __init__(self) -> None:
        self._api: list[Fault] = []
        self._wire: list[Fault] = []

    # Web API -------------------------------------------------------------------------------------------------------
    def delay(self, method: str, seconds: float, *, times: int | None = None) -> None:
        """The call is answered, but late."""
        self._api.append(Fault("delay", method, times, seconds))

    def rate_limit(
        self, method: str, *, retry_after: int = 1, times: int | None = 1, code: str = "ratelimited"
    ) -> None:
        """The call is answered 429 with `Retry-After` and not carried out."""
        self._api.append(Fault("ratelimit", method, times, retry_after, code))

    def status(self, method: str, status: int = 503, *, times: int | None = 1, after: bool = False) -> None:
        """The call is answered with this HTTP status and a page that is not JSON."""
        self._api.append(Fault("status", method, times, status, after=after))

    def drop(self, method: str, *, times: int | None = 1, after: bool = False) -> None:
        """The connection breaks; with `after`, once the call was carried out."""
        self._api.append(Fault("drop", method, times, after=after))

    def hang(self, method: str, *, times: int | None = 1, after: bool = False) -> None:
        """The call is never answered."""
        self._api.append(Fault("hang", method, times, after=after))

    def error(self, method: str, code: str, *, times: int | None = 1) -> None:
        """The call is answered with `ok: false` and this code."""
        self._api.append(Fault("error", method, times, code=code))

    # Deliveries: `kind` is a kind or a name -----------------------------------------------------------------------
    def lose(self, kind: str = "events_api", *, times: int | None = None) -> None:
        """Deliveries of this kind vanish without a retry."""
        self._wire.append(Fault("lose", kind, times))

    def duplicate(self, kind: str = ALL, *, times: int | None = 1) -> None:
        """Deliveries of this kind are delivered twice."""
        self._wire.append(Fault("duplicate", kind, times))

    def delay_delivery(self, kind: str, seconds: float, *, times: int | None = None) -> None:
        """Deliveries of this kind arrive late."""
        self._wire.append(Fault("delay", kind, times, seconds))

    def reorder(self, kind: str = "events_api", *, count: int = 2) -> None:
        """The next `count` deliveries of this kind are held and then delivered last first."""
        self._wire.append(Fault("reorder", kind, 1, count))

    def bad_signature(self, kind: str = ALL, *, times: int | None = 1) -> None:
        """HTTP mode: requests of this kind are signed with a wrong secret."""
        self._wire.append(Fault("bad_signature", kind, times))

    def old_timestamp(self, kind: str = ALL, *, seconds: float = 600, times: int | None = 1) -> None:
        """HTTP mode: requests of this kind are signed correctly, with a timestamp so many seconds old."""
        self._wire.append(Fault("old_timestamp", kind, times, seconds))

    def clear(self, where: str | None = None) -> None:
        """Removes the faults of one method or kind, or all of them."""
        self._api = [f for f in self._api if where not in (None, f.where)]
        self._wire = [f for f in self._wire if where not in (None, f.where)]

    # Asked by the simulator ----------------------------------------------------------------------------------------
    def strike_api(self, method: str) -> list[Fault]:
        """The faults that hit this call; each is counted."""
        return _strike(self._api, method)

    def strike_wire(self, trouble: WireTrouble, kind: str, name: str = "") -> list[Fault]:
        """The faults of this trouble that hit a delivery of this kind and name; each is counted."""
        return _strike([f for f in self._wire if f.trouble == trouble], kind, name)


def _strike(faults: list[Fault], *places: str) -> list[Fault]:
    struck = [fault for fault in faults if fault.fits(*places)]
    for fault in struck:
        fault.spend()
    return struck
