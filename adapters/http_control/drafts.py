"""What is said about parked writes: bodies of `POST {url}` to a receiver that answers `parked`, and what comes back.

`{"drafts": "list", "skip": 0, "limit": 5}` lists from the oldest on, `{"drafts": "release" | "drop", "id": …, "by": …}`
decides on one and is answered `{"done": true | false, "why": …}`.
"""

import json
import re
from collections.abc import Mapping

from adapters.base.parked import ARGUMENTS, Draft, legible
from adapters.errors import AdapterError
from adapters.http_control.answers import parsed
from adapters.http_control.wire import short

PAGE = 5  # drafts of one answer, whose arguments may be long and which is read up to 64 KiB
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def listing(skip: int, limit: int) -> bytes:
    """Asks for some, from the oldest on."""
    return json.dumps({"drafts": "list", "skip": skip, "limit": min(limit, PAGE)}).encode()


def decision(verb: str, draft: str, by: str) -> bytes:
    """Asks for a release or a drop."""
    return json.dumps({"drafts": verb, "id": draft, "by": by}).encode()


def listed(body: bytes, *, name: str) -> tuple[list[Draft], int | None]:
    """Reads a listing: some drafts, and how many there are in all.

    Raises:
        AdapterError: it is none.
    """
    fields = parsed(body)
    items, number = fields.get("drafts"), fields.get("parked")
    if not isinstance(items, list):
        raise AdapterError(f'{name} answered no {{"drafts": […]}} to a listing: mend the receiver')
    whole = isinstance(number, int) and not isinstance(number, bool)
    return [_draft(item, name) for item in items], int(str(number)) if whole else None


def decided(body: bytes) -> tuple[bool, str]:
    """Whether it was done, and why not."""
    fields = parsed(body)
    why = fields.get("why")
    return fields.get("done") is True, short(why) if isinstance(why, str) else ""


def _draft(item: object, name: str) -> Draft:
    fields: Mapping[str, object] = item if isinstance(item, dict) else {}
    known, at = fields.get("id"), fields.get("at")
    if not isinstance(known, str) or not _ID.fullmatch(known):
        raise AdapterError(f"{name} lists a draft without an id of 1 to 64 of [A-Za-z0-9._:-]: mend the receiver")
    arguments = str(fields.get("arguments", "")).encode(errors="replace").decode()
    return Draft(
        id=known,
        what=legible(str(fields.get("what", ""))),
        arguments=arguments if len(arguments) <= ARGUMENTS else arguments[: ARGUMENTS - 1] + "…",
        at=float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None,
        waits=fields.get("waits") is True,
    )
