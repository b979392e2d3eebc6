"""A small JSON file that survives a restart; losing it costs a look-up and never a stop."""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

_log = logging.getLogger(__name__)


def load(path: Path) -> dict[str, object]:
    """Reads the file; an empty mapping where it is missing or unreadable."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("cache %s is unreadable and is made anew: %s", path.name, error)
        return {}
    return found if isinstance(found, dict) else {}


def save(path: Path, content: Mapping[str, object]) -> bool:
    """Replaces the file atomically with mode 0600; says whether it could."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        _log.warning("cache %s cannot be written (%s): after a restart it is read from Slack again", path.name, error)
        return False
    return True
