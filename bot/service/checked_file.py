"""When what was last checked, in a file of the state directory: losing it costs a look and never a stop."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILE = "armed.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the armed check wrote down.

    Args:
        period: seconds within which everything is to be checked.
        at: Unix time of the last check, by subject.
        parts: the bot's own parts among them.
    """

    period: float = 300.0
    at: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[str, ...] = ()


def read(path: Path) -> Checked:
    """The file; empty where it is missing or unreadable, so that nothing is called armed by mistake."""
    try:
        kept = json.loads(path.read_bytes())
        return Checked(
            period=float(kept["period"]),
            at={str(name): float(at) for name, at in kept["at"].items()},
            parts=tuple(map(str, kept["parts"])),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Checked()


def write(path: Path, checked: Checked) -> None:
    """Replaces the file in one step, mode 0600. A disk that refuses is another part's business."""
    text = json.dumps({"period": checked.period, "at": dict(checked.at), "parts": list(checked.parts)})
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
