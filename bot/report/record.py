"""Everything that is recorded: the entries of every journal here, their fold, and whether they are what was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.board import Board
from bot.domain.model import Configuration
from bot.domain.report import Known
from bot.journal.checkpoint import Signer, slack_line
from bot.journal.folders import is_ours
from bot.journal.pushed import FOLDER
from bot.journal.reader import Entry, Reader
from bot.journal.verify import Result, notes_and_lines, read_keys, verify
from bot.service.checkpoints import FILE

_NO_KEY = "00" * 32  # only to call the verifier where there is no anchor that a key could have signed
_SHOWN = 5  # of what is wrong with the chains


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """What the verifier says of the journals at the moment of the report.

    Args:
        result: of `bot.journal.verify`.
        anchored: the last anchored entry of each chain.
        heads: one line that names the last entry of each chain; a report that was kept is an anchor by it.
        unanchored: why nothing was compared with anchors, empty where it was.
    """

    result: Result
    anchored: Mapping[str, int] = field(default_factory=dict)
    heads: str = ""
    unanchored: str = ""

    @property
    def verdict(self) -> str:
        """`intact`, `TAMPERED` or `unreadable`."""
        return ("intact", "TAMPERED", "unreadable")[self.result.code]

    @property
    def intact(self) -> bool:
        """Whether every entry is the one that was written, as far as that can be seen here."""
        return self.result.code == 0

    def wrong(self) -> list[str]:
        """What is wrong, a sentence each, the first ones."""
        bad = [f"journal {chain}: entry {seq} {what}" for chain, seq, what in self.result.bad]
        found = [*bad, *self.result.unreadable]
        more = len(found) - _SHOWN
        return [*found[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]

    def sentences(self) -> list[str]:
        """The state of each chain."""
        said = []
        for chain, entries in sorted(self.result.entries.items()):
            torn = self.result.torn.get(chain)
            anchor = self.anchored.get(chain)
            checked = f"journal {chain}: intact up to entry {entries}"
            if any(chain == name for name, _, _ in self.result.bad):
                checked = f"journal {chain}: verified up to entry {entries} and broken there"
            said.append(
                checked
                + (f", anchored up to entry {anchor}" if anchor else ", not anchored")
                + (
                    f"; {torn} bytes of a line that was never finished follow, and were never acknowledged"
                    if torn
                    else ""
                )
            )
        return [*said, *([self.unanchored] if self.unanchored else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a report is made from. `entries` are in the order of their writers' clocks; `at` is when it was read."""

    entries: tuple[Entry, ...]
    board: Board
    known: Mapping[str, Known]
    chains: Chains
    problems: tuple[str, ...] = ()
    configuration: Configuration | None = None
    at: float = 0.0


def read_record(
    folders: Sequence[Path],
    state_dir: Path,
    *,
    signer: Signer | None,
    configuration: Configuration | None,
    now: float,
) -> Record:
    """Reads and verifies the journals; contacts nothing and writes nothing.

    Args:
        folders: the journal folders of this host.
        state_dir: where the anchors and the copies of other hosts' journals are.
        signer: whose anchors are trusted; None where this host has no key.
        configuration: what surfaces are, for names and classes; None where it cannot be read.
        now: Unix time in seconds.
    """
    places = [folder for folder in (*folders, state_dir / FOLDER) if is_ours(folder)]
    chains_before = _anchors(state_dir / FILE, signer)  # before the journals, which may grow meanwhile
    reader = Reader(places)
    entries = sorted(reader.new(), key=lambda entry: (entry.event.at, entry.chain, entry.seq))
    board = Board()
    for entry in entries:
        board.apply(entry.event)
    return Record(
        entries=tuple(entries),
        board=board,
        known=known_of(configuration),
        chains=_verified(places, signer, *chains_before, slack_line(reader.heads(), "")),
        problems=tuple(dict.fromkeys(reader.problems())),
        configuration=configuration,
        at=now,
    )


def known_of(configuration: Configuration | None) -> Mapping[str, Known]:
    """What the configuration says of each surface, quarantined ones included."""
    found: dict[str, Known] = {}
    for agent in configuration.agents if configuration else ():
        usable = [(it.name, it.adapter, it.surface_class) for it in agent.surfaces]
        broken = [(it.name, it.adapter, it.surface_class) for it in agent.quarantined]
        for name, adapter, surface_class in (*broken, *usable):
            facts = Known(adapter=adapter, surface_class=surface_class, owner=agent.owner, agent_name=agent.name)
            found[name] = facts
    return found


def _anchors(path: Path, signer: Signer | None) -> tuple[str | None, str]:
    """The text of the anchors, and why there is none to compare with."""
    if signer is None:
        return None, "no anchor was compared: this host has no signing key"
    try:
        return path.read_text("utf-8", "replace"), ""
    except FileNotFoundError:
        return None, "no anchor was compared: this host has none, for a running bot writes them"
    except OSError as error:
        return None, f"no anchor was compared: {path.name} cannot be read: {error.strerror}"


def _verified(places: Sequence[Path], signer: Signer | None, text: str | None, why: str, heads: str) -> Chains:
    key = (signer or Signer(_NO_KEY, "nobody")).verifier_key
    result = verify(places, key, text)
    anchored: dict[str, int] = {}
    for chain, seq, _, _ in notes_and_lines(text or "", read_keys(key), []):
        anchored[chain] = max(seq, anchored.get(chain, 0))
    return Chains(result=result, anchored=anchored, heads=heads, unanchored=why)
