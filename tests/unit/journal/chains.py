"""Journals of some size as the bot writes them, and what an attacker who owns the files makes of them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.journal.chain import Json, Link, digest, genesis
from bot.journal.chain_file import ChainFile
from bot.journal.checkpoint import Signer

AT = 1_000_000_000.0
KEY = "11" * 32
ENTRIES = 200


def event(number: int) -> events.AnyEvent:
    """The kinds of event in turn, erasable text among them."""
    by = events.Person(kind="slack", id=f"U{number:04}")
    held = events.HeldTarget(key="redis://queue#agent", surfaces=("billing/queue",), round_to=Mode.FULL_STOP)
    match number % 4:
        case 0:
            return events.HoldAdded(
                at=AT + number, hold=f"hold-{number}", incident="inc-1", mode=Mode.READ_ONLY, by=by,
                reason=f"spend of réfunds “{number}”", targets=(held,),
            )  # fmt: skip
        case 1:
            proof = events.Proof(target=held.key, outcome=Outcome.VERIFIED, asked=Mode.FULL_STOP, elapsed_ms=1.5e-7)
            return events.Outcomes(at=AT + number, proofs=(proof,))
        case 2:
            return events.ReasonGiven(at=AT + number, hold=f"hold-{number - 2}", by=by, reason="nightly job")
        case _:
            return events.Note(at=AT + number, text=f"note {number}")


@dataclass
class Chains:
    """A folder with the journals `bot` and `bastion`, and the key of the bot."""

    folder: Path
    signer: Signer

    def path(self, chain: str = "bot") -> Path:
        """The file of a chain."""
        return self.folder / f"{chain}.jsonl"

    def lines(self, chain: str = "bot") -> list[bytes]:
        """The lines of a chain."""
        return self.path(chain).read_bytes().splitlines(keepends=True)

    def write(self, added: Iterable[events.AnyEvent], chain: str = "bot") -> None:
        """Appends events."""
        file = ChainFile(self.path(chain))
        file.write(list(added), at=AT)
        file.close()

    def heads(self) -> dict[str, Link]:
        """The last link of each chain."""
        found = {}
        for path in sorted(self.folder.glob("*.jsonl")):
            raw = json.loads(path.read_bytes().splitlines()[-1])
            found[path.stem] = Link(seq=raw["seq"], digest=raw["h"])
        return found

    def note(self, signer: Signer | None = None) -> str:
        """A checkpoint of the chains as they are."""
        return (signer or self.signer).note(self.heads(), AT) + "\n"


def make(folder: Path, entries: int = ENTRIES) -> Chains:
    """Two chains: `bot`, and a short `bastion` that it saw."""
    folder.mkdir(mode=0o700, exist_ok=True)
    chains = Chains(folder, Signer(KEY, "bot"))
    chains.write((event(number) for number in range(5)), "bastion")
    seen = chains.heads()["bastion"]
    cross = events.HeadsSeen(at=AT, heads=(("bastion", seen.seq, seen.digest),))
    chains.write([cross, *(event(number) for number in range(1, entries))])
    return chains


def rehashed(lines: Iterable[bytes], chain: str, change: Callable[[int, Json], None]) -> bytes:
    """The chain computed anew after `change` was applied to every body: what an owner of the files can always do."""
    head, out = genesis(chain), []
    for seq, line in enumerate(lines, start=1):
        raw = json.loads(line)
        change(seq, raw["body"])
        new = digest(head.digest, seq, raw["body"])
        raw |= {"seq": seq, "prev": head.digest, "h": new}
        out.append(json.dumps(raw, separators=(",", ":")).encode() + b"\n")
        head = Link(seq=seq, digest=new)
    return b"".join(out)
