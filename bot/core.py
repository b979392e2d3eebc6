"""Composes the stop path alone: no Slack, no SQLAlchemy, no scheduler. The command line's `stop` needs only this."""

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from adapters import registry
from adapters.base import Adapter, Manual, Mode, Shared
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Configuration, Surface
from bot.domain.report import Known, Report, report
from bot.journal.chain import Link
from bot.journal.chain_file import is_written
from bot.journal.checkpoint import Signer
from bot.journal.folders import is_ours, make
from bot.journal.pushed import FOLDER as PUSHED
from bot.journal.reader import Entry, Reader
from bot.journal.writer import Writer
from bot.service.configured import Configured
from bot.service.dispatch import Dispatcher
from bot.service.inventory import make_inventory
from bot.service.ports import Reporter
from bot.service.probe import Probed, probe
from bot.service.put_back import put_back
from bot.service.recorder import Recorder
from bot.service.seal import Seal
from bot.service.stop import StopService
from bot.service.watch import Watch
from bot.service.watchdog import Watchdog

_log = logging.getLogger(__name__)
JOURNAL = "journal"
SIGNING_KEY = "signing.key"  # in the state directory
_LASTING = Path("/var/tmp")  # noqa: S108  # the folder in it is checked to be ours alone
_KEY_BYTES = 32


class SystemClock:
    """The machine's own."""

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only rise; the event loop's own base."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


CLOCK = SystemClock()


class Silent:
    """A reporter for where nobody listens: the command line prints its own."""

    def wake(self, incident: str) -> None:
        """Says nothing."""


class Reporters:
    """Lets the reporter be put in after the core exists, since the reporter reads the core's board."""

    def __init__(self) -> None:
        self.inner: Reporter = Silent()

    def wake(self, incident: str) -> None:
        """Passes on."""
        self.inner.wake(incident)


class Core:
    """The stop path of one process.

    Args:
        configuration: what is configured, quarantined surfaces included.
        state_dir: made with mode 0700.
        writer: this writer's enrolled name.
        state_key: encrypts undo records; None takes the one in the state directory, made at first start.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        state_dir: Path,
        writer: str,
        state_key: str | None,
    ) -> None:
        with contextlib.suppress(OSError):  # a full or read-only disk must not disarm the stop; the journal moves on
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = CLOCK
        self.folders = journal_folders(state_dir)
        self.board = Board()
        self.writer = Writer(self.folders, writer)
        self.recorder = Recorder(self.board, self.writer)
        self.reporters = Reporters()
        self.pushed = state_dir / PUSHED
        self._reader = Reader((*self.folders, self.pushed))
        self._unadopted: list[events.HoldAdded] = []
        self._shared = Shared()
        self.inventory = make_inventory(configuration, self._build)
        self.dispatcher = Dispatcher(
            inventory=lambda: self.inventory,
            board=self.board,
            record=self.recorder.record,
            seal=Seal(state_key or sealing_key(self.folders, state_dir)),
            clock=self.clock,
            refresh=self.refresh,
            changed=self._changed,
            tripped=lambda target: self.stops.trip_backstops(target),  # noqa: PLW0108  # `stops` is made below
        )
        self.stops = StopService(
            inventory=lambda: self.inventory,
            recorder=self.recorder,
            dispatcher=self.dispatcher,
            reporter=self.reporters,
            clock=self.clock,
        )
        self.watchdog = Watchdog(blame=self._blame, record=self.writer.append_aside, fold=self.board.apply)
        configured = Configured(
            configuration=lambda: self.inventory.configuration,
            board=self.board,
            record=self.recorder.record,
            clock=self.clock,
        )
        self.watch = Watch(
            inventory=lambda: self.inventory,
            board=self.board,
            dispatcher=self.dispatcher,
            clock=self.clock,
            record=self.recorder.record,
            configured=configured.note,
        )

    def read(self) -> list[Entry]:
        """Folds what is new in every other chain into the board; returns it. `adopt` carries on with its holds."""
        entries = self._reader.new(but=self.writer.chain)
        for entry in entries:
            self.board.apply(entry.event)
        # whoever reads first (a cut looks before it loosens) takes the entries: their holds have to wait for `adopt`
        self._unadopted += [entry.event for entry in entries if isinstance(entry.event, events.HoldAdded)]
        return entries

    def refresh(self) -> bool:
        """Reads as `read` does, and says whether every journal could be read: in one that cannot, a stop may stand."""
        self.read()
        return not self._reader.unread

    def recover(self) -> None:
        """At start: reads every journal, and finishes what is unfinished before looking at what was proven."""
        self.read()
        self.writer.open()
        self.watchdog.start()
        for event in list(put_back(self.board, self.clock.now())):
            self.recorder.record(event)
        held = [key for key in self.board.holds.targets() if self.board.effective(key) > Mode.NORMAL]
        self._unadopted.clear()  # all that is held is carried on here
        self.stops.carry_on(sorted(held, key=self._is_proven))

    def adopt(self) -> None:
        """Carries on with what another writer recorded: the command line, or a bot that ran here before."""
        self.writer.check()
        self.read()
        holds, self._unadopted = self._unadopted, []
        if holds:
            self.stops.carry_on({target.key for hold in holds for target in hold.targets})
            for incident in {hold.incident for hold in holds}:
                self.reporters.wake(incident)
            self.recorder.record(events.HeadsSeen(at=self.clock.now(), heads=self._heads()))

    def reload(self, configuration: Configuration) -> None:
        """Takes a new configuration; holds stay, and unchanged surfaces keep their connections."""
        self.inventory = make_inventory(configuration, self._build, self.inventory)

    def serve_again(self) -> None:
        """After a reload: the new adapters serve what is held, also where no surface pointed before."""
        self.dispatcher.retarget()
        self.watch.look_soon()
        served = set(self.dispatcher.lanes())
        self.dispatcher.wake(key for key in self.board.holds.targets() if key not in served)

    def inventory_known(self) -> Mapping[str, Known]:
        """What reports say of each surface now."""
        return self.inventory.known()

    def report_of(self, hold_id: str) -> Report:
        """The report of one stop and of the backstops that it tripped, without the rest of its incident."""
        incident = self.board.incidents[self.board.hold_events[hold_id].incident]
        own = [hold for hold in incident.holds if hold_id in (hold.hold, hold.parent)]
        return report(self.board, replace(incident, holds=own), self.inventory.known())

    async def probe(self) -> list[Probed]:
        """Contacts every surface, changing nothing."""
        return await probe(self.inventory.targets.values())

    def heads(self) -> dict[str, Link]:
        """The last link of every chain, this writer's own included, as far as it is on disk."""
        chain, head = self.writer.chain, self.writer.head
        own = {chain: head} if chain and head and head.seq else {}
        return self._reader.heads() | own

    def others_are_alive(self) -> bool:
        """Whether another process writes a journal here: a bot that will adopt this one's."""
        files = (path for folder in self.folders if is_ours(folder) for path in folder.glob("*.jsonl"))
        return any(is_written(path) for path in files if path.stem != self.writer.chain)

    def journal_problems(self) -> list[str]:
        """What is wrong with the journals, a sentence each."""
        return self._reader.problems()

    async def aclose(self) -> None:
        """Ends the cuts that are under way, closes the surfaces, then the journal."""
        self.watchdog.stop()
        await self.dispatcher.aclose()
        adapters = [adapter for target in self.inventory.targets.values() for adapter in target.adapters]
        await asyncio.gather(*(adapter.aclose() for adapter in adapters), return_exceptions=True)
        self.writer.close()

    def _blame(self, frames: Sequence[FrameType]) -> str | None:
        """The target whose adapter is at work in these frames, the innermost first."""
        owners = {id(one): key for key, target in self.inventory.targets.items() for one in target.adapters}
        selves = (id(frame.f_locals.get("self")) for frame in frames)
        return next((owners[one] for one in selves if one in owners), None)

    def _build(self, surface: Surface) -> Adapter:
        return registry.build(surface.adapter, config=surface.settings, canary=surface.canary, shared=self._shared)

    def _heads(self) -> tuple[tuple[str, int, str], ...]:
        """The other chains as this writer sees them: a removed one is missed, and its writer learns it was read."""
        heads = self._reader.heads().items()
        return tuple((chain, link.seq, link.digest) for chain, link in heads if chain != self.writer.chain)

    def _changed(self, targets: Iterable[str]) -> None:
        for incident in self.board.incidents_of(*targets):
            self.reporters.wake(incident)

    def _is_proven(self, key: str) -> bool:
        proof = self.board.proofs.get(key)
        return proof is not None and proof.outcome == "verified" and proof.asked >= self.board.effective(key)


KindError = registry.KindError


def explained(kind: str) -> tuple[dict[str, object], Manual | None]:
    """One kind as `kinds` describes it, and what it tells people. Raises `KindError`, which names the known kinds."""
    return registry.describe(kind), registry.manual(kind)


def kinds() -> list[dict[str, object]]:
    """Every kind of adapter with its modes, classes, settings, permissions and reversal; a broken plug-in is logged."""
    return [described for kind in registry.kinds() for described in _described(kind)]


def _described(kind: str) -> list[dict[str, object]]:
    try:
        return [registry.describe(kind)]
    except registry.KindError as error:
        _log.warning("%s", error)
        return []


def journal_folders(state_dir: Path) -> tuple[Path, ...]:
    """Where journals live: the state directory, then a folder of its own elsewhere for when that disk fails.

    The second is named by the whole path of the first, so that no two installations share it, and lies where a
    restart of the machine keeps it.
    """
    known = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:16]
    elsewhere = _LASTING if os.access(_LASTING, os.W_OK) else Path(tempfile.gettempdir())
    return (state_dir / JOURNAL, elsewhere / f"agent-kill-{known}-{os.geteuid()}")


def sealing_key(folders: tuple[Path, ...], state_dir: Path) -> str:
    """The key of undo records: of the state directory, else of the second journal folder, else for this process only.

    Without any disk the cuts go on all the same; what they replaced can then be read by this process alone.
    """
    with contextlib.suppress(OSError):
        return state_secret(state_dir, "state.key")
    for folder in folders[1:]:
        with contextlib.suppress(OSError):
            make(folder)
            return state_secret(folder, "state.key")
    _log.error("no disk takes the key of the undo records: a restore of this stop needs a person")
    return secrets.token_hex(_KEY_BYTES)


def make_signer(state_dir: Path, writer: str, signing_key: str | None) -> Signer:
    """The key of the checkpoints; None takes the one in the state directory, made at first start.

    Raises:
        BadKeyError: the key is not of the form that it must have.
        OSError: the state directory cannot be used.
    """
    return Signer(signing_key or state_secret(state_dir, SIGNING_KEY), writer)


def state_secret(state_dir: Path, name: str) -> str:
    """A secret of this state directory, made at first use with mode 0600; in hexadecimal."""
    path = state_dir / name
    if not path.exists():
        fresh = state_dir / f".{name}.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(_KEY_BYTES))
        try:
            path.hardlink_to(fresh)  # two first starts at once agree on one key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
